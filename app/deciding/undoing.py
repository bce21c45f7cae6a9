"""Use case: undo a decision, so that everything is as without it, except for later changes.

A field returns to its former value while it still has the value of the decision. A merge is undone by lines: the templates of the merged
lines leave again, with versions that were made meanwhile; a split is undone by tasks. Versions get their old numbers where these are free.
Where a later decision or a run prevents it, ConflictError says which, and what to undo first.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import Connection, Row

from app.checks import Problem
from app.deciding.holding import ConflictError
from app.errors import NotFoundError
from app.grouping import task_names
from app.store import decisions, groups, history, runs, tasks, template_changes, versions
from app.store.audit import Actor
from app.store.tables import decision
from app.store.templates import from_parts

TITLES = {
    "rename": "the name",
    "describe": "the description",
    "schema": "the response schema",
    "production": "the version in production",
    "slots": "the names of slots",
    "merge": "the merge",
    "split": "the split",
}
"""The subject of a decision, within a sentence."""

FENCING = {"rename", "merge", "split"}
"""Decisions that change which templates form a task: a run that mined without knowing of them, or of their undoing, cannot save."""


def undo(connection: Connection, project_id: UUID, decision_id: UUID, *, actor: Actor) -> Row[Any]:
    """Undo a decision; answers it as `history.get` does. Raises NotFoundError, ConflictError."""
    decided = history.get(connection, project_id, decision_id)
    if decided is not None:
        runs.hold(connection, decided.group_id)
        decided = history.get(connection, project_id, decision_id)
    if decided is None:
        raise NotFoundError("This project has no such decision.")
    if decided.undone_at is not None:
        _refuse(f"It was undone already, on {decided.undone_at:%Y-%m-%d at %H:%M} UTC.")
    _UNDO[decided.kind](connection, decided)
    history.mark_undone(connection, decision_id, actor)
    if decided.kind in FENCING:
        runs.interrupt(connection, decided.group_id)
    elif decided.kind == "slots":
        runs.reload_templates(connection, decided.group_id)
    undone = history.get(connection, project_id, decision_id)
    assert undone is not None
    return undone


def _refuse(why: str, in_the_way: Row[Any] | None = None) -> NoReturn:
    """Raise a conflict, with the decision to undo first where there is one."""
    if in_the_way is None:
        raise ConflictError(Problem(("decision",), why))
    remedy = f"Undo {TITLES[in_the_way.kind]} of {in_the_way.created_at:%Y-%m-%d %H:%M} UTC first."
    raise ConflictError(Problem(("undo_first", str(in_the_way.id)), f"{why} {remedy}"), undo_first=in_the_way.id)


def _check_is_there(connection: Connection, decided: Row[Any], task_id: UUID) -> None:
    """Raise ConflictError for a task that was merged into another and so has no facts of its own."""
    if decisions.merged_into(connection, task_id) is None:
        return
    merge = _later_merge_of(connection, decided, task_id)
    _refuse(
        "The task has been merged into another one since."
        if merge
        else "A run has joined the task to another one since.",
        merge,
    )


def _later_merge_of(connection: Connection, decided: Row[Any], task_id: UUID) -> Row[Any] | None:
    return _later(connection, decided, decision.c.kind == "merge", decision.c.task_id == task_id)


def _later(connection: Connection, decided: Row[Any], *conditions: Any) -> Row[Any] | None:
    return next(iter(history.later_standing(connection, decided.id, *conditions)), None)


# Facts of a task


def _undo_field(connection: Connection, decided: Row[Any]) -> None:
    _check_is_there(connection, decided, decided.task_id)
    field = next(iter(decided.after))
    if decisions.field_of(decisions.facts_of(connection, decided.task_id), field) != decided.after:
        of_same_field = (decision.c.kind == decided.kind) & (decision.c.task_id == decided.task_id)
        merged = (decision.c.kind == "merge") & (decision.c.other_task_id == decided.task_id)
        why = f"{TITLES[decided.kind].capitalize()} was changed again since."
        _refuse(why, _later(connection, decided, of_same_field | merged))
    _check_production(connection, decided)
    decisions.change_task(connection, decided.task_id, _with_a_name(connection, decided.task_id, decided.before))


def _check_production(connection: Connection, decided: Row[Any]) -> None:
    """Raise ConflictError where the former production version has left the task."""
    version = decided.before.get("production")
    if version and not decisions.is_of_task(connection, UUID(version), decided.task_id):
        split_of_task = (decision.c.kind == "split") & (decision.c.task_id == decided.task_id)
        _refuse(
            "The version that was in production before is no more of this task.",
            _later(connection, decided, split_of_task),
        )


def _with_a_name(connection: Connection, task_id: UUID, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts; a name made by us that was removed with deleted text is replaced by a new one."""
    if facts.get("name", "") is not None:
        return facts
    template = decisions.newest_template(connection, task_id)
    group = groups.by_id(connection, [template.group_id])[template.group_id]
    names = tasks.names_in(connection, template.group_id)
    name = task_names.task_name(from_parts(template.parts, template.slots), names, group.path)
    return {**facts, "name": name}


def _restore(connection: Connection, task_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Restore further facts that a decision changed, unless another decision changed them since."""
    now = decisions.facts_of(connection, task_id)
    for field in ("name", "description", "response_schema"):
        old, decided_value, current = (decisions.field_of(facts, field) for facts in (before, after, now))
        if current == decided_value != old:
            decisions.change_task(connection, task_id, _with_a_name(connection, task_id, old))


# Names of slots


def _undo_slots(connection: Connection, decided: Row[Any]) -> None:
    """Undo renaming slot by slot: later names of other slots stay."""
    now, before, after = decisions.slots_of(connection, decided.template_id), decided.before, decided.after
    changed = [place for place, name in enumerate(before["slots"]) if name != after["slots"][place]]
    newly_named = set(after["named_places"]) - set(before["named_places"])
    names = list(now["slots"])
    later = (decision.c.kind == "slots") & (decision.c.template_id == decided.template_id)
    if any(now["slots"][place] != after["slots"][place] for place in changed):
        _refuse("One of these slots was renamed again since.", _later(connection, decided, later))
    for place in changed:
        names[place] = before["slots"][place]
    if _shared(names) != _shared(now["slots"]):
        _refuse("Another slot has the old name by now.", _later(connection, decided, later))
    template_changes.name_slots(connection, decided.template_id, names, set(now["named_places"]) - newly_named)


def _shared(names: list[str]) -> list[int]:
    """The places that share a name, which is part of a template's identity."""
    return [names.index(name) for name in names]


# Merge


def _undo_merge(connection: Connection, decided: Row[Any]) -> None:
    source, into = decided.task_id, decided.other_task_id
    owner = decisions.merged_into(connection, source)
    if merge := _later_merge_of(connection, decided, into):
        _refuse("The task that it was merged into has itself been merged into another one since.", merge)
    if owner is None:
        _refuse("The task stands by itself already.")
    lines = set(map(UUID, decided.moved["lines"]))
    if later_split := _split_out_of(connection, decided, owner, lines):
        _refuse("A version of the merged task has become a task of its own since.", later_split)
    lines_to_return = {
        template_id: line for template_id, line in decisions.lines_of(connection, owner).items() if line in lines
    }
    _check_both_have_versions(connection, owner, lines_to_return)
    versions.move_back(connection, owner, source, lines_to_return, _numbers(decided))
    decisions.lead_to(connection, [source], None)
    decisions.lead_to(connection, _those(decided, "emptied") & set(decisions.took_over(connection, owner)), source)
    _restore_production(connection, source, decided.before["task"]["production"])
    if owner == into:
        _restore(connection, into, decided.before["into"], decided.after["into"])
    _set_apart_again(connection, decided, owner)


def _split_out_of(connection: Connection, decided: Row[Any], owner: UUID, lines: set[UUID]) -> Row[Any] | None:
    """A later split that took a template out of these lines."""
    of_owner = (decision.c.kind == "split") & (decision.c.task_id == owner)
    splits = history.later_standing(connection, decided.id, of_owner)
    return next((split for split in splits if lines.intersection(map(UUID, split.moved["lines"].values()))), None)


def _check_both_have_versions(connection: Connection, owner: UUID, leaving: Mapping[UUID, UUID]) -> None:
    """Raise ConflictError where a run has found one template for the prompts of both tasks."""
    shown_versions = (version for version in decisions.versions_of(connection, [owner]) if version.is_shown)
    leave = {version.template_id in leaving for version in shown_versions}
    if leave != {True, False}:
        _refuse("A run has found one template for the calls of both tasks since: they cannot be separated any more.")


def _restore_production(connection: Connection, task_id: UUID, version: str | None) -> None:
    """Put the version back into production that lost this place to the other task's version."""
    if version and decisions.is_of_task(connection, UUID(version), task_id):
        decisions.change_task(connection, task_id, {"production": UUID(version)})


def _set_apart_again(connection: Connection, decided: Row[Any], owner: UUID) -> None:
    """Set tasks apart from the merged task again, and no longer from the task that it was merged into.

    Runs never join tasks that a person set apart. The merge handed these tasks of the merged task on to `owner`.
    """
    source, apart_before = decided.task_id, _those(decided, "apart")
    handed_on = decisions.apart_from(connection, source) - apart_before
    apart_from_owner = decisions.apart_from(connection, owner) - handed_on
    decisions.set_apart(connection, owner, apart_from_owner | (apart_before & {source}))
    for other_id in _those(decided, "others"):
        apart_from_other = decisions.apart_from(connection, other_id)
        if apart_from_other & {source, owner}:
            was_apart_from_both = other_id in _those(decided, "kept")
            still = {owner} if was_apart_from_both else set()
            decisions.set_apart(connection, other_id, apart_from_other - {owner} | {source} | still)


def _those(decided: Row[Any], name: str) -> set[UUID]:
    return set(map(UUID, decided.moved[name]))


def _numbers(decided: Row[Any]) -> dict[UUID, int]:
    return {UUID(version): number for version, number in decided.moved["versions"].items()}


# Split


def _undo_split(connection: Connection, decided: Row[Any]) -> None:
    """Return all templates and versions of the new task to the task that it was split from."""
    origin, new_task_id = decided.task_id, decided.other_task_id
    for task_id, why in (
        (new_task_id, "The task that was split off has been merged into another one since."),
        (origin, "The task that it was split from has been merged into another one since."),
    ):
        if merge := _later_merge_of(connection, decided, task_id):
            _refuse(why, merge)
    if decisions.merged_into(connection, new_task_id) is not None:
        _refuse("A run has joined the task that was split off to another task since: merge that other task.")
    _check_is_alone(connection, decided, new_task_id)
    owner = decisions.merged_into(connection, origin) or origin
    lines = {UUID(template_id): UUID(line) for template_id, line in decided.moved["lines"].items()}
    line_of_all = lines[decided.template_id]
    line_by_template = {
        template_id: lines.get(template_id, line_of_all) for template_id in decisions.lines_of(connection, new_task_id)
    }
    versions.move_back(connection, new_task_id, owner, line_by_template, _numbers(decided))
    decisions.lead_to(connection, [new_task_id], owner)
    if owner == origin:
        _restore(connection, origin, decided.before["task"], decided.after["task"])


def _check_is_alone(connection: Connection, decided: Row[Any], new_task_id: UUID) -> None:
    """Raise ConflictError where the new task holds parts of other tasks, or other tasks hold parts of it."""
    merged = (decision.c.kind == "merge") & (decision.c.other_task_id == new_task_id)
    parted = (decision.c.kind == "split") & (decision.c.task_id == new_task_id)
    if in_the_way := _later(connection, decided, merged | parted):
        _refuse("The task that was split off was itself merged with another or split since.", in_the_way)
    if decisions.took_over(connection, new_task_id):
        _refuse("A run has found since that another task goes on in the one that was split off; merge the two tasks.")


_UNDO: Mapping[str, Callable[[Connection, Row[Any]], None]] = {
    "rename": _undo_field,
    "describe": _undo_field,
    "schema": _undo_field,
    "production": _undo_field,
    "slots": _undo_slots,
    "merge": _undo_merge,
    "split": _undo_split,
}
