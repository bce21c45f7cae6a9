"""Reads request bodies as they arrive, within a time, a size, and a limit of unfinished bodies for each party.

A party is a project or an address. A body takes no thread before it is complete. Unfinished bodies take memory, so their size is bounded
for each party and for all parties together.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from granian.rsgi import ProtocolClosed

MOST_BODIES = 512
"""Unfinished bodies of one party at a time."""

PARTY_BODIES, ALL_BODIES = 4, 16
"""Unfinished bytes of one party, and of all parties, as multiples of the largest body allowed."""

DISCARDED_BODIES = 4
"""Bytes of a refused body that are read and discarded, as a multiple of the largest body allowed.

A client that is refused in the middle of sending often sees a broken connection instead of the answer (RFC 9112, 9.6).
"""

PAUSE_SECONDS = 5.0
"""Seconds without a byte after which a client no longer sends a refused body, as nginx's lingering_timeout; then the connection is closed."""

BYTES_AT_ONCE, BYTES_AT_ONCE_OF_A_PROJECT = 64 * 1024, 4 * 1024 * 1024
"""Bytes of a body that is read in one piece and counted before it arrives: read in chunks, a batch costs the event loop thirty rounds.

The limit is larger for a key that has worked: a stranger could reserve memory with a Content-Length whose body never comes.
"""


IN_CHUNKS = -1
"""The length of a chunked body (HTTP/1.1), which its encoding delimits."""

_ENDS = 1
"""Empty chunks with which granian ends a chunked body.

granian adds an empty chunk for an error and one for trailers, and does not say which. So trailers are refused; otherwise a truncated body
would pass for a body with trailers.
"""


class BodySource(Protocol):
    """A body as granian gives it: chunk by chunk, or at once."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def __call__(self) -> Awaitable[bytes]: ...


class SlowBodyError(Exception):
    """The body took too long to arrive."""


class LargeBodyError(Exception):
    """The body is larger than this caller may send."""


class CutBodyError(Exception):
    """The client disconnected or broke the chunked encoding before the end of the body."""


class TooMuchUnderWayError(Exception):
    """This party, or all parties together, have too many unfinished bodies."""


@dataclass
class _ArrivedBytes:
    """The bytes of a body that have arrived."""

    party: str
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class UnfinishedBodies:
    """The unfinished bodies of this process. One event loop uses it, so there is no lock."""

    def __init__(self, largest: int, seconds: float) -> None:
        self._largest = largest
        self._seconds = seconds
        self._bodies: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    async def body(
        self, party: str, limit: int, length: int, source: BodySource, *, at_once: int = BYTES_AT_ONCE
    ) -> bytes:
        """The whole body. Raises SlowBodyError, LargeBodyError, CutBodyError or TooMuchUnderWayError.

        length: the Content-Length, IN_CHUNKS, or 0 when neither is sent. at_once: bytes up to which the body is read in one piece.
        """
        with self._under_way(party) as body:
            try:
                async with asyncio.timeout(self._seconds):
                    if 0 < length <= min(at_once, limit):
                        self._add(body, length)
                        data = await source()
                    else:
                        data = await self._joined(body, limit, source, in_chunks=length == IN_CHUNKS)
            except TimeoutError:
                raise SlowBodyError from None
            except ProtocolClosed:
                raise CutBodyError from None
            if len(data) < length:
                raise CutBodyError
            return data

    async def discard(self, party: str, source: BodySource) -> None:
        """Read and discard a body that was answered from its headers, until the client pauses or has sent too much."""
        size, chunks = 0, aiter(source)
        with suppress(TimeoutError, ProtocolClosed, TooMuchUnderWayError, StopAsyncIteration), self._under_way(party):
            async with asyncio.timeout(self._seconds):
                while size <= DISCARDED_BODIES * self._largest:
                    async with asyncio.timeout(PAUSE_SECONDS):
                        size += len(await anext(chunks))

    async def _joined(self, body: _ArrivedBytes, limit: int, source: BodySource, *, in_chunks: bool) -> bytes:
        """All chunks joined. The chunks of a body that is too large are discarded, so they take time but no memory."""
        size = ends = 0
        async for chunk in source:  # once: a source of granian can be read only once
            size += len(chunk)
            ends += not chunk
            if size <= limit:
                self._add(body, len(chunk))
                body.parts.append(chunk)
            elif size <= limit + DISCARDED_BODIES * self._largest:
                self._drop(body)
            else:
                break
        if size > limit:
            raise LargeBodyError
        if in_chunks and ends > _ENDS:
            raise CutBodyError
        return b"".join(body.parts)

    @contextmanager
    def _under_way(self, party: str) -> Iterator[_ArrivedBytes]:
        if self._bodies[party] >= MOST_BODIES:
            raise TooMuchUnderWayError
        body = _ArrivedBytes(party)
        self._bodies[party] += 1
        try:
            yield body
        finally:
            self._forget(body)

    def _add(self, body: _ArrivedBytes, size: int) -> None:
        body.size += size
        self._bytes[body.party] += size
        limit = PARTY_BODIES * self._largest
        if self._bytes[body.party] > limit or self._bytes.total() > ALL_BODIES * self._largest:
            raise TooMuchUnderWayError

    def _drop(self, body: _ArrivedBytes) -> None:
        body.parts.clear()
        self._bytes[body.party] -= body.size
        body.size = 0

    def _forget(self, body: _ArrivedBytes) -> None:
        self._bodies[body.party] -= 1
        self._bytes[body.party] -= body.size
        if not self._bodies[body.party]:
            del self._bodies[body.party], self._bytes[body.party]
