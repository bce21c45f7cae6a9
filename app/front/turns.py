"""Whose request is worked on next.  One event loop asks, so there is no lock.

Every project has a queue of its own, and the queues take turns: how much one of them sends decides how long its own requests
wait, not those of others.  Alone, a project may use every thread.  While others are there too it gets a share of them, because
threads of one process slow each other down: whoever came second would wait for all that is in work already.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

SHARE = 4
"""A project may use the threads divided by this while others are there."""

PRESENT = 1.0
"""Seconds after its last request for which somebody counts as there."""

MOST_WAITING = 256
"""Requests of one party that wait for their turn: a second's work.  What comes then is told to come back."""


class TooManyWaitingError(Exception):
    """So much of this party waits that another request would only get old."""


@dataclass
class _Party:
    """Who shares a queue: a project, or an address that has shown no key."""

    seen_at: float = 0.0
    working: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def is_idle(self) -> bool:
        return not self.working and not self.waiting


class Turns:
    """Threads, and who may use them."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._working = 0
        self._parties: OrderedDict[str, _Party] = OrderedDict()

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for a thread; it is free again at the end of the block.  Raises TooManyWaitingError."""
        party = self._parties.setdefault(name, _Party())
        party.seen_at = self._clock()
        if party.waiting or not self._may_begin(party):
            await self._wait(party)
        else:
            self._begin(party)
        try:
            yield
        finally:
            self._end(party)

    async def _wait(self, party: _Party) -> None:
        if len(party.waiting) >= MOST_WAITING:
            raise TooManyWaitingError
        turn = asyncio.get_running_loop().create_future()
        party.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(party, turn)
            raise

    def _give_up(self, party: _Party, turn: "asyncio.Future[None]") -> None:
        """Whoever waited is gone; a turn that it got in the same moment goes to the next."""
        if turn.cancelled():
            with suppress(ValueError):
                party.waiting.remove(turn)
        else:
            self._end(party)

    def _may_begin(self, party: _Party) -> bool:
        return self._working < self._threads and party.working < self._share(party)

    def _share(self, party: _Party) -> int:
        since = self._clock() - PRESENT
        alone = all(other is party or (other.is_idle and other.seen_at < since) for other in self._parties.values())
        return self._threads if alone else max(1, self._threads // SHARE)

    def _begin(self, party: _Party) -> None:
        party.working += 1
        self._working += 1

    def _end(self, party: _Party) -> None:
        party.working -= 1
        self._working -= 1
        self._forget_absent()
        self._call_next()

    def _call_next(self) -> None:
        """Give free threads to who waits, one after the other in a ring."""
        while ready := next(
            (entry for entry in self._parties.items() if entry[1].waiting and self._may_begin(entry[1])), None
        ):
            name, party = ready
            turn = party.waiting.popleft()
            if not turn.cancelled():
                self._parties.move_to_end(name)
                self._begin(party)
                turn.set_result(None)

    def _forget_absent(self) -> None:
        since = self._clock() - PRESENT
        for name in [name for name, party in self._parties.items() if party.is_idle and party.seen_at < since]:
            del self._parties[name]
