"""Calls of the same moment share a statement and a COMMIT, across requests; a single call does not wait.

While PostgreSQL stores some calls, others arrive and go with the next statement: the cost of a COMMIT is divided by the number of calls
that arrive meanwhile. A statement that takes longer than PATIENCE blocks no other: the next one takes another connection.

One event loop uses it, so there is no lock.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import exc

from app.errors import DatabaseDownError, ProjectMovingError
from app.store import together
from app.store.loop_connection import LoopConnection
from app.store.together import CurrentRow

MOST_CALLS = 64
"""Calls of one statement: beyond this number the COMMIT is less than 10 % of the cost of a call."""

PATIENCE = 0.002
"""Seconds after which calls that wait for a statement take another connection; a COMMIT to a disk takes about as long."""

MOST_CONNECTIONS = 3
"""Connections of a process: one that works, one beside a statement that waits for a lock, one in reserve."""

SECONDS_BETWEEN_TRIES = 1.0
"""Seconds between two tries to connect; meanwhile calls are stored by Flask, which reports the error."""

Open = Callable[[], Awaitable[LoopConnection | None]]


@dataclass(slots=True)
class _PendingCalls:
    """Waiting calls of one request; `stored` answers whether all of them are stored, or raises."""

    rows: Sequence[CurrentRow]
    stored: "asyncio.Future[bool]"
    otel_traces: set[tuple[UUID, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.otel_traces = {row.otel_trace for row in self.rows if row.otel_trace is not None}


class SharedCommit:
    """Stores calls of all projects of this process."""

    def __init__(self, open_connection: Open) -> None:
        self._open = open_connection
        self._waiting: list[_PendingCalls] = []
        self._resting: list[LoopConnection] = []
        self._taken = 0
        self._next_try = 0.0
        self._sends: set[asyncio.Task[None]] = set()
        self._due: asyncio.Handle | None = None

    async def store(self, rows: Sequence[CurrentRow]) -> bool:
        """Store the calls of one request in one statement; False where `Ingest.record` must find out why some are not stored.

        Raises DatabaseDownError, after which it is unknown what is stored. The calls of a cancelled caller are stored all the same.
        """
        if not self._can_store():
            return False
        loop = asyncio.get_running_loop()
        wish = _PendingCalls(rows, loop.create_future())
        self._waiting.append(wish)
        if self._due is None:  # the next turn of the event loop: after all requests that arrived in this one
            self._due = loop.call_later(PATIENCE, self._send) if self._taken else loop.call_soon(self._send)
        return await wish.stored

    def close(self) -> None:
        """Close the idle connections."""
        while self._resting:
            self._resting.pop().close()

    def _can_store(self) -> bool:
        return bool(self._resting or self._taken) or time.monotonic() >= self._next_try

    def _send(self) -> None:
        """Send the waiting calls over a free connection; without one they go when a connection is returned."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._waiting and self._taken < MOST_CONNECTIONS:
            number = _fitting(self._waiting)
            wishes, self._waiting = self._waiting[:number], self._waiting[number:]
            self._taken += 1
            task = asyncio.get_running_loop().create_task(self._store(wishes))
            self._sends.add(task)  # an event loop holds its tasks weakly
            task.add_done_callback(self._sends.discard)

    async def _store(self, wishes: Sequence[_PendingCalls]) -> None:
        try:
            connection = await self._live_connection()
            if connection is None:
                _answer(wishes, set())
            else:
                await self._execute(connection, wishes)
        except Exception as error:  # noqa: BLE001  each caller is told, as if alone
            _fail(wishes, error)
        finally:
            self._taken -= 1
            self._send()

    async def _execute(self, connection: LoopConnection, wishes: Sequence[_PendingCalls]) -> None:
        try:
            stored_ids = await together.insert_current(connection, [row for wish in wishes for row in wish.rows])
        except (exc.DBAPIError, ProjectMovingError):
            # The statement stored nothing. Each call is stored alone, which shows the one that PostgreSQL refused.
            self._keep(connection)
            stored_ids = set[str]()
        except DatabaseDownError:
            self._keep(connection, is_broken=True)
            raise
        else:
            self._keep(connection)
        _answer(wishes, stored_ids)

    def _keep(self, connection: LoopConnection, *, is_broken: bool = False) -> None:
        if is_broken or connection.is_closed:
            connection.close()
        else:
            self._resting.append(connection)

    async def _live_connection(self) -> LoopConnection | None:
        """An idle connection, or a new one; None when none can be opened."""
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


def _fitting(waiting: Sequence[_PendingCalls]) -> int:
    """The number of waiting requests that go with the next statement: at least one, whose rows stay together.

    Of two requests with calls of one OpenTelemetry trace the second waits for the next statement, which sees the rows of the first.
    """
    rows, otel_traces = 0, set[tuple[UUID, str]]()
    for number, wish in enumerate(waiting):
        rows += len(wish.rows)
        if number and (rows > MOST_CALLS or not otel_traces.isdisjoint(wish.otel_traces)):
            return number
        otel_traces |= wish.otel_traces
    return len(waiting)


def _answer(wishes: Sequence[_PendingCalls], stored_ids: set[str]) -> None:
    for wish in wishes:
        if not wish.stored.done():  # its caller was cancelled
            wish.stored.set_result(all(str(row.row["id"]) in stored_ids for row in wish.rows))


def _fail(wishes: Sequence[_PendingCalls], error: Exception) -> None:
    for wish in wishes:
        if not wish.stored.done():
            wish.stored.set_exception(error)
