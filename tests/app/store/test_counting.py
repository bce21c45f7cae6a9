"""The number of calls of a version is kept exactly, whatever stores, moves or removes them."""

from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, delete, func, select, update

from app.store import counting
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.projects import Project
from app.store.tables import call_count, implementation, trace
from tests.app.api_helpers import know

BODY = {"model": "m", "path": "/mail", "input": "Mail: where is it?"}


@pytest.fixture
def calls(engine: Engine, project: Project, client: FlaskClient) -> list[UUID]:
    """Matched calls: one alone, which makes the version, one alone again, and a batch that is copied."""
    know(engine, project, "/mail", "", "Mail: {{mail}}")
    alone = [client.post("/api/v1/traces", json=BODY).json["id"] for _ in range(2)]
    batch = client.post("/api/v1/traces", json={"traces": [BODY] * 30}).json["results"]
    return [UUID(call) for call in [*alone, *(row["id"] for row in batch)]]


def kept(connection: Connection) -> list[int]:
    sums = select(func.sum(call_count.c.calls)).group_by(call_count.c.implementation_id)
    return sorted(int(number) for number in connection.execute(sums).scalars() if number)


def test_calls_that_come_in_are_counted(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        assert kept(connection) == [32]


def test_calls_that_move_or_go_are_counted(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        old = connection.execute(select(implementation)).mappings().one()
        other = dict(old) | {"id": new_id(), "version": 2, "model": "another"}
        connection.execute(implementation.insert().values(other))
        connection.execute(update(trace).where(trace.c.id.in_(calls[:5])).values(implementation_id=other["id"]))
        connection.execute(update(trace).where(trace.c.id == calls[5]).values(implementation_id=None))
        connection.execute(delete(trace).where(trace.c.id.in_(calls[6:10])))
        assert kept(connection) == [5, 22]


def test_many_rows_become_one_and_those_of_a_version_that_is_gone_none(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        counting.fold(connection, most=1)
        assert connection.execute(select(call_count.c.calls)).scalars().all() == [32]
        connection.execute(delete(implementation))
        counting.fold(connection)
        assert connection.execute(select(call_count)).all() == []


def test_what_rolled_back_is_not_counted(engine: Engine, calls: list[UUID]) -> None:
    with engine.connect() as connection:
        connection.execute(delete(trace))
        connection.rollback()
        assert kept(connection) == [32]
