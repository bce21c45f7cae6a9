"""The length of the queue is measured once for all requests of a moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from tasks.waiting import SECONDS_A_MESSAGE, Waiting
from tests.flows.containers import wait_until

CALLERS = 8


class CountingLock:
    """A lock that counts who has asked for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.callers: list[int] = []

    def __enter__(self) -> None:
        self.callers.append(threading.get_ident())
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class HangingRedis:
    """Hangs until it is let go, and then has not answered."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_end = threading.Event()

    def parked(self) -> int:
        self.asked += 1
        self.may_end.wait(180)
        raise RedisTimeoutError


def test_requests_that_meet_a_hanging_redis_in_one_moment_share_one_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    redis, lock = HangingRedis(), CountingLock()
    waiting = Waiting(10, 1, parked=redis.parked, lines=dict, messages=int)
    monkeypatch.setattr(waiting, "_lock", lock)
    with ThreadPoolExecutor(CALLERS) as threads:
        requests = [threads.submit(waiting.is_full, "shop") for _ in range(CALLERS)]
        wait_until(lambda: len(lock.callers) == CALLERS)
        redis.may_end.set()
        assert all(isinstance(request.exception(180), RedisTimeoutError) for request in requests)
    assert redis.asked == 1


def test_a_later_request_measures_again() -> None:
    redis = HangingRedis()
    redis.may_end.set()
    waiting = Waiting(10, 1, parked=redis.parked, lines=dict, messages=int)
    for _ in range(2):
        with pytest.raises(RedisTimeoutError):
            waiting.patience("shop")
    assert redis.asked == 2


def test_who_cannot_wait_gets_the_last_measure_while_the_next_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.waiting.LONGEST_DEPTH_SECONDS", 600.0)
    redis = HangingRedis()
    measures = iter([int, redis.parked])

    def parked() -> int:
        return next(measures)()

    waiting = Waiting(10, 1, parked=parked, lines=dict, messages=lambda: 3)
    assert waiting.patience_at_once("shop") is None  # nothing is measured yet
    waiting.measure()
    with ThreadPoolExecutor(1) as threads:
        measuring = threads.submit(waiting.measure)
        wait_until(lambda: redis.asked == 1)
        assert waiting.patience_at_once("shop") == 3 * SECONDS_A_MESSAGE
        redis.may_end.set()
        assert isinstance(measuring.exception(180), RedisTimeoutError)


def test_who_cannot_wait_gets_nothing_while_others_wait_for_a_measure() -> None:
    redis = HangingRedis()
    waiting = Waiting(10, 1, parked=redis.parked, lines=dict, messages=int)
    with ThreadPoolExecutor(1) as threads:
        measuring = threads.submit(waiting.is_full, "shop")
        wait_until(lambda: redis.asked == 1)
        assert waiting.patience_at_once("shop") is None  # the first measure is under way, and callers wait for it
        redis.may_end.set()
        assert isinstance(measuring.exception(180), RedisTimeoutError)


def test_who_cannot_wait_is_told_nothing_while_the_queue_is_full() -> None:
    waiting = Waiting(2, 1, parked=int, lines=dict, messages=lambda: 2)
    waiting.measure()
    assert waiting.patience_at_once("shop") is not None  # a project may have its share
    waiting.one_more("shop")
    assert waiting.patience_at_once("shop") is None
    assert waiting.is_full("shop")


def test_messages_sent_during_a_measure_beside_the_requests_are_counted_on() -> None:
    sent_meanwhile = iter([0, 2, 0])

    def messages() -> int:
        for _ in range(next(sent_meanwhile)):
            waiting.one_more("shop")
        return 0

    waiting = Waiting(2, 1, parked=int, lines=dict, messages=messages)
    waiting.measure()
    assert waiting.patience_at_once("shop") is not None
    waiting.measure()
    assert waiting.patience_at_once("shop") is None  # two messages, which the measure cannot have seen, fill the queue
    waiting.measure()
    assert waiting.patience_at_once("shop") is not None


def test_an_older_measure_replaces_no_newer_one() -> None:
    lengths = iter([2, 7])

    def messages() -> int:
        length = next(lengths)
        if length == 2:
            waiting.measure()
        return length

    waiting = Waiting(9, 1, parked=int, lines=dict, messages=messages)
    waiting.measure()
    assert waiting.patience_at_once("shop") == 7 * SECONDS_A_MESSAGE
