"""The calls before and after a call, and the turns of its conversation."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from app.store.planned import planned_once
from app.store.tables import grouping_key, implementation, trace

MOST_TURNS = 100
"""Calls of a conversation that a page lists, the first ones."""


MOST_NEWS = 1_000
"""Later calls that are counted."""


class Neighbours(NamedTuple):
    """The calls stored just before and after a call: of its version, or of its path where it is ungrouped."""

    before: UUID | None
    after: UUID | None


def of_call(connection: Connection, project_id: UUID, call: Any) -> Neighbours:
    """The neighbours of a call, a row of `app.store.traces`."""
    if call.implementation_id is not None:
        alike = trace.c.implementation_id == call.implementation_id
    else:
        alike = (trace.c.group_id == call.group_id) & trace.c.implementation_id.is_(None)
    own_calls = select(trace.c.id).where(trace.c.project_id == project_id, alike)
    earlier = own_calls.where(trace.c.id < call.id).order_by(trace.c.id.desc()).limit(1)
    later = own_calls.where(trace.c.id > call.id).order_by(trace.c.id).limit(1)
    return Neighbours(connection.execute(earlier).scalar(), connection.execute(later).scalar())


def turns(connection: Connection, project_id: UUID, conversation_id: str) -> Sequence[Row[Any]]:
    """The calls of a conversation in the order they were made: id, seen_at, model, path, version, error."""
    query: Select[Any] = (
        select(
            trace.c.id,
            trace.c.seen_at,
            trace.c.model,
            grouping_key.c.path,
            implementation.c.version,
            trace.c.error.isnot(None).label("failed"),
        )
        .select_from(
            trace.join(grouping_key, grouping_key.c.id == trace.c.group_id).outerjoin(
                implementation, implementation.c.id == trace.c.implementation_id
            )
        )
        .where(
            trace.c.project_id == project_id,
            trace.c.conversation_id == conversation_id,
            func.md5(trace.c.conversation_id) == func.md5(conversation_id),
        )
    )
    return connection.execute(query.order_by(trace.c.seen_at, trace.c.id).limit(MOST_TURNS)).all()


def newest(connection: Connection, project_id: UUID) -> UUID | None:
    """The most recently stored call of the project."""
    return connection.execute(_newest(), {"project": project_id}).scalar()


@cache
def _newest() -> Select[Any]:
    calls_of_project = select(trace.c.id).where(trace.c.project_id == bindparam("project"))
    return planned_once(calls_of_project.order_by(trace.c.id.desc()).limit(1))


def later(connection: Connection, project_id: UUID, after: UUID, task_id: UUID | None) -> int:
    """The number of calls of the project, or of one of its tasks, that were stored after a call; at most `MOST_NEWS`."""
    later_calls = select(trace.c.id).where(trace.c.project_id == project_id, trace.c.id > after)
    if task_id is not None:
        own_versions = select(implementation.c.id).where(implementation.c.task_id == task_id)
        later_calls = later_calls.where(trace.c.implementation_id.in_(own_versions))
    return connection.execute(select(func.count()).select_from(later_calls.limit(MOST_NEWS).subquery())).scalar_one()
