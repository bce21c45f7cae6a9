"""Requests after the COMMIT: the answer, the published message, and that no request costs a trace."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from kombu import Connection, pools
from redis import Redis

from app.config import Settings
from app.local.valkey import ValkeyServer
from app.store.ids import new_id
from tasks.ask import publisher_of
from tasks.coalescing.protocol import key_of
from tasks.connections import PRODUCER_TIMEOUT
from tasks.publish import Publisher
from tasks.queues import FIRST, RERUN
from tests.flows.containers import wait_until


@pytest.fixture
def settings(own_valkey: ValkeyServer) -> Settings:
    return Settings(redis_url=own_valkey.url(), grouping_quiet=30, grouping_max_wait=60, task_grouping_queue_size=3)


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    yield publisher_of(settings)
    pools.reset()


@pytest.fixture
def redis(own_valkey: ValkeyServer) -> Iterator[Redis]:
    with Redis.from_url(own_valkey.url(), decode_responses=True) as client:
        yield client


SHOP, CAFE = new_id(), new_id()


def ask(
    publisher: Publisher, group: UUID, *, urgent: bool = False, has_template: bool = False, project: UUID = SHOP
) -> str:
    return publisher.request(
        group, "shop", "/chat", new_id(), project_id=project, has_template=has_template, urgent=urgent
    )


def message_in(settings: Settings, queue: str) -> dict:
    """The arguments of the one message that waits in a queue."""
    with Connection(settings.redis_url) as connection:
        message = connection.default_channel.basic_get(queue, no_ack=True)
    return message.decode()[1]


def test_the_first_request_of_a_group_is_requested_and_the_next_coalesces(publisher: Publisher) -> None:
    group = new_id()
    assert [ask(publisher, group) for _ in range(3)] == ["requested", "coalesced", "coalesced"]


def test_a_person_gets_a_message_at_once(publisher: Publisher, settings: Settings) -> None:
    group = new_id()
    assert ask(publisher, group, urgent=True) == "requested"
    assert message_in(settings, FIRST)["group"] == str(group)


def test_a_message_holds_ids_and_nothing_else(publisher: Publisher, settings: Settings) -> None:
    ask(publisher, new_id(), urgent=True)
    assert set(message_in(settings, FIRST)) == {"group", "ticket", "trace"}


def test_a_group_with_a_template_waits_behind_those_without(publisher: Publisher, settings: Settings) -> None:
    group = new_id()
    ask(publisher, group, urgent=True, has_template=True)
    assert message_in(settings, RERUN)["group"] == str(group)


def test_past_the_queue_size_grouping_is_deferred(publisher: Publisher) -> None:
    assert [ask(publisher, new_id()) for _ in range(5)] == ["requested"] * 3 + ["deferred"] * 2


def test_a_group_that_waits_coalesces_however_full_the_queue_is(publisher: Publisher) -> None:
    waiting = [new_id() for _ in range(3)]
    for group in waiting:
        ask(publisher, group)
    assert [ask(publisher, group) for group in waiting] == ["coalesced"] * 3


def test_a_queue_that_one_project_fills_defers_no_other_project(publisher: Publisher) -> None:
    for _ in range(5):
        ask(publisher, new_id())
    assert [ask(publisher, new_id(), project=CAFE) for _ in range(2)] == ["requested"] * 2


def test_messages_beyond_a_projects_share_wait_also_when_a_person_asks(publisher: Publisher, redis: Redis) -> None:
    for _ in range(3):
        publisher.wake(new_id(), owed=True, fresh=True, project=str(SHOP))
    assert (redis.llen(FIRST), publisher.waiting()) == (2, 3)
    ask(publisher, groups_of_a_person := new_id(), urgent=True, project=CAFE)
    assert (redis.llen(FIRST), publisher.waiting()) == (3, 4)
    for group in (groups_of_a_person, new_id(), new_id(), new_id()):
        publisher.wake(group, owed=True, fresh=True, project=str(CAFE))
        ask(publisher, group, urgent=True, project=CAFE)
    assert redis.llen(FIRST) == 4


def test_a_group_that_a_person_asks_for_is_next_of_its_project_whether_it_waits_already_or_not(
    publisher: Publisher, settings: Settings
) -> None:
    groups = [new_id() for _ in range(4)]
    for group in groups:
        publisher.wake(group, owed=True, fresh=True, project=str(SHOP))
    ask(publisher, groups[3], urgent=True)
    publisher.arrived(groups[0], str(SHOP))
    assert message_in(settings, RERUN)["group"] == str(groups[3])


def test_a_message_that_was_delivered_lets_the_next_of_its_project_in(publisher: Publisher, redis: Redis) -> None:
    groups = [new_id() for _ in range(3)]
    for group in groups:
        publisher.wake(group, owed=True, fresh=True, project=str(SHOP))
    publisher.arrived(groups[0], str(SHOP))
    assert (redis.llen(FIRST), redis.llen(RERUN)) == (2, 1)


def test_a_full_queue_defers_what_a_person_asks_for_beyond_the_share_of_its_project(publisher: Publisher) -> None:
    for _ in range(3):
        ask(publisher, new_id())
    assert ask(publisher, new_id(), urgent=True) == "deferred"
    assert ask(publisher, new_id(), urgent=True, project=CAFE) == "requested"


@pytest.fixture
def publishers(settings: Settings) -> Iterator[list[Publisher]]:
    """Publishers of several processes: the one wait of a process is measured several times, since the machine may be
    busy in between.
    """
    yield [publisher_of(settings.model_copy(update={"grouping_quiet": 30 + number})) for number in range(4)]
    pools.reset()


def test_a_redis_that_is_gone_defers_and_costs_nothing(publishers: list[Publisher], own_valkey: ValkeyServer) -> None:
    own_valkey.kill()
    assert _quickest(publishers, requests=1) < PRODUCER_TIMEOUT
    assert [ask(publishers[0], new_id()) for _ in range(3)] == ["deferred"] * 3


def test_a_redis_that_hangs_costs_the_first_request_a_second_and_the_next_nothing(
    publishers: list[Publisher], own_valkey: ValkeyServer
) -> None:
    for publisher in publishers:
        ask(publisher, new_id())
    own_valkey.pause()
    assert _quickest(publishers, requests=1) < 5 * PRODUCER_TIMEOUT
    assert _quickest(publishers, requests=20) < PRODUCER_TIMEOUT
    own_valkey.resume()


def test_a_publisher_requests_again_once_redis_is_back(publisher: Publisher, own_valkey: ValkeyServer) -> None:
    own_valkey.kill()
    ask(publisher, new_id())
    own_valkey.start()
    wait_until(lambda: ask(publisher, new_id()) == "requested")


def test_no_redis_at_all_defers() -> None:
    publisher = publisher_of(Settings(redis_url="redis://127.0.0.1:1/0"))
    assert ask(publisher, new_id()) == "deferred"


def test_nothing_that_is_left_in_redis_holds_a_path_or_lives_for_ever(publisher: Publisher, redis: Redis) -> None:
    group = new_id()
    ask(publisher, group)
    keys = list(redis.scan_iter("promptlode*"))
    assert key_of(group) in keys
    assert "/chat" not in str(redis.hgetall(key_of(group)))
    assert [key for key in keys if redis.ttl(key) <= 0] == []


def _quickest(publishers: list[Publisher], requests: int) -> float:
    """The seconds that these requests take of the publisher that the machine held up least."""
    seconds = []
    for publisher in publishers:
        begun = time.monotonic()
        for _ in range(requests):
            ask(publisher, new_id())
        seconds.append(time.monotonic() - begun)
    return min(seconds)
