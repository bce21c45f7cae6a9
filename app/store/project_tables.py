"""The rows of a project, table by table, for copying it as a whole.

A table belongs to projects if it has a column `project_id`, or refers to a table that does; so a new table moves along without further
code. Rows are in PostgreSQL's COPY format, which restores them byte for byte.
"""

import io
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any
from uuid import UUID

from psycopg2 import sql
from sqlalchemy import Connection, Table

from app.store.tables import metadata

PROJECT = "project"

DERIVED_TABLES = frozenset({"trace_external_id", "call_count", "usage_mark", "call_usage"})
"""Not copied: rebuilt from the calls in the target database, by triggers, by the reconciler, and with the calls."""

SHARED = frozenset({"heartbeat", "refused_message", "project_move", "project_move_call", "recent_answer"})
"""Tables of an installation, not of a project."""

PAGE_BYTES = 4 * 1024 * 1024
"""Approximate bytes of a page: some milliseconds of work, and little memory however long texts are."""

MOST_PAGE_BYTES = 4 * PAGE_BYTES
"""Bytes after which a page ends with the row, where rows are longer than those of the page before: an import takes no page over 1 GB."""

_FIRST_PAGE_ROWS = 50
"""Rows of the first page, by whose size the number for the next pages is chosen."""

_MOST_PAGE_ROWS = 5_000
"""Rows of a page, however short they are."""


@dataclass(frozen=True)
class ProjectTable:
    """A table whose rows belong to projects.

    key: the columns of its primary key. columns: the key, then all others. project_sql: SQL for the project of a row, with the row as {row}.
    self_references: the columns that refer to other rows of the table.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    project_sql: str
    self_references: tuple[str, ...]

    def columns_without(self, left_out: Sequence[str]) -> tuple[str, ...]:
        """The columns but those left out."""
        return tuple(name for name in self.columns if name not in left_out)

    def where_project(self) -> str:
        """SQL for: the row is of the project %(project)s."""
        return _where_project(metadata.tables[self.name])


@dataclass(frozen=True)
class TablePage:
    """Rows in the order of their keys, as COPY writes them."""

    rows: int
    data: bytes
    last_key: tuple[str, ...]


@dataclass(frozen=True)
class TableSum:
    """The number of rows, and a sum over their content that does not depend on their order."""

    rows: int
    digest: str


@cache
def all_tables() -> tuple[ProjectTable, ...]:
    """Every table of a project, those first that others refer to."""
    ordered = [table for table in metadata.sorted_tables if table.name not in DERIVED_TABLES | SHARED]
    return tuple(_project_table(table) for table in ordered)


def table_named(name: str) -> ProjectTable:
    """The table of this name."""
    return next(table for table in all_tables() if table.name == name)


def _project_table(table: Table) -> ProjectTable:
    key = tuple(str(column.name) for column in table.primary_key)
    other_columns = tuple(str(column.name) for column in table.c if column.name not in key)
    self_references = tuple(
        str(column.name) for column in table.c if any(link.column.table is table for link in column.foreign_keys)
    )
    return ProjectTable(str(table.name), key, (*key, *other_columns), _project_of(table, "{row}"), self_references)


def _project_of(table: Table, row: str) -> str:
    """SQL for the project of a row."""
    if table.name == PROJECT:
        return f"({row}).id"
    if "project_id" in table.c:
        return f"({row}).project_id"
    column, parent = _parent(table)
    inner = _project_of(parent, parent.name)
    return f"(SELECT {inner} FROM {parent.name} WHERE {parent.name}.id = ({row}).{column})"  # noqa: S608  names of ours


def _where_project(table: Table) -> str:
    """SQL for: the row is of the project %(project)s."""
    if table.name == PROJECT:
        return f"{PROJECT}.id = %(project)s"
    if "project_id" in table.c:
        return f"{table.name}.project_id = %(project)s"
    column, parent = _parent(table)
    return f"{table.name}.{column} IN (SELECT id FROM {parent.name} WHERE {_where_project(parent)})"  # noqa: S608  names of ours


def _parent(table: Table) -> tuple[str, Table]:
    """A column that refers to another table of a project, and that table."""
    return next(
        (column.name, link.column.table)
        for column in table.c
        for link in column.foreign_keys
        if link.column.table is not table and not column.nullable
    )


def pages(
    connection: Connection,
    table: ProjectTable,
    project_id: UUID,
    columns: Sequence[str],
    after: Sequence[str] = (),
    *,
    until: Sequence[str] = (),
) -> Iterator[TablePage]:
    """The rows of a project in the order of their keys, after a key and until another."""
    query, limit = _paging(table, columns), _FIRST_PAGE_ROWS
    while data := _copied_out(
        connection,
        query.format(_bound(table, ">", after), _bound(table, "<=", until)),
        (str(project_id), *after, *until, limit),
        MOST_PAGE_BYTES,
    ):
        page = _as_page(data, len(table.key))
        yield page
        after = page.last_key
        fitting = PAGE_BYTES * page.rows // len(page.data)
        limit = max(1, min(fitting, 4 * limit, _MOST_PAGE_ROWS))


def _paging(table: ProjectTable, columns: Sequence[str]) -> str:
    condition = table.where_project().replace("%(project)s", "%s")
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {condition} {{}} {{}} ORDER BY {', '.join(table.key)} LIMIT %s"  # noqa: S608


def last_key(connection: Connection, table: ProjectTable, project_id: UUID) -> tuple[str, ...]:
    """The greatest key of a project's rows; () without rows."""
    descending = ", ".join(f"{name} DESC" for name in table.key)
    query = (
        f"SELECT {', '.join(table.key)} FROM {table.name} WHERE {table.where_project()} ORDER BY {descending} LIMIT 1"  # noqa: S608
    )
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(query, {"project": str(project_id)})
        return tuple(str(part) for row in cursor.fetchall() for part in row)


def _bound(table: ProjectTable, sign: str, key: Sequence[str]) -> str:
    """SQL for: the key of a row is above or below a key, if there is one."""
    return f"AND ({', '.join(table.key)}) {sign} ({', '.join(['%s'] * len(key))})" if key else ""


def rows_of_ids(
    connection: Connection, table: ProjectTable, project_id: UUID, ids: Sequence[UUID], columns: Sequence[str] = ()
) -> bytes:
    """The existing rows among these ids."""
    query = (
        f"SELECT {', '.join(columns or table.columns)} FROM {table.name} WHERE project_id = %s AND id = ANY(%s::uuid[])"  # noqa: S608
    )
    return _copied_out(connection, query, (str(project_id), [str(row_id) for row_id in ids]))


def ids_in(data: bytes) -> list[UUID]:
    """The ids in rows whose first column is an id."""
    return [UUID(line[:36].decode()) for line in data.split(b"\n") if line]


def _as_page(data: bytes, keys: int) -> TablePage:
    """A line is a row: COPY escapes line ends in values."""
    start = data.rfind(b"\n", 0, -1) + 1
    last = data[start:-1].decode().split("\t", keys)[:keys]
    return TablePage(data.count(b"\n"), data, tuple(map(_unescaped, last)))


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescaped(value: str) -> str:
    """The value of a field in COPY's text format (PostgreSQL manual, COPY)."""
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), value)


class _FirstRows:
    """Keeps the first rows that COPY writes, one at a time, up to some bytes: the row in which these are reached is the last one."""

    def __init__(self, most_bytes: float) -> None:
        self.rows = io.BytesIO()
        self._most_bytes = most_bytes

    def write(self, row: bytes) -> None:
        """Keep or discard a row."""
        if self.rows.tell() < self._most_bytes:
            self.rows.write(row)


def _copied_out(connection: Connection, query: str, values: Sequence[Any], most_bytes: float = inf) -> bytes:
    """The result of a query in COPY's format, or its first rows where it is longer than most_bytes."""
    into = _FirstRows(most_bytes)
    with closing(connection.connection.cursor()) as cursor:
        statement = cursor.mogrify(query, values).decode()
        cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT").format(sql.SQL(statement)), into)
    return into.rows.getvalue()


def total(
    connection: Connection,
    table: ProjectTable,
    project_id: UUID,
    columns: Sequence[str],
    among: Collection[UUID] | None = None,
) -> TableSum:
    """The sum over the rows of a project, by these columns; among: only rows with these ids. Reads every row: some 5 us each."""
    row = f"ROW({', '.join(columns)})::text"
    return _sum(connection, table, project_id, f"('x' || left(md5({row}), 15))::bit(60)::bigint", among)


def total_of_ids(connection: Connection, table: ProjectTable, project_id: UUID) -> TableSum:
    """The sum over the ids alone, read from an index."""
    return _sum(connection, table, project_id, "hashtextextended(id::text, 0)::numeric")


def _sum(
    connection: Connection, table: ProjectTable, project_id: UUID, of_row: str, among: Collection[UUID] | None = None
) -> TableSum:
    query = f"SELECT count(*), coalesce(sum({of_row}), 0)::text FROM {table.name} WHERE {table.where_project()}"  # noqa: S608  ours
    with closing(connection.connection.cursor()) as cursor:
        values = {"project": str(project_id), "among": [str(row_id) for row_id in among or ()]}
        cursor.execute(query if among is None else f"{query} AND id = ANY(%(among)s::uuid[])", values)
        rows, digest = cursor.fetchall()[0]
    return TableSum(rows, digest)
