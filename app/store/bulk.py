"""COPY: many rows into a table at once, some times faster than INSERT.

PostgreSQL's text format (manual, COPY, "Text Format"): a line for each row, tabs between columns, backslash escapes.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import orjson
import psycopg2
from sqlalchemy import ARRAY, JSON, Boolean, Connection, DateTime, Table, Text, Uuid
from sqlalchemy.types import TypeEngine

from app.errors import CopyRefusedError

_NULL = "\\N"
_BYTES_AT_ONCE = 1024 * 1024


def copy_into(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Copy rows, which all have the same columns, in their order.

    Raises CopyRefusedError when PostgreSQL refuses one of them or goes away; the transaction is broken then.
    """
    names = list(rows[0])
    columns = [(name, _writer(table.c[name].type)) for name in names]
    lines = ["\t".join([_NULL if row[name] is None else write(row[name]) for name, write in columns]) for row in rows]
    data = io.BytesIO("\n".join(lines).encode())
    _copy(connection, f"COPY {table.name} ({', '.join(names)}) FROM STDIN", data)


def _copy(connection: Connection, statement: str, data: io.BytesIO) -> None:
    try:
        with closing(connection.connection.cursor()) as cursor:
            cursor.copy_expert(statement, data, _BYTES_AT_ONCE)
    except psycopg2.Error as error:
        raise CopyRefusedError(f"COPY was refused ({type(error).__name__}).") from None


def _writer(kind: TypeEngine[Any]) -> Callable[[Any], str]:
    return next(write for known, write in _WRITERS if isinstance(kind, known))


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _texts(values: Sequence[str]) -> str:
    """An array literal, every element in quotes."""
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return _text('{"' + '","'.join(quoted) + '"}') if quoted else "{}"


def _json(value: Any) -> str:
    return _text(orjson.dumps(value).decode())


def _truth(value: bool) -> str:
    return "t" if value else "f"


_WRITERS: tuple[tuple[type[TypeEngine[Any]], Callable[[Any], str]], ...] = (
    (ARRAY, _texts),
    (JSON, _json),
    (Text, _text),
    (Uuid, str),
    (Boolean, _truth),
    (DateTime, datetime.isoformat),
)
