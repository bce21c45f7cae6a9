"""Decisions of people about tasks, as stored. The caller holds the row of the group."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, any_, exists, func, select, update

from app.store.counting import calls_of_version, counted_calls_of
from app.store.shown import is_shown, versions_in_use
from app.store.tables import implementation, task, template
from app.store.templates import from_parts
from templating import Template


def task_of_project(connection: Connection, project_id: UUID, task_id: UUID) -> Row[Any] | None:
    """A task of the project and its group; None where there is no such task, or it was merged into another."""
    task_in_use = (task.c.id == task_id) & (task.c.project_id == project_id) & task.c.merged_into.is_(None)
    query: Select[Any] = select(task.c.id, task.c.group_id).where(task_in_use)
    return connection.execute(query).one_or_none()


def version_of_project(connection: Connection, project_id: UUID, implementation_id: UUID) -> Row[Any] | None:
    """An implementation of the project: its group and task, its template with the names of its slots."""
    version_in_project = (implementation.c.id == implementation_id) & (task.c.project_id == project_id)
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
        .where(version_in_project)
    )
    return connection.execute(query).one_or_none()


def is_of_task(connection: Connection, implementation_id: UUID, task_id: UUID) -> bool:
    """Whether the implementation is a version of the task."""
    of_task = (implementation.c.id == implementation_id) & (implementation.c.task_id == task_id)
    return connection.execute(select(implementation.c.id).where(of_task)).scalar_one_or_none() is not None


Facts = Mapping[str, Any]
"""A task without its versions: name, name_by_person, description, response_schema, production (an id as text, or None)."""


def facts_of(connection: Connection, task_id: UUID) -> Facts:
    """The facts of a task, as JSON has them."""
    columns = (task.c.name, task.c.name_by_person, task.c.description, task.c.response_schema)
    query = select(*columns, task.c.production_implementation_id.label("production")).where(task.c.id == task_id)
    facts = connection.execute(query).mappings().one()
    return {**facts, "production": facts["production"] and str(facts["production"])}


def field_of(facts: Facts, field: str) -> Facts:
    """One fact; for the name, also whether a person gave it."""
    return {name: facts[name] for name in ((field, "name_by_person") if field == "name" else (field,))}


def change_task(connection: Connection, task_id: UUID, facts: Facts) -> None:
    """Set facts of a task; a name then counts as a person's, unless `name_by_person` says otherwise."""
    flags = {"name_by_person": True} if "name" in facts else {}
    values = dict(facts)
    if "production" in facts:
        version = values.pop("production")
        values["production_implementation_id"] = UUID(str(version)) if version else None
    if values:
        connection.execute(update(task).where(task.c.id == task_id).values({**flags, **values}))


def slots_of(connection: Connection, template_id: UUID) -> Mapping[str, Any]:
    """`slots` and `named_places` of a template."""
    query = select(template.c.slots, template.c.named_places).where(template.c.id == template_id)
    return dict(connection.execute(query).mappings().one())


def state_of(connection: Connection, task_ids: Sequence[UUID]) -> str:
    """A digest of everything on which a merge or split of these tasks depends; new calls do not change it."""
    facts = [[str(task_id), facts_of(connection, task_id)] for task_id in task_ids]
    versions = [
        [str(row.id), str(row.task_id), str(row.template_id), row.version]
        for row in versions_of(connection, task_ids)
        if row.is_shown
    ]
    content = json.dumps([facts, versions], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def versions_of(connection: Connection, task_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """All versions of tasks by number: id, task_id, template_id, version, model, calls, is_shown."""
    query: Select[Any] = select(
        implementation.c.id,
        implementation.c.task_id,
        implementation.c.template_id,
        implementation.c.version,
        implementation.c.model,
        calls_of_version().label("calls"),
        is_shown().label("is_shown"),
    )
    of_tasks = query.select_from(implementation).where(implementation.c.task_id.in_(task_ids))
    return connection.execute(of_tasks.order_by(implementation.c.version, implementation.c.id)).all()


def in_use(connection: Connection, task_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """The version in use of each of these tasks that has one: task_id, implementation_id, version, parts, slots."""
    columns = (
        implementation.c.id.label("implementation_id"),
        implementation.c.version,
        template.c.parts,
        template.c.slots,
    )
    return connection.execute(versions_in_use(counted_calls_of(), *columns), {"ids": list(task_ids)}).all()


def has_other_template(connection: Connection, task_id: UUID, template_id: UUID) -> bool:
    """Whether the task shows versions of another template than this."""
    with_other_template = (
        (implementation.c.task_id == task_id) & (implementation.c.template_id != template_id) & is_shown()
    )
    return (
        connection.execute(select(implementation.c.id).where(with_other_template).limit(1)).scalar_one_or_none()
        is not None
    )


def templates_in_use(connection: Connection, task_id: UUID, besides: Collection[UUID]) -> list[Template]:
    """The templates of a task that are in use and have versions to show, besides some, the oldest first."""
    is_version_shown = exists().where((implementation.c.template_id == template.c.id) & is_shown())
    query = select(template.c.parts, template.c.slots).where(
        template.c.task_id == task_id, template.c.retired_at.is_(None), template.c.id.not_in(besides), is_version_shown
    )
    return [from_parts(row.parts, row.slots) for row in connection.execute(query.order_by(template.c.id))]


def with_forerunners(connection: Connection, template_id: UUID) -> list[UUID]:
    """A template and those that it replaced."""
    line = select(template.c.id).where(template.c.id == template_id).cte("line", recursive=True)
    older = template.alias("older")
    line = line.union(select(older.c.id).where(older.c.replaced_by == line.c.id))
    return [template_id, *connection.execute(select(line.c.id).where(line.c.id != template_id)).scalars()]


def newest_template(connection: Connection, task_id: UUID) -> Row[Any]:
    """The template that names a task: the newest in use, else the newest; group_id, parts, slots."""
    query: Select[Any] = select(template.c.group_id, template.c.parts, template.c.slots)
    of_task = query.where(template.c.task_id == task_id)
    return connection.execute(of_task.order_by(template.c.retired_at.is_not(None), template.c.id.desc()).limit(1)).one()


# What returns when a merge or split is undone


def goes_back_from_merge(connection: Connection, source: UUID, into: UUID) -> Mapping[str, Any]:
    """The state before a merge, for undoing it.

    lines: ids of the source's lines; versions: id -> number; emptied: tasks merged into the source; others: tasks split from it; kept: of
    these the ones also split from the target; apart: the tasks that the source was split from.
    """
    others_apart = _ids(connection, select(task.c.id).where(any_(task.c.apart_from) == source, task.c.id != into))
    split_from_both = select(task.c.id).where(task.c.id.in_(others_apart), any_(task.c.apart_from) == into)
    return {
        "lines": list(dict.fromkeys(lines_of(connection, source).values())),
        "versions": _numbers(connection, implementation.c.task_id == source),
        "emptied": _ids(connection, select(task.c.id).where(task.c.merged_into == source)),
        "others": others_apart,
        "kept": _ids(connection, split_from_both),
        "apart": connection.execute(select(task.c.apart_from).where(task.c.id == into)).scalar_one(),
    }


def goes_back_from_split(connection: Connection, task_id: UUID, template_ids: Sequence[UUID]) -> Mapping[str, Any]:
    """The state before a split, for undoing it: the lines of the leaving templates (template -> line), the first one's first, and the
    numbers of their versions.
    """
    lines = lines_of(connection, task_id)
    leaving = implementation.c.template_id.in_(template_ids) & (implementation.c.task_id == task_id)
    return {
        "lines": {template_id: lines[template_id] for template_id in template_ids if template_id in lines},
        "versions": _numbers(connection, leaving),
    }


def lines_of(connection: Connection, task_id: UUID) -> dict[UUID, UUID]:
    """The line of each template of a task, retired ones too."""
    line = func.coalesce(template.c.line_id, template.c.task_id)
    query = select(template.c.id, line).where(template.c.task_id == task_id).order_by(template.c.id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _numbers(connection: Connection, condition: Any) -> dict[UUID, int]:
    query = select(implementation.c.id, implementation.c.version).where(condition)
    return {row.id: row.version for row in connection.execute(query)}


def _ids(connection: Connection, query: Select[Any]) -> list[UUID]:
    return list(connection.execute(query.order_by(task.c.id)).scalars())


def merged_into(connection: Connection, task_id: UUID) -> UUID | None:
    return connection.execute(select(task.c.merged_into).where(task.c.id == task_id)).scalar_one()


def took_over(connection: Connection, task_id: UUID) -> list[UUID]:
    """Tasks that were merged into this one."""
    return _ids(connection, select(task.c.id).where(task.c.merged_into == task_id))


def lead_to(connection: Connection, task_ids: Iterable[UUID], into: UUID | None) -> None:
    """Make links to these tasks lead to another, or with None to themselves again."""
    connection.execute(update(task).where(task.c.id.in_(list(task_ids))).values(merged_into=into))


def set_apart(connection: Connection, task_id: UUID, apart_from: Iterable[UUID]) -> None:
    """Set the tasks that no run merges with this one."""
    values = {"apart_from": sorted(set(apart_from))}
    connection.execute(update(task).where(task.c.id == task_id).values(values))


def apart_from(connection: Connection, task_id: UUID) -> set[UUID]:
    """The tasks that a person split this one from."""
    return set(connection.execute(select(task.c.apart_from).where(task.c.id == task_id)).scalar_one())
