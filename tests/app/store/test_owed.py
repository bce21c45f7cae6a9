"""The groups that wait for a run, found from PostgreSQL alone."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, insert, text, update

from app.store import groups, projects
from app.store.ids import new_id
from app.store.owed import backlog, end_quarantine, quarantined, waiting_groups
from app.store.tables import grouping_key, trace


@pytest.fixture
def project_id(connection: Connection) -> UUID:
    return projects.get_or_create(connection, "shop").id


def a_group(connection: Connection, project_id: UUID, path: str = "/chat") -> UUID:
    return groups.get_or_create(connection, project_id, [path])[path].id


def owe(connection: Connection, project_id: UUID, group_id: UUID, *, age: float = 60, **values: Any) -> None:
    row = {
        "id": new_id(), "project_id": project_id, "group_id": group_id, "model": "m", "prompt_parts": ["", "hello"],
        "settings": {}, "settings_digest": "", "input": {}, "seen_at": func.clock_timestamp(),
        "created_at": func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, age),
    }  # fmt: skip
    connection.execute(insert(trace).values(row | values))


def change(connection: Connection, group_id: UUID, **values: Any) -> None:
    connection.execute(update(grouping_key).where(grouping_key.c.id == group_id).values(values))


def waiting(connection: Connection) -> list[UUID]:
    return [group.id for group in waiting_groups(connection, older_than=10, limit=100)]


def test_a_group_with_an_old_owed_trace_waits(connection: Connection, project_id: UUID) -> None:
    group_id = a_group(connection, project_id)
    owe(connection, project_id, group_id)
    assert waiting(connection) == [group_id]


def test_a_trace_of_just_now_is_left_to_its_own_request(connection: Connection, project_id: UUID) -> None:
    owe(connection, project_id, a_group(connection, project_id), age=1)
    assert waiting(connection) == []


def test_a_trace_of_before_the_clock_was_set_back_is_not_left_until_it_is_there_again(
    connection: Connection, project_id: UUID
) -> None:
    group_id, other_group_id = a_group(connection, project_id), a_group(connection, project_id, "/other")
    owe(connection, project_id, group_id, age=-3600)
    change(
        connection, other_group_id, wanted="all", wanted_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 1)
    )
    assert set(waiting(connection)) == {group_id, other_group_id}


def test_projects_take_turns_so_that_a_limit_cuts_none_of_them_off(connection: Connection, project_id: UUID) -> None:
    for path in ("/a", "/b", "/c"):
        owe(connection, project_id, a_group(connection, project_id, path))
    other_project_id = projects.get_or_create(connection, "cafe").id
    owe(connection, other_project_id, a_group(connection, other_project_id))
    first_two = waiting_groups(connection, older_than=10, limit=2)
    assert {group.project_id for group in first_two} == {project_id, other_project_id}


@pytest.mark.parametrize("column", ["considered_run_id", "prompt_parts"])
def test_a_trace_that_was_considered_or_has_no_prompt_is_not_owed(
    connection: Connection, project_id: UUID, column: str
) -> None:
    value = new_id() if column == "considered_run_id" else None
    owe(connection, project_id, a_group(connection, project_id), **{column: value})
    assert waiting(connection) == []
    assert backlog(connection, project_id).owed == 0


def test_every_group_is_found_once_however_much_it_owes(connection: Connection, project_id: UUID) -> None:
    wanted = [a_group(connection, project_id, path) for path in ("/a", "/b", "/c")]
    for group_id in wanted * 3:
        owe(connection, project_id, group_id)
    assert sorted(waiting(connection)) == sorted(wanted)


def test_a_failed_group_waits_until_its_back_off_ends(connection: Connection, project_id: UUID) -> None:
    group_id = a_group(connection, project_id)
    owe(connection, project_id, group_id)
    change(connection, group_id, not_before=func.clock_timestamp() + text("interval '1 hour'"))
    assert waiting(connection) == []
    change(connection, group_id, not_before=func.clock_timestamp() - text("interval '1 second'"))
    assert waiting(connection) == [group_id]


def test_a_quarantined_group_is_listed_apart_and_does_not_wait(connection: Connection, project_id: UUID) -> None:
    group_id = a_group(connection, project_id)
    owe(connection, project_id, group_id)
    change(connection, group_id, quarantined_at=func.clock_timestamp(), attempts=8)
    assert waiting(connection) == []
    assert [(group.id, group.project, group.path, group.attempts) for group in quarantined(connection)] == [
        (group_id, "shop", "/chat", 8)
    ]


def test_a_wish_of_a_person_that_nobody_served_waits(connection: Connection, project_id: UUID) -> None:
    group_id = a_group(connection, project_id)
    groups.note_wish(connection, group_id, "all")
    change(connection, group_id, wanted_at=func.clock_timestamp() - text("interval '1 minute'"))
    assert waiting(connection) == [group_id]


def test_the_backlog_says_how_much_and_how_old(connection: Connection, project_id: UUID) -> None:
    group_id = a_group(connection, project_id)
    owe(connection, project_id, group_id, age=100)
    owe(connection, project_id, group_id, age=5)
    figures = backlog(connection, project_id)
    assert figures.owed == 2
    assert figures.oldest_age_s == pytest.approx(100, abs=5)


def test_another_project_owes_nothing(connection: Connection, project_id: UUID) -> None:
    owe(connection, project_id, a_group(connection, project_id))
    other_project_id = projects.get_or_create(connection, "other").id
    assert backlog(connection, other_project_id).owed == 0
    assert backlog(connection, other_project_id).oldest_age_s is None


def test_a_quarantine_that_ends_leaves_no_pause_behind(connection: Connection, project_id: UUID) -> None:
    group = a_group(connection, project_id)
    owe(connection, project_id, group)
    in_a_second = func.clock_timestamp() + func.make_interval(0, 0, 0, 1)
    change(connection, group, quarantined_at=func.clock_timestamp(), attempts=8, not_before=in_a_second)
    assert backlog(connection, project_id).owed == 0  # a group in quarantine is shown by itself
    end_quarantine(connection, group)
    assert [waiting.id for waiting in waiting_groups(connection, 1, 10)] == [group]
