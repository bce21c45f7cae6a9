"""Makes a project in one database equal to the project in another one, and compares the two."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection

from app.moving import parts
from app.store import project_tables
from app.store.arrivals import Arriving, totals_of_versions
from app.store.project_tables import ProjectTable, table_named

ColumnsOf = Callable[[ProjectTable], tuple[str, ...]]
"""The columns of a table that are copied and compared."""


class Sides:
    """A project in two databases: a snapshot of the source, and the transaction of the target, which `arriving` writes in."""

    def __init__(self, source: Connection, target: Connection, arriving: Arriving, project_id: UUID) -> None:
        self._source = source
        self._target = target
        self._arriving = arriving
        self._project_id = project_id
        self._calls = table_named(parts.CALLS)

    def level(self, tables: Iterable[ProjectTable], columns_of: ColumnsOf) -> None:
        """Make the differing tables of the target equal: deleted rows go first, since they may hold names and numbers.

        A log keeps the entries that the target had of the project before.
        """
        changed = [table for table in tables if self._differs(table, columns_of(table))]
        for table in changed:
            self._stage(table, columns_of(table))
        for table in reversed([table for table in changed if table.name not in parts.LOGS]):
            self._arriving.prune(table)
        for table in changed:
            self._arriving.merge(table, columns_of(table))

    def _differs(self, table: ProjectTable, columns: Sequence[str]) -> bool:
        in_source, in_target = (
            project_tables.total(side, table, self._project_id, columns) for side in (self._source, self._target)
        )
        return in_source != in_target

    def _stage(self, table: ProjectTable, columns: Sequence[str]) -> None:
        """Put all rows of the source beside the table of the target."""
        self._arriving.clear(table)
        self._arriving.stage(table, columns, b"")
        for page in project_tables.pages(self._source, table, self._project_id, columns):
            self._arriving.stage(table, columns, page.data)

    def repeat(self, call_ids: Sequence[UUID]) -> None:
        """Write these calls as the source has them, and remove those that it has no more."""
        data = project_tables.rows_of_ids(self._source, self._calls, self._project_id, call_ids)
        self._remove_all_but(project_tables.ids_in(data), call_ids)
        self._arriving.put(self._calls, self._calls.columns, data)

    def level_calls(self) -> None:
        """Remove calls that the source has no more, where the ids differ: months dropped by retention leave no notes."""
        in_source, in_target = map(self._total_of_calls, (self._source, self._target))
        if in_source == in_target:
            return
        key = self._calls.key
        for page in project_tables.pages(self._target, self._calls, self._project_id, key):
            call_ids = project_tables.ids_in(page.data)
            data = project_tables.rows_of_ids(self._source, self._calls, self._project_id, call_ids, key)
            self._remove_all_but(project_tables.ids_in(data), call_ids)

    def _remove_all_but(self, kept_ids: Iterable[UUID], call_ids: Iterable[UUID]) -> None:
        self._arriving.remove_calls(sorted(set(call_ids).difference(kept_ids)))

    def _total_of_calls(self, side: Connection) -> project_tables.TableSum:
        """The number and digest of the ids of the calls."""
        return project_tables.total_of_ids(side, self._calls, self._project_id)

    def compare(self) -> None:
        """Compare the ids of calls, whose pages were compared on arrival, and all rows of the other tables.

        Raises DiffersError with the tables that differ.
        """
        other_tables = [table for table in project_tables.all_tables() if table != self._calls]
        entries = parts.logged(self._source, self._project_id)
        expected = parts.totals(self._source, self._project_id, other_tables)
        arrived = parts.totals(self._target, self._project_id, other_tables, entries)
        expected[self._calls.name], arrived[self._calls.name] = map(self._total_of_calls, (self._source, self._target))
        wrong = parts.differing(expected, arrived)
        if totals_of_versions(self._source, self._project_id) != totals_of_versions(self._target, self._project_id):
            wrong.append("the numbers of calls of versions")
        if wrong:
            raise parts.DiffersError(
                f"The copy differs: {'; '.join(wrong)}. The project stays where it is; run the same command again."
            )
