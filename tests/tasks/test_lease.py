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
LONG = 8.0
"""Seconds of a lease that must not be lost: a busy machine may let its thread wait for two thirds of these."""
GROUP = new_id()


def terms(seconds: float) -> Terms:
    return Terms(lease=seconds, pace=Pace(quiet=0))


@pytest.fixture
def coalescing(own_valkey: ValkeyServer) -> Iterator[RedisCoalescing]:
    with Redis.from_url(own_valkey.url(), socket_timeout=SECONDS / 3) as client:
        protocol = RedisCoalescing(client, terms(SECONDS))
        protocol.claim(GROUP, "me", ticketless=True)
        yield protocol


def test_a_lease_is_kept_for_longer_than_its_length(own_valkey: ValkeyServer) -> None:
    with Redis.from_url(own_valkey.url()) as client:
        protocol = RedisCoalescing(client, terms(LONG))
        protocol.claim(GROUP, "me", ticketless=True)
        with Lease(protocol, GROUP, "me", LONG) as lease:
            begun = protocol.claim(GROUP, "other").at
            wait_until(lambda: protocol.claim(GROUP, "other").at - begun > 1.25 * LONG * 1000)
            assert not lease.lost
            assert protocol.claim(GROUP, "other").word == "busy"


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
