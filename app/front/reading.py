"""Bodies, while they arrive: within a time, a size, and what one party may have under way.

Nobody's body takes a thread before it is whole.  What is under way is memory, so it is bounded for each party and for all.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

MOST_BODIES = 512
"""Bodies that one party may have under way at once."""

PARTY_BODIES, ALL_BODIES = 4, 16
"""Bytes that may be under way of one party, and of all, in largest bodies."""


SMALL = 64 * 1024
"""Bytes of a body that is taken in one piece, and counted before it is there."""


class Source(Protocol):
    """A body as granian gives it: piece after piece, or in one."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def __call__(self) -> Awaitable[bytes]: ...


class SlowBodyError(Exception):
    """The body took too long."""


class LargeBodyError(Exception):
    """The body is larger than this caller may send."""


class TooMuchUnderWayError(Exception):
    """This party, or all together, have too many bodies under way."""


@dataclass
class _Body:
    """What has arrived."""

    party: str
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Reading:
    """The bodies under way in this process.  One event loop uses it, so there is no lock."""

    def __init__(self, largest: int, seconds: float) -> None:
        self._largest = largest
        self._seconds = seconds
        self._bodies: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    async def body(self, party: str, limit: int, length: int, source: Source) -> bytes:
        """The whole body.  Raises SlowBodyError, LargeBodyError or TooMuchUnderWayError.

        length: as its header says, 0 when it does not.  A small body is taken in one piece: most calls are, and every piece costs
        the loop a round.
        """
        with self._under_way(party) as body:
            try:
                async with asyncio.timeout(self._seconds):
                    if 0 < length <= min(SMALL, limit):
                        self._add(body, length, limit)
                        return await source()
                    async for chunk in source:
                        body.parts.append(chunk)
                        self._add(body, len(chunk), limit)
            except TimeoutError:
                raise SlowBodyError from None
            return b"".join(body.parts)

    @contextmanager
    def _under_way(self, party: str) -> Iterator[_Body]:
        if self._bodies[party] >= MOST_BODIES:
            raise TooMuchUnderWayError
        body = _Body(party)
        self._bodies[party] += 1
        try:
            yield body
        finally:
            self._forget(body)

    def _add(self, body: _Body, size: int, limit: int) -> None:
        body.size += size
        self._bytes[body.party] += size
        if body.size > limit:
            raise LargeBodyError
        most = PARTY_BODIES * self._largest
        if self._bytes[body.party] > most or self._bytes.total() > ALL_BODIES * self._largest:
            raise TooMuchUnderWayError

    def _forget(self, body: _Body) -> None:
        self._bodies[body.party] -= 1
        self._bytes[body.party] -= body.size
        if not self._bodies[body.party]:
            del self._bodies[body.party], self._bytes[body.party]
