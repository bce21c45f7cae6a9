"""A look at the hourly figures of a project, as they stand in PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Table, delete, insert, select, text

from app.reading import spending
from app.reading.spending import Stretch
from app.store import rollup, unmatched
from app.store.call_facts import BUCKETS
from app.store.engine import transaction
from app.store.tables import call_usage, implementation, task, unmatched_hour
from app.telling import hourly
from tests.app.grouping_world import WORDS, Group, World, triage, words

NOW = datetime(2026, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def group(world: World) -> Group:
    group = world.group("/support/triage")
    group.send(map(triage, range(12)))
    group.run()
    return group


def version_of(group: Group) -> UUID:
    [call] = group.calls(list(group.world.sent)[:1])
    version: UUID = call.implementation_id
    return version


def filled(group: Group, hours: range, version: UUID | None = None, **sums: int) -> None:
    """Fills the cells of the task's version, this many hours before now."""
    cell = dict.fromkeys(("failures", "estimated", "output_tokens", "cached_tokens", "reasoning_tokens"), 0)
    cell |= {"calls": 10, "input_tokens": 1000, "answered": 10, "output_characters": 0, "timed": 0} | sums
    version = version or version_of(group)
    rows: list[dict[str, Any]] = [
        {
            "implementation_id": version,
            "span": "hour",
            "start": NOW - back * HOUR,
            "project_id": group.project_id,
            "latency": [0] * BUCKETS,
        }
        | cell
        for back in hours
    ]
    with transaction(group.world.engine) as connection:
        connection.execute(insert(call_usage), rows)


def look(group: Group, now: datetime = NOW) -> int:
    with transaction(group.world.engine) as connection:
        return hourly.detect_changes(connection, group.project_id, now)


def news(client: FlaskClient) -> list[Any]:
    return client.get("/api/v1/changes").json["items"]


def test_calls_that_fail_are_told_once_a_week_by_whoever_looks(client: FlaskClient, group: Group) -> None:
    filled(group, range(7, 400))
    filled(group, range(1, 7), failures=4)
    assert look(group) == 1
    assert look(group) == 0
    assert look(group, NOW + HOUR) == 0
    [jump] = news(client)
    assert (jump["kind"], jump["path"], jump["at"]) == ("error.jump", "/support/triage", "2026-02-02T00:00:00Z")
    assert jump["details"] == {"before": 0.0, "now": 0.4, "calls": 60, "hours": 6}
    assert jump["summary"].startswith("40 % of the calls of “")


def test_more_calls_without_a_template_are_told_of_their_path(client: FlaskClient, group: Group) -> None:
    filled(group, range(1, 400))
    with transaction(group.world.engine) as connection:
        rows = [{"group_id": group.id, "start": NOW - back * HOUR, "calls": 10} for back in range(1, 7)]
        connection.execute(insert(unmatched_hour), rows)
    assert look(group) == 1
    [jump] = news(client)
    assert (jump["kind"], jump["task_id"], jump["details"]["now"]) == ("unmatched.rate", None, 0.5)


def test_a_task_without_calls_is_told_with_its_last_hour(client: FlaskClient, group: Group) -> None:
    filled(group, range(80, 600))
    assert look(group) == 1
    assert look(group, NOW + HOUR) == 0
    [quiet] = news(client)
    assert quiet["kind"] == "task.quiet"
    assert quiet["details"]["last_seen"] == (NOW - 80 * HOUR).isoformat()


def test_a_slot_that_is_stuck_is_told_by_its_name(client: FlaskClient, world: World, group: Group) -> None:
    prompt = "Classify the support ticket below into one of: billing, delivery, other.\n\nTicket: {}\nLabel:"
    for day in range(8):
        for number in range(20):
            ticket = words(day * 20 + number) if day < 7 else "stuck"
            started = NOW - timedelta(days=8 - day) + number * HOUR
            group.send([prompt.format(ticket)], started_at=started.isoformat())
    with transaction(world.engine) as connection:
        while rollup.add_up(connection):
            pass
    look(group)
    [stuck] = news(client)
    assert (stuck["kind"], stuck["details"]["slot"]) == ("slot.constant", "ticket")
    assert stuck["details"]["now"] == {"calls": 20, "values": 1}


def test_an_edit_that_is_taken_back_after_two_hours_is_told(client: FlaskClient, group: Group) -> None:
    first = version_of(group)
    [trace_id] = group.send([triage(20)], model="another")
    [call] = group.calls([trace_id])
    second = call.implementation_id
    # Given a block of six hours in which both texts were in use
    filled(group, [*range(9, 400), *range(1, 7)], first, calls=80)
    filled(group, range(7, 9), second, calls=80)
    assert look(group) == 1
    assert look(group, NOW + HOUR) == 0
    [change] = news(client)
    assert (change["kind"], change["details"]["from"]) == ("version.back", 2)


def test_an_outage_of_all_tasks_is_one_piece_of_news(client: FlaskClient, world: World) -> None:
    groups = [world.group(f"/{word}") for word in WORDS[:5]]
    for group in groups:
        trace_ids = group.send(map(triage, range(12)))
        group.run()
        version = group.calls(trace_ids)[0].implementation_id
        filled(group, range(7, 400), version)
        filled(group, range(1, 7), version, failures=4)
    assert look(groups[0]) == 1
    assert look(groups[0], NOW + HOUR) == 0
    [jump] = news(client)
    assert jump["details"]["others"] == 4
    assert jump["summary"].endswith("The same of 4 others.")


@pytest.mark.parametrize("table", [task, implementation])
def test_tasks_that_are_deleted_during_a_look_cost_no_other_task_its_news(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    failing, quiet, stable = [world.group(f"/{word}") for word in WORDS[:3]]
    for group, last in ((failing, 7), (quiet, 80), (stable, 7)):
        trace_ids = group.send(map(triage, range(12)))
        group.run()
        version = group.calls(trace_ids)[0].implementation_id
        filled(group, range(last, 600), version)
        if group is not quiet:
            filled(group, range(1, 7), version, failures=4)
    read = spending.in_stretches

    def read_before_deletion(connection: Connection, *arguments: Any) -> list[Stretch]:
        stretches = read(connection, *arguments)
        connection.execute(text("UPDATE trace SET implementation_id = NULL, template_id = NULL"))
        deleted = select(task.c.id).where(task.c.group_id.in_([failing.id, quiet.id]))
        connection.execute(delete(table).where((table.c.id if table is task else table.c.task_id).in_(deleted)))
        return stretches

    monkeypatch.setattr(spending, "in_stretches", read_before_deletion)
    assert look(stable) == 1
    assert [change["path"] for change in news(client)] == [f"/{WORDS[2]}"]


def test_a_call_of_a_clock_that_is_hours_ahead_counts_in_its_own_hour(group: Group) -> None:
    ahead = datetime.now(UTC) + 10 * HOUR
    group.send(["Something else altogether"], started_at=ahead.isoformat())
    group.run()
    hour = ahead.replace(minute=0, second=0, microsecond=0)
    with transaction(group.world.engine) as connection:
        unmatched.count(connection, group.project_id, hour)
        counted = unmatched.in_blocks(connection, group.project_id, hour, hour + HOUR, HOUR)
    assert counted == {group.id: {0: 1}}
