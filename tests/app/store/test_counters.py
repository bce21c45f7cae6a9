"""Counters in PostgreSQL hold each event once, whatever happens to Redis or to the folding process."""

from uuid import UUID

import pytest
from sqlalchemy import Connection

from app.store import groups, projects
from app.store.counters import GroupCounts, fold, refuse, refused, totals
from app.store.ids import new_id


@pytest.fixture
def group_id(connection: Connection) -> UUID:
    project = projects.get_or_create(connection, "shop")
    return groups.get_or_create(connection, project.id, ["/chat"])["/chat"].id


def test_the_growth_of_a_counter_is_added(connection: Connection, group_id: UUID) -> None:
    fold(connection, [GroupCounts(group_id, 1, {"requests": 3})])
    fold(connection, [GroupCounts(group_id, 1, {"requests": 5})])
    assert totals(connection, None) == {"requests": 5}


def test_folding_twice_adds_nothing(connection: Connection, group_id: UUID) -> None:
    for _ in range(2):
        fold(connection, [GroupCounts(group_id, 1, {"requests": 3})])
    assert totals(connection, None) == {"requests": 3}


def test_a_slow_reader_takes_nothing_back(connection: Connection, group_id: UUID) -> None:
    fold(connection, [GroupCounts(group_id, 1, {"requests": 5})])
    fold(connection, [GroupCounts(group_id, 1, {"requests": 3})])
    fold(connection, [GroupCounts(group_id, 1, {"requests": 6})])
    assert totals(connection, None) == {"requests": 6}


def test_after_a_flush_it_goes_on_from_what_it_had(connection: Connection, group_id: UUID) -> None:
    fold(connection, [GroupCounts(group_id, 1, {"requests": 5})])
    fold(connection, [GroupCounts(group_id, 2, {"requests": 2})])
    assert totals(connection, None) == {"requests": 7}


def test_a_reader_from_before_a_flush_is_ignored(connection: Connection, group_id: UUID) -> None:
    fold(connection, [GroupCounts(group_id, 2, {"requests": 2})])
    fold(connection, [GroupCounts(group_id, 1, {"requests": 5})])
    assert totals(connection, None) == {"requests": 2}


def test_a_group_that_is_gone_is_left_out(connection: Connection, group_id: UUID) -> None:
    fold(connection, [GroupCounts(new_id(), 1, {"requests": 5}), GroupCounts(group_id, 1, {"requests": 1})])
    assert totals(connection, None) == {"requests": 1}


def test_a_project_sees_its_own(connection: Connection, group_id: UUID) -> None:
    other_project = projects.get_or_create(connection, "other")
    fold(connection, [GroupCounts(group_id, 1, {"requests": 5})])
    assert totals(connection, other_project.id) == {}


def test_refused_messages_are_counted_by_reason(connection: Connection) -> None:
    for why in ("malformed", "unknown", "malformed"):
        refuse(connection, why)  # type: ignore[arg-type]
    assert refused(connection) == {"malformed": 2, "unknown": 1}


def test_a_reason_that_never_occurred_is_zero_and_not_missing(connection: Connection) -> None:
    assert refused(connection) == {"malformed": 0, "unknown": 0}
