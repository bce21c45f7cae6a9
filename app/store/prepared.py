"""Prepared statements, parsed and planned once by PostgreSQL: for the statements of nearly every request.

PREPARE holds for a session (PostgreSQL manual, "PREPARE"), so each pooled connection prepares a statement when it first sends it. The
driver is called directly: SQLAlchemy's work for a statement takes longer than PostgreSQL's.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import orjson
import psycopg2
from sqlalchemy import JSON, ClauseElement, Engine, PoolProxiedConnection, Uuid, exc
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.types import TypeEngine

from app.store.engine import outages_named
from app.store.session import THROUGH_POOLER
from app.store.sqlstates import is_of_another_session, is_read_only


class Prepared:
    """A statement with named parameters, each of a known type. Each execution is a transaction of its own."""

    def __init__(self, name: str, statement: ClauseElement) -> None:
        dialect = PGDialect_psycopg2(paramstyle="numeric_dollar")
        compiled: Any = statement.compile(dialect=dialect)
        names = compiled.positiontup
        kinds = [compiled.binds[name_of_value].type for name_of_value in names]
        types = ", ".join(kind.compile(dialect) for kind in kinds)
        self._name = name
        self._prepare = f"PREPARE {name} ({types}) AS {compiled}"
        self._execute = f"EXECUTE {name} ({', '.join(['%s'] * len(names))})"
        self._parameters = [(name_of_value, _writer(kind)) for name_of_value, kind in zip(names, kinds, strict=True)]

    def rows_changed(self, engine: Engine, values: Mapping[str, Any]) -> int | None:
        """Carry it out; answers the number of changed rows, None when it could not be prepared and nothing was done.

        engine: from `make_single_statement_engine`. Raises SQLAlchemy's errors, and DatabaseDownError.
        """
        parameters = [None if (value := values[name]) is None else write(value) for name, write in self._parameters]
        with outages_named():
            try:
                return self._carried_out(engine, parameters)
            except psycopg2.Error as error:
                raise as_sqlalchemy_has_it(error) from None

    def _carried_out(self, engine: Engine, parameters: list[Any]) -> int | None:
        """A connection that broke is noticed when it is next taken out of the pool."""
        with closing(engine.raw_connection()) as connection:
            if connection.info.get(THROUGH_POOLER):
                return None
            try:
                return self._run(connection, parameters)
            except psycopg2.Error as error:
                connection.info.pop(self._name, None)
                if is_read_only(error):
                    connection.invalidate()
                if not is_of_another_session(error):
                    raise
                return None

    def _run(self, connection: PoolProxiedConnection, parameters: list[Any]) -> int:
        with closing(connection.cursor()) as cursor:
            if self._name not in connection.info:
                cursor.execute(self._prepare)
                connection.info[self._name] = True
            cursor.execute(self._execute, parameters)
            return cursor.rowcount


def _writer(kind: TypeEngine[Any]) -> Callable[[Any], Any]:
    """The function that converts a value of this type for the driver."""
    if isinstance(kind, JSON):
        return lambda value: orjson.dumps(value).decode()
    return str if isinstance(kind, Uuid) else lambda value: value


def as_sqlalchemy_has_it(error: psycopg2.Error) -> BaseException:
    """The driver's error as SQLAlchemy's error, without the parameters, which hold prompts."""
    return exc.DBAPIError.instance(None, None, error, psycopg2.Error, hide_parameters=True)
