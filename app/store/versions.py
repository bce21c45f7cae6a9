"""Versions that move to another task or another template. The caller holds the row of the group."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    null,
    select,
    true,
    update,
)

from app.store.counting import counted_calls_of
from app.store.tables import expired_calls, implementation, task, template
from app.store.templates import VersionKey, next_version


def move_templates(connection: Connection, template_ids: Sequence[UUID], into: UUID, line_id: UUID) -> None:
    """Make the versions of these templates the next ones of another task, in this line of it."""
    source = task_of(connection, template_ids[0])
    own_versions = implementation.c.template_id.in_(template_ids) & (implementation.c.task_id == source)
    move_versions(connection, source, into, own_versions)
    values = {"task_id": into, "line_id": stored_line(line_id, into)}
    connection.execute(update(template).where(template.c.id.in_(template_ids)).values(values))


def move_back(
    connection: Connection, source: UUID, into: UUID, lines: Mapping[UUID, UUID], numbers: Mapping[UUID, int]
) -> None:
    """Return templates to the task that they left, each to its line (template -> line), with all their versions.

    numbers: of versions when they left; a version gets its number back where it is free, else the next one.
    """
    _hold_tasks(connection, source, into)
    own_versions = implementation.c.template_id.in_(list(lines)) & (implementation.c.task_id == source)
    _move_production(connection, source, into, select(implementation.c.id).where(own_versions))
    numbers_taken = select(implementation.c.version).where(implementation.c.task_id == into)
    is_free = set(numbers.values()).difference(connection.execute(numbers_taken).scalars())
    for version_id, number in numbers.items():
        if number in is_free:
            own_version = own_versions & (implementation.c.id == version_id)
            connection.execute(update(implementation).where(own_version).values(task_id=into, version=number))
    move_versions(connection, source, into, own_versions)
    for template_id, line_id in lines.items():
        values = {"task_id": into, "line_id": stored_line(line_id, into)}
        connection.execute(update(template).where(template.c.id == template_id).values(values))


def hand_on(connection: Connection, version: VersionKey, template_id: UUID) -> None:
    """Move a version to another template, as the next version if that belongs to another task.

    It stays where it is when the other template has a version with its model and settings.
    """
    old, model, digest = version
    source, into = (task_of(connection, side) for side in (old, template_id))
    own_versions = and_(
        implementation.c.template_id == old,
        implementation.c.model == model,
        implementation.c.settings_digest == digest,
        ~exists(twin_of(template_id)),
    )
    if source != into:
        move_versions(connection, source, into, own_versions)
    connection.execute(update(implementation).where(own_versions).values(template_id=template_id))


def move_versions(connection: Connection, source: UUID, into: UUID, condition: ColumnElement[bool]) -> None:
    """Make some versions of a task the next ones of another, in the order of their first calls."""
    _hold_tasks(connection, source, into)
    start = next_version(connection, into)
    counted_calls = counted_calls_of()
    first_seen = func.least(counted_calls.c.first_seen, expired_calls.c.first_seen).nulls_last()
    rank = func.row_number().over(order_by=(first_seen, implementation.c.version))
    moved_ids = (
        select(implementation.c.id, rank.label("rank"))
        .select_from(implementation.join(counted_calls, true()))
        .outerjoin(expired_calls, expired_calls.c.implementation_id == implementation.c.id)
        .where(condition)
        .subquery()
    )
    _move_production(connection, source, into, select(moved_ids.c.id))
    connection.execute(
        update(implementation)
        .where(implementation.c.id == moved_ids.c.id)
        .values(task_id=into, version=moved_ids.c.rank + (start - 1))
    )


def _move_production(connection: Connection, source: UUID, into: UUID, moved_ids: Select[tuple[UUID]]) -> None:
    """Keep a version in production when it moves, unless the other task has one."""
    own_production = select(task.c.production_implementation_id).where(
        task.c.id == source, task.c.production_implementation_id.in_(moved_ids)
    )
    in_production = connection.execute(own_production).scalar_one_or_none()
    if in_production is not None:
        bare = (task.c.id == into) & task.c.production_implementation_id.is_(None)
        connection.execute(update(task).where(bare).values(production_implementation_id=in_production))
        connection.execute(update(task).where(task.c.id == source).values(production_implementation_id=null()))


def _hold_tasks(connection: Connection, *task_ids: UUID) -> None:
    """Lock tasks against new versions."""
    locking_query = select(task.c.id).where(task.c.id.in_(task_ids)).order_by(task.c.id)
    connection.execute(locking_query.with_for_update(key_share=True))


def twin_of(template_id: UUID) -> Select[tuple[UUID]]:
    """SQL: the implementation of this template with the model and settings of another one, inside a query about the other."""
    twin = implementation.alias("other")
    return (
        select(twin.c.id)
        .where(
            twin.c.template_id == template_id,
            twin.c.model == implementation.c.model,
            twin.c.settings_digest == implementation.c.settings_digest,
        )
        .correlate(implementation)
    )


def stored_line(line_id: UUID, task_id: UUID) -> UUID | None:
    """The stored form of a line: NULL for a task's own line, which moves with the task."""
    return None if line_id == task_id else line_id


def task_of(connection: Connection, template_id: UUID) -> UUID:
    return connection.execute(select(template.c.task_id).where(template.c.id == template_id)).scalar_one()
