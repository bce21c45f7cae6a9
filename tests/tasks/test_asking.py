"""Requests from an event loop: the loop makes those that a run covers already, a thread makes the others."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kombu import pools
from redis import Redis

from app.config import Settings
from app.intake.recorded import Recorded
from app.local.valkey import ValkeyServer
from app.store.groups import Group
from app.store.ids import new_id
from app.store.projects import Project
from tasks.ask import publisher_of
from tasks.asking import Asking
from tasks.coalescing.protocol import DUE_KEY, key_of
from tasks.loop_redis import LoopRedis

SHOP = Project(new_id(), "shop")
CHAT = Group(new_id(), "/chat", 0, None)


@pytest.fixture
def settings(own_valkey: ValkeyServer) -> Iterator[Settings]:
    yield Settings(redis_url=own_valkey.url(), grouping_quiet=30, grouping_max_wait=60)
    pools.reset()


@pytest.fixture
def redis(own_valkey: ValkeyServer) -> Iterator[Redis]:
    with Redis.from_url(own_valkey.url(), decode_responses=True) as client:
        yield client


@pytest.fixture
def is_measured_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """One measurement of the queue lasts for the whole test, however slow the machine is."""
    for seconds in ("DEPTH_SECONDS", "LONGEST_DEPTH_SECONDS"):
        monkeypatch.setattr(f"tasks.waiting.{seconds}", 600.0)


@pytest.fixture
def sent_to_threads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What threads were given to do."""
    functions: list[Any] = []
    submit = ThreadPoolExecutor.submit

    def noting(self: ThreadPoolExecutor, function: Any, *arguments: Any) -> Any:
        functions.append(function)
        return submit(self, function, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", noting)
    return functions


async def word(asking: Asking) -> str:
    row = Recorded(new_id(), None, created=True, group=CHAT, state="owed")
    return (await asking.accepted(SHOP, row)).grouping


def counted(redis: Redis) -> dict[str, int]:
    fields = redis.hgetall(key_of(CHAT.id))
    return {name: int(fields.get(f"n_{name}", 0)) for name in ("requests", "coalesced")}


@pytest.mark.usefixtures("is_measured_for_long")
def test_a_request_that_a_run_covers_already_takes_no_thread(
    settings: Settings, redis: Redis, sent_to_threads: list[Any]
) -> None:
    async def ask() -> tuple[str, list[str]]:
        asking = Asking(settings)
        first = await word(asking)
        sent_to_threads.clear()
        later = [await word(asking) for _ in range(3)]
        assert sent_to_threads == []
        later += await asyncio.gather(*(word(asking) for _ in range(5)))  # of one moment: one request
        asking.close()
        return first, later

    assert asyncio.run(ask()) == ("requested", ["coalesced"] * 8)
    assert sent_to_threads == []
    assert counted(redis) == {"requests": 5, "coalesced": 4}


def test_the_queue_is_measured_again_beside_the_requests(
    settings: Settings, sent_to_threads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> list[str]:
        asking = Asking(settings)
        words = [await word(asking)]
        monkeypatch.setattr("tasks.waiting.DEPTH_SECONDS", 0.0)  # due at once
        publisher_of(settings).measure()
        sent_to_threads.clear()
        words += [await word(asking), await word(asking)]
        asking.close()
        return words

    assert asyncio.run(ask()) == ["requested", "coalesced", "coalesced"]
    assert set(sent_to_threads) == {publisher_of(settings).measure}


def test_a_group_that_redis_has_lost_is_noted_as_due_again(settings: Settings, redis: Redis) -> None:
    async def ask() -> list[str]:
        asking = Asking(settings)
        words = [await word(asking), await word(asking)]
        redis.flushall()
        words.append(await word(asking))
        asking.close()
        return words

    assert asyncio.run(ask()) == ["requested", "coalesced", "requested"]
    assert redis.zrange(DUE_KEY, 0, -1) == [str(CHAT.id)]


def test_a_server_that_lost_the_script_counts_the_request_once(settings: Settings, redis: Redis) -> None:
    async def ask() -> list[str]:
        asking = Asking(settings)
        words = [await word(asking), await word(asking)]
        redis.script_flush()
        words += [await word(asking), await word(asking)]
        asking.close()
        return words

    assert asyncio.run(ask()) == ["requested", "coalesced", "coalesced", "coalesced"]
    assert counted(redis) == {"requests": 4, "coalesced": 3}


def test_a_server_that_restarts_between_two_requests_goes_unnoticed(
    settings: Settings, own_valkey: ValkeyServer
) -> None:
    async def ask() -> list[str]:
        asking = Asking(settings)
        words = [await word(asking), await word(asking)]
        own_valkey.restart()
        words += [await word(asking), await word(asking)]
        asking.close()
        return words

    assert asyncio.run(ask()) == ["requested", "coalesced", "requested", "coalesced"]


def test_calls_are_deferred_while_the_server_hangs_or_is_down(settings: Settings, own_valkey: ValkeyServer) -> None:
    async def ask() -> list[str]:
        asking = Asking(settings)
        words = [await word(asking), await word(asking)]
        own_valkey.pause()
        words += [await word(asking), await word(asking)]
        own_valkey.resume()
        own_valkey.kill()
        words.append(await word(asking))
        asking.close()
        return words

    assert asyncio.run(ask()) == ["requested", "coalesced", "deferred", "deferred", "deferred"]


def test_a_server_behind_tls_is_asked_by_the_thread(own_valkey: ValkeyServer, redis: Redis) -> None:
    by_tls = LoopRedis(Redis.from_url(own_valkey.url().replace("redis://", "rediss://")))
    in_clear = LoopRedis(redis)
    for connection in (by_tls, in_clear):
        connection.open()
    assert (by_tls.is_ready(), in_clear.is_ready()) == (False, True)
    in_clear.close()
    assert not in_clear.is_ready()


def test_a_connection_that_the_server_ends_again_and_again_is_opened_each_time(redis: Redis) -> None:
    connection = LoopRedis(redis)
    for _ in range(redis.connection_pool.max_connections + 1):
        connection.open()
        assert connection.is_ready()
        connection.close()
