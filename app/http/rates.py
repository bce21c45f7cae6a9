"""Rate limits: counted in the memory of this process, shared through Redis, never waiting for Redis.

A request is counted in memory and answered with what this process knows. Once a second, beside the requests, new counts are added to Redis
and the counts of the other processes are read. So a request costs no round trip, a Redis that is down or hangs delays nothing (each
process then counts alone), and the common limit is at most a second late.

A rate uses a *sliding window*: the running window counts in full, the previous one by the part that the last period still covers. No burst
of two windows passes at a border, and a subject needs two numbers, not a list of its requests.

Keys in Redis: `promptlode:rate:{name}:{subject}:{window}`, a count that expires after three periods.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from redis import Redis
from redis.exceptions import RedisError

PERIOD = 10.0
"""Seconds over which a rate is averaged: a burst of a few seconds passes, a flood is stopped within ten."""

SHARED_EVERY = 1.0
"""Seconds between two exchanges with Redis: one round trip a process and second."""

MOST_SUBJECTS = 20_000
"""Subjects kept in memory: with more of them (an attacker with many addresses) the oldest are forgotten and memory stays bounded."""

_MOST_SHARED = 1_000
"""Counts sent to Redis in one exchange; the others follow a second later."""


@dataclass(frozen=True)
class Rate:
    """Allowed events a second, averaged over PERIOD; 0 means no limit."""

    name: str
    per_second: int

    @property
    def amount(self) -> float:
        return self.per_second * PERIOD


@dataclass
class _WindowCount:
    """The count of one subject in one window: `own` of this process, `sent` of it added to Redis, `others` of other processes."""

    window: int
    own: int = 0
    sent: int = 0
    others: int = 0
    before: int = 0

    @property
    def total(self) -> int:
        return self.own + self.others

    def moved_to(self, window: int) -> "_WindowCount":
        """This count as of a window: the count itself, or its value as the previous window."""
        if window == self.window:
            return self
        return _WindowCount(window, before=self.total if window == self.window + 1 else 0)


class Rates:
    """The rates of a process; safe to share between threads."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], _WindowCount] = OrderedDict()
        self._lock = threading.Lock()
        self._shared_at = clock()
        self._sharing = threading.Lock()

    def spend(self, rate: Rate, subject: str, cost: int = 1) -> float:
        """Count `cost` and answer 0; where that exceeds the rate, count nothing and answer the seconds to wait."""
        return self._wait_for(rate, subject, cost, count=True)

    def spend_all(self, spendings: Iterable[tuple[Rate, str, int]]) -> bool:
        """Count the cost of each spending; where one of the rates is exceeded, count nothing and answer False."""
        now = self._clock()
        bounded = [spending for spending in spendings if spending[0].per_second > 0]
        with self._lock:
            counts = [(self._count(rate, subject, now), rate.amount, cost) for rate, subject, cost in bounded]
            within = all(_wait(count, amount, cost, now) == 0 for count, amount, cost in counts)
            if within:
                for count, _, cost in counts:
                    count.own += cost
        self._share_sometimes(now)
        return within

    def wait(self, rate: Rate, subject: str) -> float:
        """Seconds until one more event is within the rate; counts nothing."""
        return self._wait_for(rate, subject, 1, count=False)

    def _wait_for(self, rate: Rate, subject: str, cost: int, *, count: bool) -> float:
        if rate.per_second <= 0:
            return 0.0
        now = self._clock()
        with self._lock:
            stored_count = self._count(rate, subject, now)
            wait = _wait(stored_count, rate.amount, cost, now)
            if count and wait == 0:
                stored_count.own += cost
        self._share_sometimes(now)
        return wait

    def _count(self, rate: Rate, subject: str, now: float) -> _WindowCount:
        key = (rate.name, subject)
        window = int(now // PERIOD)
        count = self._counts.pop(key, None) or _WindowCount(window)
        self._counts[key] = count = count.moved_to(window)
        while len(self._counts) > MOST_SUBJECTS:
            self._counts.popitem(last=False)
        return count

    # --- with the other processes

    def _share_sometimes(self, now: float) -> None:
        """Share in a thread that ends with the exchange: no request waits for it, and an idle process has no thread."""
        if now - self._shared_at >= SHARED_EVERY and self._sharing.acquire(blocking=False):
            self._shared_at = now
            threading.Thread(target=self._share_once, name="share-rates", daemon=True).start()

    def _share_once(self) -> None:
        try:
            self.share()
        except RedisError:
            pass  # counts that are not sent now are sent with the next exchange
        finally:
            self._sharing.release()

    def share(self) -> None:
        """Add the new counts of this process to Redis and read those of the other processes. Raises RedisError."""
        now = int(self._clock() // PERIOD)
        with self._lock:
            news = [
                (key, count.own)
                for key, count in self._counts.items()
                if count.window == now and count.own > count.sent
            ]
            counts = [(key, own_count, own_count - self._counts[key].sent) for key, own_count in news[-_MOST_SHARED:]]
        pipe = self._redis.pipeline(transaction=False)
        for (name, subject), _, rate in counts:
            redis_key = f"promptlode:rate:{name}:{subject}:{now}"
            pipe.incrby(redis_key, rate)
            pipe.expire(redis_key, int(3 * PERIOD))
        totals = pipe.execute()[0::2]
        with self._lock:
            for (key, own_count, _), total in zip(counts, totals, strict=True):
                count = self._counts.get(key)
                if count is not None and count.window == now:
                    count.sent, count.others = own_count, int(total) - own_count


def _wait(count: _WindowCount, amount: float, cost: int, now: float) -> float:
    """Seconds until `cost` more events fit; 0 when they fit now. A cost above the whole rate fits into an idle window."""
    share_elapsed = now / PERIOD - count.window
    room = amount - min(cost, amount) - count.total
    if room >= count.before * (1 - share_elapsed):
        return 0.0
    if room >= 0:
        return (1 - room / count.before - share_elapsed) * PERIOD
    return (1 - share_elapsed + max(0.0, 1 - (room + count.total) / count.total)) * PERIOD


def subject_of(address: str | None) -> str:
    """The subject of an address; an IPv6 customer owns a /64 of addresses."""
    try:
        caller = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped  # a dual-stack socket writes IPv4 clients like this; they are distinct customers
    return str(ip_network((caller, 64), strict=False)) if isinstance(caller, IPv6Address) else str(caller)
