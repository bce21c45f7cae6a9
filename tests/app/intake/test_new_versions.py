"""The versions that a batch or a run brings are made together: other calls of their tasks wait for the COMMIT."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, select, update

from app.errors import TemplateGoneError
from app.intake.record import Ingest
from app.intake.trace import read_trace
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import implementation, template
from app.store.templates import VersionSettings, implementation_for, implementations_for
from tests.app.api_helpers import know


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent."""
    statements_sent: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements_sent.append(statement)

    event.listen(engine, "before_cursor_execute", remember)
    yield statements_sent
    event.remove(engine, "before_cursor_execute", remember)


@pytest.fixture
def send(engine: Engine, project: Project) -> Callable[[str, int], list[Any]]:
    """Sends a batch whose every second call is of another template, each with a tool of its own."""

    def do(path: str, calls: int) -> list[Any]:
        for name in ("A", "B"):
            know(engine, project, path, "", f"{name}: {{{{x}}}}")
        bodies = [
            {"path": path, "model": "m", "input": f"{'AB'[number % 2]}: {number}", "tools": [{"name": f"t{number}"}]}
            for number in range(calls)
        ]
        return Ingest(engine, grouping_enabled=True).record(project.id, [read_trace(body) for body in bodies])

    return do


def rows_of(engine: Engine, task_id: UUID | None) -> list[Any]:
    with transaction(engine) as connection:
        query = select(implementation).where(implementation.c.task_id == task_id)
        return list(connection.execute(query.order_by(implementation.c.version)))


def test_a_batch_makes_any_number_of_versions_by_the_same_statements(
    send: Callable[[str, int], list[Any]], statements: list[str]
) -> None:
    send("/few", 20)
    after_few = len(statements)
    send("/many", 200)
    assert len(statements) - after_few == after_few


def test_versions_of_a_batch_are_numbered_without_gaps_and_keep_their_tools(
    engine: Engine, send: Callable[[str, int], list[Any]]
) -> None:
    recorded = send("/chat", 40)
    for first in (0, 1):
        rows = rows_of(engine, recorded[first].task_id)
        assert [row.version for row in rows] == list(range(1, 21))
        assert sorted(row.settings_digest for row in rows) == [row.settings_digest for row in rows]
        tools_by_id = {row.id: row.tools for row in rows}
        for number in range(first, 40, 2):
            assert tools_by_id[recorded[number].implementation_id] == [{"name": f"t{number}"}]


def test_known_and_new_versions_are_found_and_made_together(engine: Engine, project: Project) -> None:
    task_id = know(engine, project, "/chat", "", "A: {{x}}")
    with transaction(engine) as connection:
        template_id = connection.execute(select(template.c.id).where(template.c.task_id == task_id)).scalar_one()
        known_id = implementation_for(
            connection, template_id, model="m", settings={"temperature": 1}, tools=None, settings_digest="b"
        )
        wanted = {(template_id, "m", digest): VersionSettings({"temperature": 0}, None) for digest in "cba"}
        ids = implementations_for(connection, wanted)
        assert implementations_for(connection, wanted) == ids
    assert ids[template_id, "m", "b"] == known_id
    assert [(row.version, row.settings_digest) for row in rows_of(engine, task_id)] == [(1, "b"), (2, "c"), (3, "a")]


def test_versions_of_a_replaced_template_are_those_of_the_template_in_its_place(
    engine: Engine, project: Project
) -> None:
    old_task, new_task = (know(engine, project, "/chat", "", text) for text in ("A: {{x}}", "{{x}}"))
    with transaction(engine) as connection:
        old_id, new_id = (
            connection.execute(select(template.c.id).where(template.c.task_id == task_id)).scalar_one()
            for task_id in (old_task, new_task)
        )
        connection.execute(update(template).where(template.c.id == old_id).values(replaced_by=new_id))
        places = ((old_id, "a"), (new_id, "a"), (old_id, "b"))
        ids = implementations_for(connection, {(id_, "m", digest): VersionSettings({}, None) for id_, digest in places})
    assert ids[old_id, "m", "a"] == ids[new_id, "m", "a"] != ids[old_id, "m", "b"]
    assert [(row.version, row.settings_digest) for row in rows_of(engine, new_task)] == [(1, "a"), (2, "b")]
    assert rows_of(engine, old_task) == []


def test_a_version_of_a_deleted_template_is_made_by_none(engine: Engine, project: Project) -> None:
    task_id = know(engine, project, "/chat", "", "A: {{x}}")
    with transaction(engine) as connection:
        template_id = connection.execute(select(template.c.id).where(template.c.task_id == task_id)).scalar_one()
    versions = {(id_, "m", "a"): VersionSettings({}, None) for id_ in (template_id, uuid4())}
    with pytest.raises(TemplateGoneError), transaction(engine) as connection:
        implementations_for(connection, versions)
    assert rows_of(engine, task_id) == []
