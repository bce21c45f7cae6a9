"""Times of lists at 10,000 and at a million calls of one project: a page's time must not grow with the number of stored calls.

    python -m benchmarks.lists [CALLS ...]

The calls are written by SQL: 20 paths with five tasks each, a tenth of the calls without a template. Each list is asked for through
the API of both installations in turns; figures are milliseconds.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.store import keys
from app.store.engine import transaction
from app.web import create_app
from benchmarks.ingest.tables import ms, table, times
from benchmarks.installation import Installation, installed

ASKED = 200
"""Requests per list and size."""

GROUPS = """
WITH made AS (
  INSERT INTO grouping_key (id, project_id, path, templates_version)
  SELECT uuidv7(), :project_id, '/path/' || n, 1 FROM generate_series(1, 20) n RETURNING id),
tasks AS (
  INSERT INTO task (id, project_id, group_id, name)
  SELECT uuidv7(), :project_id, made.id, 'Task ' || n FROM made, generate_series(1, 5) n RETURNING id, group_id),
templates AS (
  INSERT INTO template (id, group_id, task_id, digest, parts, slots)
  SELECT uuidv7(), group_id, id, id::text, '[{"role": "system", "literals": [""]}, {"role": "user", "literals": ["Sort the mail: ", ""]}]', '{mail}' FROM tasks
  RETURNING id, task_id)
INSERT INTO implementation (id, task_id, template_id, version, model, settings, settings_digest)
SELECT uuidv7(), task_id, id, 1, 'gpt-5-mini', '{}', '' FROM templates
"""

CALLS = """
WITH kinds AS (
  SELECT row_number() OVER (ORDER BY i.id) - 1 AS number, t.group_id, t.id AS template_id, i.id AS implementation_id
    FROM implementation i JOIN template t ON t.id = i.template_id JOIN task ON task.id = t.task_id
   WHERE task.project_id = :project_id),
stored AS (
INSERT INTO trace (id, project_id, group_id, external_id, model, prompt_parts, prompt_source, conversation_id, user_id, settings,
                   settings_digest, input, output, usage, seen_at, implementation_id, template_id, variables, considered_run_id)
SELECT uuidv7(make_interval(days => n % :days)), :project_id, k.group_id, 'call-' || n, 'gpt-5-mini',
       CASE WHEN n % 10 = 0 THEN ARRAY['', 'Free text number ' || n] END, 'input', 'c-' || n / 5, 'u-' || n % 1000, '{}', '', '0',
       '[{"role": "assistant", "content": "billing"}]', '{"input_tokens": 31, "output_tokens": 1}', clock_timestamp(),
       CASE WHEN n % 10 <> 0 THEN k.implementation_id END, CASE WHEN n % 10 <> 0 THEN k.template_id END,
       CASE WHEN n % 10 <> 0 THEN ARRAY['where is parcel ' || n || '?'] END, CASE WHEN n % 10 = 0 THEN uuidv7() END
  FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n JOIN kinds k ON k.number = (n / 10 * 7 + n) % 100
  RETURNING project_id, external_id, id)
INSERT INTO trace_external_id SELECT * FROM stored
"""

LISTS = {
    "traces": "/api/v1/traces?limit=50",
    "traces, page 100": "/api/v1/traces?limit=50&cursor={deep}",
    "traces of a path": "/api/v1/traces?limit=50&path=/path/7",
    "traces of a task": "/api/v1/traces?limit=50&task_id={task}",
    "ungrouped traces": "/api/v1/traces?limit=50&ungrouped=true",
    "tasks": "/api/v1/tasks?limit=50",
    "versions of a task": "/api/v1/tasks/{task}/implementations",
}


def fill(engine: Engine, project_id: UUID, first: int, last: int, *, days: int = 1) -> None:
    """Stores the calls `first` to `last` of a project, spread over `days` days from now on."""
    engine = engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 0"))
        for start in range(first, last + 1, 100_000):
            numbers = {"first": start, "last": min(last, start + 99_999), "days": days}
            connection.execute(text(CALLS), {"project_id": project_id} | numbers)
        connection.execute(text("VACUUM ANALYZE trace, trace_external_id, call_count"))


def addresses(client: FlaskClient) -> dict[str, str]:
    """The address of each list, with ids of stored rows. The deep page comes after 100 pages of 50."""
    task = client.get("/api/v1/tasks?limit=1").json["items"][0]["id"]
    cursor = None
    for _ in range(25):
        cursor = client.get(
            "/api/v1/traces", query_string={"limit": 200, "cursor": cursor or ""} if cursor else {"limit": 200}
        )
        cursor = cursor.json["next_cursor"]
    return {name: address.format(task=task, deep=cursor) for name, address in LISTS.items()}


def seconds_of_requests(clients: Sequence[FlaskClient]) -> list[dict[str, list[float]]]:
    """The seconds of each request, by client and list. The clients take turns, so that a busy neighbour slows all of them."""
    seconds: list[dict[str, list[float]]] = [{name: [] for name in LISTS} for _ in clients]
    addresses_of_client = [addresses(client) for client in clients]
    for _ in range(ASKED):
        for name in LISTS:
            for client, own_addresses, times_of in zip(clients, addresses_of_client, seconds, strict=True):
                times_of[name].append(timed(client, own_addresses[name]))
    return seconds


def timed(client: FlaskClient, address: str) -> float:
    start = time.perf_counter()
    answer = client.get(address)
    seconds = time.perf_counter() - start
    assert answer.status_code == 200, answer.json
    return seconds


def quantile(seconds: Sequence[float], share: float) -> float:
    return statistics.quantiles(seconds, n=1000)[round(share * 1000) - 1]


def rows(seconds: Sequence[dict[str, list[float]]]) -> Iterator[Sequence[str]]:
    """p50 and p99 of each list at every size, and the ratio of the last size's p99 to the first's."""
    for name in LISTS:
        p99 = [quantile(times_of[name], 0.99) for times_of in seconds]
        figures = [
            f"{ms(quantile(times_of[name], 0.5))} / {ms(last)}" for times_of, last in zip(seconds, p99, strict=True)
        ]
        yield name, *figures, times(p99[-1] / p99[0])


def client_of(installation: Installation) -> FlaskClient:
    with transaction(installation.engine) as connection:
        key = keys.create(connection, installation.project.id).key
    unlimited: dict[str, Any] = {"rate_read": 0, "rate_address": 0}
    client = create_app(installation.settings.model_copy(update=unlimited)).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def stocked(installation: Installation, calls: int) -> FlaskClient:
    """A client of the installation, which is first filled with `calls` calls."""
    with transaction(installation.engine) as connection:
        connection.execute(text(GROUPS), {"project_id": installation.project.id})
    fill(installation.engine, installation.project.id, 1, calls)
    return client_of(installation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", nargs="*", type=int, default=[10_000, 1_000_000], metavar="CALLS")
    sizes = parser.parse_args().calls
    with ExitStack() as stack:
        clients = [stocked(stack.enter_context(installed()), size) for size in sizes]
        seconds = seconds_of_requests(clients)
    print(table(("list, p50 / p99 in ms", *(f"{size:,} calls" for size in sizes), "p99 ratio"), rows(seconds)))


if __name__ == "__main__":
    main()
