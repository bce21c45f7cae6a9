"""What people decide about tasks, as it is stored.  The caller holds the row of the group."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from app.store.tables import implementation, task


def group_of_task(connection: Connection, project_id: UUID, task_id: UUID) -> UUID | None:
    """The group of a task of the project; None where there is no such task, or it was merged into another."""
    own = (task.c.id == task_id) & (task.c.project_id == project_id) & task.c.merged_into.is_(None)
    return connection.execute(select(task.c.group_id).where(own)).scalar_one_or_none()


def is_of_task(connection: Connection, implementation_id: UUID, task_id: UUID) -> bool:
    """Whether the implementation is a version of the task."""
    of_task = (implementation.c.id == implementation_id) & (implementation.c.task_id == task_id)
    return connection.execute(select(implementation.c.id).where(of_task)).scalar_one_or_none() is not None


def change_task(connection: Connection, task_id: UUID, values: Mapping[str, Any]) -> None:
    """Columns of a task; a name among them is a person's from now on."""
    named = {"name_by_person": True} if "name" in values else {}
    connection.execute(update(task).where(task.c.id == task_id).values({**values, **named}))
