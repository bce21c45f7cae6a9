"""What usage costs: ingest with and without its marks, how fast calls are added up, and pages over 90 days.

    python -m benchmarks.usage [CALLS [TASKS]]

The calls lie over 90 days. Marks are measured in turns, since the machine has others on it; the ratio is the median of its rounds.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from app.http.services import EXTENSION
from app.reading import tasks
from app.store import keys, rollup
from app.store.engine import transaction
from app.web import create_app
from benchmarks.ingest.tables import table
from benchmarks.installation import Installation, installed
from tests.app.api_helpers import know

CALLS, TASKS, DAYS, ASKED, ROUNDS, BATCHES = 300_000, 300, 90, 60, 15, 6

MARKS = "INSERT INTO usage_mark"
"""What the triggers do for usage; without it they count calls alone."""


def body(number: int) -> dict[str, object]:
    return {
        "model": "gpt-5",
        "path": "/known",
        "input": f"Mail: where is order {number}?" + " A sentence of the mail." * 40,
        "output": "returns",
        "usage": {"input_tokens": 300, "output_tokens": 2, "cached_tokens": 0},
    }


def marking(connection: Connection, *, on: bool) -> None:
    """The trigger of new calls with its marks or without."""
    source = connection.execute(text("SELECT pg_get_functiondef('count_new_calls'::regproc)")).scalar_one()
    plain = source.replace("IF false THEN INSERT INTO usage_mark", MARKS).replace("; END IF; --", ";")
    if not on:
        start = plain.index(MARKS)
        end = plain.index(";", start)
        plain = f"{plain[:start]}IF false THEN {plain[start:end]}; END IF; --{plain[end + 1 :]}"
    connection.exec_driver_sql(plain.replace("%", "%%"))


def taken(at: Installation, batches: list[list[dict[str, object]]]) -> float:
    start = time.perf_counter()
    for batch in batches:
        at.take(batch)
    return time.perf_counter() - start


def ingest(at: Installation) -> list[tuple[str, str]]:
    """Time with the marks as a share of that without, for single calls and for batches."""
    know(at.engine, at.project, "/known", "", "Mail: {{mail}}")
    at.take([body(0)])
    rows = []
    for name, size, number in (("one call", 1, 200), ("100 calls", 100, BATCHES)):
        batches = [[body(n * size + each) for each in range(size)] for n in range(number)]
        ratios = []
        for turn in range(ROUNDS):
            times = {}
            for on in (True, False) if turn % 2 else (False, True):
                with transaction(at.engine) as connection:
                    marking(connection, on=on)
                times[on] = taken(at, batches)
            ratios.append(times[True] / times[False])
        rows.append((f"ingest of {name}, with marks : without", f"{statistics.median(ratios):.3f}"))
    with transaction(at.engine) as connection:
        marking(connection, on=True)
        connection.execute(text("TRUNCATE usage_mark"))
    return rows


# A row of trace as ingest writes it, spread evenly over tasks and days.
FILL = """
INSERT INTO trace (id, project_id, group_id, model, settings, settings_digest, input, output, usage, started_at, completed_at,
                   seen_at, implementation_id, template_id, variables)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || substr(md5(n::text), 1, 16))::uuid,
       :project, version.group_id, 'gpt-5', '{}', '', '0', '"returns"',
       '{"input_tokens": 300, "output_tokens": 2, "cached_tokens": 0}', at, at + interval '2 s', at, version.id,
       version.template_id, ARRAY['where is it?']
  FROM generate_series(1, :calls) AS n,
       LATERAL (SELECT now() - :days * random() * interval '1 day' + n * interval '0' AS at) AS moment,
       LATERAL (SELECT * FROM version WHERE number = n % :tasks) AS version
"""
VERSIONS = """
CREATE TEMPORARY TABLE version AS
SELECT i.id, i.template_id, t.group_id, row_number() OVER (ORDER BY i.id) - 1 AS number
  FROM implementation i JOIN template t ON t.id = i.template_id
"""
MAKE = """
INSERT INTO implementation (id, task_id, template_id, version, model, settings, settings_digest)
SELECT gen_random_uuid(), task_id, id, 1, 'gpt-5', '{}', 'bench' FROM template
"""


def fill(at: Installation, calls: int, tasks: int) -> None:
    for number in range(tasks):
        know(at.engine, at.project, f"/path/{number}", "", f"Task {number}: {{{{mail}}}}")
    with transaction(at.engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("DELETE FROM implementation"))
        connection.execute(text(MAKE))
        connection.execute(text(VERSIONS))
        given = {"project": at.project.id, "calls": calls, "days": DAYS, "tasks": tasks}
        connection.execute(text(FILL), given)
    with at.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def added_up(at: Installation) -> float:
    start, more = time.perf_counter(), 1
    while more:
        with transaction(at.engine) as connection:
            more = rollup.add_up(connection)
    with at.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE call_usage"))
    return time.perf_counter() - start


def p99(ask: Callable[[], object]) -> str:
    times = []
    for _ in range(ASKED):
        start = time.perf_counter()
        ask()
        times.append(time.perf_counter() - start)
    return f"{1000 * statistics.median(times):.0f} / {1000 * sorted(times)[int(len(times) * 0.99)]:.0f} ms"


def pages(at: Installation) -> list[tuple[str, str]]:
    """Whole answers, HTML and JSON made and all, as one process gives them."""
    first = _first_task(at)
    with at.engine.connect() as connection:
        version = tasks.implementations(connection, at.project.id, first, limit=1)[0].id
    now = datetime.now(UTC)
    since = f"since={now - timedelta(days=DAYS - 1):%Y-%m-%d}"
    days = f"{since}&until={now:%Y-%m-%d}"
    addresses = {
        "tasks, page of 90 days by cost": f"/?{days}&sort=cost",
        "tasks, page of 90 days by p95": f"/?{days}&sort=p95",
        "tasks, page as it opens": "/",
        "a task, page as it opens": f"/tasks/{first}",
        "a task, page of 90 days": f"/tasks/{first}?{days}",
        "tasks, API": "/api/v1/tasks?limit=50",
        "tasks, API, 90 days by cost": f"/api/v1/tasks?limit=50&{since}&sort=cost",
        "usage of a task by day, API": f"/api/v1/tasks/{first}/usage?by=day&{since}",
        "bill of a version, API": f"/api/v1/implementations/{version}/cost?{since}",
        "a version as Jinja2": f"/api/v1/implementations/{version}/export?format=jinja2",
        "calls of a version as JSONL": f"/api/v1/implementations/{version}/dataset?format=jsonl",
    }
    with clients(at) as asking:
        return [(f"{name}, median / p99", p99(lambda path=path: asking(path))) for name, path in addresses.items()]


@contextmanager
def clients(at: Installation) -> Iterator[Callable[[str], None]]:
    """Asks for a page, as somebody on this machine does, or for JSON with a key."""
    unlimited = {"rate_read": 0, "rate_page": 0, "rate_address": 0, "local_mode": True}
    known = {name: value for name, value in unlimited.items() if name in type(at.settings).model_fields}
    app = create_app(at.settings.model_copy(update=known))
    with transaction(at.engine) as connection:
        key = keys.create(connection, at.project.id).key
    client = app.test_client()

    def ask(path: str) -> None:
        headers = {"Authorization": f"Bearer {key}"} if path.startswith("/api") else {}
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text[:300]

    yield ask
    app.extensions[EXTENSION].engine.dispose()


def _first_task(at: Installation) -> UUID:
    with at.engine.connect() as connection:
        found: UUID = tasks.page(connection, at.project.id, path=None, limit=1, before=None)[0].id
    return found


def main() -> None:
    calls, number_of_tasks = (int(given) for given in [*sys.argv[1:], *map(str, (CALLS, TASKS)[len(sys.argv) - 1 :])])
    with installed() as at:
        rows = ingest(at)
        fill(at, calls, number_of_tasks)
        rows.append((f"adding up {calls:,} calls, a backlog all at once", f"{added_up(at):.0f} s"))
        rows += pages(at)
    print(f"{calls:,} calls of {number_of_tasks} tasks over {DAYS} days.\n")
    print(table(("what", "figure"), rows))


if __name__ == "__main__":
    main()
