"""What usage costs: ingest with and without its marks, how fast calls are added up, and pages over 90 days.

    python -m benchmarks.usage [CALLS]

Marks are measured in turns, since the machine has others on it; the ratio is the median of its rounds.
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from app.pages import ranging
from app.pages.overview import overview
from app.reading import costing, spending, tasks
from app.reading.usage import Asked, Range
from app.reading.worklist import Wanted
from app.store import rollup
from app.store.engine import transaction
from benchmarks.ingest.tables import table
from benchmarks.installation import Installation, installed
from tests.app.api_helpers import know

TASKS, DAYS, ASKED, ROUNDS, BATCHES = 500, 90, 60, 15, 6

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


def fill(at: Installation, calls: int) -> None:
    for number in range(TASKS):
        know(at.engine, at.project, f"/path/{number}", "", f"Task {number}: {{{{mail}}}}")
    with transaction(at.engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("DELETE FROM implementation"))
        connection.execute(text(MAKE))
        connection.execute(text(VERSIONS))
        given = {"project": at.project.id, "calls": calls, "days": DAYS, "tasks": TASKS}
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


def p99(at: Installation, ask: Callable[[Connection], object]) -> str:
    times = []
    for _ in range(ASKED):
        start = time.perf_counter()
        with transaction(at.engine) as connection:
            ask(connection)
        times.append(time.perf_counter() - start)
    return f"{1000 * statistics.median(times):.0f} / {1000 * sorted(times)[int(len(times) * 0.99)]:.0f} ms"


def pages(at: Installation) -> list[tuple[str, str]]:
    now = datetime.now(UTC)
    shown = ranging.shown({"since": f"{now - timedelta(days=DAYS - 1):%Y-%m-%d}", "until": f"{now:%Y-%m-%d}"})
    ids = [row.id for row in _first_tasks(at)]
    with at.engine.connect() as connection:
        version = tasks.implementations(connection, at.project.id, ids[0], limit=1)[0]

    def listed(sort: str) -> Callable[[Connection], object]:
        wanted = Wanted(at.project.id, shown.range, sort=sort)  # type: ignore[arg-type]
        return lambda connection: overview(connection, wanted, shown, after=None, limit=50)

    of_task = Asked(at.project.id, Range(now - timedelta(days=DAYS)), task_ids=ids[:1])
    asked = {
        "list of tasks by cost": listed("cost"),
        "list of tasks by p95": listed("p95"),
        "usage of a task by day": lambda connection: spending.by_time(connection, of_task, "day"),
        "bill of a version": lambda connection: costing.of_version(connection, at.project.id, version, shown.range),
    }
    return [(f"{name}, median / p99", p99(at, ask)) for name, ask in asked.items()]


def _first_tasks(at: Installation) -> object:
    with at.engine.connect() as connection:
        return tasks.page(connection, at.project.id, path=None, limit=1, before=None)


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with installed() as at:
        rows = ingest(at)
        fill(at, calls)
        seconds = added_up(at)
        rows.append((f"adding up {calls:,} calls in {TASKS * DAYS * 24:,} hours of versions at most", f"{seconds:.0f} s"))
        rows += pages(at)
    print(f"{calls:,} calls of {TASKS} tasks over {DAYS} days.\n")
    print(table(("what", "figure"), rows))


if __name__ == "__main__":
    main()
