"""The number of calls of a version, the first call and the last stay exact after any storing, moving and removing."""

from datetime import datetime
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, delete, func, select, true, update

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


def test_a_batch_of_many_hours_adds_one_row_a_version(engine: Engine, client: FlaskClient, calls: list[UUID]) -> None:
    hours = [f"2026-11-{day:02}T{hour:02}:10:00Z" for day in (3, 4) for hour in range(15)]
    with transaction(engine) as connection:
        before = connection.execute(select(func.count()).select_from(call_count)).scalar_one()
    client.post("/api/v1/traces", json={"traces": [BODY | {"started_at": hour} for hour in hours]})
    with transaction(engine) as connection:
        assert connection.execute(select(func.count()).select_from(call_count)).scalar_one() == before + 1
        assert kept(connection) == [62]


def test_calls_that_move_or_go_are_counted(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        old = connection.execute(select(implementation)).mappings().one()
        other_version = dict(old) | {"id": new_id(), "version": 2, "model": "another"}
        connection.execute(implementation.insert().values(other_version))
        connection.execute(update(trace).where(trace.c.id.in_(calls[:5])).values(implementation_id=other_version["id"]))
        connection.execute(update(trace).where(trace.c.id == calls[5]).values(implementation_id=None))
        connection.execute(delete(trace).where(trace.c.id.in_(calls[6:10])))
        assert kept(connection) == [5, 22]


def test_many_rows_become_one_and_those_of_a_version_that_is_gone_none(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        counting.fold(connection, limit=1)
        assert connection.execute(select(call_count.c.calls)).scalars().all() == [32]
        connection.execute(delete(implementation))
        counting.fold(connection)
        assert connection.execute(select(call_count)).all() == []


def times(connection: Connection) -> dict[int, tuple[datetime, datetime]]:
    """The times of the first and the last call of each version, by number."""
    counts = counting.counted_calls_of()
    query = select(implementation.c.version, counts.c.first_seen, counts.c.last_seen).join(counts, true())
    return {row.version: (row.first_seen, row.last_seen) for row in connection.execute(query) if row.first_seen}


def times_of_calls(connection: Connection) -> dict[int, tuple[datetime, datetime]]:
    """The same times, from the calls themselves."""
    seen_at = trace.c.seen_at
    query = select(implementation.c.version, func.min(seen_at), func.max(seen_at)).join(
        trace, trace.c.implementation_id == implementation.c.id
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query.group_by(implementation.c.version))}


def test_the_first_and_the_last_call_are_known_whatever_became_of_others(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        assert times(connection) == times_of_calls(connection) != {}

        # If the first ones move to another version, one loses its template and the last ones go
        old = connection.execute(select(implementation)).mappings().one()
        other_version = dict(old) | {"id": new_id(), "version": 2, "model": "another"}
        connection.execute(implementation.insert().values(other_version))
        connection.execute(update(trace).where(trace.c.id.in_(calls[:5])).values(implementation_id=other_version["id"]))
        connection.execute(update(trace).where(trace.c.id == calls[5]).values(implementation_id=None))
        connection.execute(delete(trace).where(trace.c.id.in_(calls[-4:])))

        # I expect both to show the new first and last calls, before and after the rows are added up
        shown = times_of_calls(connection)
        assert times(connection) == shown
        counting.fold(connection)
        assert times(connection) == shown
        assert (22, *shown[1]) in connection.execute(select(*list(call_count.c)[1:])).all()


def test_a_version_that_lost_all_its_calls_has_no_times_and_no_row(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as connection:
        connection.execute(delete(trace))
        assert times(connection) == {}
        counting.fold(connection)
        assert connection.execute(select(call_count)).all() == []


def test_a_call_that_goes_while_rows_are_made_one_is_no_longer_the_first(engine: Engine, calls: list[UUID]) -> None:
    # Given a version whose rows are about to be added up because a call went
    with transaction(engine) as connection:
        connection.execute(delete(trace).where(trace.c.id == calls[-1]))

    # If its first call goes in a transaction that commits after that
    with transaction(engine) as deleting:
        deleting.execute(delete(trace).where(trace.c.id == calls[0]))
        with transaction(engine) as folding:
            counting.fold(folding)

    # I expect the next call to be the first
    with transaction(engine) as connection:
        assert times(connection) == times_of_calls(connection)


def test_two_processes_never_make_rows_one_at_the_same_time(engine: Engine, calls: list[UUID]) -> None:
    with transaction(engine) as first, transaction(engine) as second:
        counting.fold(first, limit=1)
        counting.fold(second, limit=1)
        assert len(second.execute(select(call_count)).all()) > 1
    with transaction(engine) as connection:
        assert connection.execute(select(call_count.c.calls)).scalars().all() == [32]


def test_a_transaction_that_rolled_back_is_not_counted(engine: Engine, calls: list[UUID]) -> None:
    with engine.connect() as connection:
        connection.execute(delete(trace))
        connection.rollback()
        assert kept(connection) == [32]
