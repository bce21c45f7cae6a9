"""The rows of a project that arrive from another database or from a file.

Rows are copied into a table beside, merged from there, and compared with what then stands in the table, in one transaction: a page has
arrived whole and equal, or not at all.  Merging twice changes nothing.
"""

import io
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy import Connection

from app.errors import CallerError
from app.store.belongings import Belonging

CALLS = "trace"


class ForeignRowsError(CallerError):
    """Rows do not fit this database."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"Rows of {table} do not arrive as they are: rows of another project or of another copy have their ids or names. "
            "Import into a database that never had this project, or delete it there first."
        )


class Arriving:
    """The rows of one project in the database where they arrive; one transaction."""

    def __init__(self, connection: Connection, project_id: UUID) -> None:
        self._connection = connection
        self._project = {"project": str(project_id)}
        self._staged: set[str] = set()

    def put(self, what: Belonging, columns: Sequence[str], data: bytes) -> None:
        """Merge one page and compare it.  Raises ForeignRowsError, and the transaction must be given up."""
        self.clear(what)
        self.stage(what, columns, data)
        self.merge(what, columns)

    def clear(self, what: Belonging) -> None:
        """Nothing of the table is staged."""
        if what.name in self._staged:
            self._run(f"DROP TABLE {_staging(what)}")
            self._staged.remove(what.name)

    def stage(self, what: Belonging, columns: Sequence[str], data: bytes) -> None:
        """Copy rows into the table beside, where `merge` and `prune` find them."""
        if what.name not in self._staged:
            self._run(_STAGING.format(_staging(what), _list(columns), what.name))
            self._staged.add(what.name)
        with closing(self._connection.connection.cursor()) as cursor:
            cursor.copy_expert(f"COPY {_staging(what)} ({_list(columns)}) FROM STDIN", io.BytesIO(data))

    def merge(self, what: Belonging, columns: Sequence[str]) -> None:
        """What was staged becomes rows of the table."""
        self._run(f"ANALYZE {_staging(what)}")
        if what.name == "implementation":
            self._run(_FREE_NUMBERS.format(_same(what)))
        try:
            self._run(_merging(what, columns))
        except psycopg2.errors.IntegrityError:
            raise ForeignRowsError(what.name) from None
        if what.name == CALLS:
            self._run(_EXTERNAL_IDS)
        self._check(what, columns)

    def prune(self, what: Belonging) -> int:
        """Delete rows of the project that were not staged; how many.  All of the project must be staged."""
        if what.name not in self._staged:
            return 0
        if what.name == "template":  # what refers to it has changed since, so it arrives with the changed calls
            self._run(f"DELETE FROM trace WHERE template_id IN (SELECT id FROM {_missing(what)})")  # noqa: S608  ours
        return self._run(f"DELETE FROM {_missing(what)}")  # noqa: S608  ours

    def remove_calls(self, ids: Sequence[UUID]) -> int:
        """Calls that are gone where they came from."""
        with closing(self._connection.connection.cursor()) as cursor:
            query = "DELETE FROM trace WHERE project_id = %(project)s AND id = ANY(%(ids)s::uuid[])"
            cursor.execute(query, self._project | {"ids": [str(each) for each in ids]})
            return cursor.rowcount

    def hold(self) -> None:
        """No run, no retention touches the project before it has arrived."""
        self._run(
            "UPDATE grouping_key SET quarantined_at = clock_timestamp() WHERE project_id = %(project)s AND quarantined_at IS NULL"
        )
        self._run("UPDATE project SET retention_days = 0 WHERE id = %(project)s")

    def _check(self, what: Belonging, columns: Sequence[str]) -> None:
        with closing(self._connection.connection.cursor()) as cursor:
            cursor.execute(_comparing(what, columns), self._project)
            staged, equal = cursor.fetchall()[0]
        if staged != equal:
            raise ForeignRowsError(what.name)

    def _run(self, statement: str) -> int:
        with closing(self._connection.connection.cursor()) as cursor:
            cursor.execute(statement, self._project)
            return cursor.rowcount


_STAGING = "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0"


def _missing(what: Belonging) -> str:
    """Rows of the project that were not staged."""
    return f"{what.name} WHERE {what.own} AND NOT EXISTS (SELECT FROM {_staging(what)} AS incoming WHERE {_same(what)})"


def _staging(what: Belonging) -> str:
    return f"incoming_{what.name}"


def _list(columns: Sequence[str]) -> str:
    return ", ".join(columns)


def _same(what: Belonging) -> str:
    return " AND ".join(f"incoming.{name} = {what.name}.{name}" for name in what.key)


def _row(table: str, columns: Sequence[str]) -> str:
    """A row as text: json has no equality, and equal texts are equal rows."""
    return f"ROW({', '.join(f'{table}.{name}' for name in columns)})::text"


def _merging(what: Belonging, columns: Sequence[str]) -> str:
    others = [name for name in columns if name not in what.key]
    changed = f"{_row(what.name, columns)} IS DISTINCT FROM {_row('excluded', columns)}"
    changes = ", ".join(f"{name} = excluded.{name}" for name in others)
    resolution = f"DO UPDATE SET {changes} WHERE {changed}" if others else "DO NOTHING"
    return (
        f"INSERT INTO {what.name} ({_list(columns)}) SELECT {_list(columns)} FROM {_staging(what)} "  # noqa: S608
        f"ON CONFLICT ({_list(what.key)}) {resolution}"
    )


def _comparing(what: Belonging, columns: Sequence[str]) -> str:
    """How many rows were staged, and how many of them are now equal rows of the project."""
    own = f"{what.name}.{what.own}"
    equal = f"{_row(what.name, columns)} = {_row('incoming', columns)}"
    return (
        f"SELECT count(*), count(*) FILTER (WHERE {own} AND {equal}) FROM {_staging(what)} AS incoming "  # noqa: S608
        f"LEFT JOIN {what.name} ON {_same(what)}"
    )


# Two versions may have swapped numbers since: those that change get out of each other's way first.
_FREE_NUMBERS = """
UPDATE implementation SET version = -implementation.version FROM incoming_implementation AS incoming
 WHERE {} AND incoming.version <> implementation.version
"""

_EXTERNAL_IDS = """
INSERT INTO trace_external_id (project_id, external_id, trace_id)
SELECT project_id, external_id, id FROM incoming_trace WHERE external_id IS NOT NULL
ON CONFLICT (project_id, external_id) DO UPDATE SET trace_id = excluded.trace_id
 WHERE trace_external_id.trace_id <> excluded.trace_id
"""


def totals_of_versions(connection: Connection, project_id: UUID) -> dict[str, Any]:
    """Calls of each version as lists show them: what triggers have counted."""
    query = (
        "SELECT implementation_id::text, sum(calls) FROM call_count WHERE implementation_id IN (SELECT implementation.id "
        "FROM implementation JOIN task ON task.id = task_id WHERE project_id = %s) GROUP BY 1 HAVING sum(calls) <> 0"
    )
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(query, (str(project_id),))
        return {name: int(calls) for name, calls in cursor.fetchall()}
