"""Calls that a project no longer keeps, and what remains of them.

The time of storing decides, which the id of a call holds: an imported log is kept as long as calls made today.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from app.config import MOST_RETENTION_DAYS
from app.store import partitions
from app.store.expired import noting
from app.store.ids import first_id_of
from app.store.partitions import Partition
from app.store.tables import project, trace

FOR_EVER = 0
"""Days; the project removes nothing."""


def days_of(connection: Connection, project_id: UUID) -> int | None:
    """Days for which a project keeps its calls; None: the setting decides."""
    return connection.execute(select(project.c.retention_days).where(project.c.id == project_id)).scalar_one()


def set_days(connection: Connection, project_id: UUID, days: int | None) -> None:
    """Set the days for which a project keeps its calls; None: the setting decides."""
    connection.execute(update(project).where(project.c.id == project_id).values(retention_days=days))


def starts_of_keeping(connection: Connection, default_days: int, now: datetime) -> dict[UUID, datetime]:
    """The moment since which each project keeps its calls; projects that keep calls for ever are left out."""
    days = func.coalesce(project.c.retention_days, default_days)
    rows = connection.execute(select(project.c.id, days.label("days")).where(days != FOR_EVER).order_by(project.c.id))
    return {row.id: now - timedelta(days=min(row.days, MOST_RETENTION_DAYS)) for row in rows}


def months_over(connection: Connection, since: Mapping[UUID, datetime]) -> list[Partition]:
    """Months whose calls no project keeps, the oldest first. since: the answer of `starts_of_keeping`."""
    *all_but_the_newest, _ = partitions.partitions(connection)  # a partition ends where the next one begins
    past = [month for month in all_but_the_newest if since and month.until <= max(since.values())]
    everybody = connection.scalars(select(project.c.id)).all() if past else []
    return [
        month for month in past if not partitions.has_calls_of(connection, month, _keepers(everybody, since, month))
    ]


def _keepers(projects: Iterable[UUID], since: Mapping[UUID, datetime], month: Partition) -> list[UUID]:
    """Projects that keep calls from the end of the month."""
    return [project_id for project_id in projects if project_id not in since or since[project_id] < month.until]


def overdue(
    connection: Connection, project_id: UUID, since: datetime, limit: int, without: Collection[UUID] = ()
) -> list[tuple[UUID, UUID]]:
    """The oldest calls of a project that were stored before `since`, each with its group. without: groups that are left out."""
    old = select(trace.c.id, trace.c.group_id).where(trace.c.project_id == project_id, trace.c.id < first_id_of(since))
    if without:
        old = old.where(trace.c.group_id.not_in(without))
    return [(row.id, row.group_id) for row in connection.execute(old.order_by(trace.c.id).limit(limit))]


_REMOVE = text(
    f"""
    WITH gone AS (DELETE FROM trace WHERE id = ANY(:ids) RETURNING implementation_id, seen_at),
         noted AS ({noting("gone")})
    SELECT count(*) FROM gone
    """  # noqa: S608  ours
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
"""Versions show the number of their calls, the first and the last; these are noted before the calls are removed."""


def remove(connection: Connection, call_ids: Sequence[UUID]) -> int:
    """Remove calls and note their number; templates, versions and tasks stay. Answers how many were removed."""
    return connection.execute(_REMOVE, {"ids": list(call_ids)}).scalar_one()
