"""Calls that a project keeps no longer: which they are, and what stays of them.

By when a call was stored, which its id tells: a log that is imported today is kept as long as a call of today.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from app.store.ids import first_id_of
from app.store.tables import project, trace

FOR_EVER = 0
"""So many days mean that nothing is removed."""


def days_of(connection: Connection, project_id: UUID) -> int | None:
    """How many days a project keeps its calls; None: as the setting says."""
    return connection.execute(select(project.c.retention_days).where(project.c.id == project_id)).scalar_one()


def set_days(connection: Connection, project_id: UUID, days: int | None) -> None:
    """A project keeps its calls so many days; None: as the setting says."""
    connection.execute(update(project).where(project.c.id == project_id).values(retention_days=days))


def limits(connection: Connection, default_days: int) -> dict[UUID, int]:
    """Days by project, of those that do not keep their calls for ever."""
    days = func.coalesce(project.c.retention_days, default_days)
    rows = connection.execute(select(project.c.id, days.label("days")).where(days != FOR_EVER).order_by(project.c.id))
    return {row.id: row.days for row in rows}


def overdue(connection: Connection, project_id: UUID, days: int, limit: int) -> list[tuple[UUID, UUID]]:
    """The oldest calls of a project that were stored longer ago, each with its group."""
    first_kept = first_id_of(datetime.now(UTC) - timedelta(days=days))
    query = select(trace.c.id, trace.c.group_id).where(trace.c.project_id == project_id, trace.c.id < first_kept)
    return [(row.id, row.group_id) for row in connection.execute(query.order_by(trace.c.id).limit(limit))]


# What versions show of their calls (how many, the first, the last) is read from the calls, so it is noted as they go.
_REMOVE = text(
    """
    WITH gone AS (DELETE FROM trace WHERE id = ANY(:ids) RETURNING implementation_id, seen_at),
         noted AS (
           INSERT INTO expired_calls (implementation_id, calls, first_seen, last_seen)
           SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM gone
            WHERE implementation_id IS NOT NULL GROUP BY implementation_id ORDER BY implementation_id
           ON CONFLICT (implementation_id) DO UPDATE SET
             calls = expired_calls.calls + excluded.calls,
             first_seen = least(expired_calls.first_seen, excluded.first_seen),
             last_seen = greatest(expired_calls.last_seen, excluded.last_seen))
    SELECT count(*) FROM gone
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


def remove(connection: Connection, call_ids: Sequence[UUID]) -> int:
    """Remove calls and note how many there were; templates, versions and tasks stay.  Answers how many were removed."""
    return connection.execute(_REMOVE, {"ids": list(call_ids)}).scalar_one()
