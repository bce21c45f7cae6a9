"""A worker whose acknowledgement failed goes on taking messages.

kombu keeps a message whose acknowledgement failed as one under way, and with a prefetch count of 1 that is the last one that the
consumer ever takes (docs/operations.md, "A worker that takes no messages").
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psutil
import pytest
import redis
from celery import Celery
from pytest_celery import CeleryTestWorker

from app.local.valkey import ValkeyServer
from tasks.queues import FIRST, RERUN
from tests.flows.conftest import Shop
from tests.flows.containers import (
    ProcessContainer,
    wait_until,
)

LOST = "Connection to broker lost"
"""On a machine so busy that the parent sends an event between the fault and the end of the run, the event fails before the
acknowledgement does; the parent then waits for the broker, and acknowledges nothing until it is back."""

ATTEMPTS, SECONDS_TO_FAIL = ("first", "second", "third", "fourth"), 30
"""Where the child loses its connection too, as on a busy machine it may, its run does not end and there is nothing to acknowledge."""


@contextmanager
def the_parent_is_cut_off(client: redis.Redis, worker: ProcessContainer) -> Iterator[None]:
    """In the block the process that acknowledges has lost its connections but that of pub/sub, and Redis takes no new
    ones. Connections of the child, which does the work, stay; a child that was forked late holds the parent's, too.
    """
    parent = psutil.Process(worker.pid)
    (child,) = parent.children()
    spared = _ports(child) - _ports(parent)
    client.config_set("maxclients", 1)
    for connection in client.client_list(_type="normal"):
        if int(connection["addr"].rpartition(":")[2]) not in spared and connection["id"] != str(client.client_id()):
            client.client_kill_filter(_id=connection["id"])
    try:
        yield
    finally:
        client.config_set("maxclients", 10_000)


def _ports(process: psutil.Process) -> set[int]:
    return {connection.laddr.port for connection in process.net_connections()}


@contextmanager
def acknowledging_is_forbidden(client: redis.Redis, worker: ProcessContainer) -> Iterator[None]:
    """In the block Redis refuses the command that takes a message out of those under way."""
    client.execute_command("ACL SETUSER default -hdel")
    try:
        yield
    finally:
        client.execute_command("ACL SETUSER default +hdel")


def under_way(client: redis.Redis) -> set[Any]:
    """The messages that were delivered and not acknowledged."""
    return set(client.zrange("unacked_index", 0, -1))


@pytest.mark.parametrize(
    ("fault", "message"),
    [(the_parent_is_cut_off, "Couldn't ack"), (acknowledging_is_forbidden, "NoPermissionError")],
    ids=["cut_off", "forbidden"],
)
def test_a_worker_that_could_not_acknowledge_takes_messages_again(
    fault: Callable,
    message: str,
    shop: Shop,
    celery_worker: CeleryTestWorker,
    reconciler: ProcessContainer,
    valkey: ValkeyServer,
    request: pytest.FixtureRequest,
) -> None:
    path = f"/{request.node.callspec.id}"
    worker = celery_worker.container

    def failed() -> bool:
        return message in worker.logs() or LOST in worker.logs()

    with redis.Redis.from_url(valkey.url(), single_connection_client=True) as client:
        for attempt in ATTEMPTS:
            before = under_way(client)  # a message that could not be acknowledged stays there
            with ExitStack() as broken:
                with shop.run_is_held(f"{path}/{attempt}"):
                    wait_until(lambda before=before: under_way(client) - before)
                    broken.enter_context(fault(client, worker))
                with suppress(AssertionError):
                    wait_until(failed, SECONDS_TO_FAIL)
            if failed():
                break
            shop.wait_until_grouped(f"{path}/{attempt}", 3)
    assert failed(), f"no acknowledgement has failed: {worker.logs()}"
    shop.send_batch(f"{path}/next", "dogwood", "elder", "fir")
    shop.wait_until_grouped(f"{path}/next", 3)
    shop.wait_until_grouped(f"{path}/{attempt}", 3)


def test_messages_that_nobody_takes_make_the_installation_unready(
    shop: Shop, celery_worker: CeleryTestWorker, reconciler: ProcessContainer, flow_environment: dict[str, str]
) -> None:
    with Celery(broker=flow_environment["REDIS_URL"]) as control, ExitStack() as restored:
        restored.callback(_told, control, "add_consumer")
        _told(control, "cancel_consumer")
        shop.send_batch("/unheard", "ash", "birch", "cedar")
        wait_until(lambda: "messages wait" in _worker_is_down(shop), event="/readyz says that nothing is taken")
    shop.wait_until_grouped("/unheard", 3)
    wait_until(lambda: shop.client.get("/readyz").json["worker"]["ok"])


def _told(control: Celery, action: str) -> None:
    for queue in (FIRST, RERUN):
        assert control.control.broadcast(action, arguments={"queue": queue}, reply=True, timeout=90, limit=1)


def _worker_is_down(shop: Shop) -> str:
    worker = shop.client.get("/readyz").json["worker"]
    return "" if worker["ok"] else worker["detail"]
