"""Times of queries over 2 and over 38 monthly partitions of table `trace`, with the same calls.

    python -m benchmarks.months

Three databases hold the same calls and are queried in turns: 2 partitions, 38 partitions with all calls in one, 38 with calls in all.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from app.keeping.months import make_ahead
from app.reading import project_figures, ungrouped_calls, worklist
from app.reading.ranges import Range
from app.reading.worklist import TaskFilter
from app.store import traces
from app.store.traces import TraceFilter
from benchmarks.ingest.tables import ms, table, times
from benchmarks.installation import installed
from benchmarks.plans import QUERIES, Ids, filled

CALLS, ASKED = 20_000, 100
DAYS = 36 * 30

PAGES: dict[str, Callable[[Connection, Ids], Any]] = {
    "newest traces of a project": lambda connection, ids: traces.page(
        connection, ids.project, TraceFilter(), limit=50, before=None
    ),
    "traces of a task": lambda connection, ids: traces.page(
        connection, ids.project, TraceFilter(task_id=ids.task), limit=50, before=None
    ),
    "tasks, on a page": lambda connection, ids: worklist.list_tasks(connection, TaskFilter(ids.project, Range())),
    "ungrouped calls, on a page": lambda connection, ids: ungrouped_calls.page(connection, ids.project),
    "their paths, on a page": lambda connection, ids: ungrouped_calls.paths(connection, ids.project),
    "how much a project holds, on a page": lambda connection, ids: project_figures.totals(connection, ids.project),
}


class World(NamedTuple):
    """A filled database."""

    connection: Connection
    ids: Ids


def world(stack: ExitStack, *, ahead: int, spread: int) -> World:
    """A database with partitions for `ahead` days ahead and calls spread over `spread` days."""
    engine = stack.enter_context(installed()).engine
    make_ahead(engine, datetime.now(UTC) + timedelta(days=ahead))
    ids = filled(engine, CALLS, days=spread)
    return World(stack.enter_context(engine.connect()), ids)


def timed(query: Callable[[Connection, Ids], Any], world: World) -> float:
    """The seconds of a query; its changes are rolled back."""
    start = time.perf_counter()
    query(world.connection, world.ids)
    seconds = time.perf_counter() - start
    world.connection.rollback()
    return seconds


def rows(worlds: Sequence[World]) -> Iterator[Sequence[str]]:
    """The median of each query in each database, and the ratios of the other databases to the first."""
    for name, query in {**PAGES, **{name: query.run for name, query in QUERIES.items()}}.items():
        seconds = [[timed(query, world) for world in worlds] for _ in range(ASKED)]
        few_months, *many_months = (
            statistics.median(seconds_of_query) for seconds_of_query in zip(*seconds, strict=True)
        )
        yield (
            name,
            ms(few_months),
            *(cell for median in many_months for cell in (ms(median), times(median / few_months))),
        )


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with ExitStack() as stack:
        settings = ({"ahead": 0, "spread": 1}, {"ahead": DAYS, "spread": 1}, {"ahead": DAYS, "spread": DAYS})
        measured_rows = list(rows([world(stack, **months) for months in settings]))
    print(table(("ms", "2 partitions", "38, 37 of them empty", "x", "38, calls in all", "x"), measured_rows))


if __name__ == "__main__":
    main()
