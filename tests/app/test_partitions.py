"""Calls are stored by month: partitions are there before their month, and a month that nobody keeps goes at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from grouping_world import World, triage
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import OperationalError

from app.config import Settings, with_driver
from app.local.postgres import PostgresServer
from app.retention import expire
from app.store import migrate, partitions, tasks, traces
from app.store import retention as store
from app.store.engine import make_engine, transaction
from app.store.ids import first_id_of
from app.store.tables import grouping_key, trace, trace_external_id

NUMBERS = count()
LATER = datetime.now(UTC) + timedelta(days=400)


@pytest.fixture
def engine(postgres_server: PostgresServer, migrated_template: str, settings: Settings) -> Iterator[Engine]:
    """A database of its own: tables come and go in it."""
    url = with_driver(postgres_server.ensure_database(f"months_{next(NUMBERS)}", template=migrated_template))
    engine = make_engine(settings.model_copy(update={"database_url": url}))
    yield engine
    engine.dispose()


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


def names(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return [one.name for one in partitions.partitions(connection)]


def home(engine: Engine, call_id: UUID) -> str:
    """The table that holds a call."""
    with transaction(engine) as connection:
        return connection.execute(
            text("SELECT tableoid::regclass::text FROM trace WHERE id = :id"), {"id": call_id}
        ).scalar_one()


def moved(engine: Engine, call_id: UUID, moment: datetime) -> UUID:
    """The same call, stored at another time."""
    new = UUID(int=first_id_of(moment).int | call_id.int & (1 << 76) - 1)
    with transaction(engine) as connection:
        connection.execute(update(trace).where(trace.c.id == call_id).values(id=new))
        named = trace_external_id.c.trace_id == call_id
        connection.execute(update(trace_external_id).where(named).values(trace_id=new))
    return new


def test_partitions_are_made_ahead_once_however_many_ask(engine: Engine) -> None:
    before = names(engine)

    def make(_: int) -> int:
        with transaction(engine) as connection:
            return len(partitions.make_ahead(connection, LATER))

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(4)))
    after = names(engine)
    assert sum(made) == len(after) - len(before) >= 12
    assert after[-1] >= f"trace_before_{LATER + partitions.AHEAD:%Y_%m}"


def test_partitions_are_not_made_while_a_dump_would_keep_readers_waiting_behind_them(
    engine: Engine, settings: Settings
) -> None:
    # Given what a dump holds for hours, and limits that would end a wait as a statement, not as a lock
    limits = {"database_url": str(engine.url.render_as_string(False)), "database_lock_timeout": 60.0}
    patient = make_engine(settings.model_copy(update=limits | {"database_statement_timeout": 5.0}))
    before = names(engine)
    with transaction(engine) as dump:
        dump.execute(text("LOCK TABLE trace IN ACCESS SHARE MODE"))

        # If partitions are to be made, I expect no wait and none made
        with pytest.raises(OperationalError, match="lock timeout"), transaction(patient) as connection:
            partitions.make_ahead(connection, LATER)
        assert names(engine) == before
    patient.dispose()


def test_the_present_and_the_next_month_are_there_from_the_start(engine: Engine, world: World) -> None:
    [call_id] = world.group().send(["hello"])
    assert home(engine, call_id) == names(engine)[0]
    assert len(names(engine)) == 2


def test_what_came_before_its_partition_moves_into_it_and_is_counted_once(engine: Engine, world: World) -> None:
    group = world.group()
    calls = group.send(map(triage, range(5)))
    group.run()
    late = moved(engine, calls[0], LATER)
    assert home(engine, late) == "trace_later"
    with transaction(engine) as connection:
        partitions.make_ahead(connection, LATER)
    assert home(engine, late) == f"trace_before_{(LATER.replace(day=1) + timedelta(days=31)):%Y_%m}"
    assert group.calls_by_version() == [[5]]


def test_a_month_that_nobody_keeps_is_dropped_and_what_it_showed_stays(engine: Engine, world: World) -> None:
    # Given a month of calls with a template, and one of the month after
    group = world.group()
    group.send(map(triage, range(5)))
    group.run()
    _, second = names(engine)
    [newer] = group.send([triage(7)])
    with transaction(engine) as connection:
        end = partitions.partitions(connection)[0].until
        fence = connection.scalar(select(grouping_key.c.fence).where(grouping_key.c.id == group.id))
    newer = moved(engine, newer, end + timedelta(days=3))

    # If the first month is over and kept no longer
    assert expire(engine, 30, now=end + timedelta(days=31)) == 5

    # I expect its table to be gone and its calls counted, and runs that have read them to begin anew
    assert names(engine) == [second]
    assert [row.id for row in world.rows(select(trace.c.id))] == [newer]
    with transaction(engine) as connection:
        [task] = tasks.page(connection, group.project_id, path=None, limit=9, before=None)
        assert task.calls == 6
        assert connection.scalar(select(grouping_key.c.fence).where(grouping_key.c.id == group.id)) > fence


def test_a_month_that_one_project_keeps_stays_for_it_alone(engine: Engine, world: World) -> None:
    group, other = world.group(), world.group(project="another")
    group.send(["hello"])
    [kept] = other.send(["hello"])
    with transaction(engine) as connection:
        store.set_days(connection, other.project_id, 300)
        end = partitions.partitions(connection)[0].until
    before = names(engine)
    assert expire(engine, 30, now=end + timedelta(days=31)) == 1
    assert names(engine) == before
    assert [row.id for row in world.rows(select(trace.c.id))] == [kept]


def test_the_newest_partition_is_never_dropped(engine: Engine, world: World) -> None:
    world.group().send(["hello"])
    assert expire(engine, 30, now=LATER) == 1
    assert len(names(engine)) == 1
    with transaction(engine) as connection:
        assert partitions.make_ahead(connection, LATER)


def test_a_table_that_is_read_is_not_dropped_and_not_waited_for(engine: Engine, world: World) -> None:
    group = world.group()
    group.send(["hello"])
    with transaction(engine) as connection:
        end = partitions.partitions(connection)[0].until
        connection.execute(select(trace.c.id))
        before = names(engine)
        with pytest.raises(Exception, match="lock timeout"), transaction(engine) as dropping:
            partitions.drop(dropping, partitions.partitions(dropping)[0])
    assert names(engine) == before
    assert expire(engine, 30, now=end + timedelta(days=31)) == 1


def test_external_ids_of_a_dropped_month_are_free_again(engine: Engine, world: World) -> None:
    group = world.group()
    [first] = group.take([{"model": "m", "path": group.path, "input": "hello", "external_id": "a"}])
    with transaction(engine) as connection:
        end = partitions.partitions(connection)[0].until
        assert traces.by_external_id(connection, group.project_id, ["a"])["a"].id == first
    expire(engine, 30, now=end + timedelta(days=31))
    assert world.rows(select(trace_external_id)) == []
    [second] = group.take([{"model": "m", "path": group.path, "input": "hello", "external_id": "a"}])
    assert second != first


def test_calls_of_before_are_in_the_first_partition_and_keep_their_external_ids(
    postgres_server: PostgresServer, settings: Settings
) -> None:
    # Given a database of the revision before, with a call that has an external id
    url = with_driver(postgres_server.ensure_database(f"months_{next(NUMBERS)}"))
    migrate.upgrade(url)
    engine = make_engine(settings.model_copy(update={"database_url": url}))
    group = World(engine, settings).group()
    body = {"model": "m", "path": group.path, "input": "hello", "external_id": "a"}
    [call_id] = group.take([body])

    # If it goes back to there and comes up again
    engine.dispose()
    migrate.downgrade(url, "call_counts")
    with transaction(engine) as connection:
        kind = connection.scalar(text("SELECT relkind FROM pg_class WHERE oid = 'trace'::regclass"))
    assert kind == "r", "it should be one table again"
    migrate.upgrade(url)

    # I expect the call where it was, and its external id taken
    assert home(engine, call_id) == names(engine)[0]
    assert group.take([body]) == [call_id]
    engine.dispose()
