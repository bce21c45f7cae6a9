"""COPY stores what INSERT stores; INSERT is the slow oracle."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from app.errors import CopyRefusedError
from app.store import groups, new_traces
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.projects import Project
from app.store.tables import trace

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20) | st.sampled_from(
    ["", "\\N", "\\.", "a\\tb\tc\r\nd\\", '{"a", NULL}', "NULL", "\x01\x7f", "é漢😀"]
)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT, st.lists, max_leaves=4)
ROW = st.fixed_dictionaries(
    {
        "model": TEXT,
        "prompt_parts": st.none() | st.lists(TEXT, max_size=3),
        "follow_up": st.booleans(),
        "settings": st.dictionaries(TEXT, JSON, max_size=2),
        "settings_digest": TEXT,
        "input": st.dictionaries(TEXT, JSON, max_size=2),
        "output": JSON,
        "seen_at": st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is added
        "external_id": st.none() | TEXT.filter(bool),
    }
)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with transaction(engine) as connection:
        yield connection


@pytest.fixture
def places(connection: Connection, project: Project) -> dict[str, UUID]:
    """The columns that say where a trace belongs."""
    return {"project_id": project.id, "group_id": groups.get_or_create(connection, project.id, ["/p"])["/p"].id}


def stored(connection: Connection, ids: list[UUID]) -> list[dict[str, Any]]:
    """The rows of these ids, without the columns that differ in any two rows."""
    rows = connection.execute(select(trace).where(trace.c.id.in_(ids)).order_by(trace.c.id)).mappings()
    return [{name: value for name, value in row.items() if name not in ("id", "created_at")} for row in rows]


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """Rolls back the changes of the block, and no others."""
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: row["external_id"] or object()))
def test_rows_read_back_as_if_they_had_been_inserted(
    connection: Connection, places: dict[str, UUID], rows: list[dict[str, Any]]
) -> None:
    inserted = [row | places | {"id": new_id()} for row in rows]
    copied = [row | places | {"id": new_id()} for row in rows]
    with undone(connection):
        new_traces.insert_new(connection, inserted)
        expected = stored(connection, [row["id"] for row in inserted])
    with undone(connection):
        new_traces.copy_new(connection, iter(copied))
        assert stored(connection, [row["id"] for row in copied]) == expected


def test_a_refused_row_is_not_quoted(connection: Connection, places: dict[str, UUID]) -> None:
    row = places | {"model": "a secret", "settings": {}, "settings_digest": "", "input": {}, "seen_at": None}
    with pytest.raises(CopyRefusedError) as caught:
        new_traces.copy_new(connection, [row | {"id": new_id(), "external_id": None}])
    connection.rollback()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
