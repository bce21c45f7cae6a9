"""Connections to PostgreSQL.  One engine a process, made after a fork, never before."""

import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, exc

from app.config import Settings
from app.errors import DatabaseDownError
from app.store.sqlstates import is_outage

# A host that does not answer is given up after 3 s; one that vanished within a connection is noticed after 15 s (ms here).
_NETWORK = {"connect_timeout": 3, "tcp_user_timeout": 15_000, "keepalives_idle": 10, "keepalives_interval": 5}

# A pooled connection that rested longer is asked whether it still lives, which takes a round trip: nothing else shows that
# a host or the network in between is gone. HikariCP has the same rule with the same time (aliveBypassWindowMs).
_TRUSTED_SECONDS = 0.5


def make_engine(settings: Settings) -> Engine:
    """A pooled engine whose errors never show parameters (they hold prompt text)."""
    return _pooled(settings)


def make_single_statement_engine(settings: Settings, beside: Engine) -> Engine:
    """An engine for statements that commit by themselves (`app.store.prepared`), with connections of its own.

    It is disposed of with the one beside it.  To switch a shared connection there and back would give up the
    interpreter twice more for each statement.
    """
    engine = _pooled(settings, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
    event.listen(beside, "engine_disposed", lambda _: engine.dispose())
    return engine


def _pooled(settings: Settings, **options: Any) -> Engine:
    settings.require("database_url")
    engine = create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        connect_args=_NETWORK | {"application_name": "promptlode", "options": _session_options(settings)},
        **options,
    )
    _ask_idle_connections(engine)
    return engine


def _ask_idle_connections(engine: Engine) -> None:
    """Replace pooled connections that died while nobody used them, before anybody does."""

    @event.listens_for(engine, "checkin")
    def rests(_: Any, record: Any) -> None:
        record.info["resting_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def is_taken(connection: Any, record: Any, _: Any) -> None:
        if _was_closed(connection):
            raise exc.InvalidatePoolError
        if time.monotonic() - record.info.get("resting_since", math.inf) > _TRUSTED_SECONDS:
            _ask(engine, connection)


def _was_closed(connection: Any) -> bool:
    """Whether PostgreSQL has ended it, restarting for example: the kernel knows, so this costs no round trip.

    An idle connection has nothing to read but its end (the check of Go's database drivers, connCheck).
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


def _session_options(settings: Settings) -> str:
    """Limits that end what hangs: a statement, a lock, and a transaction that its process forgot."""
    milliseconds = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_statement_timeout,
    }
    return " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in milliseconds.items()) + " -c timezone=UTC"


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: commits at the end, rolls back on an exception.

    Raises DatabaseDownError when PostgreSQL does not answer or went away in the middle.
    """
    with outages_named(), engine.begin() as connection:
        yield connection


@contextmanager
def outages_named() -> Iterator[None]:
    """Raises DatabaseDownError in place of what SQLAlchemy says when PostgreSQL does not answer."""
    try:
        yield
    except (exc.InterfaceError, exc.TimeoutError) as error:
        raise DatabaseDownError("PostgreSQL does not answer.") from error
    except exc.DBAPIError as error:
        if is_outage(error):
            raise DatabaseDownError("PostgreSQL does not answer.") from error
        raise
