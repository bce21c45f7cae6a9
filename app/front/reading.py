"""Bodies, while they arrive: within a time, a size, and what one party may have under way.

Nobody's body takes a thread before it is whole.  What is under way is memory, so it is bounded for each party and for all.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from granian.rsgi import ProtocolClosed

MOST_BODIES = 512
"""Bodies that one party may have under way at once."""

PARTY_BODIES, ALL_BODIES = 4, 16
"""Bytes that may be under way of one party, and of all, in largest bodies."""

SPARED = 4
"""Of a body that is too large so much more, in largest bodies, is read and thrown away before it is refused.

Who is refused in the middle of sending often sees a connection that broke, and not why (RFC 9112, 9.6).
"""

AT_ONCE, AT_ONCE_OF_A_PROJECT = 64 * 1024, 4 * 1024 * 1024
"""Bytes of a body that is taken in one piece, and counted before it is there: in pieces a batch costs the loop thirty rounds.

Whose key has worked is believed more: a stranger could hold memory of all by saying what he never sends.
"""


IN_CHUNKS = -1
"""The length of a body in chunks (HTTP/1.1): its own form says where it ends."""

_ENDS = 1
"""Empty pieces with which granian ends such a body.  It has one more for an error, and one more for trailers, and says nothing else
of either: so trailers are refused, or a body that was cut off would pass for one that has them."""


class Source(Protocol):
    """A body as granian gives it: piece after piece, or in one."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def __call__(self) -> Awaitable[bytes]: ...


class SlowBodyError(Exception):
    """The body took too long."""


class LargeBodyError(Exception):
    """The body is larger than this caller may send."""


class CutBodyError(Exception):
    """Whoever sent the body went away, or broke its form, before its end."""


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

    async def body(self, party: str, limit: int, length: int, source: Source, *, at_once: int = AT_ONCE) -> bytes:
        """The whole body.  Raises SlowBodyError, LargeBodyError, CutBodyError or TooMuchUnderWayError.

        length: as its header says, IN_CHUNKS, or 0 when nobody says.  at_once: up to which it is taken in one piece.
        """
        with self._under_way(party) as body:
            try:
                async with asyncio.timeout(self._seconds):
                    if 0 < length <= min(at_once, limit):
                        self._add(body, length)
                        whole = await source()
                    else:
                        whole = await self._whole(body, limit, source, in_chunks=length == IN_CHUNKS)
            except TimeoutError:
                raise SlowBodyError from None
            except ProtocolClosed:
                raise CutBodyError from None
            if len(whole) < length:
                raise CutBodyError
            return whole

    async def spare(self, party: str, length: int, source: Source) -> None:
        """Let a body that is refused arrive all the same, if that is within reach.  Raises TooMuchUnderWayError."""
        if length <= SPARED * self._largest:
            with suppress(LargeBodyError, SlowBodyError, CutBodyError):
                await self.body(party, 0, length, source)

    async def _whole(self, body: _Body, limit: int, source: Source, *, in_chunks: bool) -> bytes:
        """All pieces together.  Those of a body that is too large are not kept, so they take time but no memory."""
        size = ends = 0
        async for chunk in source:  # once: a source of granian cannot be asked again
            size += len(chunk)
            ends += not chunk
            if size <= limit:
                self._add(body, len(chunk))
                body.parts.append(chunk)
            elif size <= limit + SPARED * self._largest:
                self._drop(body)
            else:
                break
        if size > limit:
            raise LargeBodyError
        if in_chunks and ends > _ENDS:
            raise CutBodyError
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

    def _add(self, body: _Body, size: int) -> None:
        body.size += size
        self._bytes[body.party] += size
        most = PARTY_BODIES * self._largest
        if self._bytes[body.party] > most or self._bytes.total() > ALL_BODIES * self._largest:
            raise TooMuchUnderWayError

    def _drop(self, body: _Body) -> None:
        body.parts.clear()
        self._bytes[body.party] -= body.size
        body.size = 0

    def _forget(self, body: _Body) -> None:
        self._bodies[body.party] -= 1
        self._bytes[body.party] -= body.size
        if not self._bodies[body.party]:
            del self._bodies[body.party], self._bytes[body.party]
