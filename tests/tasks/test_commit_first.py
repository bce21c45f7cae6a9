"""A transaction that does not commit sends no request: the message would find nothing to do, and later its trace
would get none.
"""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from sqlalchemy import Engine, exc, func, select, text

from app.config import Settings
from app.intake.record import Ingest
from app.intake.trace import read_trace
from app.store import groups, projects, tables
from app.store.engine import make_single_statement_engine, transaction
from app.store.projects import Project
from tasks.accept import accept
from tasks.coalescing.protocol import key_of
from tasks.regroup import regroup

TRACE = {"model": "m", "path": "/chat", "input": "Hi"}

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused at COMMIT'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"""


@pytest.fixture
def refuse_every_commit(engine: Engine) -> Iterator[Callable[[str], None]]:
    """From now on PostgreSQL refuses rows of a table when their transaction commits, and not before."""

    def refuse(table: str) -> None:
        with transaction(engine) as connection:
            connection.execute(text(REFUSE.format(table=table)))

    yield refuse
    with transaction(engine) as connection:
        connection.execute(text("DROP FUNCTION IF EXISTS refuse CASCADE"))


@pytest.fixture
def shop(engine: Engine) -> Project:
    with transaction(engine) as connection:
        return projects.get_or_create(connection, "shop")


@pytest.fixture
def ingest(engine: Engine, settings: Settings) -> Iterator[Ingest]:
    statements = make_single_statement_engine(settings, beside=engine)
    yield Ingest(engine, grouping_enabled=True, statements=statements)
    statements.dispose()


@pytest.mark.parametrize("known", [False, True], ids=["a new path", "a known path"])
@pytest.mark.parametrize("calls", [1, 3, 30])
def test_traces_that_are_not_committed_ask_for_no_grouping(
    engine: Engine,
    settings: Settings,
    shop: Project,
    ingest: Ingest,
    redis_client: Redis,
    refuse_every_commit: Callable[[str], None],
    calls: int,
    known: bool,
) -> None:
    if known:
        assert accept(ingest, settings, shop, [read_trace(TRACE)])[0].grouping == "requested"
        redis_client.flushall()
    refuse_every_commit("trace")
    with pytest.raises(exc.DBAPIError, match="refused at COMMIT"):
        accept(ingest, settings, shop, [read_trace(TRACE) for _ in range(calls)])
    assert list(redis_client.scan_iter("promptlode:*")) == []
    with transaction(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(tables.trace)) == int(known)


def test_a_wish_that_is_not_committed_asks_for_no_grouping(
    engine: Engine,
    settings: Settings,
    shop: Project,
    redis_client: Redis,
    refuse_every_commit: Callable[[str], None],
) -> None:
    with transaction(engine) as connection:
        group = groups.get_or_create(connection, shop.id, ["/chat"])["/chat"]
    refuse_every_commit("grouping_key")
    with pytest.raises(exc.DBAPIError, match="refused at COMMIT"):
        regroup(engine, settings, group.id)
    assert not redis_client.exists(key_of(group.id))
