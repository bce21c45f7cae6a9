"""Use cases: export a project to a file, and import one from a file."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from app.errors import CallerError
from app.moving import parts
from app.moving.arrival import Arrival
from app.moving.file import BadFileError, ProjectFileReader, ProjectFileWriter, Section, damaged
from app.store import migrate, project_tables, rollup
from app.store.arrivals import Arriving
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.project_tables import ProjectTable, TableSum
from app.store.projects import Project

ReportPage = Callable[[str, int], None]
"""Called for every page with the table and the number of its rows."""

SECRET = {project_tables.PROJECT: ("secret",)}
"""Columns that only a backup has: with the secret one can test whether a mark stands for a guessed value."""


@dataclass(frozen=True)
class Copied:
    """The rows written or read, by table. imported_before: the file had been imported before."""

    project: Project
    totals: dict[str, TableSum] = field(default_factory=dict)
    imported_before: bool = False


# Export


def export_project(engine: Engine, project: Project, into: IO[bytes], *, with_keys: bool, tell: ReportPage) -> Copied:
    """Write one snapshot of the project to a file."""
    with parts.snapshot(engine) as connection:
        head = {
            "id": str(new_id()),
            "made_at": datetime.now(UTC).isoformat(),
            "schema": migrate.head_revision(),
            "project": {"id": str(project.id), "name": project.name},
            "keys": with_keys,
        }
        writer = ProjectFileWriter(into, head)
        for table, columns, closing in _sections(with_keys):
            for page in project_tables.pages(connection, table, project.id, columns):
                writer.page(table.name, columns, page, closing=closing)
                tell(table.name, 0 if closing else page.rows)
        totals = dict(_totals(connection, project.id, with_keys))
        writer.end(totals)
    return Copied(project, totals)


def _sections(with_keys: bool) -> Iterator[tuple[ProjectTable, tuple[str, ...], bool]]:
    for table in parts.tables_in_order():
        yield table, _columns(table.columns_without(table.self_references), table, with_keys), False
    for table in parts.closing_tables():
        if with_keys or table.name not in parts.SECRETS:
            yield table, _columns(table.columns, table, with_keys), True


def _columns(columns: tuple[str, ...], table: ProjectTable, with_keys: bool) -> tuple[str, ...]:
    left_out = () if with_keys else SECRET.get(table.name, ())
    return tuple(name for name in columns if name not in left_out)


def _totals(
    connection: Connection, project_id: UUID, with_keys: bool, logged: Mapping[str, Collection[UUID]] = {}
) -> Iterator[tuple[str, TableSum]]:
    for table in project_tables.all_tables():
        if with_keys or table.name not in parts.SECRETS:
            columns = _columns(parts.compared(table), table, with_keys)
            among = logged.get(table.name)
            yield table.name, project_tables.total(connection, table, project_id, columns, among)


# Import


def import_project(engine: Engine, source: IO[bytes], *, name: str | None, peer: str, tell: ReportPage) -> Copied:
    """Import a project from a file. A killed import continues when it is repeated; a completed one changes nothing."""
    reader = ProjectFileReader(source)
    project = _project_of(reader.head, name)
    arrival = Arrival(engine, project.id, project.name, peer)
    copied = {} if (fresh := arrival.begin()) else arrival.copied()
    if not fresh:
        return _imported_before(engine, reader, project, same_file=copied.get("file") == reader.head["id"])
    sections_done = _sections_done(arrival.copied(), reader.head)
    logged: Logged = {}
    sections = _told((_renamed(section, project.name) for section in _sections_noting(reader, logged)), tell)
    first_closing = _receive(arrival, sections, sections_done, reader.head["id"])

    def close(connection: Connection, arriving: Arriving) -> None:
        columns = _stage(arriving, chain(first_closing, sections))
        _merge(arriving, reader, columns)
        _compare(reader, _totals_stored(connection, reader, project, logged))

    arrival.in_one(close, stays_closed=False)
    add_up(engine)
    return Copied(project, reader.totals)


def _told(sections: Iterable[Section], tell: ReportPage) -> Iterator[Section]:
    for section in sections:
        yield section
        tell(section.table, 0 if section.closing else section.data.count(b"\n"))


def _receive(arrival: Arrival, sections: Iterator[Section], sections_done: int, file: str) -> list[Section]:
    """Receive the sections before the closing ones, each in a transaction; answers the first closing section, or []."""
    for section in sections:
        if section.closing:
            return [section]
        table = _table_of(section)
        if section.number > sections_done:
            arrival.receive(table, section.columns, section.data, {"file": file, "sections": section.number})
    return []


Logged = dict[str, set[UUID]]
"""The ids of the entries of each log in a file."""


def _sections_noting(reader: ProjectFileReader, logged: Logged) -> Iterator[Section]:
    """All sections; at the end `logged` has the entries of every log."""
    logged |= {name: set() for name in parts.LOGS}
    for section in reader.sections():
        if section.table in logged:
            logged[section.table].update(_ids_of(section))
        yield section


def _ids_of(section: Section) -> list[UUID]:
    try:
        return project_tables.ids_in(section.data)
    except ValueError as error:
        raise damaged(section) from error


def _project_of(head: dict[str, Any], name: str | None) -> Project:
    try:
        UUID(head["id"])
        return Project(UUID(head["project"]["id"]), name or str(head["project"]["name"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadFileError("The file names no project. Export the project again.") from error


def _sections_done(copied: dict[str, Any], head: dict[str, Any]) -> int:
    """The number of sections of this file that have arrived."""
    return int(copied.get("sections", 0)) if copied.get("file") == head["id"] else 0


def _table_of(section: Section) -> ProjectTable:
    names = {table.name: table for table in project_tables.all_tables()}
    table = names.get(section.table)
    unknown = [section.table] if table is None else sorted(set(section.columns) - set(table.columns))
    if table is None or unknown:
        raise CallerError(
            f"This release does not know {', '.join(unknown)} of the file, which a newer one made. Upgrade first."
        )
    return table


def _renamed(section: Section, name: str) -> Section:
    """The row of the project with its new name."""
    if section.table != project_tables.PROJECT:
        return section
    values = section.data.rstrip(b"\n").split(b"\t")
    if "name" not in section.columns or len(values) != len(section.columns):
        raise damaged(section)
    place = section.columns.index("name")
    values[place] = re.sub(r"[\\\t\n\r]", lambda escape: _ESCAPED[escape[0]], name).encode()
    data = b"\t".join(values) + b"\n"
    return Section(section.number, section.table, section.columns, section.closing, data)


_ESCAPED = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


def _stage(arriving: Arriving, closing: Iterable[Section]) -> dict[ProjectTable, tuple[str, ...]]:
    """Copy the closing sections into the database as they are read, so that no file fills the memory; answers the columns by table."""
    columns: dict[ProjectTable, tuple[str, ...]] = {}
    for section in closing:
        table = _table_of(section)
        if not section.closing or columns.setdefault(table, section.columns) != section.columns:
            raise damaged(section)
        arriving.stage(table, section.columns, section.data)
    return columns


def _merge(arriving: Arriving, reader: ProjectFileReader, columns: dict[ProjectTable, tuple[str, ...]]) -> None:
    """Make the staged rows the only rows of the closing tables; a table without a section has no rows."""
    empty = [table for table in parts.closing_tables() if table.name in reader.totals and table not in columns]
    for table in empty:
        arriving.stage(table, table.key, b"")
    for table in reversed([table for table in parts.closing_tables() if table in columns or table in empty]):
        arriving.prune(table)
    for table, columns_named in columns.items():
        arriving.merge(table, columns_named)


def _compare(reader: ProjectFileReader, totals_stored: dict[str, TableSum]) -> None:
    if wrong := parts.differing(reader.totals, totals_stored):
        raise parts.DiffersError(
            f"What arrived is not what the file has: {'; '.join(wrong)}. Run the same command again."
        )


def _totals_stored(
    connection: Connection, reader: ProjectFileReader, project: Project, logged: Logged
) -> dict[str, TableSum]:
    totals_here = dict(_totals(connection, project.id, bool(reader.head.get("keys")), logged))
    if unknown := sorted(reader.totals.keys() - totals_here.keys()):
        raise BadFileError(
            f"The last line of the file names the table {unknown[0]}, which a file does not hold. Export the project again."
        )
    return {name: totals_here[name] for name in reader.totals}


def _imported_before(engine: Engine, reader: ProjectFileReader, project: Project, *, same_file: bool) -> Copied:
    """The project exists: the file is only read for its digests. Later changes of the project are kept."""
    logged: Logged = {}
    for _ in _sections_noting(reader, logged):
        pass
    with transaction(engine) as connection:
        wrong = parts.differing(reader.totals, _totals_stored(connection, reader, project, logged))
    if wrong and not same_file:
        raise parts.DiffersError(
            f"The project {project.name} came from another file, and is not what this one has: {'; '.join(wrong)}. Nothing was imported."
        )
    return Copied(project, reader.totals, imported_before=True)


def add_up(engine: Engine) -> None:
    """Compute the usage of versions now, not when the reconciler does."""
    while True:
        with transaction(engine) as connection:
            if not rollup.add_up(connection):
                return
