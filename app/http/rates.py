"""How often somebody may do something: counted in this process, shared through Redis, never waiting for Redis.

A request is counted here, in memory, and answered by what this process knows.  Once a second, beside the requests, what
was counted is added to Redis and what the other processes counted is read back.  So a request costs no round trip, a Redis
that is gone or hangs costs nothing at all (each process then counts for itself), and what several processes let through
together is late by a second at most.

A rate is a *sliding window*: the window that is running counts whole, the one before for the part of it that a period
back from now still covers.  No burst of two windows' worth passes at a border, and two numbers are kept, not each request.

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
"""Seconds that a rate is averaged over: a burst of a few seconds passes, a flood is over in ten."""

SHARED_EVERY = 1.0

MOST_SUBJECTS = 20_000
"""Who is remembered: an attacker with more addresses than that makes us forget the oldest, and no memory grow."""

_MOST_SHARED = 1_000
"""Counts that one exchange with Redis carries; the others follow a second later."""


@dataclass(frozen=True)
class Rate:
    """So many a second, averaged over PERIOD; 0 is no limit."""

    name: str
    per_second: int

    @property
    def amount(self) -> float:
        return self.per_second * PERIOD


@dataclass
class _Count:
    """What one subject did in one window: `own` here, `sent` of it told to Redis, `others` elsewhere."""

    window: int
    own: int = 0
    sent: int = 0
    others: int = 0
    before: int = 0

    @property
    def whole(self) -> int:
        return self.own + self.others

    def moved_to(self, window: int) -> "_Count":
        """This count as of a window: itself, or what it is worth as the one before."""
        if window == self.window:
            return self
        return _Count(window, before=self.whole if window == self.window + 1 else 0)


class Rates:
    """The rates of a process; safe to share between threads."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._lock = threading.Lock()
        self._shared_at = clock()
        self._sharing = threading.Lock()

    def spend(self, rate: Rate, subject: str, cost: int = 1) -> float:
        """Count it and answer 0; or, where that is over the rate, the seconds after which it is not."""
        return self._asked(rate, subject, cost, count=True)

    def spend_all(self, spendings: Iterable[tuple[Rate, str, int]]) -> bool:
        """Count the cost of each; or, where that is over any of the rates, count nothing and answer False."""
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
        """Seconds until one more is within the rate; counts nothing."""
        return self._asked(rate, subject, 1, count=False)

    def _asked(self, rate: Rate, subject: str, cost: int, *, count: bool) -> float:
        if rate.per_second <= 0:
            return 0.0
        now = self._clock()
        with self._lock:
            counted = self._count(rate, subject, now)
            wait = _wait(counted, rate.amount, cost, now)
            if count and wait == 0:
                counted.own += cost
        self._share_sometimes(now)
        return wait

    def _count(self, rate: Rate, subject: str, now: float) -> _Count:
        key = (rate.name, subject)
        window = int(now // PERIOD)
        count = self._counts.pop(key, None) or _Count(window)
        self._counts[key] = count = count.moved_to(window)
        while len(self._counts) > MOST_SUBJECTS:
            self._counts.popitem(last=False)
        return count

    # --- with the other processes

    def _share_sometimes(self, now: float) -> None:
        """In a thread that ends with the exchange: no request waits for it, and an idle process has none."""
        if now - self._shared_at >= SHARED_EVERY and self._sharing.acquire(blocking=False):
            self._shared_at = now
            threading.Thread(target=self._share_once, name="share-rates", daemon=True).start()

    def _share_once(self) -> None:
        try:
            self.share()
        except RedisError:
            pass  # what is not told now is told with the next
        finally:
            self._sharing.release()

    def share(self) -> None:
        """Tell Redis what was counted here since the last time, and learn what was elsewhere.  Raises RedisError."""
        now = int(self._clock() // PERIOD)
        with self._lock:
            news = [
                (key, count.own)
                for key, count in self._counts.items()
                if count.window == now and count.own > count.sent
            ]
            counts = [(key, own, own - self._counts[key].sent) for key, own in news[-_MOST_SHARED:]]
        pipe = self._redis.pipeline(transaction=False)
        for (name, subject), _, more in counts:
            redis_key = f"promptlode:rate:{name}:{subject}:{now}"
            pipe.incrby(redis_key, more)
            pipe.expire(redis_key, int(3 * PERIOD))
        totals = pipe.execute()[0::2]
        with self._lock:
            for (key, own, _), total in zip(counts, totals, strict=True):
                count = self._counts.get(key)
                if count is not None and count.window == now:
                    count.sent, count.others = own, int(total) - own


def _wait(count: _Count, amount: float, cost: int, now: float) -> float:
    """Seconds until `cost` more fit; 0 when they do.  What is larger than the whole rate fits into an idle window."""
    gone = now / PERIOD - count.window
    room = amount - min(cost, amount) - count.whole
    if room >= count.before * (1 - gone):
        return 0.0
    if room >= 0:
        return (1 - room / count.before - gone) * PERIOD
    return (1 - gone + max(0.0, 1 - (room + count.whole) / count.whole)) * PERIOD


def subject_of(address: str | None) -> str:
    """Who counts as one address: an IPv6 customer has a /64 of them."""
    try:
        caller = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped is not None:
        caller = (
            caller.ipv4_mapped
        )  # how a socket that listens on both writes an IPv4 caller: they are not one customer
    return str(ip_network((caller, 64), strict=False)) if isinstance(caller, IPv6Address) else str(caller)
