"""Tasks and implementations for readers. `templates` and `versions` write them.

Triggers keep the number of a version's calls and their times (`counting`), so the cost of a list does not depend on the number of calls or
months.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.selectable import LateralFromClause

from app.store.counting import counted_calls_of, looked_up
from app.store.paths import is_at
from app.store.planned import planned_once
from app.store.shown import in_use_first, is_listed, is_shown
from app.store.tables import call_count, expired_calls, grouping_key, implementation, task, template

LAST_VERSION = 2**31 - 1
"""The highest version number that the column can hold."""


def page(
    connection: Connection, project_id: UUID, *, path: str | None, limit: int, before: UUID | None
) -> Sequence[Row[Any]]:
    """Tasks of a project, newest first, below the id `before`; those merged into another or emptied are left out."""
    query = _tasks().where(is_listed())
    query = query.order_by(task.c.id.desc()).limit(limit)
    if path is not None:
        query = query.where(is_at(path))
    if before is not None:
        query = query.where(task.c.id < before)
    return connection.execute(query, {"project_id": project_id}).all()


def get(connection: Connection, project_id: UUID, task_id: UUID) -> Row[Any] | None:
    """One task of the project."""
    rows = by_ids(connection, project_id, [task_id])
    return rows[0] if rows else None


def by_ids(connection: Connection, project_id: UUID, ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """These tasks of the project, in no order."""
    return connection.execute(_by_ids(), {"project_id": project_id, "ids": list(ids)}).all()


@cache
def _by_ids() -> Select[Any]:
    """The statement is made once: SQLAlchemy takes longer to build it than PostgreSQL to answer it."""
    return planned_once(_tasks().where(task.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid)))))


def others_of_path(connection: Connection, task_id: UUID, limit: int) -> Sequence[Row[Any]]:
    """Id and name of the other tasks of a task's path, by name; those merged into another or emptied are left out."""
    return connection.execute(_others_of_path(), {"task": task_id, "limit": limit}).all()


@cache
def _others_of_path() -> Select[Any]:
    own_group = select(task.c.group_id).where(task.c.id == bindparam("task")).scalar_subquery()
    query: Select[Any] = select(task.c.id, task.c.name).where(
        task.c.group_id == own_group, task.c.id != bindparam("task"), is_listed()
    )
    return planned_once(query.order_by(task.c.name, task.c.id).limit(bindparam("limit", type_=Integer)))


def implementations(
    connection: Connection, project_id: UUID, task_id: UUID, *, limit: int, after: int = 0
) -> Sequence[Row[Any]]:
    """Implementations of a task by version, above the version `after`."""
    values = {"project_id": project_id, "task": task_id, "after": min(after, LAST_VERSION), "limit": limit}
    return connection.execute(_of_task(), values).all()


@cache
def _of_task() -> Select[Any]:
    query = _implementations().where(task.c.id == bindparam("task"), is_shown())
    query = query.where(implementation.c.version > bindparam("after")).order_by(implementation.c.version)
    return planned_once(query.limit(bindparam("limit", type_=Integer)))


def newest_implementations(
    connection: Connection, project_id: UUID, task_id: UUID, *, limit: int
) -> Sequence[Row[Any]]:
    """The implementations of a task with the highest versions, the highest first."""
    values = {"project_id": project_id, "task": task_id, "limit": limit}
    return connection.execute(_newest_of_task(), values).all()


@cache
def _newest_of_task() -> Select[Any]:
    query = _implementations().where(task.c.id == bindparam("task"), is_shown())
    return planned_once(query.order_by(implementation.c.version.desc()).limit(bindparam("limit", type_=Integer)))


def slots_of_versions(connection: Connection, task_ids: Collection[UUID]) -> dict[UUID, list[Sequence[str]]]:
    """The slots of each shown version of these tasks, by the number of the version."""
    slots_by_task: dict[UUID, list[Sequence[str]]] = {task_id: [] for task_id in task_ids}
    for task_id, slots in connection.execute(_slots_of_versions(), {"ids": list(task_ids)}):
        slots_by_task[task_id].append(slots)
    return slots_by_task


@cache
def _slots_of_versions() -> Select[Any]:
    is_of_tasks = implementation.c.task_id == func.any(bindparam("ids", type_=ARRAY(Uuid)))
    return (
        select(implementation.c.task_id, template.c.slots)
        .join_from(implementation, template, template.c.id == implementation.c.template_id)
        .where(is_of_tasks, is_shown())
        .order_by(implementation.c.version)
    )


def beginnings(connection: Connection, task_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """The shown versions of these tasks by number, with what tells which one replaced which: id, task_id, first_seen and the setup."""
    return connection.execute(_beginnings(), {"ids": list(task_ids)}).all()


@cache
def _beginnings() -> Select[Any]:
    """The counts of all versions are added up together: a task may have thousands."""
    is_of_tasks = implementation.c.task_id == func.any(bindparam("ids", type_=ARRAY(Uuid)))
    counts = (
        select(
            call_count.c.implementation_id,
            func.sum(call_count.c.calls).label("calls"),
            func.bool_or(call_count.c.first_seen.is_(None)).label("looking"),
            func.min(call_count.c.first_seen).label("first_seen"),
        )
        .join_from(call_count, implementation, implementation.c.id == call_count.c.implementation_id)
        .where(is_of_tasks)
        .group_by(call_count.c.implementation_id)
        .subquery("counted")
    )
    first_seen = case((counts.c.looking, looked_up("first_call")), else_=counts.c.first_seen)
    query: Select[Any] = (
        select(
            implementation.c.id,
            implementation.c.task_id,
            implementation.c.version,
            implementation.c.template_id,
            implementation.c.model,
            implementation.c.settings_digest,
            implementation.c.created_at,
            func.least(first_seen, expired_calls.c.first_seen).label("first_seen"),
        )
        .select_from(
            implementation.outerjoin(counts, counts.c.implementation_id == implementation.c.id).outerjoin(
                expired_calls, expired_calls.c.implementation_id == implementation.c.id
            )
        )
        .where(is_of_tasks, is_shown(counts.c.calls > 0))
        .order_by(implementation.c.version)
    )
    return planned_once(query)


def implementation_by_id(connection: Connection, project_id: UUID, implementation_id: UUID) -> Row[Any] | None:
    """One implementation of the project."""
    query = _implementations().where(implementation.c.id == implementation_id)
    return connection.execute(query, {"project_id": project_id}).one_or_none()


def _tasks() -> Select[Any]:
    versions = _versions()
    in_use = implementation.alias("in_use")
    return (
        select(
            task.c.id,
            task.c.name,
            grouping_key.c.path,
            task.c.description,
            task.c.response_schema,
            task.c.production_implementation_id,
            task.c.merged_into,
            task.c.created_at,
            versions.c.versions,
            versions.c.calls,
            versions.c.first_seen,
            versions.c.last_seen,
            in_use.c.version,
            template.c.parts,
            template.c.slots,
        )
        .select_from(
            task.join(grouping_key, grouping_key.c.id == task.c.group_id)
            .join(versions, true())
            .outerjoin(in_use, in_use.c.id == versions.c.in_use)
            .outerjoin(template, template.c.id == in_use.c.template_id)
        )
        .where(task.c.project_id == bindparam("project_id", type_=Uuid))
    )


@cache
def _implementations() -> Select[Any]:
    calls, expired = counted_calls_of(), expired_calls
    return (
        select(
            implementation,
            (implementation.c.id == task.c.production_implementation_id).is_(True).label("production"),
            template.c.parts,
            template.c.slots,
            template.c.slot_kinds,
            template.c.retired_at,
            *_with_expired(calls, expired),
        )
        .select_from(
            implementation.join(task, task.c.id == implementation.c.task_id)
            .join(template, template.c.id == implementation.c.template_id)
            .join(calls, true())
            .outerjoin(expired, expired.c.implementation_id == implementation.c.id)
        )
        .where(task.c.project_id == bindparam("project_id", type_=Uuid))
    )


def _versions() -> LateralFromClause:
    """The versions of a task: their number, their calls with the times of the first and the last, and the id of the one in use."""
    counts, expired = counted_calls_of(), expired_calls
    calls, first_seen, last_seen = _with_expired(counts, expired)
    is_listed_version = is_shown(counts.c.calls > 0)
    ids_by_use: Any = func.array_agg(aggregate_order_by(implementation.c.id, *in_use_first(last_seen)))
    return (
        select(
            func.count().filter(is_listed_version).label("versions"),
            cast(func.coalesce(func.sum(calls), 0), BigInteger).label("calls"),
            func.min(first_seen).label("first_seen"),
            func.max(last_seen).label("last_seen"),
            ids_by_use.filter(is_listed_version)[1].label("in_use"),
        )
        .select_from(
            implementation.join(template, template.c.id == implementation.c.template_id)
            .join(counts, true())
            .outerjoin(expired, expired.c.implementation_id == implementation.c.id)
        )
        .where(implementation.c.task_id == task.c.id)
        .correlate(task)
        .lateral("versions")
    )


def _with_expired(calls: FromClause, expired: FromClause) -> Sequence[ColumnElement[Any]]:
    """The counts of stored and of removed calls together; least() and greatest() ignore NULL."""
    return (
        cast(func.coalesce(calls.c.calls, 0) + func.coalesce(expired.c.calls, 0), BigInteger).label("calls"),
        func.least(calls.c.first_seen, expired.c.first_seen).label("first_seen"),
        func.greatest(calls.c.last_seen, expired.c.last_seen).label("last_seen"),
    )


def version_by_number(connection: Connection, project_id: UUID, task_id: UUID, number: int) -> Row[Any] | None:
    """The version of a task with this number."""
    rows = implementations(connection, project_id, task_id, limit=1, after=number - 1)
    return rows[0] if rows and rows[0].version == number else None


def models(connection: Connection, project_id: UUID) -> Sequence[str]:
    """The models of a project's versions, in order."""
    query = select(implementation.c.model).distinct().join_from(implementation, task)
    return (
        connection.execute(query.where(task.c.project_id == project_id).order_by(implementation.c.model))
        .scalars()
        .all()
    )
