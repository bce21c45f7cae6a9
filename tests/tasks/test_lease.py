"""A run notices the loss of its lease, on a real Valkey."""

from collections.abc import Iterator

import pytest
from redis import Redis

from app.local.valkey import ValkeyServer
from app.store.ids import new_id
from tasks.coalescing.pace import Pace
from tasks.coalescing.protocol import RedisCoalescing, Terms
from tasks.lease import Lease
from tests.flows.containers import wait_until

SECONDS = 3.0
GROUP = new_id()
TERMS = Terms(lease=SECONDS, pace=Pace(quiet=0))


@pytest.fixture
def coalescing(own_valkey: ValkeyServer) -> Iterator[RedisCoalescing]:
    with Redis.from_url(own_valkey.url(), socket_timeout=SECONDS / 3) as client:
        protocol = RedisCoalescing(client, TERMS)
        protocol.claim(GROUP, "me", ticketless=True)
        yield protocol


@pytest.fixture
def other_worker(own_valkey: ValkeyServer) -> Iterator[RedisCoalescing]:
    """Another worker, with the usual patience for Redis."""
    with Redis.from_url(own_valkey.url()) as client:
        yield RedisCoalescing(client, TERMS)


def test_a_lease_is_kept_for_much_longer_than_its_length(
    coalescing: RedisCoalescing, other_worker: RedisCoalescing
) -> None:
    with Lease(coalescing, GROUP, "me", SECONDS) as lease:
        begun = other_worker.claim(GROUP, "other").at
        wait_until(lambda: other_worker.claim(GROUP, "other").at - begun > 3 * SECONDS * 1000)
        assert not lease.lost
        assert other_worker.claim(GROUP, "other").word == "busy"


def test_a_lease_that_another_run_has_taken_is_lost(coalescing: RedisCoalescing, own_valkey: ValkeyServer) -> None:
    with Lease(coalescing, GROUP, "me", SECONDS) as lease:
        with Redis.from_url(own_valkey.url()) as client:
            client.flushall()
        wait_until(lambda: lease.lost)


def test_a_lease_of_which_nothing_is_heard_is_lost_in_time(
    coalescing: RedisCoalescing, own_valkey: ValkeyServer
) -> None:
    with Lease(coalescing, GROUP, "me", SECONDS) as lease:
        own_valkey.pause()
        wait_until(lambda: lease.lost, 5 * SECONDS)
        own_valkey.resume()
