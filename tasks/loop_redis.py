"""A Redis connection for an event loop: no thread waits for its answers, as `app.store.loop_connection` does it for PostgreSQL.

A command that is asked for in a thread wakes the thread, and the answer wakes the event loop: on a busy machine a caller waits as long for these
two as for Redis.
"""

import asyncio
from contextlib import suppress
from typing import Any, cast

from redis import Redis
from redis.connection import Connection, SSLConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.servers import sockets
from tasks.connections import PRODUCER_TIMEOUT


class LoopRedis:
    """Sends one command at a time over a connection of its own, which a thread opens."""

    def __init__(self, redis: Redis) -> None:
        kind = redis.connection_pool.connection_class
        is_plain = issubclass(kind, Connection) and not issubclass(kind, SSLConnection)
        # The pool makes no more than 100 connections, so a lost one is connected again.
        self._connection = cast(Connection, redis.connection_pool.make_connection()) if is_plain else None

    def is_ready(self) -> bool:
        """Whether a command can be sent. An answer that nobody waits for is the end of the connection."""
        connection = self._connection
        try:
            return connection is not None and connection.is_connected and not connection.can_read()
        except RedisError:
            return False

    def open(self) -> None:
        """Connect, unless the connection is usable; blocks, so a thread calls this. Stays closed where the server cannot be used.

        Through TLS it stays closed too, since readable bytes of a TLS connection need not be an answer; so it does for a socket in the file system.
        """
        if self._connection is None or self.is_ready():
            return
        self.close()
        with suppress(RedisError, OSError):
            self._connection.connect()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.disconnect()

    async def ask(self, *command: str | float) -> Any:
        """The answer to a command. Raises RedisError; after all of them but NoScriptError it is unknown whether the command was carried out."""
        connection = self._connection
        assert connection is not None, "is_ready() comes first"
        try:
            connection.send_command(*command, check_health=False)
            await _readable(connection)
        except BaseException:  # a cancelled caller, too, leaves an answer behind that is nobody's
            self.close()
            raise
        return connection.read_response(disconnect_on_error=True)  # a connection found by Sentinel would stay open


async def _readable(connection: Connection) -> None:
    """Wait until an answer arrives. An answer of a script is smaller than a packet, so it arrives whole."""
    descriptor: int = connection._sock.fileno()  # type: ignore[attr-defined]  # redis-py has no public name for the socket
    try:
        async with asyncio.timeout(PRODUCER_TIMEOUT):
            await sockets.ready(descriptor)
    except TimeoutError:
        raise RedisTimeoutError("No answer in time.") from None
