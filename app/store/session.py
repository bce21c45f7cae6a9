"""What every session of PostgreSQL is told: the time-outs that end what hangs, the time zone, and what plans it needs not.

Directly it is told while connecting, which costs no round trip.  A pooler in between refuses that (PgBouncer: "unsupported startup
parameter") or drops it (`ignore_startup_parameters = options`), and in its transaction mode nothing that is set on a session stays with
us.  So there each transaction begins with it, and no statement is prepared (`app.store.prepared`).
"""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, event, make_url

from app.config import Settings

THROUGH_POOLER = "through_pooler"
"""In `Connection.info` of a connection that a pooler shares."""

_PARAMETER_OF_A_SESSION = "promptlode.session"
"""A parameter of ours: a session that does not know it was not told the others either."""

_PLANS = {"max_parallel_workers_per_gather": "0", "jit": "off"}
"""A statement of ours ends within milliseconds: to start two workers, or to compile it, takes longer than all of it (12 of 60 ms of a list)."""

REFUSED = "unsupported startup parameter"
"""What a pooler says that lets no session be told anything."""

ASK_WHETHER_TOLD = "SELECT current_setting(%s, true)", (_PARAMETER_OF_A_SESSION,)
"""Answers `TOLD` in a session that is ours alone."""

TOLD = "1"


def parameters(settings: Settings) -> dict[str, str]:
    """Limits for a statement, a lock, and a transaction that its process forgot."""
    seconds = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_statement_timeout,
    }
    return {name: str(int(limit * 1000)) for name, limit in seconds.items()} | {"timezone": "UTC"} | _PLANS


def options(settings: Settings) -> str:
    """For the parameter `options` of libpq: ours, then those of DATABASE_URL, which win."""
    ours = " ".join(
        f"-c {name}={value}" for name, value in (parameters(settings) | {_PARAMETER_OF_A_SESSION: TOLD}).items()
    )
    return f"{ours} {_of_url(settings.database_url)}".rstrip()


def _of_url(url: str) -> str:
    said = make_url(url).query.get("options", "")
    return said if isinstance(said, str) else " ".join(said)


def install(engine: Engine, settings: Settings, *, single_statements: bool = False) -> None:
    """Tell every connection of the engine, as far as what is in between lets us; `single_statements` are no transactions."""
    told = parameters(settings).items()

    @event.listens_for(engine, "do_connect")
    def connect(_: Any, __: Any, arguments: Iterable[Any], keywords: dict[str, Any]) -> Any:
        try:
            return psycopg2.connect(*arguments, **keywords)
        except psycopg2.OperationalError as error:
            if REFUSED not in str(error):
                raise
        return psycopg2.connect(*arguments, **{name: each for name, each in keywords.items() if name != "options"})

    @event.listens_for(engine, "connect")
    def look(connection: Any, record: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute(*ASK_WHETHER_TOLD)
            record.info[THROUGH_POOLER] = cursor.fetchone()[0] != TOLD
        connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.info.get(THROUGH_POOLER) and not single_statements:
            statements = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in told)
            with closing(connection.connection.cursor()) as cursor:
                cursor.execute(statements)
