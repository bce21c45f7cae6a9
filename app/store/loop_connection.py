"""A PostgreSQL connection for an event loop: no thread waits for its statements.

It uses the driver's asynchronous mode (psycopg2 manual, "Asynchronous support"): a statement is sent, and the event loop reports when there
is data to read. Each statement is a transaction of its own.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from app.config import Settings
from app.servers import sockets
from app.store import session
from app.store.engine import TRUSTED_SECONDS, outages_named, told_while_connecting, was_closed
from app.store.prepared import as_sqlalchemy_has_it

CONNECT_SECONDS = 3.0
"""As for a pooled connection; in asynchronous mode libpq leaves this limit to its caller."""


class LoopConnection:
    """A connection that runs one statement at a time, for one event loop."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._socket: sockets.WatchedSocket | None = None
        self._resting_since = time.monotonic()

    @classmethod
    async def open(cls, settings: Settings, prepare: Iterable[str] = ()) -> "LoopConnection | None":
        """A connection with these statements prepared; None behind a pooler that shares sessions, where nothing can be prepared.

        Raises DatabaseDownError, or another error of the driver in SQLAlchemy's form.
        """
        _, url = PGDialect_psycopg2().create_connect_args(make_url(settings.database_url))
        connect = partial(psycopg2.connect, **url | told_while_connecting(settings), async_=True)
        with outages_named():
            try:
                return await asyncio.wait_for(cls._open(connect, prepare), CONNECT_SECONDS)
            except psycopg2.Error as error:
                if session.REFUSED in str(error):
                    return None
                raise as_sqlalchemy_has_it(error) from None
            except TimeoutError:
                timeout = psycopg2.OperationalError("timeout expired")
                raise as_sqlalchemy_has_it(timeout) from None

    @classmethod
    async def _open(cls, connect: partial[Any], prepare: Iterable[str]) -> "LoopConnection | None":
        """Open the connection; steps in which the driver blocks, as resolving the host, run in a thread."""
        opened = cls(await asyncio.get_running_loop().run_in_executor(None, connect))
        await opened._finish()
        ((has_settings,),) = await opened._rows(*session.ASK_WHETHER_TOLD)
        if has_settings != session.TOLD:
            opened.close()
            return None
        for statement in prepare:
            await opened._rows(statement)
        opened._socket = sockets.WatchedSocket(opened._connection.fileno())
        return opened

    async def fetch(self, statement: bytes) -> list[tuple[Any, ...]]:
        """The rows of a statement. Raises SQLAlchemy's errors, and DatabaseDownError.

        After an error of the connection it is unknown whether the statement was carried out.
        """
        with outages_named():
            try:
                return await self._rows(statement)
            except psycopg2.Error as error:
                raise as_sqlalchemy_has_it(error) from None

    async def is_alive(self) -> bool:
        """Whether the connection is usable; asks PostgreSQL after a long idle time, in which a network may have vanished."""
        if was_closed(self._connection):
            return False
        if time.monotonic() - self._resting_since > TRUSTED_SECONDS:
            try:
                await self._rows("SELECT 1")
            except psycopg2.Error:
                return False
        return True

    @property
    def is_closed(self) -> bool:
        """Whether the connection broke."""
        return bool(self._connection.closed)

    def close(self) -> None:
        """Close the connection, whatever it is doing."""
        self._forget()
        self._connection.close()

    async def _rows(self, statement: str | bytes, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(statement, parameters or None)
                await self._finish()
                self._resting_since = time.monotonic()
                return cursor.fetchall() if cursor.description else []
        except BaseException:
            self._forget()  # libpq closes the socket of a connection that broke
            raise

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.forget()

    async def _finish(self) -> None:
        """Wait until the driver has finished."""
        while (state := self._connection.poll()) != extensions.POLL_OK:
            if self._socket is not None and state == extensions.POLL_READ:
                await self._socket.ready()
            else:
                await sockets.ready(self._connection.fileno(), writing=state == extensions.POLL_WRITE)
