"""Calls of the same moment share a statement and a COMMIT, whoever sent them; one alone does not wait.

While PostgreSQL stores some calls others come, and go with the next statement.  So what a COMMIT costs is divided by as many calls as
come meanwhile.  A statement that takes longer than PATIENCE holds up nobody: the next one takes another connection.

One event loop uses it, so there is no lock.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import exc

from app.errors import DatabaseDownError, ProjectMovingError
from app.store import together
from app.store.loop_connection import LoopConnection
from app.store.together import CurrentRow

MOST_CALLS = 64
"""Calls of one statement: beyond it a COMMIT is less than a tenth of what each costs."""

PATIENCE = 0.002
"""Seconds after which what waits behind a statement takes another connection, about a COMMIT of a disk."""

MOST_CONNECTIONS = 3
"""Of a process: one that works, one beside a statement that waits for a lock, one more for bad luck."""

SECONDS_BETWEEN_TRIES = 1.0
"""Between two tries to connect; meanwhile calls go the slow way, which says what is wrong."""

Open = Callable[[], Awaitable[LoopConnection | None]]


@dataclass(slots=True)
class _Call:
    """A call that waits; `stored` says whether it is, or raises."""

    row: CurrentRow
    stored: "asyncio.Future[bool]"


class SharedCommit:
    """Stores calls of all projects of this process."""

    def __init__(self, open_connection: Open) -> None:
        self._open = open_connection
        self._waiting: list[_Call] = []
        self._resting: list[LoopConnection] = []
        self._taken = 0
        self._next_try = 0.0
        self._sends: set[asyncio.Task[None]] = set()
        self._due: asyncio.Handle | None = None

    async def stored(self, row: CurrentRow) -> bool:
        """Store a call; False, and nothing is stored, where the slow way has to find out why.

        Raises DatabaseDownError, after which nobody knows whether it is stored.  A caller that is cancelled stores it all the same.
        """
        if not self._can_store():
            return False
        loop = asyncio.get_running_loop()
        call = _Call(row, loop.create_future())
        self._waiting.append(call)
        if self._due is None:  # the next turn of the loop: after everybody who came in this moment
            self._due = loop.call_later(PATIENCE, self._send) if self._taken else loop.call_soon(self._send)
        return await call.stored

    def close(self) -> None:
        """End the connections that rest."""
        while self._resting:
            self._resting.pop().close()

    def _can_store(self) -> bool:
        return bool(self._resting or self._taken) or time.monotonic() >= self._next_try

    def _send(self) -> None:
        """What waits, over a free connection; without one it goes when one comes back."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._waiting and self._taken < MOST_CONNECTIONS:
            calls, self._waiting = self._waiting[:MOST_CALLS], self._waiting[MOST_CALLS:]
            self._taken += 1
            task = asyncio.get_running_loop().create_task(self._store(calls))
            self._sends.add(task)  # a loop holds its tasks weakly
            task.add_done_callback(self._sends.discard)

    async def _store(self, calls: Sequence[_Call]) -> None:
        try:
            connection = await self._live_connection()
            if connection is None:
                _answer(calls, set())
            else:
                await self._sent(connection, calls)
        except Exception as error:  # noqa: BLE001  each caller is told, as if alone
            _fail(calls, error)
        finally:
            self._taken -= 1
            self._send()

    async def _sent(self, connection: LoopConnection, calls: Sequence[_Call]) -> None:
        try:
            stored_ids = await together.insert_current(connection, [call.row for call in calls])
        except (exc.DBAPIError, ProjectMovingError):
            # The statement did nothing.  Which call it was that PostgreSQL refused turns out when each goes its own way.
            self._keep(connection)
            stored_ids = set[str]()
        except DatabaseDownError:
            self._keep(connection, broken=True)
            raise
        else:
            self._keep(connection)
        _answer(calls, stored_ids)

    def _keep(self, connection: LoopConnection, *, broken: bool = False) -> None:
        if broken or connection.is_closed:
            connection.close()
        else:
            self._resting.append(connection)

    async def _live_connection(self) -> LoopConnection | None:
        """One that rests, or a new one; None when there is none to be had."""
        while self._resting:
            connection = self._resting.pop()
            if await connection.is_alive():
                return connection
            connection.close()
        return await self._new_connection()

    async def _new_connection(self) -> LoopConnection | None:
        if time.monotonic() < self._next_try:
            return None
        self._next_try = time.monotonic() + SECONDS_BETWEEN_TRIES
        try:
            connection = await self._open()
        except (DatabaseDownError, exc.DBAPIError):
            return None
        self._next_try = 0.0 if connection is not None else float("inf")
        return connection


def _answer(calls: Sequence[_Call], stored_ids: set[str]) -> None:
    for call in calls:
        if not call.stored.done():  # its caller has gone
            call.stored.set_result(str(call.row.row["id"]) in stored_ids)


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if not call.stored.done():
            call.stored.set_exception(error)
