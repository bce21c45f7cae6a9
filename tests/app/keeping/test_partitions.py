"""Calls are stored by month: partitions exist before their month, and a month that nobody keeps goes at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from math import inf
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.exc import OperationalError

from app.config import Settings, with_driver
from app.keeping import months
from app.keeping.months import make_ahead
from app.keeping.retention import expire
from app.local.postgres import PostgresServer
from app.reading import tasks
from app.store import ids, late_calls, migrate, partitions, traces
from app.store import retention as store
from app.store.engine import make_engine, transaction
from app.store.ids import first_id_of
from app.store.partitions import Partition
from app.store.runs import FIRST_ID
from app.store.tables import grouping_key, trace, trace_external_id
from tests.app.grouping_world import World, triage

NUMBERS = count()
LATER = (datetime.now(UTC) + timedelta(days=400)).replace(day=15)
"""Far from the ends of its month: calls of some minutes, or of an hour before, are in one partition."""


@pytest.fixture
def engine(
    postgres_server: PostgresServer, migrated_template: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """An engine on a database of its own, since tables come and go there. Calls are stored in its first partition, far from its end: a
    month may end while the tests run.
    """
    url = with_driver(postgres_server.ensure_database(f"months_{next(NUMBERS)}", template=migrated_template))
    engine = make_engine(settings.model_copy(update={"database_url": url}))
    stored_at = months_of(engine)[0].until - timedelta(days=14)
    monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: int(stored_at.timestamp()) * 10**9))
    monkeypatch.setattr(ids, "_last_tick", 0)
    yield engine
    engine.dispose()


def names(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return [partition.name for partition in partitions.partitions(connection)]


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


def tables(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return list(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))


def months_of(engine: Engine) -> list[Partition]:
    with transaction(engine) as connection:
        return partitions.partitions(connection)


def everything(engine: Engine) -> list[Any]:
    """All calls in the order of their ids."""
    with transaction(engine) as connection:
        return list(connection.execute(select(trace).order_by(trace.c.id)))


def shown(engine: Engine, project_id: UUID) -> list[int]:
    """The number of calls that tasks show."""
    with transaction(engine) as connection:
        return [row.calls for row in tasks.page(connection, project_id, path=None, limit=9, before=None)]


def test_partitions_are_made_ahead_once_however_many_ask(engine: Engine) -> None:
    before = names(engine)

    def make(_: int) -> int:
        return len(make_ahead(engine, LATER))

    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(make, range(4)))
    after = names(engine)
    assert sum(counts) == len(after) - len(before) >= 12
    assert after[-1] >= f"trace_before_{LATER + partitions.MADE_AHEAD:%Y_%m}"


def test_partitions_are_not_made_while_a_dump_would_keep_readers_waiting_behind_them(
    engine: Engine, settings: Settings
) -> None:
    # Given the locks that a dump holds for hours, and limits that would end a wait as a statement, not as a lock
    limits = {"database_url": str(engine.url.render_as_string(False)), "database_lock_timeout": 60.0}
    patient = make_engine(settings.model_copy(update=limits | {"database_statement_timeout": 5.0}))
    before = names(engine)
    with transaction(engine) as dump:
        dump.execute(text("LOCK TABLE trace IN ACCESS SHARE MODE"))

        # If partitions are due, I expect no wait and no new partition
        with pytest.raises(OperationalError, match="lock timeout"):
            make_ahead(patient, LATER)
        assert names(engine) == before
    patient.dispose()


def test_the_present_and_the_weeks_to_come_are_there_once_the_schema_is(engine: Engine, world: World) -> None:
    [call_id] = world.group().send(["hello"])
    assert home(engine, moved(engine, call_id, datetime.now(UTC))) in names(engine)
    days_of_a_run_of_tests = timedelta(days=1)
    assert months_of(engine)[-1].until >= datetime.now(UTC) - days_of_a_run_of_tests + partitions.MADE_AHEAD


def test_an_upgrade_beside_a_dump_makes_no_partitions_and_is_no_failure(
    postgres_server: PostgresServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = with_driver(postgres_server.ensure_database(f"months_{next(NUMBERS)}"))
    migrate.upgrade(url)
    engine = make_engine(settings.model_copy(update={"database_url": url}))
    before = names(engine)
    monkeypatch.setattr(partitions, "MADE_AHEAD", timedelta(days=400))
    with transaction(engine) as dump:
        dump.execute(text("LOCK TABLE trace IN ACCESS SHARE MODE"))
        migrate.upgrade(url)
        assert names(engine) == before
    migrate.upgrade(url)
    assert len(names(engine)) > len(before) + 10
    engine.dispose()


def test_a_call_that_came_before_its_partition_moves_into_it_and_is_counted_once(engine: Engine, world: World) -> None:
    group = world.group()
    calls = group.send(map(triage, range(5)))
    group.run()
    late = moved(engine, calls[0], LATER)
    assert home(engine, late) == "trace_later"
    make_ahead(engine, LATER)
    assert home(engine, late) == f"trace_before_{partitions.month_after(LATER):%Y_%m}"
    assert group.calls_by_version() == [[5]]
    assert [table for table in tables(engine) if table.startswith("trace_mov")] == []


def test_calls_that_change_while_they_move_are_moved_as_they_are_then(engine: Engine, world: World) -> None:
    # Given late calls, some of which are copied when the process is killed
    group = world.group()
    calls = group.send(map(triage, range(12)))
    group.run()
    old, *late = [moved(engine, call, LATER + timedelta(minutes=n)) for n, call in enumerate(calls)]
    with transaction(engine) as connection:
        moving = late_calls.begin(connection, LATER, LATER + partitions.MADE_AHEAD)
        assert moving
    with transaction(engine) as connection:
        assert late_calls.copy(connection, moving, FIRST_ID, 4) == late[2]

    # If calls change that were copied, that were not, and one comes late
    with transaction(engine) as connection:
        connection.execute(delete(trace).where(trace.c.id.in_([old, late[8]])))
        connection.execute(update(trace).where(trace.c.id.in_([late[1], late[9]])).values(user_id="changed"))
    with transaction(engine) as connection:
        columns = [column for column in trace.c if column.name not in ("id", "external_id")]
        newest = select(text(f"'{first_id_of(LATER - timedelta(hours=1))}'::uuid"), *columns).where(
            trace.c.id == late[0]
        )
        connection.execute(trace.insert().from_select([trace.c.id, *columns], newest))
    before = everything(engine)

    # I expect every call to be seen all the time, and to be whole in its partition when another process goes on
    assert len(before) == 11
    make_ahead(engine, LATER, step=2)
    assert everything(engine) == before
    assert {home(engine, row.id) for row in before} == {f"trace_before_{partitions.month_after(LATER):%Y_%m}"}
    assert group.calls_by_version() == [[11]]


def test_a_call_that_a_run_holds_is_not_waited_for_and_not_copied(engine: Engine, world: World) -> None:
    [call] = world.group().send([triage(1)])
    late = moved(engine, call, LATER)
    with transaction(engine) as connection:
        moving = late_calls.begin(connection, LATER, LATER + partitions.MADE_AHEAD)
        assert moving
    with transaction(engine) as run:
        run.execute(update(trace).where(trace.c.id == late).values(user_id="changed"))
        with pytest.raises(OperationalError, match="lock timeout"), transaction(engine) as connection:
            late_calls.copy(connection, moving, FIRST_ID)
    make_ahead(engine, LATER)
    assert [row.user_id for row in everything(engine)] == ["changed"]


def test_a_call_of_a_clock_that_was_wrong_stays_where_it_is(engine: Engine, world: World) -> None:
    calls = world.group().send(map(triage, range(3)))
    late = moved(engine, calls[0], LATER)
    wrong = moved(engine, calls[1], LATER + timedelta(days=4000))
    make_ahead(engine, LATER)
    assert home(engine, wrong) == "trace_later"
    assert home(engine, late) != "trace_later"
    assert len(everything(engine)) == 3


def test_a_month_that_calls_moved_to_has_the_indexes_and_keys_of_the_others(engine: Engine, world: World) -> None:
    [call] = world.group().send([triage(1)])
    home_of_it = moved(engine, call, LATER)
    make_ahead(engine, LATER)
    parts = """
        SELECT count(*) FROM {0} WHERE {1} = CAST(:name AS regclass)
    """
    with transaction(engine) as connection:

        def number(catalogue: str, column: str, name: str) -> int:
            return connection.scalar(text(parts.format(catalogue, column)), {"name": name})

        for catalogue, column in (("pg_index", "indrelid"), ("pg_constraint", "conrelid"), ("pg_trigger", "tgrelid")):
            its, expected = (number(catalogue, column, name) for name in (home(engine, home_of_it), names(engine)[0]))
            assert its == expected > 0, catalogue


def test_no_text_of_a_call_is_sampled_in_any_month(engine: Engine, world: World) -> None:
    [call] = world.group().send([triage(1)])
    moved(engine, call, LATER)
    make_ahead(engine, LATER)
    sampled_columns = """
        SELECT DISTINCT attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         WHERE relname ~ '^trace' AND relkind IN ('r', 'p') AND attnum > 0
           AND atttypid IN ('text'::regtype, 'text[]'::regtype) AND attstattarget IS DISTINCT FROM 0
    """
    with transaction(engine) as connection:
        assert set(connection.scalars(text(sampled_columns))) == {"prompt_source", "settings_digest"}


def test_samples_that_were_taken_before_the_migration_are_removed(engine: Engine, world: World) -> None:
    migration = import_module("migrations.versions.0027_unsampled_texts")
    world.group().send(map(triage, range(9)), user_id="anna")
    samples = text("SELECT count(*) FROM pg_stats WHERE tablename ~ '^trace' AND attname = 'user_id'")
    with transaction(engine) as connection:
        connection.execute(text("ALTER TABLE trace ALTER user_id SET STATISTICS -1"))
        connection.execute(text("ANALYZE trace"))
        assert connection.scalar(samples) > 0
        connection.execute(text(migration.REMOVE_SAMPLES))
        assert connection.scalar(samples) == 0


def test_processes_that_move_calls_at_the_same_time_move_them_once(engine: Engine, world: World) -> None:
    calls = world.group().send(map(triage, range(9)))
    late = [moved(engine, call, LATER + timedelta(minutes=n)) for n, call in enumerate(calls)]
    before = names(engine)
    with ThreadPoolExecutor(3) as threads:
        partitions_made = list(threads.map(lambda _: make_ahead(engine, LATER, step=2), range(3)))
    assert sorted(partition.name for batch in partitions_made for partition in batch) == names(engine)[len(before) :]
    assert [row.id for row in everything(engine)] == late


def test_a_month_that_nobody_keeps_is_dropped_and_what_it_showed_stays(engine: Engine, world: World) -> None:
    # Given a month of calls with a template, and one of the month after
    group = world.group()
    group.send(map(triage, range(5)))
    group.run()
    later_months = names(engine)[1:]
    [newer] = group.send([triage(7)])
    with transaction(engine) as connection:
        end = partitions.partitions(connection)[0].until
        fence = connection.scalar(select(grouping_key.c.fence).where(grouping_key.c.id == group.id))
    newer = moved(engine, newer, end + timedelta(days=3))

    # If the first month is over and kept no longer
    assert expire(engine, 30, now=end + timedelta(days=31)) == 5

    # I expect its table to be gone and its calls counted, and runs that have read them to begin anew
    assert names(engine) == later_months
    assert [row.id for row in world.rows(select(trace.c.id))] == [newer]
    with transaction(engine) as connection:
        [task] = tasks.page(connection, group.project_id, path=None, limit=9, before=None)
        assert task.calls == 6
        assert connection.scalar(select(grouping_key.c.fence).where(grouping_key.c.id == group.id)) > fence


def test_a_month_goes_step_by_step_and_who_was_killed_is_followed_by_another(engine: Engine, world: World) -> None:
    # Given a month of which a killed process has taken two steps
    group = world.group()
    bodies = [{"model": "m", "path": group.path, "input": triage(n), "external_id": f"call {n}"} for n in range(10)]
    group.take(bodies)
    group.run()
    month = months_of(engine)[0]
    steps = months.drop(engine, month, inf, step=3)
    assert [next(steps), next(steps)] == [3, 3]
    steps.close()

    # I expect its calls to be out of sight, and as many to be shown as there were
    assert everything(engine) == []
    assert shown(engine, group.project_id) == [10]

    # If one of its external ids is taken anew before another process goes on
    [second_id] = group.take(bodies[:1])
    assert expire(engine, 0) == 4

    # I expect the month to be gone, its calls to be counted once and that id not to be freed
    assert month.name not in tables(engine)
    assert shown(engine, group.project_id) == [11]
    assert [row.trace_id for row in world.rows(select(trace_external_id))] == [second_id]


def test_a_month_goes_no_further_than_time_allows(engine: Engine, world: World) -> None:
    group = world.group()
    group.send(map(triage, range(5)))
    month = months_of(engine)[0]
    assert expire(engine, 30, seconds=0, now=month.until + timedelta(days=31)) == 0
    assert month.name in tables(engine)
    assert expire(engine, 30, now=month.until + timedelta(days=31)) == 5
    assert month.name not in tables(engine)


def test_a_month_that_one_project_keeps_stays_for_it_alone(engine: Engine, world: World) -> None:
    group, other_group = world.group(), world.group(project="another")
    group.send(["hello"])
    [kept_id] = other_group.send(["hello"])
    with transaction(engine) as connection:
        store.set_days(connection, other_group.project_id, 300)
        end = partitions.partitions(connection)[0].until
    before = names(engine)
    assert expire(engine, 30, now=end + timedelta(days=31)) == 1
    assert names(engine) == before
    assert [row.id for row in world.rows(select(trace.c.id))] == [kept_id]


def test_the_newest_partition_is_never_dropped(engine: Engine, world: World) -> None:
    world.group().send(["hello"])
    assert expire(engine, 30, now=LATER) == 1
    assert len(names(engine)) == 1
    assert make_ahead(engine, LATER)


def test_a_table_that_is_read_is_not_dropped_and_not_waited_for(engine: Engine, world: World) -> None:
    group = world.group()
    group.send(["hello"])
    with transaction(engine) as connection:
        end = partitions.partitions(connection)[0].until
        connection.execute(select(trace.c.id))
        before = names(engine)
        with pytest.raises(OperationalError, match="lock timeout"):
            next(months.drop(engine, partitions.partitions(connection)[0], inf))
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

    # If the database is downgraded to that revision and upgraded again
    engine.dispose()
    migrate.downgrade(url, "call_counts")
    with transaction(engine) as connection:
        kind = connection.scalar(text("SELECT relkind FROM pg_class WHERE oid = 'trace'::regclass"))
    assert kind == "r", "it should be one table again"
    migrate.upgrade(url)

    # I expect the call in its old place, and the external id taken
    assert home(engine, call_id) == names(engine)[0]
    assert group.take([body]) == [call_id]
    engine.dispose()
