"""Queries that each connection plans once: PostgreSQL takes a third of the time of a list to plan its statements.

The first request of a connection prepares a marked query, and later ones carry it out (PostgreSQL manual, "PREPARE"). After five
executions PostgreSQL itself decides whether a plan for any values costs more than one for the given values. Behind a pooler no
statement lasts, so all queries are sent as they are.
"""

import re
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, Executable, event

from app.store.session import THROUGH_POOLER
from app.store.sqlstates import is_of_another_session, is_plan_outdated

_OPTION = "planned_once"
_KNOWN = "planned"
_NAME = "planned_"

MOST_PLANNED = 200
"""Statements that a connection keeps, at some 50 kB of PostgreSQL's memory: a list has 13, and the range of time varies three of them."""

Query = TypeVar("Query", bound=Executable)


def planned_once(query: Query) -> Query:
    """This query, marked to be planned once a connection. PostgreSQL must be able to infer the types of its parameters."""
    return query.execution_options(**{_OPTION: True})


@lru_cache(maxsize=1000)
def _statements(statement: str) -> tuple[str, str]:
    """SQL that prepares a statement, and SQL that carries it out: the driver's `%(name)s` are `$1`, `$2` ..."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    numbered = re.sub(r"%\((\w+)\)s", lambda place: f"${names.index(place[1]) + 1}", statement)
    name = f"{_NAME}{sha256(statement.encode()).hexdigest()[:24]}"
    values = f" ({', '.join(f'%({name_of_value})s' for name_of_value in names)})" if names else ""
    return f"PREPARE {name} AS {numbered}", f"EXECUTE {name}{values}"


def install(engine: Engine) -> None:
    """Send the marked queries of this engine as prepared statements."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def send(connection: Connection, _: Any, statement: str, values: Any, context: Any, __: bool) -> tuple[str, Any]:
        is_marked = context is not None and context.execution_options.get(_OPTION)
        return (_prepared(connection, statement) if is_marked else statement), values

    @event.listens_for(engine, "handle_error")
    def close_outdated(context: ExceptionContext) -> None:
        """Close a connection that has other statements than we know, or that planned for columns of before an upgrade."""
        error = context.original_exception
        if _NAME in (context.statement or "") and (is_of_another_session(error) or is_plan_outdated(error)):
            context.is_disconnect, context.invalidate_pool_on_disconnect = True, False


def _prepared(connection: Connection, statement: str) -> str:
    """The statement as this connection has to send it: one round trip the first time, too."""
    statements_known = connection.info.setdefault(_KNOWN, set())
    prepare, execute = _statements(statement)
    if prepare in statements_known:
        return execute
    if connection.info.get(THROUGH_POOLER) or len(statements_known) >= MOST_PLANNED:
        return statement
    statements_known.add(prepare)
    return f"{prepare}; {execute}"
