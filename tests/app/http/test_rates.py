"""Rates are counted within a process, shared between processes, and forgotten with time."""

import threading
from collections.abc import Iterator

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.http.rates import MOST_SUBJECTS, PERIOD, SHARED_EVERY, Rate, Rates, subject_of
from app.local.valkey import ValkeyServer

RATE = Rate("test", 10)  # 100 in ten seconds


class Clock:
    """A clock that a test moves; the first moment is the beginning of a window."""

    def __init__(self) -> None:
        self.now = 1_000_000 * PERIOD

    def __call__(self) -> float:
        return self.now


class Silent:
    """A process that shares nothing, however long the test takes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.rates = Rates(redis.Redis(), self.clock)
        self.rates._sharing.acquire()

    def spend(self, cost: int = 1, subject: str = "a") -> float:
        return self.rates.spend(RATE, subject, cost)


def test_requests_within_the_rate_pass_and_the_next_must_wait() -> None:
    limits = Silent()
    assert [limits.spend() for _ in range(100)] == [0.0] * 100
    assert limits.spend() > 0
    assert limits.spend(subject="another") == 0


def test_after_the_wait_that_was_told_it_passes() -> None:
    limits = Silent()
    limits.spend(100)
    wait = limits.spend(7)
    limits.clock.now += wait - 0.01
    assert limits.spend(7) > 0
    limits.clock.now += 0.02
    assert limits.spend(7) == 0


def test_a_refused_request_does_not_count() -> None:
    limits = Silent()
    limits.spend(100)
    first = limits.spend()
    assert [limits.spend() for _ in range(1000)] == [first] * 1000


def test_a_batch_larger_than_the_rate_passes_when_nothing_came_before() -> None:
    limits = Silent()
    assert limits.spend(1000) == 0
    limits.clock.now += 2 * PERIOD
    assert limits.spend(1) == 0
    assert limits.spend(1000) > 0


def test_a_rate_of_zero_is_no_limit() -> None:
    assert Silent().rates.spend(Rate("off", 0), "a", 10**9) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 30)), max_size=200))
def test_no_ten_seconds_hold_more_than_twice_the_rate(
    steps: list[tuple[float, int]],
) -> None:
    """The last window counts as if its requests had been spread evenly: a burst at its end may pass twice, never
    more.
    """
    limits, taken = Silent(), []
    for pause, cost in steps:
        limits.clock.now += pause
        if limits.spend(cost) == 0:
            taken.append((limits.clock.now, cost))
    for start, _ in taken:
        assert sum(cost for moment, cost in taken if start <= moment < start + PERIOD) <= 2 * RATE.amount


def test_a_steady_rate_just_below_is_never_refused() -> None:
    limits = Silent()
    for _ in range(1000):
        assert limits.spend() == 0
        limits.clock.now += 1.02 / RATE.per_second


def test_an_attacker_with_many_addresses_makes_no_memory_grow() -> None:
    limits = Silent()
    for number in range(MOST_SUBJECTS + 10):
        limits.spend(subject=str(number))
    assert len(limits.rates._counts) == MOST_SUBJECTS


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # an IPv4 caller, in the form of a socket that listens on IPv6 too
        (None, "unknown"),
        ("x\r\ny", "unknown"),
    ],
)
def test_a_network_of_one_customer_is_one_address(address: str | None, subject: str) -> None:
    assert subject_of(address) == subject


# --- several processes


@pytest.fixture
def two_processes(redis_client: redis.Redis, redis_url: str) -> Iterator[tuple[Rates, Rates]]:
    clock = Clock()
    with redis.Redis.from_url(redis_url) as first, redis.Redis.from_url(redis_url) as second:
        yield Rates(first, clock), Rates(second, clock)


def test_two_processes_count_together(two_processes: tuple[Rates, Rates], redis_client: redis.Redis) -> None:
    first, second = two_processes
    first.spend(RATE, "a", 60)
    second.spend(RATE, "a", 30)
    first.share()
    second.share()
    assert second.spend(RATE, "a", 20) > 0
    assert second.spend(RATE, "a", 10) == 0
    assert 0 < redis_client.ttl(redis_client.keys("promptlode:rate:test:a:*")[0]) <= 3 * PERIOD


def test_the_counts_of_a_process_are_shared_once(two_processes: tuple[Rates, Rates], redis_client: redis.Redis) -> None:
    first, _ = two_processes
    for cost in (3, 4):
        first.spend(RATE, "a", cost)
        first.share()
        first.share()
    assert redis_client.get(redis_client.keys("promptlode:rate:test:a:*")[0]) == "7"


def test_a_redis_that_hangs_holds_up_nobody(own_valkey: ValkeyServer) -> None:
    """A request does not wait for the exchange with Redis, and at most one exchange is under way."""
    clock = Clock()
    with redis.Redis.from_url(own_valkey.url(), socket_timeout=60) as client:
        client.ping()
        before = set(threading.enumerate())  # other tests may have such threads that are about to end
        rates = Rates(client, clock)
        own_valkey.pause()
        for _ in range(50):
            clock.now += SHARED_EVERY
            assert rates.spend(RATE, "a", 5) == 0
        sharing = [thread for thread in set(threading.enumerate()) - before if thread.name == "share-rates"]
        assert len(sharing) == 1
        own_valkey.resume()
        sharing[0].join()


def test_without_redis_a_process_counts_for_itself(own_valkey: ValkeyServer) -> None:
    clock = Clock()
    with redis.Redis.from_url(own_valkey.url(), retry=Retry(NoBackoff(), 0)) as client:
        rates = Rates(client, clock)
        own_valkey.kill()
        rates.spend(RATE, "a", 1)
        with pytest.raises(redis.ConnectionError):
            rates.share()
        clock.now += SHARED_EVERY
        assert [rates.spend(RATE, "a") == 0 for _ in range(101)].count(True) == 99
