"""Connections to PostgreSQL. Each process makes one engine, after a fork."""

import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg2
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, exc

from app.config import Settings
from app.errors import DatabaseDownError, ProjectMovingError
from app.servers import reasons
from app.store import planned, session
from app.store.sqlstates import is_moving, is_outage, is_read_only, state_of

_NETWORK = {"connect_timeout": 3, "tcp_user_timeout": 15_000, "keepalives_idle": 10, "keepalives_interval": 5}
"""Connecting to a host that does not answer is given up after 3 s; a host that vanished within a connection is noticed after 15 s (ms
here).
"""

TRUSTED_SECONDS = 0.5
"""A pooled connection that was idle for longer is tested first, which takes a round trip: nothing else shows that a host or the network in
between is gone. HikariCP has the same rule with the same time (aliveBypassWindowMs).
"""


def make_engine(settings: Settings, pool_size: int | None = None) -> Engine:
    """A pooled engine whose errors never show parameters (they hold prompt text).

    pool_size: connections that stay open when nobody uses them; by default every connection of the settings.
    """
    return _pooled(settings, pool_size=pool_size)


def make_single_statement_engine(settings: Settings, beside: Engine) -> Engine:
    """An engine for statements that commit by themselves (`app.store.prepared`), with its own connections.

    It is disposed of with the engine `beside`. To switch a shared connection to autocommit and back would release the interpreter lock
    twice more for each statement.
    """
    engine = _pooled(settings, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
    event.listen(beside, "engine_disposed", lambda _: engine.dispose())
    return engine


def make_probe_engine(settings: Settings, seconds: float) -> Engine:
    """An engine for one test of the server: a new connection each time, and no statement takes longer than `seconds`.

    A new connection shows errors that pooled ones do not: a changed password, or too many connections.
    """
    hurried = settings.model_copy(
        update={"database_statement_timeout": seconds, "database_lock_timeout": seconds, "database_pool_size": 1}
    )
    return _pooled(hurried, connect_timeout=2)  # libpq waits at least two seconds


def _pooled(
    settings: Settings,
    *,
    connect_timeout: int = _NETWORK["connect_timeout"],
    pool_size: int | None = None,
    **options: Any,
) -> Engine:
    settings.require("database_url")
    size = settings.database_pool_size
    pool_size = size if pool_size is None else min(pool_size, size)
    engine = create_engine(
        settings.database_url,
        pool_size=pool_size,
        max_overflow=size - pool_size,
        pool_timeout=5,
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        connect_args=told_while_connecting(settings) | {"connect_timeout": connect_timeout},
        **options,
    )
    session.install(engine, settings, single_statements="isolation_level" in options)
    planned.install(engine)
    _leave_a_standby(engine)
    _ask_idle_connections(engine)
    return engine


def told_while_connecting(settings: Settings) -> dict[str, Any]:
    """The parameters that every connection gives to libpq beside DATABASE_URL."""
    return _NETWORK | {"application_name": "promptlode", "options": session.options(settings)}


def _leave_a_standby(engine: Engine) -> None:
    """Drop all pooled connections after a failover: they lead to the former primary, which is read-only."""

    @event.listens_for(engine, "handle_error")
    def mark_disconnected(context: ExceptionContext) -> None:
        if is_read_only(context.original_exception):
            context.is_disconnect = True


def _ask_idle_connections(engine: Engine) -> None:
    """Replace pooled connections that died while idle, before they are used."""

    @event.listens_for(engine, "checkin")
    def rests(_: Any, record: Any) -> None:
        record.info["resting_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def is_taken(connection: Any, record: Any, _: Any) -> None:
        if was_closed(connection):
            is_new = "resting_since" not in record.info
            if is_new:  # a second InvalidatePoolError would end in an error without this reason
                raise psycopg2.OperationalError("server closed the connection unexpectedly")
            raise exc.InvalidatePoolError
        if time.monotonic() - record.info.get("resting_since", math.inf) > TRUSTED_SECONDS:
            _ask(engine, connection)


def was_closed(connection: Any) -> bool:
    """Whether PostgreSQL has closed the connection, in a restart for example; the kernel knows, so this costs no round trip.

    The only data on an idle connection is its end (the test of Go's database drivers, connCheck).
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _ask(engine: Engine, connection: Any) -> None:
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise exc.InvalidatePoolError from error


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: commits at the end, rolls back on an exception.

    Raises DatabaseDownError when PostgreSQL does not answer or went away in the middle.
    """
    with outages_named(), engine.begin() as connection:
        yield connection


@contextmanager
def outages_named() -> Iterator[None]:
    """Raises DatabaseDownError in place of SQLAlchemy's error when PostgreSQL does not answer or is in no state to."""
    try:
        yield
    except exc.TimeoutError as error:
        raise DatabaseDownError("PostgreSQL is busy.", "All connections of this process are taken.") from error
    except exc.DBAPIError as error:
        if not is_outage(error):
            raise
        if is_moving(error):
            raise ProjectMovingError from error
        if state := state_of(error):
            raise DatabaseDownError("PostgreSQL cannot do this now.", state) from error
        raise DatabaseDownError(why=reasons.of_postgres(error)) from error
