"""The rows of a project that arrive from another database or from a file.

Rows are copied into a staging table, merged into the table, and compared with its rows, in one transaction: a page arrives whole and equal,
or not at all. Merging twice changes nothing.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy import Connection

from app.errors import CallerError
from app.store import moves
from app.store.project_tables import ProjectTable

CALLS = "trace"


class ForeignRowsError(CallerError):
    """Rows do not fit this database."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"Rows of {table} do not arrive as they are: rows of another project or of another copy have their ids or names. "
            "Import into a database that never had this project, or delete it there first."
        )


class UnfittingRowsError(CallerError):
    """Rows do not fit the columns of their table."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"Rows of {table} do not fit the columns of that table: the file is damaged. Export the project again."
        )


class Arriving:
    """Takes the rows of one project into this database; one transaction."""

    def __init__(self, connection: Connection, project_id: UUID) -> None:
        self._connection = connection
        self._project_id = project_id
        self._project = {"project": str(project_id)}
        self._staged: set[str] = set()

    def put(self, table: ProjectTable, columns: Sequence[str], data: bytes) -> None:
        """Merge one page and compare it. Raises ForeignRowsError; the caller must then roll back."""
        self.clear(table)
        self.stage(table, columns, data)
        self.merge(table, columns)

    def clear(self, table: ProjectTable) -> None:
        """Empty the staging table."""
        if table.name in self._staged:
            self._run(f"DROP TABLE {_staging(table)}")
            self._staged.remove(table.name)

    def stage(self, table: ProjectTable, columns: Sequence[str], data: bytes) -> None:
        """Copy rows into the staging table, which `merge` and `prune` read."""
        with _fitting(table), closing(self._connection.connection.cursor()) as cursor:
            if table.name not in self._staged:
                self._run(_STAGING.format(_staging(table), _list(columns), table.name))
                self._staged.add(table.name)
            cursor.copy_expert(f"COPY {_staging(table)} ({_list(columns)}) FROM STDIN", io.BytesIO(data))

    def merge(self, table: ProjectTable, columns: Sequence[str]) -> None:
        """Make the staged rows rows of the table."""
        self._run(f"ANALYZE {_staging(table)}")
        if table.name == "implementation":
            self._run(_FREE_NUMBERS.format(_same_key(table)))
        try:
            with _fitting(table):
                self._run(_merging(table, columns))
        except psycopg2.errors.IntegrityError:
            raise ForeignRowsError(table.name) from None
        if table.name == CALLS:
            self._run(_EXTERNAL_IDS)
        self._check(table, columns)

    def prune(self, table: ProjectTable) -> int:
        """Delete rows of the project that were not staged, and answer how many. All rows of the project must be staged."""
        if table.name not in self._staged:
            return 0
        if table.name == "template":  # calls that refer to it have changed, so it arrives with them
            self._run(f"DELETE FROM trace WHERE template_id IN (SELECT id FROM {_missing(table)})")  # noqa: S608  ours
        return self._run(f"DELETE FROM {_missing(table)}")  # noqa: S608  ours

    def remove_calls(self, ids: Sequence[UUID]) -> int:
        """Delete calls that were deleted in the source."""
        with closing(self._connection.connection.cursor()) as cursor:
            query = "DELETE FROM trace WHERE project_id = %(project)s AND id = ANY(%(ids)s::uuid[])"
            cursor.execute(query, self._project | {"ids": [str(call_id) for call_id in ids]})
            return cursor.rowcount

    def stay_closed(self) -> None:
        """Keep runs and retention away from the project until it has arrived."""
        moves.keep_work_away(self._connection, self._project_id)

    def _check(self, table: ProjectTable, columns: Sequence[str]) -> None:
        with closing(self._connection.connection.cursor()) as cursor:
            cursor.execute(_comparing(table, columns), self._project)
            staged, equal = cursor.fetchall()[0]
        if staged != equal:
            raise ForeignRowsError(table.name)

    def _run(self, statement: str) -> int:
        with closing(self._connection.connection.cursor()) as cursor:
            cursor.execute(statement, self._project)
            return cursor.rowcount


@contextmanager
def _fitting(table: ProjectTable) -> Iterator[None]:
    """Raises UnfittingRowsError where a value has another type than its column, a column comes twice, or a row does."""
    try:
        yield
    except (psycopg2.DataError, psycopg2.ProgrammingError):
        raise UnfittingRowsError(table.name) from None


_STAGING = "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0"


def _missing(table: ProjectTable) -> str:
    """Rows of the project that were not staged."""
    return f"{table.name} WHERE {table.where_project()} AND NOT EXISTS (SELECT FROM {_staging(table)} AS incoming WHERE {_same_key(table)})"


def _staging(table: ProjectTable) -> str:
    return f"incoming_{table.name}"


def _list(columns: Sequence[str]) -> str:
    return ", ".join(columns)


def _same_key(table: ProjectTable) -> str:
    return " AND ".join(f"incoming.{name} = {table.name}.{name}" for name in table.key)


def _row(table: str, columns: Sequence[str]) -> str:
    """A row as text: the type json has no equality, and equal texts mean equal rows."""
    return f"ROW({', '.join(f'{table}.{name}' for name in columns)})::text"


def _merging(table: ProjectTable, columns: Sequence[str]) -> str:
    other_columns = [name for name in columns if name not in table.key]
    changed = f"{_row(table.name, columns)} IS DISTINCT FROM {_row('excluded', columns)}"
    changes = ", ".join(f"{name} = excluded.{name}" for name in other_columns)
    resolution = f"DO UPDATE SET {changes} WHERE {changed}" if other_columns else "DO NOTHING"
    return (
        f"INSERT INTO {table.name} ({_list(columns)}) SELECT {_list(columns)} FROM {_staging(table)} "  # noqa: S608
        f"ON CONFLICT ({_list(table.key)}) {resolution}"
    )


def _comparing(table: ProjectTable, columns: Sequence[str]) -> str:
    """The number of staged rows, and of those that are now equal rows of the project."""
    own_row = table.where_project()
    equal = f"{_row(table.name, columns)} = {_row('incoming', columns)}"
    return (
        f"SELECT count(*), count(*) FILTER (WHERE {own_row} AND {equal}) FROM {_staging(table)} AS incoming "  # noqa: S608
        f"LEFT JOIN {table.name} ON {_same_key(table)}"
    )


_FREE_NUMBERS = """
UPDATE implementation SET version = -implementation.version FROM incoming_implementation AS incoming
 WHERE {} AND incoming.version <> implementation.version
"""
"""Two versions may have swapped their numbers: the changed rows get temporary numbers first."""

_EXTERNAL_IDS = """
INSERT INTO trace_external_id (project_id, external_id, trace_id)
SELECT project_id, external_id, id FROM incoming_trace WHERE external_id IS NOT NULL
ON CONFLICT (project_id, external_id) DO UPDATE SET trace_id = excluded.trace_id
 WHERE trace_external_id.trace_id <> excluded.trace_id
"""


def totals_of_versions(connection: Connection, project_id: UUID) -> dict[str, Any]:
    """Calls of each version as lists show them: the counts of the triggers."""
    query = (
        "SELECT implementation_id::text, sum(calls) FROM call_count WHERE implementation_id IN (SELECT implementation.id "
        "FROM implementation JOIN task ON task.id = task_id WHERE project_id = %s) GROUP BY 1 HAVING sum(calls) <> 0"
    )
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(query, (str(project_id),))
        return {name: int(calls) for name, calls in cursor.fetchall()}
