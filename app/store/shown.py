"""Which versions and tasks lists show."""

from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    exists,
    func,
    or_,
    update,
)

from app.store.counting import calls_of_version
from app.store.tables import implementation, task


def mark_emptied(connection: Connection, template_id: UUID) -> None:
    """Hide versions of a template that have no calls after all were matched again: they came from a mistake of fewer calls.

    They stay as rows: a web process that has them in memory may be storing a call of theirs at this moment.
    """
    emptied = (implementation.c.template_id == template_id) & ~_has_calls()
    connection.execute(update(implementation).where(emptied).values(emptied_at=func.clock_timestamp()))


def is_shown() -> ColumnElement[bool]:
    """Whether lists show an implementation. One whose calls were deleted or are too old stays."""
    in_production = exists().where(task.c.production_implementation_id == implementation.c.id)
    return or_(implementation.c.emptied_at.is_(None), _has_calls(), in_production.correlate(implementation))


def _has_calls() -> ColumnElement[bool]:
    return calls_of_version() > 0


def is_listed() -> ColumnElement[bool]:
    """Whether lists and counts contain a task: not when it is merged into another, or when a run has emptied all its versions."""
    own_versions = exists().where(implementation.c.task_id == task.c.id)
    has_shown = or_(~own_versions.correlate(task), own_versions.where(is_shown()).correlate(task))
    return task.c.merged_into.is_(None) & has_shown
