"""A matched call reads its text from its template, so the template stays unchanged as long as the template has calls."""

from uuid import UUID

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, delete, exc, func, select, update

from app.store import traces
from app.store.engine import transaction
from app.store.projects import Project
from app.store.tables import project as projects
from app.store.tables import template, trace
from tests.app.api_helpers import know

PROMPT = "Sort the mail into billing, returns or other.\n\nMail: {text}"


@pytest.fixture
def call_id(engine: Engine, project: Project, client: FlaskClient) -> UUID:
    """A matched call."""
    know(engine, project, "/mail", "", PROMPT.format(text="{{mail}}"))
    body = {"model": "m", "path": "/mail", "input": PROMPT.format(text="where is it?")}
    answer = client.post("/api/v1/traces", json=body).json
    assert answer["grouping"] == "matched"
    return UUID(answer["id"])


def test_a_matched_call_keeps_values_and_no_text(engine: Engine, call_id: UUID) -> None:
    with transaction(engine) as connection:
        row = connection.execute(select(trace).where(trace.c.id == call_id)).one()
    assert (row.variables, row.prompt_parts, row.input) == (["where is it?"], None, 0)


def test_a_template_with_calls_cannot_be_deleted(engine: Engine, call_id: UUID) -> None:
    with pytest.raises(exc.IntegrityError), transaction(engine) as connection:
        connection.execute(delete(template))


def test_the_text_of_a_template_cannot_be_changed(engine: Engine, call_id: UUID) -> None:
    with pytest.raises(exc.DBAPIError, match="cannot change"), transaction(engine) as connection:
        connection.execute(update(template).values(parts=[{"role": "user", "literals": ["Another", ""]}]))


def test_a_project_is_deleted_with_templates_and_calls(engine: Engine, project: Project, call_id: UUID) -> None:
    with transaction(engine) as connection:
        connection.execute(delete(projects).where(projects.c.id == project.id))
        rows_left = [connection.scalar(select(func.count()).select_from(table)) for table in (trace, template)]
    assert rows_left == [0, 0]


def test_a_call_stored_with_its_text_by_an_older_version_reads_back_too(
    engine: Engine, project: Project, call_id: UUID
) -> None:
    body = {"input": PROMPT.format(text="where is it?")}
    with transaction(engine) as connection:
        connection.execute(update(trace).values(input=body, prompt_parts=["", body["input"]]))
        read = traces.get(connection, project.id, call_id)
    assert (read.prompt_parts, orjson.dumps(read.input)) == (["", body["input"]], orjson.dumps(body))
