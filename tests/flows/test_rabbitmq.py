"""RabbitMQ as the broker: the same product with another BROKER_URL. One node serves the tests of this file."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection, pools
from pytest_celery import CeleryTestBroker, CeleryTestWorker

from app.config import Settings
from app.local.valkey import ValkeyServer
from app.store import counters
from app.store.engine import transaction
from app.store.ids import new_id
from tasks.ask import publisher_of
from tasks.broker import Broker, publishing_connection
from tasks.celery import app as celery_app
from tasks.connections import WORKER_TIMEOUT
from tasks.group_traces import group_traces
from tasks.publish import Publisher
from tasks.queues import FIRST, RERUN
from tasks.snapshot import pipeline
from tests.flows.conftest import Shop
from tests.flows.containers import BrokerContainer, ProcessContainer, quick_environment, wait_until, worker_container
from tests.rabbitmq import MISSING, RabbitServer, rabbitmq_program

pytestmark = pytest.mark.skipif(rabbitmq_program() is None, reason=MISSING)

WORDS = ("oak", "pine", "elm", "yew", "ash", "birch", "cedar", "larch", "maple", "willow", "alder", "beech")


@pytest.fixture(scope="module")
def rabbitmq(servers_dir: Path) -> Iterator[RabbitServer]:
    server = RabbitServer(servers_dir / "rabbitmq", rabbitmq_program() or "")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def flow_environment(database_url: str, own_valkey: ValkeyServer, rabbitmq: RabbitServer) -> Iterator[dict[str, str]]:
    yield quick_environment(database_url, own_valkey.url()) | {"BROKER_URL": rabbitmq.url}
    pools.reset()
    _empty(rabbitmq.url)


def _empty(url: str) -> None:
    """Purges the queue and does not delete it: RabbitMQ 3.10 mixes up a new queue with a deleted one of its name when
    it is then killed.
    """
    with Connection(url) as connection:
        for name in (FIRST, RERUN):
            queue = celery_app.amqp.queues[name].bind(connection.default_channel)
            queue.queue_declare()
            queue.purge()


@pytest.fixture
def celery_broker(rabbitmq: RabbitServer) -> CeleryTestBroker:
    return CeleryTestBroker(BrokerContainer("rabbitmq", rabbitmq, rabbitmq.url))


@pytest.fixture
def broker(settings: Settings) -> Broker:
    return Broker(publishing_connection(settings, WORKER_TIMEOUT), group_traces)


def test_a_burst_is_coalesced_and_all_of_it_is_grouped(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer, settings: Settings
) -> None:
    with shop.run_is_held("/burst"):
        before = shop.runs("/burst")
        answers = shop.send("/burst", *WORDS)
    assert answers == ["coalesced"] * len(WORDS)
    shop.wait_until_grouped("/burst", len(WORDS) + 3)
    now = wait_until(lambda: _at_rest(shop, settings), event="every message is accounted for")
    assert now["requests"] == now["coalesced"] + now["messages"]
    assert now["runs"] <= before + 2


def test_a_worker_that_is_killed_in_mid_run_loses_nothing_and_its_message_comes_again(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer, settings: Settings
) -> None:
    with shop.run_is_held("/killed"):
        celery_worker.kill()
    celery_worker.restart()
    shop.wait_until_grouped("/killed", 3)
    wait_until(lambda: _counted(shop, settings).get("redelivered"), event="RabbitMQ delivered the message again")


def test_a_broker_that_restarts_loses_nothing(
    shop: Shop, celery_broker: CeleryTestBroker, celery_worker: CeleryTestWorker, reconciler: ProcessContainer
) -> None:
    shop.send("/before", "oak", "pine", "elm")
    shop.wait_until_grouped("/before", 3)
    celery_broker.kill(reload_container=False)
    shop.send("/outage", "oak", "pine", "elm")
    celery_broker.restart()
    shop.wait_until_grouped("/outage", 3)
    shop.send("/after", "oak", "pine", "elm")
    shop.wait_until_grouped("/after", 3)


def test_a_message_that_waits_survives_a_restart(broker: Broker, rabbitmq: RabbitServer) -> None:
    broker.send(RERUN, {"group": str(new_id()), "ticket": 1})
    rabbitmq.restart()
    wait_until(lambda: broker.depth() == 1, event="the queue has a leader again")


@pytest.fixture
def publisher(settings: Settings) -> Publisher:
    return publisher_of(settings.model_copy(update={"task_grouping_queue_size": 3, "grouping_project_share": 1}))


def ask(publisher: Publisher, *, urgent: bool = False) -> str:
    return publisher.request(new_id(), "shop", "/chat", new_id(), has_template=False, urgent=urgent)


def test_past_the_queue_size_grouping_is_deferred(publisher: Publisher, broker: Broker) -> None:
    for _ in range(3):
        broker.send(RERUN, {"group": str(new_id()), "ticket": 1})
    # Within its share a project is never deferred, however many others wait; beyond the share a person's request is, too
    answers = [ask(publisher, urgent=urgent) for urgent in (False, False, True)]
    assert answers == ["requested", "deferred", "deferred"]


def ask_21_times(publisher: Publisher) -> tuple[str, list[str], float, float]:
    """The first answer, the twenty after it, and the seconds of both."""
    begun = time.monotonic()
    first = ask(publisher, urgent=True)
    between = time.monotonic()
    next_answers = [ask(publisher, urgent=True) for _ in range(20)]
    return first, next_answers, between - begun, time.monotonic() - between


def test_a_broker_that_is_gone_costs_the_first_request_a_second_and_the_next_nothing(
    publisher: Publisher, rabbitmq: RabbitServer
) -> None:
    rabbitmq.kill()
    first, next_answers, seconds_of_first, seconds_of_others = ask_21_times(publisher)
    rabbitmq.start()
    assert (first, set(next_answers)) == ("deferred", {"deferred"})
    assert (seconds_of_first < 1.5, seconds_of_others < 0.2) == (True, True)


def test_a_broker_that_hangs_costs_the_first_request_seconds_and_the_next_nothing(
    publisher: Publisher, rabbitmq: RabbitServer
) -> None:
    assert ask(publisher, urgent=True) == "requested"
    rabbitmq.pause()
    first, next_answers, seconds_of_first, seconds_of_others = ask_21_times(publisher)
    rabbitmq.resume()
    assert (first, set(next_answers)) == ("deferred", {"deferred"})
    assert (seconds_of_first < 2.5, seconds_of_others < 0.2) == (True, True)
    wait_until(lambda: ask(publisher, urgent=True) == "requested", event="it comes back by itself")


def test_groups_without_a_template_go_before_re_runs(
    broker: Broker, flow_environment: dict[str, str], tmp_path: Path
) -> None:
    reruns, fresh = [str(new_id()) for _ in range(8)], [str(new_id()) for _ in range(3)]
    for queue, groups in ((RERUN, reruns), (FIRST, fresh)):
        for group in groups:
            broker.send(queue, {"group": group, "ticket": 1})
    worker = worker_container(flow_environment, tmp_path)
    wait_until(lambda: worker.logs().count('"skipped"') == 11)
    order = sorted((*reruns, *fresh), key=worker.logs().index)
    worker.teardown()
    assert set(fresh) <= set(order[:6])


def test_a_poisoned_message_is_dropped_after_ten_deliveries(broker: Broker, rabbitmq: RabbitServer) -> None:
    broker.send(RERUN, {"group": str(new_id()), "ticket": 1})
    with Connection(rabbitmq.url) as connection:
        deliveries = 0
        while message := connection.default_channel.basic_get(RERUN):
            deliveries += 1
            connection.default_channel.basic_reject(message.delivery_tag, requeue=True)
            if deliveries <= 10:
                wait_until(lambda: broker.depth() == 1, event="it is back in its queue")
    assert deliveries == 11  # the first message, and ten more


def test_a_worker_at_work_leaves_the_next_message_of_the_queue_to_other_workers(
    shop: Shop, celery_worker: CeleryTestWorker, broker: Broker
) -> None:
    """RabbitMQ hands a message to a consumer with credit before it confirms the message to its sender, so nothing is to be waited for."""
    with shop.run_is_held("/held"):
        broker.send(FIRST, {"group": str(new_id()), "ticket": 1})
        assert broker.depth() == 1


def test_a_group_that_cannot_be_claimed_because_redis_is_away_is_named_in_the_log(
    celery_worker: CeleryTestWorker, own_valkey: ValkeyServer, broker: Broker
) -> None:
    group = str(new_id())
    own_valkey.kill()
    broker.send(FIRST, {"group": group, "ticket": 1})
    claim_failed = wait_until(lambda: [line for line in celery_worker.logs().splitlines() if '"claim_failed"' in line])
    assert group in claim_failed[0]


def _counted(shop: Shop, settings: Settings) -> dict[str, int]:
    pipeline(shop.engine, None, settings)  # this call folds the counters
    with transaction(shop.engine) as connection:
        return counters.totals(connection, None)


def _at_rest(shop: Shop, settings: Settings) -> dict | None:
    now = pipeline(shop.engine, None, settings)
    ended = now["runs"] + sum(now["skips"].values())
    return now if now["messages"] == ended and now["queue_depth"] == 0 else None
