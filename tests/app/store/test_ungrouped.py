"""A page of ungrouped calls is the same by both queries: among the newest of the project, and group by group."""

from collections.abc import Collection
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from app.reading import ungrouped_calls
from app.reading.ungrouped_calls import UngroupedCall, UngroupedState
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.projects import Project
from app.store.tables import trace


@pytest.fixture
def calls(engine: Engine, client: FlaskClient) -> list[UUID]:
    """Twelve calls on three paths, newest first: every second call has no text prompt, and two are considered."""
    trace_ids = []
    for number in range(12):
        content = {"input": f"Text {number}"} if number % 2 else {"output": "Hello."}
        body = {"model": "m", "path": f"/{number % 3}"} | content
        trace_ids.append(UUID(client.post("/api/v1/traces", json=body).json["id"]))
    with transaction(engine) as connection:
        considered = trace.c.id.in_([trace_ids[1], trace_ids[7]])
        connection.execute(update(trace).where(considered).values(considered_run_id=new_id()))
    return trace_ids[::-1]


def page(
    engine: Engine, project: Project, states: Collection[UngroupedState], after: UUID | None
) -> list[UngroupedCall]:
    with transaction(engine) as connection:
        return ungrouped_calls.page(connection, project.id, states=states, after=after, limit=3)


@pytest.mark.parametrize("states", [("owed",), ("considered",), ("owed", "considered")])
@pytest.mark.parametrize("after", [None, 0, 5, 11])
def test_both_ways_find_the_same_page(
    engine: Engine,
    project: Project,
    calls: list[UUID],
    states: Collection[UngroupedState],
    after: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behind = None if after is None else calls[after]
    listed = page(engine, project, states, behind)
    monkeypatch.setattr(ungrouped_calls, "UNGROUPED_SEARCHED", 1)
    assert listed == page(engine, project, states, behind)
    assert {call.state for call in listed} <= set(states)
    assert bool(listed) == (after != 11), "only the oldest call has none of these states behind it"


def test_a_page_is_found_without_a_look_into_every_group(
    engine: Engine, project: Project, calls: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ungrouped_calls, "_newest_of_groups", None)
    assert [call.prompt for call in page(engine, project, ("owed",), None)] == [
        ["", "Text 11"],
        ["", "Text 9"],
        ["", "Text 5"],
    ]
