"""Deletes calls, and everything that was made of deleted calls alone.

The fixed text of a template stands word for word in each of its calls. So a template that keeps a call reveals nothing that only a deleted
call said. A template without calls is deleted with its versions, and so is a task or path without templates.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    Text,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from app.store.tables import (
    expired_calls,
    grouping_key,
    implementation,
    project,
    task,
    template,
    trace,
    trace_external_id,
)
from app.store.templates import from_parts
from app.store.traces import call_conditions
from templating import Template

BLANKS = " \t\n\r\f\v"


@dataclass(frozen=True)
class Selector:
    """Selects calls of a project: those that match every given field.

    since, until: bounds of the call's time; `since` is included, `until` is not.
    """

    trace_id: UUID | None = None
    external_id: str | None = None
    path: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def described(self) -> dict[str, Any]:
        """The selector for the audit log: names of the given fields, and values only of our own id and of times."""
        fields_given = {name: value for name, value in vars(self).items() if value is not None}
        return {"by": sorted(fields_given)} | {
            name: fields_given[name] for name in ("trace_id", "since", "until") if name in fields_given
        }


@dataclass(frozen=True)
class DeletedRows:
    """The numbers of deleted rows."""

    traces: int = 0
    versions: int = 0
    templates: int = 0
    tasks: int = 0
    paths: int = 0

    def __add__(self, other: "DeletedRows") -> "DeletedRows":
        return DeletedRows(*(getattr(self, name) + getattr(other, name) for name in DeletedRows.__annotations__))


def selected(
    connection: Connection, project_id: UUID, selector: Selector, *, after: UUID | None, limit: int
) -> list[tuple[UUID, UUID]]:
    """The next calls by id, each with its group."""
    query = select(trace.c.id, trace.c.group_id).where(*_conditions(project_id, selector)).order_by(trace.c.id)
    if after is not None:
        query = query.where(trace.c.id > after)
    return [(row.id, row.group_id) for row in connection.execute(query.limit(limit))]


def count(connection: Connection, project_id: UUID, selector: Selector) -> int:
    """The number of calls to delete."""
    query = select(func.count()).select_from(trace).where(*_conditions(project_id, selector))
    return connection.execute(query).scalar_one()


def _conditions(project_id: UUID, selector: Selector) -> Iterator[ColumnElement[bool]]:
    yield trace.c.project_id == project_id
    if selector.trace_id is not None:
        yield trace.c.id == selector.trace_id
    if selector.path is not None:
        yield trace.c.group_id.in_(_groups_at(project_id, selector.path))
    if selector.external_id is not None:
        yield trace.c.id == _id_of(project_id, selector.external_id)
    yield from call_conditions(selector)


def _id_of(project_id: UUID, external_id: str) -> ScalarSelect[UUID]:
    by_name = trace_external_id.c.project_id == project_id, trace_external_id.c.external_id == external_id
    return select(trace_external_id.c.trace_id).where(*by_name).scalar_subquery()


def _groups_at(project_id: UUID, path: str) -> Select[tuple[UUID]]:
    return select(grouping_key.c.id).where(grouping_key.c.project_id == project_id, grouping_key.c.path == path)


def take_group(connection: Connection, group_id: UUID) -> bool:
    """Lock the group's row against runs and ingest until the transaction ends; False when it was deleted.

    FOR UPDATE, not NO KEY, also blocks ingest: it could match a new call to a template that has no calls here. Ingest waits for one batch,
    some 50 ms.
    """
    locking_query = select(grouping_key.c.id).where(grouping_key.c.id == group_id).with_for_update()
    return connection.execute(locking_query).one_or_none() is not None


def delete_calls(connection: Connection, call_ids: Collection[UUID]) -> tuple[int, dict[UUID, list[Sequence[str]]]]:
    """Delete calls; answers their number, and their values by template."""
    rows = connection.execute(
        delete(trace).where(trace.c.id.in_(call_ids)).returning(trace.c.template_id, trace.c.variables)
    )
    values: dict[UUID, list[Sequence[str]]] = defaultdict(list)
    total = 0
    for row in rows:
        total += 1
        if row.template_id is not None and row.variables is not None:
            values[row.template_id].append(row.variables)
    return total, values


# What is left without calls


def delete_uncalled(
    connection: Connection, group_id: UUID, losing: Collection[UUID] | None
) -> tuple[DeletedRows, set[UUID]]:
    """Delete versions, templates and tasks of a group without calls, and the group when it is empty.

    losing: the templates of the deleted calls; templates that lost their calls to retention stay. None: those are deleted too. Answers the
    numbers of deleted rows, and the tasks that lost a template.
    """
    in_question = true() if losing is None else or_(template.c.id.in_(losing), ~_has_expired_calls())
    versions = _delete_versions(connection, group_id, in_question)
    uncalled = in_question & ~exists(select(literal(1)).where(trace.c.template_id == template.c.id))
    removal = delete(template).where(template.c.group_id == group_id, uncalled).returning(template.c.task_id)
    losers = connection.execute(removal).scalars().all()
    tasks = _delete_tasks(connection, group_id)
    paths = _delete_group(connection, group_id)
    return DeletedRows(versions=versions, templates=len(losers), tasks=tasks, paths=paths), set(losers)


def _has_expired_calls() -> ColumnElement[bool]:
    """Whether retention has removed calls of a template, whose counts versions still show."""
    expired_of_template = (
        select(literal(1)).join_from(implementation, expired_calls).where(implementation.c.template_id == template.c.id)
    )
    return exists(expired_of_template.correlate(template))


def _delete_versions(connection: Connection, group_id: UUID, in_question: ColumnElement[bool]) -> int:
    """Delete versions without calls: their model, settings and tools came from the first call."""
    of_group = select(template.c.id).where(template.c.group_id == group_id, in_question)
    uncalled = ~exists(select(literal(1)).where(trace.c.implementation_id == implementation.c.id))
    removal = delete(implementation).where(implementation.c.template_id.in_(of_group), uncalled)
    ids = connection.execute(removal.returning(implementation.c.id)).scalars().all()
    connection.execute(
        update(task)
        .where(task.c.group_id == group_id, task.c.production_implementation_id.in_(ids))
        .values(production_implementation_id=null())
    )
    return len(ids)


def _delete_tasks(connection: Connection, group_id: UUID) -> int:
    """Delete tasks without a template; a merged task is deleted with the one it was merged into."""
    alive = select(template.c.task_id).where(template.c.group_id == group_id)
    deletion = delete(task).where(task.c.group_id == group_id, task.c.merged_into.is_(None), task.c.id.not_in(alive))
    deleted_ids = connection.execute(deletion.returning(task.c.id)).scalars().all()
    connection.execute(delete(task).where(task.c.group_id == group_id, task.c.merged_into.in_(deleted_ids)))
    return len(deleted_ids)


def _delete_group(connection: Connection, group_id: UUID) -> int:
    uses = [exists(select(literal(1)).where(table.c.group_id == group_id)) for table in (trace, template)]
    return connection.execute(
        delete(grouping_key).where(grouping_key.c.id == group_id, *(~in_use for in_use in uses))
    ).rowcount


# What is left with calls


def forget_values(connection: Connection, deleted: Mapping[UUID, Iterable[Sequence[str]]]) -> None:
    """Remove deleted values from the lists of enums, unless another call of the template has the value."""
    rows = connection.execute(select(template.c.id, template.c.slot_kinds).where(template.c.id.in_(deleted)))
    for template_id, kinds in rows.all():
        unused_values = _unused_values(connection, template_id, _listed(kinds, deleted[template_id]))
        if unused_values:
            remaining = [
                kind | {"values": [value for value in kind["values"] if (place, value) not in unused_values]}
                for place, kind in enumerate(kinds)
            ]
            connection.execute(update(template).where(template.c.id == template_id).values(slot_kinds=remaining))


def _listed(kinds: Sequence[Mapping[str, Any]], deleted: Iterable[Sequence[str]]) -> list[tuple[int, str]]:
    """Deleted values that an enum lists, with their places."""
    values_of_places = [frozenset(kind["values"]) for kind in kinds]
    pairs = {(place, value.strip()) for values in deleted for place, value in enumerate(values)}
    return sorted(
        (place, value) for place, value in pairs if place < len(values_of_places) and value in values_of_places[place]
    )


def _unused_values(
    connection: Connection, template_id: UUID, listed: Sequence[tuple[int, str]]
) -> set[tuple[int, str]]:
    """The values that no call of the template has in their slot."""
    if not listed:
        return set()
    places, values = zip(*listed, strict=True)
    pairs_asked = func.unnest(literal(list(places), ARRAY(Integer)), literal(list(values), ARRAY(Text)))
    pair = pairs_asked.table_valued("place", "value", name="pair").render_derived()
    is_same_value = func.btrim(trace.c.variables[pair.c.place + 1], BLANKS) == pair.c.value
    is_still_held = exists(select(literal(1)).where(trace.c.template_id == template_id, is_same_value).correlate(pair))
    return {
        (row.place, row.value) for row in connection.execute(select(pair.c.place, pair.c.value).where(~is_still_held))
    }


@dataclass(frozen=True)
class NamedTask:
    """A task that we named, and the template that gives it its name."""

    id: UUID
    name: str
    template: Template


def named_by_us(connection: Connection, task_ids: Collection[UUID]) -> list[NamedTask]:
    """The tasks that no person named, with tasks merged into them; each with the newest template of its line."""
    owner = func.coalesce(task.c.merged_into, task.c.id)
    newest = (
        select(template.c.parts, template.c.slots)
        .where(template.c.task_id == owner)
        .correlate(task)
        .order_by(template.c.retired_at.is_not(None), template.c.id.desc())
        .limit(1)
        .lateral("newest")
    )
    query = (
        select(task.c.id, task.c.name, newest.c.parts, newest.c.slots)
        .join(newest, true())
        .where(owner.in_(task_ids), ~task.c.name_by_person)
        .order_by(task.c.id)
    )
    rows = connection.execute(query)
    return [NamedTask(row.id, row.name, from_parts(row.parts, row.slots)) for row in rows]


def delete_project(connection: Connection, project_id: UUID) -> None:
    """Delete the project with its keys and all its remaining rows."""
    connection.execute(delete(project).where(project.c.id == project_id))


def groups_of(connection: Connection, project_id: UUID, selector: Selector) -> list[UUID]:
    """The groups to delete as a whole: all groups of a project, or the group of a path."""
    query = select(grouping_key.c.id).where(grouping_key.c.project_id == project_id).order_by(grouping_key.c.id)
    if selector.path is not None:
        query = query.where(grouping_key.c.path == selector.path)
    return list(connection.scalars(query))
