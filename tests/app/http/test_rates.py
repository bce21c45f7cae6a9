"""How often somebody may do something: counted within a process, shared between processes, and over with time."""

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
    """A time that passes when a test says so; it begins with a window."""

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


def test_what_is_within_the_rate_passes_and_the_next_must_wait() -> None:
    one = Silent()
    assert [one.spend() for _ in range(100)] == [0.0] * 100
    assert one.spend() > 0
    assert one.spend(subject="another") == 0


def test_after_the_wait_that_was_told_it_passes() -> None:
    one = Silent()
    one.spend(100)
    wait = one.spend(7)
    one.clock.now += wait - 0.01
    assert one.spend(7) > 0
    one.clock.now += 0.02
    assert one.spend(7) == 0


def test_what_was_refused_does_not_count() -> None:
    one = Silent()
    one.spend(100)
    first = one.spend()
    assert [one.spend() for _ in range(1000)] == [first] * 1000


def test_a_batch_larger_than_the_rate_passes_when_nothing_came_before() -> None:
    one = Silent()
    assert one.spend(1000) == 0
    one.clock.now += 2 * PERIOD
    assert one.spend(1) == 0
    assert one.spend(1000) > 0


def test_a_rate_of_zero_is_no_limit() -> None:
    assert Silent().rates.spend(Rate("off", 0), "a", 10**9) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 30)), max_size=200))
def test_no_ten_seconds_hold_more_than_twice_the_rate(
    steps: list[tuple[float, int]],
) -> None:
    """The window before counts as if it had been even: so a burst at its end may pass twice, never more."""
    one, taken = Silent(), []
    for pause, cost in steps:
        one.clock.now += pause
        if one.spend(cost) == 0:
            taken.append((one.clock.now, cost))
    for start, _ in taken:
        assert sum(cost for moment, cost in taken if start <= moment < start + PERIOD) <= 2 * RATE.amount


def test_a_steady_rate_just_below_is_never_refused() -> None:
    one = Silent()
    for _ in range(1000):
        assert one.spend() == 0
        one.clock.now += 1.02 / RATE.per_second


def test_an_attacker_with_many_addresses_makes_no_memory_grow() -> None:
    one = Silent()
    for number in range(MOST_SUBJECTS + 10):
        one.spend(subject=str(number))
    assert len(one.rates._counts) == MOST_SUBJECTS


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # as a socket that listens on IPv6 too writes an IPv4 caller
        (None, "unknown"),
        ("x\r\ny", "unknown"),
    ],
)
def test_a_network_of_one_customer_is_one_address(address: str | None, subject: str) -> None:
    assert subject_of(address) == subject


# --- several processes


@pytest.fixture
def two(redis_client: redis.Redis, redis_url: str) -> Iterator[tuple[Rates, Rates]]:
    clock = Clock()
    with redis.Redis.from_url(redis_url) as one, redis.Redis.from_url(redis_url) as other:
        yield Rates(one, clock), Rates(other, clock)


def test_two_processes_count_together(two: tuple[Rates, Rates], redis_client: redis.Redis) -> None:
    one, other = two
    one.spend(RATE, "a", 60)
    other.spend(RATE, "a", 30)
    one.share()
    other.share()
    assert other.spend(RATE, "a", 20) > 0
    assert other.spend(RATE, "a", 10) == 0
    assert 0 < redis_client.ttl(redis_client.keys("promptlode:rate:test:a:*")[0]) <= 3 * PERIOD


def test_what_was_told_is_told_once(two: tuple[Rates, Rates], redis_client: redis.Redis) -> None:
    one, _ = two
    for cost in (3, 4):
        one.spend(RATE, "a", cost)
        one.share()
        one.share()
    assert redis_client.get(redis_client.keys("promptlode:rate:test:a:*")[0]) == "7"


def test_a_redis_that_hangs_holds_up_nobody(own_valkey: ValkeyServer) -> None:
    """Whoever spends does not wait for the exchange with Redis, and there is never more than one under way."""
    clock = Clock()
    with redis.Redis.from_url(own_valkey.url(), socket_timeout=30) as client:
        client.ping()
        before = set(threading.enumerate())  # other tests may have such threads that are about to end
        rates = Rates(client, clock)
        own_valkey.pause()
        for _ in range(50):
            clock.now += SHARED_EVERY
            assert rates.spend(RATE, "a", 5) == 0
        sharing = [each for each in set(threading.enumerate()) - before if each.name == "share-rates"]
        assert len(sharing) == 1
        own_valkey.resume()
        sharing[0].join(30)


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
