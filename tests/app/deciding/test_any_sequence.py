"""Any sequence of decisions, undos, calls and runs leaves each call in one version at most, exact to the byte."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.deciding import decisions, undoing
from app.deciding.holding import DecisionError
from app.store import history
from app.store.audit import COMMAND
from app.store.tables import implementation, task, template
from tests.app.grouping_world import EDITED, TRIAGE, Group, World, miner_that_finds, triage, triage_edited

AGAIN = EDITED.replace("say other.", "say other, and never guess.")
KINDS = (
    triage,
    triage_edited,
    lambda number: triage_edited(number).replace("say other.", "say other, and never guess."),
)
LETTERS = str.maketrans("0123456789", "abcdefghij")
MODELS = ("gpt-5-mini", "gpt-6")

STEPS = st.tuples(
    st.sampled_from(["merge", "merge", "split", "split", "undo", "undo", "undo", "name", "slots", "send", "mine"]),
    st.integers(0, 5),
    st.integers(0, 5),
)


def take(group: Group, step: tuple[str, int, int]) -> None:
    """Takes one step of any kind. An impossible step is refused and changes nothing."""
    action, first, second = step
    if action == "send":
        group.send((KINDS[first % 3](100 + number) for number in range(second)), model=MODELS[second % 2])
    elif action == "mine":
        group.want("all")
        group.run()
    else:
        before = structure(group)
        try:
            decide(group, action, first, second)
        except DecisionError:
            assert structure(group) == before


def decide(group: Group, action: str, first: int, second: int) -> None:
    tasks, world = group.tasks, group.world
    versions = versions_of(group)
    task_id, version = tasks[first % len(tasks)].id, versions[first % len(versions)]
    with world.engine.begin() as connection:
        named = (connection, group.project_id)
        if action == "merge":
            decisions.merge(*named, task_id, tasks[second % len(tasks)].id, actor=COMMAND)
        elif action == "split":
            decisions.split(*named, version.id, actor=COMMAND)
        elif action == "name":
            facts = {"name": f"Name {second}", "production": version.id if version.task_id == task_id else None}
            decisions.change_task(*named, task_id, facts, actor=COMMAND)
        elif action == "slots":
            slots = connection.scalar(select(template.c.slots).where(template.c.id == version.template_id))
            decisions.rename_slots(*named, version.id, {slots[0]: f"slot_{second}"}, actor=COMMAND)
        elif taken := history.page(*named, limit=6, task_id=task_id):
            undoing.undo(*named, taken[first % len(taken)].id, actor=COMMAND)


def versions_of(group: Group) -> list[Any]:
    query = select(implementation).join(task, task.c.id == implementation.c.task_id).where(task.c.group_id == group.id)
    return group.world.rows(query.order_by(implementation.c.id))


def structure(group: Group) -> Any:
    """Tasks, templates and versions as they stand."""
    own = select(task.c.id).where(task.c.group_id == group.id)
    owner = {task: task.c.id, template: template.c.task_id, implementation: implementation.c.task_id}
    queries = [select(table).where(column.in_(own)).order_by(table.c.id) for table, column in owner.items()]
    return [[str(row) for row in group.world.rows(query)] for query in queries]


def assert_whole(group: Group) -> None:
    """Asserts that calls are exact, that versions are numbered once and are of their template's task, and that no
    living template is of a merged task.
    """
    group.assert_exact()
    of_task = {row.id: row for row in group.world.rows(select(task).where(task.c.group_id == group.id))}
    template_rows = {row.id: row for row in group.templates}
    versions = versions_of(group)
    assert len({(row.task_id, row.version) for row in versions}) == len(versions)
    for row in versions:
        assert template_rows[row.template_id].task_id == row.task_id
        assert of_task[row.task_id].merged_into is None
    for row in of_task.values():
        assert row.merged_into is None or of_task[row.merged_into].merged_into is None
        assert row.production_implementation_id in {
            None,
            *(version.id for version in versions if version.task_id == row.id),
        }
    lines = {(row.line_id or row.task_id, row.task_id) for row in template_rows.values() if row.retired_at is None}
    assert len({line for line, _ in lines}) == len(lines), "a line is of two tasks"


@pytest.fixture
def mined(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, AGAIN))
    return world


def begun(world: World) -> Group:
    """Three prompts in use side by side, on a path of their own."""
    letters = str(next(world.minutes)).translate(LETTERS)  # a number would be taken for an id, and folded
    group = world.group(f"/flow/{letters}")
    group.send(kind(number) for number in range(4) for kind in KINDS)
    group.run()
    assert len(group.tasks) == 3
    return group


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_any_sequence_of_decisions_traffic_and_undo_leaves_every_call_exact_and_in_one_version_at_most(
    mined: World,
    steps: Sequence[tuple[str, int, int]],
) -> None:
    group = begun(mined)
    for step in steps:
        take(group, step)
    assert_whole(group)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS.filter(lambda step: step[0] in {"merge", "split", "name", "slots"}), max_size=8))
def test_decisions_undone_from_the_last_to_the_first_leave_everything_as_it_was(
    mined: World,
    steps: Sequence[tuple[str, int, int]],
) -> None:
    group = begun(mined)
    before = {row.id: row for row in mined.rows(select(task).where(task.c.group_id == group.id))}
    versions_before, templates_before = structure(group)[2], structure(group)[1]
    for step in steps:
        take(group, step)
    with mined.engine.begin() as connection:
        for row in history.page(connection, group.project_id, limit=200):
            if row.group_id == group.id and row.undone_at is None:
                undoing.undo(connection, group.project_id, row.id, actor=COMMAND)
    assert {
        row.id: row for row in mined.rows(select(task).where(task.c.group_id == group.id)) if row.id in before
    } == before
    assert (structure(group)[2], structure(group)[1]) == (versions_before, templates_before)
