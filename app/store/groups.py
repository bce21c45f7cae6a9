"""Groups: the calls of one path of one project, and their state of grouping."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.errors import NotFoundError
from app.store import projects
from app.store.ids import new_id
from app.store.paths import spellings
from app.store.tables import grouping_key

RegroupScope = Literal["residue", "review", "all"]


@dataclass(frozen=True)
class Group:
    """A group as ingest reads it, in the transaction that stores the traces."""

    id: UUID
    path: str
    templates_version: int
    quarantined_at: datetime | None

    @property
    def has_templates(self) -> bool:
        """Whether a run ever saved a template of this group."""
        return self.templates_version > 0


_COLUMNS = (
    grouping_key.c.id,
    grouping_key.c.path,
    grouping_key.c.templates_version,
    grouping_key.c.quarantined_at,
)


def get_or_create(connection: Connection, project_id: UUID, paths: Iterable[str]) -> dict[str, Group]:
    """The group of every path, by path.

    Missing groups are inserted in the order of their paths, so two batches never deadlock.
    """
    distinct_paths = sorted(set(paths))
    groups = _by_path(connection, project_id, distinct_paths)
    missing = [path for path in distinct_paths if path not in groups]
    if missing:
        rows = [{"id": new_id(), "project_id": project_id, "path": path} for path in missing]
        connection.execute(insert(grouping_key).values(rows).on_conflict_do_nothing())
        groups |= _by_path(connection, project_id, missing)
    return groups


def find(connection: Connection, project_id: UUID, path: str) -> Group | None:
    """The group of one path, if a trace has named it: in this spelling, else with its ids folded."""
    groups = _by_path(connection, project_id, list(spellings(path)))
    return next((groups[spelling] for spelling in spellings(path) if spelling in groups), None)


def by_id(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Group]:
    """Groups by id."""
    rows = connection.execute(select(*_COLUMNS).where(grouping_key.c.id.in_(list(ids))))
    return {row.id: Group(*row) for row in rows}


def projects_of(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The project of each group; groups that are gone are left out."""
    query = select(grouping_key.c.id, grouping_key.c.project_id).where(grouping_key.c.id.in_(list(ids)))
    return {row.id: row.project_id for row in connection.execute(query)}


def group_named(connection: Connection, project: str, path: str) -> Group:
    """The group of a project (by name or id) and a path; NotFoundError says which of the two is unknown."""
    owner = projects.existing(connection, project)
    group = find(connection, owner.id, path)
    if group is None:
        raise NotFoundError(f"The project {project!r} has no path {path!r}: no call has named it.")
    return group


def note_wish(connection: Connection, group_id: UUID, wish: RegroupScope) -> None:
    """Ask that the next run also reads what `wish` says; `all` stays, else the newer wish counts. `wanted_at` identifies the wish."""
    all_stays = case(
        (grouping_key.c.wanted == "all", "all"),
        else_=wish,
    )
    connection.execute(
        update(grouping_key)
        .where(grouping_key.c.id == group_id)
        .values(wanted=all_stays, wanted_at=func.clock_timestamp())
    )


def want_reviews(connection: Connection, group_ids: Iterable[UUID]) -> list[UUID]:
    """Ask for a review of each group without an open wish; answers those groups.

    An open wish stays as it is: a wish renewed during the run that serves it would ask for another run, for ever.
    """
    free = select(grouping_key.c.id).where(grouping_key.c.id.in_(list(group_ids)), grouping_key.c.wanted.is_(None))
    locking_query = free.order_by(grouping_key.c.id).with_for_update(key_share=True)  # in one order, against deadlocks
    ids = list(connection.scalars(locking_query))
    connection.execute(
        update(grouping_key).where(grouping_key.c.id.in_(ids)).values(wanted="review", wanted_at=func.clock_timestamp())
    )
    return ids


def open_wish(connection: Connection, group_id: UUID) -> RegroupScope | None:
    """The open wish of the group."""
    return connection.scalar(select(grouping_key.c.wanted).where(grouping_key.c.id == group_id))


_BY_PATH = select(*_COLUMNS).where(
    grouping_key.c.project_id == bindparam("project_id"), grouping_key.c.path.in_(bindparam("paths", expanding=True))
)
"""Built once, since every POST runs it."""


def _by_path(connection: Connection, project_id: UUID, paths: list[str]) -> dict[str, Group]:
    rows = connection.execute(_BY_PATH, {"project_id": project_id, "paths": paths})
    return {row.path: Group(*row) for row in rows}
