"""Projects: the owners of keys and data, and the border between teams."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, func, select
from sqlalchemy.dialects.postgresql import insert

from app.errors import NotFoundError
from app.store.ids import new_id
from app.store.shown import is_listed
from app.store.tables import grouping_key, project, task, trace


@dataclass(frozen=True)
class Project:
    """A project with its id and its name."""

    id: UUID
    name: str


@dataclass(frozen=True)
class ProjectSummary:
    """A project and how much is in it; of its tasks, those that lists show: one that was merged is part of another."""

    id: UUID
    name: str
    paths: int
    traces: int
    tasks: int


def get_or_create(connection: Connection, name: str) -> Project:
    """The project of that name; made when there is none."""
    connection.execute(insert(project).values(id=new_id(), name=name).on_conflict_do_nothing(index_elements=["name"]))
    row = connection.execute(select(project.c.id, project.c.name).where(project.c.name == name)).one()
    return Project(row.id, row.name)


def by_id(connection: Connection, project_id: UUID) -> Project | None:
    """The project of that id."""
    row = connection.execute(select(project.c.id, project.c.name).where(project.c.id == project_id)).one_or_none()
    return None if row is None else Project(row.id, row.name)


def find(connection: Connection, name_or_id: str) -> Project | None:
    """The project with this name, else with this id."""
    conditions = [project.c.name == name_or_id]
    if (by_id := _as_uuid(name_or_id)) is not None:
        conditions.append(project.c.id == by_id)
    for condition in conditions:
        row = connection.execute(select(project.c.id, project.c.name).where(condition)).one_or_none()
        if row is not None:
            return Project(row.id, row.name)
    return None


def existing(connection: Connection, name_or_id: str) -> Project:
    """As `find`.  Raises NotFoundError for a project that does not exist."""
    found_project = find(connection, name_or_id)
    if found_project is None:
        raise NotFoundError(f"There is no project {name_or_id!r}. `promptlode projects` lists all projects.")
    return found_project


def names(connection: Connection) -> list[str]:
    """Every project by its name, in order."""
    return list(connection.execute(select(project.c.name).order_by(project.c.name)).scalars())


def summaries(connection: Connection) -> list[ProjectSummary]:
    """Every project by name, with counts. Reads whole indexes: for commands, not for requests."""
    query = select(
        project.c.id,
        project.c.name,
        _count_of(grouping_key).label("paths"),
        _count_of(trace).label("traces"),
        _count_of(task, is_listed()).label("tasks"),
    ).order_by(project.c.name)
    return [ProjectSummary(*row) for row in connection.execute(query)]


def _count_of(table: Table, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    of_project = table.c.project_id == project.c.id
    return select(func.count()).where(of_project, *conditions).correlate(project).scalar_subquery()


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
