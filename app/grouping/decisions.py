"""Use case: what a person decides about tasks and versions, and every later run respects.

A decision holds its group, as a run does while it saves.  So it comes before a run has saved, which then reads it, or
after, and changes what the run has written.  One that says which tasks are one raises the fence too (names do, which keep two tasks
apart): a run that mined without knowing it cannot save.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.checks import Problem
from app.errors import CallerError, NotFoundError
from app.grouping import task_names
from app.store import decisions, groups, runs, versions
from app.store.templates import from_parts

MAX_SLOT_NAME = 100


class DecisionError(CallerError):
    """Fields of the decision cannot be what they are."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


def change_task(connection: Connection, project_id: UUID, task_id: UUID, changes: Mapping[str, Any]) -> None:
    """Set some of name, description, response_schema and production (an implementation of the task, or None).

    Raises NotFoundError where the project has no such task, DecisionError for an implementation of another one.
    """
    group_id = _hold_task(connection, project_id, task_id).group_id
    values = dict(changes)
    if "production" in values:
        values["production_implementation_id"] = _own(connection, task_id, values.pop("production"))
    decisions.change_task(connection, task_id, values)
    if "name" in values:
        runs.interrupt(connection, group_id)


def _own(connection: Connection, task_id: UUID, implementation_id: UUID | None) -> UUID | None:
    if implementation_id is not None and not decisions.is_of_task(connection, implementation_id, task_id):
        message = "Is no implementation of this task; take an id of its list, or null."
        raise DecisionError(Problem(("production",), message))
    return implementation_id


def rename_slots(connection: Connection, project_id: UUID, implementation_id: UUID, names: Mapping[str, str]) -> None:
    """Give slots of a version's template other names, all at once: old name -> new name.

    Values are stored by place, so every call has them under the new names.  Raises NotFoundError, or DecisionError with
    each slot that cannot be renamed so.
    """
    version = _hold_version(connection, project_id, implementation_id)
    if problems := list(_wrong_names(version.slots, names)):
        raise DecisionError(*problems)
    slots = [names.get(name, name) for name in version.slots]
    named = {place for place, name in enumerate(version.slots) if name in names}
    versions.name_slots(connection, version.template_id, slots, named.union(version.named_places))
    runs.reload_templates(connection, version.group_id)


def _wrong_names(slots: Sequence[str], names: Mapping[str, str]) -> Iterator[Problem]:
    """Two slots of one name would have to hold the same value in every call: another template."""
    others = {name for name in slots if name not in names}
    for old, new in names.items():
        if old not in slots:
            yield Problem(("slots", old), "Is no slot of this template; its slots are listed with the implementation.")
        elif not new.isidentifier() or len(new) > MAX_SLOT_NAME:
            rule = f"letters, digits and _, no digit first, at most {MAX_SLOT_NAME} characters"
            yield Problem(("slots", old), f"Cannot have this name; a slot's name is an identifier: {rule}.")
        elif new in others:
            yield Problem(("slots", old), "Cannot have this name: another slot of the template has it.")
        others.add(new)


def merge(connection: Connection, project_id: UUID, task_id: UUID, into: UUID) -> None:
    """The versions of a task go on as the next ones of another of the same path, in the order of their first calls.

    What a person decided about it holds for the other where nothing else was decided there. Raises NotFoundError, or
    DecisionError for a task that it cannot go on in.
    """
    source = _hold_task(connection, project_id, task_id)
    target = decisions.task_of_project(connection, project_id, into)
    if target is None or target.group_id != source.group_id or into == task_id:
        raise DecisionError(Problem(("into",), "Must be another task of the same path."))
    versions.merge_task(connection, task_id, into, lines_stay=True)
    runs.interrupt(connection, source.group_id)


def split(connection: Connection, project_id: UUID, implementation_id: UUID) -> UUID:
    """The template of a version becomes a task of its own, with all its versions; the id of the task.

    Raises NotFoundError, or DecisionError where nothing else would be left, or the template is out of use.
    """
    version = _hold_version(connection, project_id, implementation_id)
    if version.retired_at is not None:
        raise DecisionError(Problem((), "Another template took the place of this version's; split that."))
    if not decisions.has_other_template(connection, version.task_id, version.template_id):
        raise DecisionError(Problem((), "Its task has no other template, so there is nothing to split it from."))
    task_id = _begin(connection, project_id, version)
    versions.move_templates(connection, decisions.with_forerunners(connection, version.template_id), task_id, task_id)
    runs.interrupt(connection, version.group_id)
    return task_id


def _begin(connection: Connection, project_id: UUID, version: Row[Any]) -> UUID:
    """A task for the template of a version, apart from the one that it leaves."""
    path = groups.by_id(connection, [version.group_id])[version.group_id].path
    template = from_parts(version.parts, version.slots)
    name = task_names.task_name(template, versions.names_in(connection, version.group_id), path)
    return versions.create_task(connection, project_id, version.group_id, name, apart_from=[version.task_id])


def _hold_task(connection: Connection, project_id: UUID, task_id: UUID) -> Row[Any]:
    return _held(connection, lambda: decisions.task_of_project(connection, project_id, task_id), "task")


def _hold_version(connection: Connection, project_id: UUID, implementation_id: UUID) -> Row[Any]:
    return _held(
        connection,
        lambda: decisions.version_of_project(connection, project_id, implementation_id),
        "implementation",
    )


def _held(connection: Connection, find: Callable[[], Row[Any] | None], what: str) -> Row[Any]:
    """What was asked for, its group held until the transaction ends; found again, for what others did while we waited."""
    before = find()
    if before is not None:
        runs.hold(connection, before.group_id)
    named = find()
    if before is None or named is None:
        raise NotFoundError(f"This project has no such {what}.")
    return named
