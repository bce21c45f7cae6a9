"""The order in which the tables of a project are copied, and the comparison of both sides."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from app.config import Settings
from app.errors import CallerError, DatabaseDownError
from app.store import migrate, project_tables
from app.store.engine import make_engine, outages_named
from app.store.project_tables import ProjectTable, TableSum

CALLS = "trace"
OTHER = "the other database"

SECRETS = frozenset({"api_key", "webhook", "webhook_delivery"})
"""Tables that grant access or send messages: they arrive last, and only backups have them."""

_FOUND_ANEW = frozenset({"change", "unmatched_hour"})
"""Tables that the reconciler also writes in the target: at the end they are made equal to the source."""

LOGS = frozenset({"audit_entry"})
"""Tables that outlive their project and lose no entry: the target may have more entries than the source."""

_CLOSED = frozenset({project_tables.PROJECT, "grouping_key"})
"""Tables whose rows keep runs and retention away until the project is open."""

_PATIENT_SECONDS = 3600.0
"""Seconds allowed for a statement: adding up the digests of ten million calls takes minutes."""


class DiffersError(CallerError):
    """The copy differs from its source."""


def patient_engine(settings: Settings) -> Engine:
    """An engine for long statements, and for transactions that wait for the other database."""
    return make_engine(
        settings.model_copy(update={"database_statement_timeout": _PATIENT_SECONDS, "database_pool_size": 2})
    )


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One snapshot of the database, for reading."""
    with outages_named(), engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            connection.execute(text("SET TRANSACTION READ ONLY"))
            yield connection


def tables_in_order() -> list[ProjectTable]:
    """Tables in the order of their arrival. Keys come last: access begins when everything has arrived."""
    return [table for table in project_tables.all_tables() if table.name not in SECRETS | _FOUND_ANEW]


def small_tables() -> list[ProjectTable]:
    """These tables without the calls."""
    return [table for table in tables_in_order() if table.name != CALLS]


def closing_tables() -> list[ProjectTable]:
    """Tables that arrive again at the end: those of `_CLOSED`, those with references within the table, and keys."""
    names = _CLOSED | SECRETS | _FOUND_ANEW
    return [table for table in project_tables.all_tables() if table.name in names or table.self_references]


def columns_first(table: ProjectTable) -> tuple[str, ...]:
    """Columns of the first copy: a row may refer to one that has not arrived."""
    return table.columns_without(table.self_references)


def all_columns(table: ProjectTable) -> tuple[str, ...]:
    """Columns of the last copy."""
    return table.columns


def compared(table: ProjectTable) -> tuple[str, ...]:
    """Columns that must be equal on both sides; the project may have another name in the target."""
    return table.columns_without(("name",)) if table.name == project_tables.PROJECT else table.columns


def totals(
    connection: Connection, project_id: UUID, whats: Sequence[ProjectTable], among: Mapping[str, Sequence[UUID]] = {}
) -> dict[str, TableSum]:
    """Rows and digests by table; among: by table, the ids that count."""
    return {
        table.name: project_tables.total(connection, table, project_id, compared(table), among.get(table.name))
        for table in whats
    }


def logged(connection: Connection, project_id: UUID) -> dict[str, list[UUID]]:
    """The ids of the entries of each log."""
    logs = [table for table in project_tables.all_tables() if table.name in LOGS]
    return {
        table.name: [
            entry
            for page in project_tables.pages(connection, table, project_id, table.key)
            for entry in project_tables.ids_in(page.data)
        ]
        for table in logs
    }


def same_schema(source: str, target: str) -> None:
    """Raises CallerError unless both databases are at the schema of this code, DatabaseDownError for one that does not answer."""
    at_this_schema(source, "this database")
    at_this_schema(target, OTHER)


def at_this_schema(url: str, database: str) -> None:
    """The same for one database."""
    head = migrate.head_revision()
    try:
        revision = migrate.revision_of(url)
    except DatabaseDownError as error:
        if database != OTHER:
            raise
        raise DatabaseDownError(why=f"Of {OTHER}: {error.why.replace('DATABASE_URL', 'its URL')}") from error
    if revision != head:
        raise CallerError(
            f"The schema of {database} is {revision or 'not made'}, this version needs {head}. Run there: promptlode migrate."
        )


def differing(expected: dict[str, TableSum], actual: dict[str, TableSum]) -> list[str]:
    """Tables that differ between both sides, with their numbers of rows."""
    return [
        f"{name}: {sum_of_left.rows} rows here, {actual[name].rows} there"
        for name, sum_of_left in expected.items()
        if sum_of_left != actual.get(name)
    ]
