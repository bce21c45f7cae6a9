"""Settings of every PostgreSQL session: time-outs that end hanging statements, the time zone, and plans that are switched off.

Without a pooler they are sent while connecting, which costs no round trip. A pooler refuses that (PgBouncer: "unsupported startup
parameter") or drops it (`ignore_startup_parameters = options`), and in transaction mode no setting of a session lasts. Behind a pooler
each transaction therefore begins with the settings, and no statement is prepared (`app.store.prepared`).
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
"""A parameter of ours: a session without it has not got the other settings either."""

_PLANS = {"max_parallel_workers_per_gather": "0", "jit": "off"}
"""Plans that are switched off: a statement of ours ends within milliseconds, and starting two workers, or compiling, takes longer (12 of 60
ms of a list).
"""

REFUSED = "unsupported startup parameter"
"""The error of a pooler that accepts no settings for a session."""

ASK_WHETHER_TOLD = "SELECT current_setting(%s, true)", (_PARAMETER_OF_A_SESSION,)
"""Answers `TOLD` in a session that is not shared."""

TOLD = "1"


def parameters(settings: Settings) -> dict[str, str]:
    """Time limits for a statement, a lock, and a transaction that its process forgot."""
    seconds = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_statement_timeout,
    }
    return {name: str(int(limit * 1000)) for name, limit in seconds.items()} | {"timezone": "UTC"} | _PLANS


def options(settings: Settings) -> str:
    """The value of libpq's parameter `options`: our settings, then those of DATABASE_URL, which win."""
    ours = " ".join(
        f"-c {name}={value}" for name, value in (parameters(settings) | {_PARAMETER_OF_A_SESSION: TOLD}).items()
    )
    return f"{ours} {_of_url(settings.database_url)}".rstrip()


def _of_url(url: str) -> str:
    options = make_url(url).query.get("options", "")
    return options if isinstance(options, str) else " ".join(options)


def install(engine: Engine, settings: Settings, *, single_statements: bool = False) -> None:
    """Apply the settings to every connection of the engine; `single_statements` are no transactions."""
    parameters_set = parameters(settings).items()

    @event.listens_for(engine, "do_connect")
    def connect(_: Any, __: Any, arguments: Iterable[Any], keywords: dict[str, Any]) -> Any:
        try:
            return psycopg2.connect(*arguments, **keywords)
        except psycopg2.OperationalError as error:
            if REFUSED not in str(error):
                raise
        return psycopg2.connect(
            *arguments, **{name: keyword for name, keyword in keywords.items() if name != "options"}
        )

    @event.listens_for(engine, "connect")
    def detect_pooler(connection: Any, record: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute(*ASK_WHETHER_TOLD)
            record.info[THROUGH_POOLER] = cursor.fetchone()[0] != TOLD
        connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.info.get(THROUGH_POOLER) and not single_statements:
            statements = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in parameters_set)
            with closing(connection.connection.cursor()) as cursor:
                cursor.execute(statements)
