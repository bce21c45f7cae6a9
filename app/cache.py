"""A cache of recently used values in the memory of a process."""

import math
import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


AGEING_SHARE_OF_LIFETIME = 0.3
"""In the last 30 % of its lifetime a value is refreshed in the background, so that no request waits for it."""


class Cache(Generic[Key, Value]):
    """At most `size` values, the least recently used dropped first; safe to share between threads.

    seconds: how long a value counts as fresh.
    """

    def __init__(self, size: int, seconds: float = math.inf) -> None:
        self._size = size
        self._seconds = seconds
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def fresh(self, key: Key) -> Value | None:
        """The value, while it is fresh."""
        with self._lock:
            until, value = self._kept.get(key, (0.0, None))
            if value is None or until < time.monotonic():
                return None
            self._kept.move_to_end(key)
            return value

    def is_ageing(self, key: Key) -> bool:
        """Whether the value is fresh, and soon will not be."""
        with self._lock:
            until, _ = self._kept.get(key, (0.0, None))
            return 0 < until - time.monotonic() < AGEING_SHARE_OF_LIFETIME * self._seconds

    def last(self, key: Key) -> Value | None:
        """The last value, however old."""
        with self._lock:
            return self._kept.get(key, (0.0, None))[1]

    def keep(self, key: Key, value: Value) -> None:
        """Remember the value, as of now."""
        with self._lock:
            self._kept[key] = (time.monotonic() + self._seconds, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def forget(self, key: Key) -> None:
        """Drop the value of the key."""
        with self._lock:
            self._kept.pop(key, None)
