"""What people decide about tasks, as it is stored.  The caller holds the row of the group."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select, update

from app.store.tables import implementation, task, template
from app.store.versions import is_shown


def task_of_project(connection: Connection, project_id: UUID, task_id: UUID) -> Row[Any] | None:
    """A task of the project and its group; None where there is no such task, or it was merged into another."""
    own = (task.c.id == task_id) & (task.c.project_id == project_id) & task.c.merged_into.is_(None)
    query: Select[Any] = select(task.c.id, task.c.group_id).where(own)
    return connection.execute(query).one_or_none()


def version_of_project(connection: Connection, project_id: UUID, implementation_id: UUID) -> Row[Any] | None:
    """An implementation of the project: its group and task, its template with the names of its slots."""
    own = (implementation.c.id == implementation_id) & (task.c.project_id == project_id)
    query: Select[Any] = (
        select(
            task.c.group_id,
            implementation.c.task_id,
            implementation.c.template_id,
            template.c.parts,
            template.c.slots,
            template.c.named_places,
            template.c.retired_at,
        )
        .select_from(implementation.join(task).join(template, template.c.id == implementation.c.template_id))
        .where(own)
    )
    return connection.execute(query).one_or_none()


def is_of_task(connection: Connection, implementation_id: UUID, task_id: UUID) -> bool:
    """Whether the implementation is a version of the task."""
    of_task = (implementation.c.id == implementation_id) & (implementation.c.task_id == task_id)
    return connection.execute(select(implementation.c.id).where(of_task)).scalar_one_or_none() is not None


def change_task(connection: Connection, task_id: UUID, values: Mapping[str, Any]) -> None:
    """Columns of a task; a name among them is a person's from now on."""
    named = {"name_by_person": True} if "name" in values else {}
    connection.execute(update(task).where(task.c.id == task_id).values({**values, **named}))


def has_other_template(connection: Connection, task_id: UUID, template_id: UUID) -> bool:
    """Whether the task shows versions of another template than this."""
    other = (implementation.c.task_id == task_id) & (implementation.c.template_id != template_id) & is_shown()
    return connection.execute(select(implementation.c.id).where(other).limit(1)).scalar_one_or_none() is not None


def with_forerunners(connection: Connection, template_id: UUID) -> list[UUID]:
    """A template and those whose place it took."""
    line = select(template.c.id).where(template.c.id == template_id).cte("line", recursive=True)
    older = template.alias("older")
    line = line.union(select(older.c.id).where(older.c.replaced_by == line.c.id))
    return [template_id, *connection.execute(select(line.c.id).where(line.c.id != template_id)).scalars()]
