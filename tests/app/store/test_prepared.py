"""A prepared statement stores what INSERT stores, and is void in another session."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine

from app.config import Settings
from app.store import groups, new_traces
from app.store.engine import make_single_statement_engine, transaction
from app.store.ids import new_id
from app.store.projects import Project
from app.store.tables import trace
from tests.app.store.test_bulk import ROW, stored

ABSENT = dict.fromkeys(column.name for column in trace.c)


@pytest.fixture
def statements(engine: Engine, settings: Settings) -> Iterator[Engine]:
    statements = make_single_statement_engine(settings, beside=engine)
    yield statements
    statements.dispose()


@pytest.fixture
def places(engine: Engine, project: Project) -> dict[str, Any]:
    """The columns that say where a trace belongs."""
    with transaction(engine) as connection:
        group = groups.get_or_create(connection, project.id, ["/p"])["/p"]
    return ABSENT | {"project_id": project.id, "group_id": group.id}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=ROW)
def test_every_value_comes_back_as_from_insert(
    engine: Engine, statements: Engine, places: dict[str, Any], row: dict[str, Any]
) -> None:
    prepared_row, inserted_row = (places | row | {"id": new_id(), "external_id": None} for _ in range(2))
    assert new_traces.insert_if_current(statements, prepared_row, 0)
    with transaction(engine) as connection:
        new_traces.insert_new(connection, [{name: inserted_row[name] for name in {*places, *row} - {"created_at"}}])
        assert stored(connection, [prepared_row["id"]]) == stored(connection, [inserted_row["id"]])


def test_a_session_that_has_not_prepared_it_stores_nothing_and_the_next_does(
    statements: Engine, places: dict[str, Any]
) -> None:
    row = places | {"id": new_id(), "model": "m", "follow_up": False, "settings": {}, "settings_digest": "", "input": 0}
    row["seen_at"] = "2026-01-01T00:00:00Z"
    assert new_traces.insert_if_current(statements, row, 0)
    with statements.connect() as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    assert not new_traces.insert_if_current(statements, row | {"id": new_id()}, 0)
    assert new_traces.insert_if_current(statements, row | {"id": new_id()}, 0)
