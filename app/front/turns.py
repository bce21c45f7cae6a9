"""Decides which project's request gets the next thread. One event loop uses it, so there is no lock.

Every project has a queue, and the queues take turns: the requests of a project wait for one another, not for the requests of other
projects. A project that is alone may use every thread. When other projects are present it gets a share of them, because the threads of
one process slow each other down: a second project would wait for all running requests.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

SHARE = 4
"""The divisor of the number of threads: a project may use this part of the threads while others are present."""

PRESENT = 1.0
"""Seconds after the last request of a project during which it counts as present."""

MOST_WAITING = 256
"""Waiting requests of one party: about a second's work. Further requests are told to come back later."""


class TooManyWaitingError(Exception):
    """This party has so many waiting requests that another one would time out."""


@dataclass
class _Party:
    """A project, or an address that has shown no key; each has a queue."""

    seen_at: float = 0.0
    working: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def is_idle(self) -> bool:
        return not self.working and not self.waiting


class Turns:
    """The threads of the process, and the parties that wait for them."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._working = 0
        self._parties: OrderedDict[str, _Party] = OrderedDict()

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for a thread, which is free again at the end of the block. Raises TooManyWaitingError."""
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
        """The waiting request was cancelled; a turn that it got in the same moment goes to the next party."""
        if turn.cancelled():
            with suppress(ValueError):
                party.waiting.remove(turn)
        else:
            self._end(party)

    def _may_begin(self, party: _Party) -> bool:
        return self._working < self._threads and party.working < self._share(party)

    def _share(self, party: _Party) -> int:
        since = self._clock() - PRESENT
        is_alone = all(
            each_party is party or (each_party.is_idle and each_party.seen_at < since)
            for each_party in self._parties.values()
        )
        return self._threads if is_alone else max(1, self._threads // SHARE)

    def _begin(self, party: _Party) -> None:
        party.working += 1
        self._working += 1

    def _end(self, party: _Party) -> None:
        party.working -= 1
        self._working -= 1
        self._forget_absent()
        self._call_next()

    def _call_next(self) -> None:
        """Give free threads to the waiting parties, in a ring."""
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
