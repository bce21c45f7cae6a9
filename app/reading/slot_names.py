"""The names of slots that a filter of calls may have."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, or_, select

from app.store.tables import grouping_key, implementation, task, template


def of_group(
    connection: Connection, project_id: UUID, task_id: UUID | None, implementation_id: UUID | None
) -> set[str]:
    """The slots of all templates beside those of the task or version: a call may still have the values of an older template."""
    groups = _of_versions(project_id, task_id, implementation_id).with_only_columns(template.c.group_id)
    return set(
        connection.execute(select(func.unnest(template.c.slots)).where(template.c.group_id.in_(groups))).scalars()
    )


def of_versions(
    connection: Connection, project_id: UUID, task_id: UUID | None, implementation_id: UUID | None
) -> list[str]:
    """The slots of the task's versions, or of the one version, by name; none where the project has none."""
    return sorted(set(connection.execute(_of_versions(project_id, task_id, implementation_id)).scalars()))


def _of_versions(project_id: UUID, task_id: UUID | None, implementation_id: UUID | None) -> Select[Any]:
    query = (
        select(func.unnest(template.c.slots))
        .select_from(implementation.join(template, template.c.id == implementation.c.template_id))
        .join(grouping_key, grouping_key.c.id == template.c.group_id)
        .where(grouping_key.c.project_id == project_id)
    )
    if implementation_id is not None:
        query = query.where(implementation.c.id == implementation_id)
    if task_id is not None:
        into = select(task.c.merged_into).where(task.c.id == task_id).scalar_subquery()
        query = query.where(or_(implementation.c.task_id == task_id, implementation.c.task_id == into))
    return query
