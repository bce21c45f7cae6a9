"""Use case: people's decisions about tasks and versions, which every later run respects.

A decision holds its group, as a run does while it saves. So it comes either before a run saves, which then reads it, or after, and changes
what the run wrote. A decision that changes which templates form a task raises the fence too (so does a name: named tasks are not merged):
a run that mined without knowing of it cannot save.

Every decision is recorded with the data for undoing it (`app.deciding.undoing`). expected: the state that the caller has seen;
ConflictError where it changed meanwhile.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.checks import Problem
from app.deciding.holding import DecisionError, check_fields, check_state, hold_task, hold_version
from app.grouping import task_names
from app.store import decisions, groups, history, runs, tasks, template_changes, versions
from app.store.audit import Actor
from app.store.history import DecisionKind, Entry
from app.store.templates import from_parts
from templating import portable_name

MAX_SLOT_NAME = 100
"""Characters of a slot's name."""

KINDS: Mapping[str, DecisionKind] = {
    "name": "rename",
    "description": "describe",
    "response_schema": "schema",
    "production": "production",
}
"""Fields of a task, each with the kind of a decision about it."""


def change_task(
    connection: Connection,
    project_id: UUID,
    task_id: UUID,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    expected: Mapping[str, Any] = {},
) -> None:
    """Set some of name, description, response_schema and production (an implementation of the task, or None).

    Raises NotFoundError for an unknown task, DecisionError for an implementation of another task, ConflictError.
    """
    group_id = hold_task(connection, project_id, task_id).group_id
    before = decisions.facts_of(connection, task_id)
    check_fields(before, expected)
    if "production" in changes:
        _check_own(connection, task_id, changes["production"])
    decisions.change_task(connection, task_id, changes)
    after = decisions.facts_of(connection, task_id)
    for field, kind in KINDS.items():
        old, new = (decisions.field_of(facts, field) for facts in (before, after))
        if old != new:
            history.record(connection, project_id, Entry(kind, task_id, old, new), actor)
    if "name" in changes:
        runs.interrupt(connection, group_id)


def _check_own(connection: Connection, task_id: UUID, implementation_id: UUID | None) -> None:
    if implementation_id is not None and not decisions.is_of_task(connection, implementation_id, task_id):
        message = "Must be the id of an implementation of this task, as its list has it, or null."
        raise DecisionError(Problem(("production",), message))


def rename_slots(
    connection: Connection, project_id: UUID, implementation_id: UUID, names: Mapping[str, str], *, actor: Actor
) -> None:
    """Rename slots of a version's template, all at once: old name -> new name.

    Values are stored by place, so every call has them under the new names. Raises NotFoundError, or DecisionError with each slot that
    cannot be renamed like this.
    """
    version = hold_version(connection, project_id, implementation_id)
    if problems := list(_wrong_names(version.slots, names)):
        raise DecisionError(*problems)
    before = decisions.slots_of(connection, version.template_id)
    slots = [names.get(name, name) for name in version.slots]
    named_places = {place for place, name in enumerate(version.slots) if name in names}
    template_changes.name_slots(connection, version.template_id, slots, named_places.union(version.named_places))
    after = decisions.slots_of(connection, version.template_id)
    if before != after:
        entry = Entry("slots", version.task_id, before, after, template_id=version.template_id)
        history.record(connection, project_id, entry, actor)
    runs.reload_templates(connection, version.group_id)


def _wrong_names(slots: Sequence[str], names: Mapping[str, str]) -> Iterator[Problem]:
    """Problems of the new names: two slots of one name would have to hold the same value in every call, as in another template."""
    unknown_names = {name for name in slots if name not in names}
    for old, new in names.items():
        if old not in slots:
            yield Problem(
                ("slots", old), "Must be a slot of this template; its slots are listed with the implementation."
            )
        elif not new.isidentifier() or len(new) > MAX_SLOT_NAME:
            rule = f"letters, digits and _, no digit first, at most {MAX_SLOT_NAME} characters"
            yield Problem(("slots", old), f"Cannot have this name; a slot's name is an identifier: {rule}.")
        elif new != old and (portable := portable_name(new)) != new:
            why = "it begins with _, or a tool that reads exports keeps it for itself or reads its letters otherwise"
            yield Problem(("slots", old), f"Cannot have this name: {why}. Take {portable}.")
        elif new in unknown_names:
            yield Problem(("slots", old), "Cannot have this name: another slot of the template has it.")
        unknown_names.add(new)


def merge(
    connection: Connection, project_id: UUID, task_id: UUID, into: UUID, *, actor: Actor, expected: str | None = None
) -> None:
    """Make the versions of a task the next ones of another task of the same path, in the order of their first calls.

    People's decisions about the task apply to the other where that has none of its own. expected: the `state` of a preview. Raises
    NotFoundError, DecisionError for a task that cannot be the target, ConflictError.
    """
    source = hold_both(connection, project_id, task_id, into)
    check_state(connection, (task_id, into), expected)
    before = {"task": decisions.facts_of(connection, task_id), "into": decisions.facts_of(connection, into)}
    moved_back = decisions.goes_back_from_merge(connection, task_id, into)
    tasks.merge_task(connection, task_id, into, lines_stay=True)
    after = {"into": decisions.facts_of(connection, into)}
    history.record(connection, project_id, Entry("merge", task_id, before, after, into, moved=moved_back), actor)
    runs.interrupt(connection, source.group_id)


def hold_both(connection: Connection, project_id: UUID, task_id: UUID, into: UUID) -> Row[Any]:
    """Hold two tasks of one path, and return the first. Raises NotFoundError, DecisionError."""
    source = hold_task(connection, project_id, task_id)
    target = decisions.task_of_project(connection, project_id, into)
    if target is None or target.group_id != source.group_id or into == task_id:
        raise DecisionError(Problem(("into",), "Must be another task of the same path."))
    return source


def split(
    connection: Connection, project_id: UUID, implementation_id: UUID, *, actor: Actor, expected: str | None = None
) -> UUID:
    """Make the template of a version a task of its own, with all its versions; answers the id of the task.

    expected: the `state` of a preview. Raises NotFoundError, DecisionError where nothing else would be left or the template was replaced,
    ConflictError.
    """
    version = hold_version(connection, project_id, implementation_id)
    if version.retired_at is not None:
        raise DecisionError(Problem((), "Another template took the place of this version's; split that."))
    if not decisions.has_other_template(connection, version.task_id, version.template_id):
        raise DecisionError(Problem((), "Its task has no other template, so there is nothing to split it from."))
    check_state(connection, (version.task_id,), expected)
    template_ids = decisions.with_forerunners(connection, version.template_id)
    before = {"task": decisions.facts_of(connection, version.task_id)}
    moved_back = decisions.goes_back_from_split(connection, version.task_id, template_ids)
    _name_what_stays(connection, version, template_ids)
    task_id = _begin(connection, project_id, version)
    versions.move_templates(connection, template_ids, task_id, task_id)
    after = {"task": decisions.facts_of(connection, version.task_id), "new": decisions.facts_of(connection, task_id)}
    entry = Entry("split", version.task_id, before, after, task_id, version.template_id, moved_back)
    history.record(connection, project_id, entry, actor)
    runs.interrupt(connection, version.group_id)
    return task_id


def _name_what_stays(connection: Connection, version: Row[Any], leaving: Collection[UUID]) -> None:
    """Rename the task that a version's templates leave, if only these say its name. A name that a person gave stays."""
    given_name = tasks.given_name(connection, version.task_id)
    staying = decisions.templates_in_use(connection, version.task_id, leaving)
    if given_name is not None and staying:
        names_taken = tasks.names_in(connection, version.group_id) - {given_name}
        path = groups.by_id(connection, [version.group_id])[version.group_id].path
        name = task_names.name_after_a_change(given_name, staying, names_taken, path)
        tasks.rename_task(connection, version.task_id, name)


def _begin(connection: Connection, project_id: UUID, version: Row[Any]) -> UUID:
    """Make a task for the template of a version, set apart from the one that it leaves."""
    path = groups.by_id(connection, [version.group_id])[version.group_id].path
    template = from_parts(version.parts, version.slots)
    name = task_names.task_name(template, tasks.names_in(connection, version.group_id), path)
    return tasks.create_task(connection, project_id, version.group_id, name, apart_from=[version.task_id])
