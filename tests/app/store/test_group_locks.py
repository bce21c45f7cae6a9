"""Whoever holds several groups takes them in the order of their ids, so that two never wait for each other in a ring."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, create_engine, insert, text

from app.store import groups, projects
from app.store.counters import Counted, fold
from app.store.ids import new_id
from app.store.tables import grouping_key
from tests.flows.containers import wait_until

HOLD = text("SELECT id FROM grouping_key WHERE id = :id FOR NO KEY UPDATE NOWAIT")
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ids(engine: Engine) -> list[UUID]:
    """Two groups in the order of their ids; in the table they stand the other way round."""
    ids = sorted([new_id(), new_id()])
    with engine.begin() as connection:
        project_id = projects.get_or_create(connection, "shop").id
        for each in reversed(ids):
            row = {"id": each, "project_id": project_id, "path": f"/{each}"}
            connection.execute(insert(grouping_key).values(row))
    return ids


def fold_all(connection: Connection, ids: list[UUID]) -> None:
    fold(connection, [Counted(each, 1, {"requests": 1}) for each in reversed(ids)])


def want_all(connection: Connection, ids: list[UUID]) -> None:
    assert groups.want_reviews(connection, reversed(ids)) == ids


@pytest.mark.parametrize("holds_all", [fold_all, want_all], ids=["counters", "reviews"])
def test_who_waits_for_the_first_group_does_not_hold_the_second(
    engine: Engine, ids: list[UUID], holds_all: Callable[[Connection, list[UUID]], None]
) -> None:
    def act() -> None:
        with engine.begin() as connection:
            holds_all(connection, ids)

    # Given that somebody holds the first group, and another who wants both waits for it
    first, second = ids
    with ThreadPoolExecutor() as pool, engine.connect() as connection:
        connection.execute(HOLD, {"id": first})
        other = pool.submit(act)
        wait_until(lambda: connection.scalar(WAITING), event="the other waits")

        # I expect the second to be free for whoever holds the first
        connection.execute(HOLD, {"id": second})
        connection.rollback()
        other.result(90)
