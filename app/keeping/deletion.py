"""Use case: delete calls, and everything that was made of them alone.

A batch has calls of one group and is one transaction, which holds the group. It raises the fence, so that a run that has read the calls
cannot save; it raises the version of the templates, so that no process matches deleted ones; rows without calls are deleted with the last
call. A killed deletion has done whole batches; the caller repeats it.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, exc

from app.errors import CallerError
from app.grouping import task_names
from app.intake.privacy import policy_of
from app.store import deletion, groups, history, runs, tasks
from app.store.deletion import DeletedRows, Selector
from app.store.engine import transaction
from app.store.sqlstates import is_crossing

DELETED_CALLS = 500
"""Calls deleted in one transaction: some 50 ms, during which ingest of their group waits."""

_NAMES = ("path", "external_id", "user_id", "conversation_id")

_DELETION_TRIES = 3
"""Tries of a batch that PostgreSQL ended for a deadlock."""


class NothingSelectedError(CallerError):
    """Say which calls are to be deleted, or that all of them are."""


class FoldedPathError(CallerError):
    """Calls of this path are stored together with those of other ids."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"Calls of this path are stored at {path}, together with those of other ids. Delete that path, "
            "or name user_id, conversation_id or external_id instead."
        )


@dataclass
class Deleted:
    """The result of a deletion. `complete`: all selected calls are deleted. `groups`: groups that were deleted as a whole."""

    removed: DeletedRows = field(default_factory=DeletedRows)
    groups: list[UUID] = field(default_factory=list)
    complete: bool = True


def delete(
    engine: Engine, project_id: UUID, selector: Selector, *, delete_all: bool = False, seconds: float = 20.0
) -> Deleted:
    """Delete the selected calls of a project, for at most about `seconds` seconds.

    delete_all: the selector may be empty. To delete all calls of a project or of a path also deletes rows that have no call.
    """
    if selector == Selector() and not delete_all:
        raise NothingSelectedError(
            "No call is selected: name a path, user, conversation, external id or time, or ask for everything."
        )
    work = _Work(engine, project_id, time.monotonic() + seconds)
    forms = forms_of(engine, project_id, selector)
    for form in forms:
        if work.done.complete:
            work.delete_calls(form)
    if work.done.complete and selector == Selector(path=selector.path):
        for form in forms:
            work.delete_rests(form)
    return work.done


def forms_of(engine: Engine, project_id: UUID, selector: Selector) -> list[Selector]:
    """The selector as given, and in the form in which redaction stores the names in it."""
    with transaction(engine) as connection:
        policy = policy_of(connection, project_id)
        if selector.path is not None:
            _refuse_folded(connection, project_id, selector.path)
    stored: dict[str, Any] = {name: policy.as_stored(name, getattr(selector, name)) for name in _NAMES}
    return list(dict.fromkeys([selector, replace(selector, **stored)]))


def _refuse_folded(connection: Connection, project_id: UUID, path: str) -> None:
    """Raise FoldedPathError where only a path with {id} in place of the ids has calls."""
    group = groups.find(connection, project_id, path)
    if group is not None and group.path != path:
        raise FoldedPathError(group.path)


class _Work:
    """A deletion in progress."""

    def __init__(self, engine: Engine, project_id: UUID, end: float) -> None:
        self.done = Deleted()
        self._engine = engine
        self._project_id = project_id
        self._end = end

    def delete_calls(self, selector: Selector) -> None:
        after: UUID | None = None
        while batch := self._next_calls(selector, after):
            by_group: dict[UUID, list[UUID]] = defaultdict(list)
            for call_id, group_id in batch:
                by_group[group_id].append(call_id)
            for group_id in sorted(by_group):
                self._delete(group_id, by_group[group_id])
            after = batch[-1][0]
            if time.monotonic() > self._end:
                self.done.complete = False
                return

    def delete_rests(self, selector: Selector) -> None:
        """Delete groups whose calls were all deleted earlier."""
        with transaction(self._engine) as connection:
            group_ids = deletion.groups_of(connection, self._project_id, selector)
        for group_id in group_ids:
            self._delete(group_id, [])

    def _next_calls(self, selector: Selector, after: UUID | None) -> list[tuple[UUID, UUID]]:
        with transaction(self._engine) as connection:
            return deletion.selected(connection, self._project_id, selector, after=after, limit=DELETED_CALLS)

    def _delete(self, group_id: UUID, call_ids: Sequence[UUID]) -> None:
        """Delete a batch; ingest that makes versions and a deletion may deadlock: PostgreSQL ends one of them, and a deletion is tried
        again.
        """
        for attempt in range(_DELETION_TRIES):
            try:
                removed = _delete_batch(self._engine, group_id, call_ids)
                break
            except exc.DBAPIError as error:
                if not is_crossing(error) or attempt == _DELETION_TRIES - 1:
                    raise
        self.done.removed += removed
        self.done.groups += [group_id] * removed.paths


def _delete_batch(engine: Engine, group_id: UUID, call_ids: Sequence[UUID]) -> DeletedRows:
    with transaction(engine) as connection:
        if not deletion.take_group(connection, group_id):
            return DeletedRows()
        runs.interrupt(connection, group_id)
        traces, values = deletion.delete_calls(connection, call_ids)
        removed, losers = deletion.delete_uncalled(connection, group_id, values.keys() if call_ids else None)
        deletion.forget_values(connection, values)
        _name_again(connection, group_id, losers)
        return removed + DeletedRows(traces=traces)


def _name_again(connection: Connection, group_id: UUID, task_ids: Collection[UUID]) -> None:
    """Rename tasks whose name, made by us, may have words of a deleted template."""
    history.forget_our_names(connection, task_ids)
    tasks_named = deletion.named_by_us(connection, task_ids)
    if not tasks_named:
        return
    path = groups.by_id(connection, [group_id])[group_id].path
    names_taken = tasks.names_in(connection, group_id)
    for renamed in tasks_named:
        name = task_names.task_name(renamed.template, names_taken - {renamed.name}, path)
        names_taken = names_taken - {renamed.name} | {name}
        tasks.rename_task(connection, renamed.id, name)
