"""The calls that wait to be sent, as JSON. Beyond its size the oldest are dropped and counted."""

from __future__ import annotations

from collections import deque


class Buffer:
    """A queue of texts with a limit in bytes. Its user holds the lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[bytes] = deque()
        self.bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: bytes) -> None:
        if len(item) > self._limit:
            self.dropped += 1
            return
        self._items.append(item)
        self.bytes += len(item)
        self._trim()

    def put_back(self, items: list[bytes]) -> None:
        """Put unsent calls back; they are the oldest, so they are dropped first."""
        self._items.extendleft(reversed(items))
        self.bytes += sum(map(len, items))
        self._trim()

    def take(self, limit: int, most_bytes: int) -> list[bytes]:
        """The oldest calls, at least one."""
        items: list[bytes] = []
        size = 0
        while self._items and len(items) < limit and (not items or size + len(self._items[0]) <= most_bytes):
            items.append(self._items.popleft())
            size += len(items[-1])
        self.bytes -= size
        return items

    def _trim(self) -> None:
        while self.bytes > self._limit:
            self.bytes -= len(self._items.popleft())
            self.dropped += 1
