"""Tasks, templates and implementations as a run changes them. The caller holds the row of the group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    any_,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.store.counting import calls_of_version, counted_calls_of
from app.store.ids import new_id
from app.store.owed import may_run
from app.store.runs import FIRST_ID
from app.store.tables import call_count, expired_calls, grouping_key, implementation, task, template, trace
from app.store.templates import VersionKey, digest_of, next_version, to_parts
from templating import Template


@dataclass(frozen=True)
class Unfinished:
    """A template with calls that are still to be matched again: those above `after`."""

    id: UUID
    after: UUID
    retired: bool


@dataclass(frozen=True)
class KeptApart:
    """Tasks that no run merges: pairs that a person has split, and any two that a person named."""

    split: frozenset[frozenset[UUID]] = frozenset()
    named: frozenset[UUID] = frozenset()

    def keeps_apart(self, first: UUID, other_id: UUID) -> bool:
        """Whether these two stay apart."""
        pair = frozenset((first, other_id))
        return len(pair) == 2 and (pair in self.split or pair <= self.named)


# Tasks


def create_task(
    connection: Connection, project_id: UUID, group_id: UUID, name: str, apart_from: Sequence[UUID] = ()
) -> UUID:
    task_id = new_id()
    values = {"id": task_id, "project_id": project_id, "group_id": group_id, "name": name}
    connection.execute(insert(task).values(values | {"apart_from": list(apart_from)}))
    return task_id


def tasks_kept_apart(connection: Connection, group_id: UUID) -> KeptApart:
    """People's decisions about the tasks of a group that no run may merge."""
    query = select(task.c.id, task.c.apart_from, task.c.name_by_person).where(task.c.group_id == group_id)
    rows = connection.execute(query).all()
    return KeptApart(
        split=frozenset(frozenset((row.id, other_id)) for row in rows for other_id in row.apart_from),
        named=frozenset(row.id for row in rows if row.name_by_person),
    )


def names_in(connection: Connection, group_id: UUID) -> set[str]:
    """The names that tasks of a group have. The run that asks holds the group's fence, so nobody adds one meanwhile."""
    of_group = (task.c.group_id == group_id) & task.c.merged_into.is_(None)
    return set(connection.execute(select(task.c.name).where(of_group)).scalars())


def given_name(connection: Connection, task_id: UUID) -> str | None:
    """The name that we gave a task; None when a person did."""
    query = select(task.c.name).where(task.c.id == task_id, ~task.c.name_by_person)
    return connection.execute(query).scalar_one_or_none()


def rename_task(connection: Connection, task_id: UUID, name: str) -> None:
    connection.execute(update(task).where(task.c.id == task_id).values(name=name))


def survivor_of(connection: Connection, task_ids: Iterable[UUID]) -> UUID:
    """The task that remains of several that are one: a task that a person named, else the oldest."""
    query = select(task.c.id).where(task.c.id.in_(list(task_ids))).order_by(task.c.name_by_person.desc(), task.c.id)
    return connection.execute(query.limit(1)).scalar_one()


def merge_task(connection: Connection, source: UUID, into: UUID, *, lines_stay: bool = False) -> None:
    """Make all versions of a task the next ones of another. The emptied task stays, so that links to it lead on.

    lines_stay: its templates stay in lines of their own, as call sites that only a person considers one.
    """
    _move_versions(connection, source, into, implementation.c.task_id == source)
    line = func.coalesce(template.c.line_id, template.c.task_id) if lines_stay else template.c.line_id
    connection.execute(update(template).where(template.c.task_id == source).values(task_id=into, line_id=line))
    _hand_on_decisions(connection, source, into)
    emptied = or_(task.c.id == source, task.c.merged_into == source)
    connection.execute(update(task).where(emptied).values(merged_into=into))


def _hand_on_decisions(connection: Connection, source: UUID, into: UUID) -> None:
    """Apply people's decisions about a task to the one that takes it over, where that has none of its own."""
    rows = connection.execute(select(task).where(task.c.id.in_([source, into])))
    old, new = sorted(rows, key=lambda row: row.id == into)
    source_of_name = old if old.name_by_person and not new.name_by_person else new
    values = {
        "name": source_of_name.name,
        "name_by_person": source_of_name.name_by_person,
        "description": new.description or old.description,
        "response_schema": old.response_schema if new.response_schema is None else new.response_schema,
        "apart_from": sorted({*old.apart_from, *new.apart_from} - {source, into}),
    }
    connection.execute(update(task).where(task.c.id == into).values(values))
    others_apart = (task.c.group_id == new.group_id) & (task.c.id != into) & (any_(task.c.apart_from) == source)
    connection.execute(
        update(task).where(others_apart).values(apart_from=func.array_replace(task.c.apart_from, source, into))
    )


def move_templates(connection: Connection, template_ids: Sequence[UUID], into: UUID, line_id: UUID) -> None:
    """Make the versions of these templates the next ones of another task, in this line of it."""
    source = _task_of(connection, template_ids[0])
    own_versions = implementation.c.template_id.in_(template_ids) & (implementation.c.task_id == source)
    _move_versions(connection, source, into, own_versions)
    values = {"task_id": into, "line_id": _line(line_id, into)}
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
    _move_versions(connection, source, into, own_versions)
    for template_id, line_id in lines.items():
        values = {"task_id": into, "line_id": _line(line_id, into)}
        connection.execute(update(template).where(template.c.id == template_id).values(values))


def _line(line_id: UUID, task_id: UUID) -> UUID | None:
    """The stored form of a line: NULL for a task's own line, which moves with the task."""
    return None if line_id == task_id else line_id


def _move_versions(connection: Connection, source: UUID, into: UUID, condition: ColumnElement[bool]) -> None:
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


# Templates


def add_template(
    connection: Connection,
    group_id: UUID,
    task_id: UUID,
    line_id: UUID,
    template_found: Template,
    *,
    named_places: Iterable[int],
    kinds: Sequence[Any],
    evidence: dict[str, Any],
    review_at_calls: int,
    run_id: UUID,
    marks: Sequence[int] | None = None,
) -> UUID:
    """marks: of `app.store.marks`; None leaves them to the reconciler."""
    template_id = new_id()
    connection.execute(
        insert(template).values(
            id=template_id,
            group_id=group_id,
            task_id=task_id,
            line_id=_line(line_id, task_id),
            digest=digest_of(template_found),
            parts=to_parts(template_found),
            slots=list(template_found.slots),
            named_places=sorted(named_places),
            slot_kinds=list(kinds),
            evidence=evidence,
            review_at_calls=review_at_calls,
            created_run_id=run_id,
            marks=marks,
        )
    )
    return template_id


def revive(connection: Connection, template_id: UUID) -> bool:
    """Put a replaced template that was mined again back into use. False for a template in use."""
    replaced = (template.c.id == template_id) & template.c.retired_at.is_not(None)
    return (
        connection.execute(update(template).where(replaced).values(retired_at=null(), replaced_by=null())).rowcount > 0
    )


def is_retired(connection: Connection, template_id: UUID) -> bool:
    """Whether another template took the place of this one."""
    return connection.execute(
        select(template.c.retired_at.is_not(None)).where(template.c.id == template_id)
    ).scalar_one()


def name_slots(connection: Connection, template_id: UUID, slots: Sequence[str], named_places: Iterable[int]) -> None:
    """The names of a template's slots by place, and the places whose names a person gave."""
    values = {"slots": list(slots), "named_places": sorted(named_places)}
    connection.execute(update(template).where(template.c.id == template_id).values(values))


def retire(connection: Connection, template_id: UUID, replaced_by: UUID) -> None:
    """Replace a template by another one: its implementations go along, its calls are matched again later.

    An implementation stays behind when the new template has one with the same model and settings: that one takes over its calls and its
    place in production.
    """
    connection.execute(
        update(template)
        .where(template.c.id == template_id)
        .values(retired_at=func.clock_timestamp(), replaced_by=replaced_by, rematch_after=FIRST_ID)
    )
    own_versions = implementation.c.template_id == template_id
    twin = _twin(replaced_by)
    connection.execute(
        update(task)
        .where(task.c.production_implementation_id == implementation.c.id, own_versions, exists(twin))
        .values(production_implementation_id=twin.scalar_subquery())
    )
    connection.execute(update(implementation).where(own_versions, ~exists(twin)).values(template_id=replaced_by))


def _twin(template_id: UUID) -> Select[tuple[UUID]]:
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


def hand_on(connection: Connection, version: VersionKey, template_id: UUID) -> None:
    """Move a version to another template, as the next version if that belongs to another task.

    It stays where it is when the other template has a version with its model and settings.
    """
    old, model, digest = version
    source, into = (_task_of(connection, side) for side in (old, template_id))
    own_versions = and_(
        implementation.c.template_id == old,
        implementation.c.model == model,
        implementation.c.settings_digest == digest,
        ~exists(_twin(template_id)),
    )
    if source != into:
        _move_versions(connection, source, into, own_versions)
    connection.execute(update(implementation).where(own_versions).values(template_id=template_id))


def _task_of(connection: Connection, template_id: UUID) -> UUID:
    return connection.execute(select(template.c.task_id).where(template.c.id == template_id)).scalar_one()


# Matching again


def match_again(connection: Connection, template_ids: Iterable[UUID]) -> None:
    """Have all calls of these templates matched again: some belong to a more specific template."""
    connection.execute(update(template).where(template.c.id.in_(list(template_ids))).values(rematch_after=FIRST_ID))


def unfinished(connection: Connection, group_id: UUID) -> Unfinished | None:
    """The next template of a group that has calls to be matched again."""
    query = (
        select(template.c.id, template.c.rematch_after, template.c.retired_at.is_not(None))
        .where(template.c.group_id == group_id, has_unfinished_calls())
        .order_by(template.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Unfinished(row[0], row[1] or FIRST_ID, row[2])


def has_unfinished_calls() -> ColumnElement[bool]:
    """SQL: whether a killed run left a cursor, or a web process matched a call while its template was being replaced.

    OFFSET 0 keeps PostgreSQL from reading all traces into one hash table instead of one index entry a template.
    """
    calls = select(literal(1)).where(trace.c.template_id == template.c.id).offset(0).correlate(template)
    return or_(template.c.rematch_after.is_not(None), template.c.retired_at.is_not(None) & exists(calls))


def move_cursor(connection: Connection, template_id: UUID, after: UUID | None) -> None:
    """Note that the calls of a template are matched again up to this one; None: all of them."""
    connection.execute(update(template).where(template.c.id == template_id).values(rematch_after=after))


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


# Reviews


REVIEWED_AGAIN = timedelta(hours=12)
"""Between the newest calls of two reviews, at most, while there are new ones: an edit that a slot takes in is told within a day,
however many calls there were before it; 60 edited ones are enough (`benchmarks.changes`)."""

REVIEWED_AGAIN_CALLS = 20
"""New calls that such a review needs; fewer do not show an edit."""


def due_for_review(connection: Connection, group_id: UUID) -> list[UUID]:
    """Templates of a group with enough calls since their last review."""
    query = select(template.c.id).where(template.c.group_id == group_id, is_due())
    return list(connection.execute(query.order_by(template.c.id)).scalars())


def is_due() -> ColumnElement[bool]:
    """Whether a template has twice the calls of its last review, or half a day's new ones."""
    calls = _calls_of_template()
    is_later = _newest_call() >= template.c.reviewed_until + REVIEWED_AGAIN
    has_new_calls = calls >= template.c.review_at_calls / 2 + REVIEWED_AGAIN_CALLS
    return template.c.retired_at.is_(None) & ((calls >= template.c.review_at_calls) | (is_later & has_new_calls))


def _calls_of_template() -> ColumnElement[int]:
    """The number of calls of its versions, including calls still to be matched again."""
    calls = select(func.sum(calls_of_version())).where(implementation.c.template_id == template.c.id)
    return func.coalesce(calls.correlate(template).scalar_subquery(), 0)


def _newest_call() -> ColumnElement[datetime]:
    newest = (
        select(func.max(call_count.c.last_seen))
        .join(implementation, implementation.c.id == call_count.c.implementation_id)
        .where(implementation.c.template_id == template.c.id)
    )
    return newest.correlate(template).scalar_subquery()


def reviewed(connection: Connection, template_ids: Iterable[UUID]) -> None:
    """Note a review: the next one is due at twice the present number of calls, or after half a day with new ones."""
    connection.execute(
        update(template)
        .where(template.c.id.in_(list(template_ids)))
        .values(
            review_at_calls=func.greatest(template.c.review_at_calls, 2 * _calls_of_template()),
            reviewed_until=_newest_call(),
        )
    )


def groups_to_review(connection: Connection) -> list[UUID]:
    """Groups with a template that is due."""
    return _groups_that_may_run(connection, grouping_key.c.id.in_(select(template.c.group_id).where(is_due())))


def unfinished_groups(connection: Connection) -> list[UUID]:
    """Groups with calls to be matched again: a run is matching them, or was killed while it did."""
    of_templates = select(template.c.group_id).where(has_unfinished_calls())
    return _groups_that_may_run(
        connection, or_(grouping_key.c.rematch_after.is_not(None), grouping_key.c.id.in_(of_templates))
    )


def _groups_that_may_run(connection: Connection, condition: ColumnElement[bool]) -> list[UUID]:
    query = select(grouping_key.c.id).where(may_run(), condition).order_by(grouping_key.c.id)
    return list(connection.execute(query).scalars())
