"""A transaction locks groups in the order of their ids, so that no two transactions wait for each other in a ring."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, create_engine, insert, text

from app.store import groups, projects
from app.store.counters import GroupCounts, fold
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
    """Two groups in the order of their ids; the table holds the groups the other way round."""
    ids = sorted([new_id(), new_id()])
    with engine.begin() as connection:
        project_id = projects.get_or_create(connection, "shop").id
        for group_id in reversed(ids):
            row = {"id": group_id, "project_id": project_id, "path": f"/{group_id}"}
            connection.execute(insert(grouping_key).values(row))
    return ids


def fold_all(connection: Connection, ids: list[UUID]) -> None:
    fold(connection, [GroupCounts(group_id, 1, {"requests": 1}) for group_id in reversed(ids)])


def want_all(connection: Connection, ids: list[UUID]) -> None:
    assert groups.want_reviews(connection, reversed(ids)) == ids


@pytest.mark.parametrize("holds_all", [fold_all, want_all], ids=["counters", "reviews"])
def test_a_transaction_that_waits_for_the_first_group_does_not_hold_the_second(
    engine: Engine, ids: list[UUID], holds_all: Callable[[Connection, list[UUID]], None]
) -> None:
    def act() -> None:
        with engine.begin() as connection:
            holds_all(connection, ids)

    # Given that somebody holds the first group, and another who wants both waits for it
    first, second = ids
    with ThreadPoolExecutor() as pool, engine.connect() as connection:
        connection.execute(HOLD, {"id": first})
        waiting = pool.submit(act)
        wait_until(lambda: connection.scalar(WAITING), event="the other waits")

        # I expect the second group to be free for the holder of the first
        connection.execute(HOLD, {"id": second})
        connection.rollback()
        waiting.result(180)
