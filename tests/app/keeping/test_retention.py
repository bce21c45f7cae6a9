"""Calls older than their project's retention go; results that were found about these calls stay."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Engine, func, select, update

from app.grouping import mining
from app.keeping import deletion, retention
from app.keeping.retention import expire
from app.reading import tasks, worklist
from app.reading.usage import Range
from app.reading.worklist import TaskFilter
from app.store import retention as store
from app.store import runs
from app.store.deletion import Selector
from app.store.engine import make_engine
from app.store.ids import first_id_of
from app.store.tables import template, trace
from tests.app.cli_helpers import Cli
from tests.app.grouping_world import Group, World, triage


@pytest.fixture
def group(world: World) -> Group:
    """Ten calls that were stored 40 days ago, and five of today."""
    group = world.group()
    old = group.send(map(triage, range(10)))
    group.run()
    age(world.engine, old, days=40)
    group.send(map(triage, range(10, 15)))
    return group


def age(engine: Engine, ids: list[UUID], *, days: float) -> None:
    """Makes calls this old, by the time in their ids."""
    first = first_id_of(datetime.now(UTC) - timedelta(days=days)).int
    with engine.begin() as connection:
        for call_id in ids:
            moved = UUID(int=first | call_id.int & (1 << 76) - 1)
            connection.execute(update(trace).where(trace.c.id == call_id).values(id=moved))


def keep(group: Group, days: int | None) -> None:
    with group.world.engine.begin() as connection:
        store.set_days(connection, group.project_id, days)


def left(group: Group) -> int:
    return len(group.world.rows(select(trace.c.id).where(trace.c.group_id == group.id)))


def test_calls_are_kept_for_ever_unless_it_is_set(world: World, group: Group) -> None:
    assert expire(world.engine, world.settings.retention_days) == 0
    assert left(group) == 15


def test_a_project_with_more_days_than_dates_have_does_not_stop_the_others(world: World, group: Group) -> None:
    """An earlier release let a person set any number of days."""
    keep(world.group("/chat", "other"), 2_000_000_000)
    assert expire(world.engine, 30) == 10


def test_calls_older_than_the_setting_go_and_the_others_stay(world: World, group: Group) -> None:
    assert expire(world.engine, 30) == 10
    assert left(group) == 5
    group.assert_exact()


@pytest.mark.parametrize(("own", "removed"), [(30, 10), (50, 0), (store.FOR_EVER, 0), (None, 10)])
def test_the_days_of_a_project_go_before_the_setting(world: World, group: Group, own: int | None, removed: int) -> None:
    keep(group, own)
    assert expire(world.engine, 35) == removed


def test_another_project_keeps_its_calls(world: World, group: Group) -> None:
    other_group = world.group(project="another")
    age(world.engine, other_group.send(["hello"]), days=40)
    keep(group, 30)
    assert expire(world.engine, 0) == 10
    assert left(other_group) == 1


def test_a_group_that_a_transaction_holds_does_not_delay_the_others(world: World, group: Group) -> None:
    other_group = world.group("/other")
    age(world.engine, other_group.send(["hello"]), days=35)
    hurried = make_engine(world.settings.model_copy(update={"database_lock_timeout": 0.2}))
    with world.engine.begin() as connection:
        runs.hold(connection, group.id)
        assert expire(hurried, 30) == 1
    assert expire(hurried, 30) == 10
    hurried.dispose()


def test_batches_follow_each_other_until_all_is_done(
    world: World, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EXPIRED_CALLS", 3)
    assert expire(world.engine, 30) == 10


def test_tasks_and_what_is_counted_of_their_calls_stay(world: World, group: Group) -> None:
    before = shown(group)
    expire(world.engine, 30)
    age(world.engine, [row.id for row in world.rows(select(trace.c.id))], days=31)
    expire(world.engine, 30)
    assert left(group) == 0
    assert shown(group) == before


def shown(group: Group) -> tuple[object, ...]:
    """The figures of the only task and version in lists."""
    with group.world.engine.begin() as connection:
        [of_api] = tasks.page(connection, group.project_id, path=None, limit=9, before=None)
        listed = worklist.list_tasks(connection, TaskFilter(group.project_id, Range()))
        [of_page] = [item.row for item in listed.in_full(connection, [of_api.id])]
        [version] = tasks.implementations(connection, group.project_id, of_api.id, limit=9)
    counted = [(row.calls, row.first_seen, row.last_seen) for row in (of_api, version)]
    return (*counted, of_page.calls, of_page.versions, of_page.parts)


def test_a_template_without_calls_matches_the_next_one(world: World, group: Group) -> None:
    age(world.engine, [row.id for row in world.rows(select(trace.c.id))], days=40)
    expire(world.engine, 30)
    group.send([triage(20)])
    assert group.calls_by_version() == [[1]]


def test_a_run_that_has_read_the_calls_writes_nothing(
    world: World, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    group.send(["something that no template knows"])
    find = mining.find

    def find_slowly(*arguments: object) -> object:
        expire(world.engine, 30)
        return find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(mining, "find", find_slowly)
    assert group.run().outcome == "fenced"


def test_deleting_a_call_leaves_templates_whose_calls_had_gone_before(world: World, group: Group) -> None:
    age(world.engine, [row.id for row in world.rows(select(trace.c.id))], days=40)
    expire(world.engine, 30)
    [loose] = group.send(["something that no template knows"])
    deletion.delete(world.engine, group.project_id, Selector(trace_id=loose))
    assert len(group.templates) == 1
    deletion.delete(world.engine, group.project_id, Selector(path=group.path))
    assert world.rows(select(func.count()).select_from(template)) == [(0,)]


def test_the_command_sets_shows_and_resets(cli: Cli, group: Group) -> None:
    outputs = [
        cli("retention", "shop", *arguments).stdout.decode()
        for arguments in ([], ["30"], ["--for-ever"], ["--default"])
    ]
    assert outputs == [
        "shop: calls are kept for ever\n",
        "shop: calls are removed after 30 days\n",
        "shop: calls are kept for ever\n",
        "shop: calls are kept for ever\n",
    ]
    assert cli("retention", "shop", "30", "--default").returncode == 2
    assert orjson.loads(cli("retention", "shop", "30", "--json").stdout) == {
        "project": "shop",
        "days": 30,
        "is_default": False,
    }
