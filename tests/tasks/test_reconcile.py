"""The reconciler compares PostgreSQL with Redis and mends the difference, on the real servers."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kombu import Connection, pools
from redis import Redis
from sqlalchemy import Engine, event, func, insert, select, text, update

from app.config import Settings
from app.store import counters, groups, partitions, projects, runs
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.tables import change, grouping_run, trace
from tasks import waiting
from tasks.coalescing.protocol import RedisCoalescing, key_of
from tasks.folding import CounterFolder
from tasks.queues import FIRST, RERUN
from tasks.reconcile import Reconciler, reconciler_of
from tasks.snapshot import pipeline
from tasks.wiring import patient_coalescing
from tests.app.grouping_world import World, triage
from tests.flows.containers import wait_until


@pytest.fixture
def settings(database_url: str, redis_url: str, redis_client: Redis) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, grouping_grace=30, task_grouping_queue_size=2)


@pytest.fixture
def reconciler(settings: Settings) -> Iterator[Reconciler]:
    reconciler = reconciler_of(settings)
    yield reconciler
    reconciler.close()
    pools.reset()


@pytest.fixture
def coalescing(settings: Settings) -> RedisCoalescing:
    return patient_coalescing(settings)


def owing_group(engine: Engine, path: str = "/chat", *, age: float = 60, project: str = "shop") -> UUID:
    with transaction(engine) as connection:
        project_id = projects.get_or_create(connection, project).id
        group_id = groups.get_or_create(connection, project_id, [path])[path].id
        row: dict[str, Any] = {
            "id": new_id(), "project_id": project_id, "group_id": group_id, "model": "m", "prompt_parts": ["", "hi"],
            "settings": {}, "settings_digest": "", "input": {}, "seen_at": func.clock_timestamp(),
            "created_at": func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, age),
        }  # fmt: skip
        connection.execute(insert(trace).values(row))
    return group_id


def test_a_group_that_nobody_asked_for_is_sent(
    reconciler: Reconciler, engine: Engine, coalescing: RedisCoalescing
) -> None:
    group_id = owing_group(engine)
    assert reconciler.send_owed() == 1
    assert coalescing.claim(group_id, "worker").word == "run"


def test_looking_twice_sends_once(reconciler: Reconciler, engine: Engine) -> None:
    owing_group(engine)
    assert [reconciler.send_owed(), reconciler.send_owed()] == [1, 0]


def test_a_group_that_is_young_is_left_alone(reconciler: Reconciler, engine: Engine) -> None:
    owing_group(engine, age=0)
    assert reconciler.send_owed() == 0


def test_a_group_that_runs_is_left_alone(reconciler: Reconciler, engine: Engine, coalescing: RedisCoalescing) -> None:
    coalescing.claim(owing_group(engine), "worker", ticketless=True)
    assert reconciler.send_owed() == 0


def test_a_group_whose_lease_has_ended_is_sent(
    reconciler: Reconciler, engine: Engine, coalescing: RedisCoalescing, redis_client: Redis
) -> None:
    group_id = owing_group(engine)
    coalescing.claim(group_id, "dead", ticketless=True)
    redis_client.hset(key_of(group_id), "until", 1)
    assert reconciler.send_owed() == 1


def test_a_group_whose_run_ends_between_the_two_looks_is_left_alone(
    reconciler: Reconciler, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owing_group(engine)
    look = RedisCoalescing.unattended

    def commit_after(coalescing: RedisCoalescing, patience: Mapping[UUID, float]) -> set[UUID]:
        unattended = look(coalescing, patience)
        with transaction(engine) as connection:
            connection.execute(update(trace).values(considered_run_id=new_id()))
        return unattended

    monkeypatch.setattr(RedisCoalescing, "unattended", commit_after)
    assert reconciler.send_owed() == 0


def test_a_group_whose_message_waits_is_left_alone(
    reconciler: Reconciler, engine: Engine, coalescing: RedisCoalescing
) -> None:
    group_id = owing_group(engine)
    coalescing.request(group_id, urgent=True)
    assert reconciler.send_owed() == 0
    assert coalescing.unattended({group_id: 0.0}) == set()


def test_a_full_queue_is_not_made_longer(reconciler: Reconciler, engine: Engine) -> None:
    for path in ("/a", "/b", "/c", "/d"):
        owing_group(engine, path)
    assert reconciler.send_owed() == 2


def test_groups_that_a_full_queue_held_back_are_sent_as_soon_as_it_has_room(
    reconciler: Reconciler, engine: Engine, settings: Settings
) -> None:
    for path in ("/a", "/b", "/c", "/d", "/e"):
        owing_group(engine, path)
    reconciler.send_owed()
    assert reconciler.send_held_back() == 0
    with Connection(settings.redis_url) as connection:
        connection.default_channel.queue_purge(FIRST)
    assert wait_until(reconciler.send_held_back) == 2


def test_a_group_that_had_to_wait_for_room_is_looked_for_once(
    reconciler: Reconciler, engine: Engine, settings: Settings
) -> None:
    for path in ("/a", "/b", "/c"):
        owing_group(engine, path)
    reconciler.send_owed()
    with Connection(settings.redis_url) as connection:
        connection.default_channel.queue_purge(FIRST)
    assert wait_until(reconciler.send_held_back) == 1
    owing_group(engine, "/later")
    assert reconciler.send_held_back() == 0


def test_a_full_queue_holds_no_other_project_back(
    reconciler: Reconciler, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "DEPTH_SECONDS", 600.0)  # one measured length for the whole look, however slow
    for path in ("/a", "/b", "/c", "/d"):
        owing_group(engine, path)
    owing_group(engine, project="cafe")
    assert reconciler.send_owed() == 3


def test_a_group_that_waits_for_lost_messages_is_let_in(
    reconciler: Reconciler, engine: Engine, settings: Settings, redis_client: Redis
) -> None:
    for path in ("/a", "/b", "/c"):
        owing_group(engine, path)
    larger = reconciler_of(settings.model_copy(update={"task_grouping_queue_size": 9}))
    larger.send_owed()
    assert (redis_client.llen(FIRST), redis_client.llen(RERUN)) == (2, 0)
    [line] = redis_client.keys("promptlode:turns:*")
    for group in redis_client.zrange(line, 0, 1):
        redis_client.zadd(line, {group: 1})  # the time of both messages is over
    larger.replace_lost_turns()
    assert redis_client.llen(RERUN) == 1
    larger.close()


def test_a_process_that_held_nothing_back_does_not_look_for_room(reconciler: Reconciler, engine: Engine) -> None:
    owing_group(engine)
    assert reconciler.send_held_back() == 0


def test_nothing_is_sent_while_grouping_is_off(settings: Settings, engine: Engine, unfinished_group: UUID) -> None:
    owing_group(engine)
    off = reconciler_of(settings.model_copy(update={"task_grouping_enabled": False}))
    assert (off.send_owed(), off.send_due_reviews()) == (0, 0)
    off.close()


@pytest.fixture
def unfinished_group(engine: Engine) -> UUID:
    """A group whose run has saved its templates and has not yet matched the older calls."""
    group_id = owing_group(engine)
    with transaction(engine) as connection:
        run_id = new_id()
        row = {"id": run_id, "group_id": group_id, "fence": 1, "reason": "owed", "miner_version": "1"}
        connection.execute(insert(grouping_run).values(row))
        connection.execute(update(trace).values(considered_run_id=run_id))
        runs.move_cursor(connection, group_id, runs.FIRST_ID)
    return group_id


def test_calls_that_a_killed_run_left_to_be_matched_are_sent(
    reconciler: Reconciler, unfinished_group: UUID, coalescing: RedisCoalescing
) -> None:
    assert [reconciler.send_due_reviews(), reconciler.send_due_reviews()] == [1, 0]
    assert coalescing.claim(unfinished_group, "worker").word == "run"


def test_a_run_that_is_still_matching_is_not_followed_by_another(
    reconciler: Reconciler, unfinished_group: UUID, coalescing: RedisCoalescing, engine: Engine
) -> None:
    coalescing.claim(unfinished_group, "worker", ticketless=True)
    assert reconciler.send_due_reviews() == 0
    with transaction(engine) as connection:
        assert groups.open_wish(connection, unfinished_group) is None


def test_counters_reach_postgresql_once_whoever_folds(
    reconciler: Reconciler, engine: Engine, coalescing: RedisCoalescing
) -> None:
    group_id = owing_group(engine)
    coalescing.request(group_id)
    coalescing.request(group_id)
    for folder in (reconciler, CounterFolder(engine, coalescing), CounterFolder(engine, coalescing)):
        folder.fold()
    with transaction(engine) as connection:
        assert counters.totals(connection, None) == {"requests": 2, "coalesced": 1}


def test_counters_that_stand_still_are_folded_once(engine: Engine, coalescing: RedisCoalescing) -> None:
    coalescing.request(owing_group(engine))
    folder = CounterFolder(engine, coalescing)
    folder.fold()
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    folder.fold()
    event.remove(engine, "before_cursor_execute", note)
    assert statements == []


def test_the_pipeline_is_exact_without_a_reconciler(
    engine: Engine, coalescing: RedisCoalescing, settings: Settings
) -> None:
    group_id = owing_group(engine)
    coalescing.claim(group_id, "worker", ticketless=True)
    coalescing.finish(group_id, "worker", "committed")
    now = pipeline(engine, None, settings)
    assert (now["requests"], now["messages"], now["runs"], now["owed"]) == (1, 1, 1, 1)
    assert now["oldest_owed_age_s"] > 50


def test_the_pipeline_of_another_project_is_empty(
    engine: Engine, coalescing: RedisCoalescing, settings: Settings
) -> None:
    coalescing.request(owing_group(engine))
    with transaction(engine) as connection:
        other_project_id = projects.get_or_create(connection, "other").id
    now = pipeline(engine, other_project_id, settings)
    assert (now["requests"], now["owed"], now["last_runs"]) == (0, 0, [])


def test_a_reconciler_shows_that_it_is_alive_and_takes_its_name_away(
    reconciler: Reconciler, engine: Engine, settings: Settings
) -> None:
    reconciler.beat()
    assert [reconciler["alive"] for reconciler in pipeline(engine, None, settings)["reconcilers"]] == [True]
    reconciler.leave()
    assert pipeline(engine, None, settings)["reconcilers"] == []


def test_a_reconciler_not_seen_for_ten_seconds_is_dead(
    reconciler: Reconciler, engine: Engine, settings: Settings
) -> None:
    reconciler.beat()
    with transaction(engine) as connection:
        connection.execute(text("UPDATE heartbeat SET last_seen = last_seen - interval '10 seconds'"))
    assert [reconciler["alive"] for reconciler in pipeline(engine, None, settings)["reconcilers"]] == [False]


def test_a_dump_that_is_in_the_way_of_new_partitions_ends_no_round(
    reconciler: Reconciler, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MADE_AHEAD", timedelta(days=400))
    with transaction(engine) as dump:
        dump.execute(text("LOCK TABLE trace IN ACCESS SHARE MODE"))
        before = partitions.partitions(dump)
        reconciler.make_partitions()
        assert partitions.partitions(dump) == before


def test_a_round_tells_what_began_and_looks_at_every_hour_once(
    reconciler: Reconciler, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    monkeypatch.setattr("tasks.reconcile.all_projects.detect_in_all_projects", lambda _, hour: looks.append(hour) or 0)
    group = World(engine, settings).group()
    group.send(map(triage, range(6)))
    group.run()
    for _ in range(2):
        reconciler.tell()
    with transaction(engine) as connection:
        assert connection.execute(select(change.c.kind)).scalars().all() == ["task.new"]
    assert looks
    assert len(looks) == len(set(looks)), "an hour is looked at once"
