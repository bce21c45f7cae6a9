"""Two worlds for the same tests: the scripts on a real server, and the double. Tests can move time in both.

Redis' clock cannot be set, so the scripts' world moves every stored time back, which has the same effect on a script.
"""

from uuid import UUID

from redis import Redis

from tasks.coalescing.protocol import DUE_KEY, Coalescing, RedisCoalescing, Terms, key_of, milliseconds
from tests.coalescing.double import MemoryCoalescing

TIMES = ("at", "until", "first_at", "rest_until", "run_at")


class ScriptWorld:
    def __init__(self, redis: Redis, terms: Terms) -> None:
        self._redis = redis
        self.shift = 0
        self.coalescing: Coalescing = RedisCoalescing(redis, terms)

    def advance(self, seconds: float) -> None:
        step = milliseconds(seconds)
        self.shift += step
        for key in self._redis.scan_iter(match="promptlode:{*}"):
            self._move_back(key, step)
        for group in self._redis.zrange(DUE_KEY, 0, -1):
            self._redis.zincrby(DUE_KEY, -step, group)

    def _move_back(self, key: str, step: int) -> None:
        for name, value in zip(TIMES, self._redis.hmget(key, TIMES), strict=True):
            if value and int(value):
                self._redis.hincrby(key, name, -step)

    def flush(self) -> None:
        self._redis.flushall()

    def now(self) -> int:
        """Redis' clock, plus the moved time."""
        seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000 + self.shift

    def fields(self, group: UUID) -> dict[str, str]:
        return self._redis.hgetall(key_of(group))

    def keys_without_expiry(self) -> list[str]:
        return [key for key in self._redis.scan_iter() if self._redis.ttl(key) == -1]


class MemoryWorld:
    shift = 0

    def __init__(self, terms: Terms) -> None:
        self.time = 1_000_000
        self.double = MemoryCoalescing(terms, clock=lambda: self.time)
        self.coalescing: Coalescing = self.double

    def advance(self, seconds: float) -> None:
        self.time += milliseconds(seconds)

    def flush(self) -> None:
        self.double.flush()
