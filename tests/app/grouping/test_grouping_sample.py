"""A week of sample traffic that arrives in pieces ends in the tasks and versions of its authors."""

from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Engine

from app.config import Settings
from app.grouping.run import reviews_due
from app.sample import EXPECTED, traces
from tests.app.grouping_world import Group, World

# The paths that go wrong most easily: a date in the prompt, two tasks on one path, three versions, two models.
PATHS = ("/agent/orders", "/help/answer", "/catalogue/describe", "/search/rewrite")


def expected(path: str) -> list[list[tuple[str, int]]]:
    """(model, calls) of every version of every task."""
    return sorted(
        [(version.model, version.calls) for version in task.versions] for task in EXPECTED if task.path == path
    )


def versions_of_tasks(group: Group) -> list[list[tuple[str, int]]]:
    return sorted([(version.model, version.calls) for version in group.versions(task.id)] for task in group.tasks)


def reviewed(world: World, group: Group) -> None:
    """The work of the reconciler."""
    with world.engine.connect() as connection:
        due = group.id in reviews_due(connection)
    if due:
        group.want("review")
        group.run()


# The week decides which values the first calls have, and on which weekdays an agent is asked. In both, early runs take
# two prompts for one. In the week of test_sample_grouped.py no run does.
WEEKS = (
    datetime(2026, 11, 20, 0, 17, tzinfo=UTC),
    datetime(2026, 11, 23, 12, 17, tzinfo=UTC),
)


@cache
def calls_of_week(now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Bodies by path."""
    by_path = defaultdict(list)
    for body in traces(now=now):
        by_path[body["path"]].append(body)
    return by_path


FEW_AT_FIRST = [10] * 8 + [120] * 50


# Many calls at once, and all calls at once: test_sample_grouped.py, for all paths and to the last value.
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("now", WEEKS, ids=str)
def test_traffic_that_arrives_bit_by_bit_ends_in_the_same_tasks(
    engine: Engine, settings: Settings, path: str, now: datetime
) -> None:
    world = World(engine, settings)
    group = world.group(path)
    bodies = iter(calls_of_week(now)[path])
    for size in FEW_AT_FIRST:
        if batch := list(islice(bodies, size)):
            group.take(batch)
            group.run()
            reviewed(world, group)
    assert next(bodies, None) is None
    assert versions_of_tasks(group) == expected(path)
    group.assert_exact()
