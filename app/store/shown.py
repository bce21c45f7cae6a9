"""Which versions and tasks lists show, and which version stands for its task."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    Uuid,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.selectable import LateralFromClause

from app.store.counting import calls_of_version
from app.store.tables import expired_calls, implementation, task, template


def mark_emptied(connection: Connection, template_id: UUID) -> None:
    """Hide versions of a template that have no calls after all were matched again: they came from a mistake of fewer calls.

    They stay as rows: a web process that has them in memory may be storing a call of theirs at this moment.
    """
    emptied = (implementation.c.template_id == template_id) & ~_has_calls()
    connection.execute(update(implementation).where(emptied).values(emptied_at=func.clock_timestamp()))


def is_shown(has_calls: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Whether lists show an implementation. One whose calls were deleted or are too old stays.

    has_calls: where the query has counted the calls already.
    """
    in_production = exists().where(task.c.production_implementation_id == implementation.c.id)
    counted = _has_calls() if has_calls is None else has_calls
    return or_(implementation.c.emptied_at.is_(None), counted, in_production.correlate(implementation))


def in_use_first(last_seen: ColumnElement[datetime]) -> tuple[ColumnElement[Any], ...]:
    """The order of versions whose first one stands for its task, in a query about task, implementation and template.

    The version in production, else the one of the newest call: an import of old calls or a merge gives an old text a high number.
    last_seen: the time of a version's newest call, stored or removed; NULL without calls.
    """
    return (
        (implementation.c.id == task.c.production_implementation_id).is_(True).desc(),
        template.c.retired_at.isnot(None),
        last_seen.desc().nulls_last(),
        implementation.c.version.desc(),
    )


def versions_in_use(counted: LateralFromClause, *columns: ColumnElement[Any]) -> Select[Any]:
    """The version in use of each task among the parameter `ids`: the task's id, and columns of implementation, template, expired_calls and counted.

    counted: `counted_calls_of`.
    """
    last_seen = func.greatest(counted.c.last_seen, expired_calls.c.last_seen)
    return (
        select(implementation.c.task_id, *columns)
        .join_from(implementation, template)
        .join(task, task.c.id == implementation.c.task_id)
        .join(counted, true())
        .outerjoin(expired_calls, expired_calls.c.implementation_id == implementation.c.id)
        .where(implementation.c.task_id == func.any(bindparam("ids", type_=ARRAY(Uuid))), is_shown(counted.c.calls > 0))
        .ext(distinct_on(implementation.c.task_id))
        .order_by(implementation.c.task_id, *in_use_first(last_seen))
    )


def _has_calls() -> ColumnElement[bool]:
    return calls_of_version() > 0


def is_listed() -> ColumnElement[bool]:
    """Whether lists and counts contain a task: not when it is merged into another, or when a run has emptied all its versions."""
    own_versions = exists().where(implementation.c.task_id == task.c.id)
    has_shown = or_(~own_versions.correlate(task), own_versions.where(is_shown()).correlate(task))
    return task.c.merged_into.is_(None) & has_shown
