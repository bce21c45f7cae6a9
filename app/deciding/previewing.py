"""Previews of a merge, a split or an undo: each is carried out by the same code in a transaction that is rolled back.

Nothing is written: the group is held for milliseconds, and everything is as it was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.deciding import decisions as deciding
from app.deciding.holding import hold_version
from app.deciding.undoing import undo
from app.errors import NotFoundError
from app.store import decisions, history
from app.store.audit import Actor


@dataclass(frozen=True)
class TaskSize:
    """A task before or after: the number of versions that it shows and of their calls."""

    versions: int
    calls: int


@dataclass(frozen=True)
class InUse:
    """The version whose text stands for its task; parts and slots are those of its template."""

    implementation_id: UUID
    version: int
    parts: Any
    slots: Sequence[str]


@dataclass(frozen=True)
class ChangedTask:
    """A task that the decision changes. id: None for a new task. after: None for a task that is merged into another.

    in_use_before, in_use_after: the version in use, where the task has one.
    """

    id: UUID | None
    name: str
    before: TaskSize | None
    after: TaskSize | None
    in_use_before: InUse | None
    in_use_after: InUse | None

    @property
    def is_text_changed(self) -> bool:
        """Whether lists and exports would show another text for the task."""
        texts = [(in_use.parts, in_use.slots) for in_use in (self.in_use_before, self.in_use_after) if in_use]
        return len(texts) == 2 and texts[0] != texts[1]


@dataclass(frozen=True)
class VersionMove:
    """A version that would belong to another task. to_task: None for a new task."""

    implementation_id: UUID
    model: str
    calls: int
    from_task: UUID
    from_version: int
    to_task: UUID | None
    to_version: int


@dataclass(frozen=True)
class Preview:
    """The effect of a decision. state: pass it as `expected`, and the decision is made only if nothing has changed."""

    kind: str
    state: str
    tasks: Sequence[ChangedTask]
    moves: Sequence[VersionMove]

    @property
    def calls(self) -> int:
        """The number of calls that would be of another task."""
        return sum(move.calls for move in self.moves)


def of_merge(connection: Connection, project_id: UUID, task_id: UUID, into: UUID, actor: Actor) -> Preview:
    """The effect of `decisions.merge`, with the same errors."""
    deciding.hold_both(connection, project_id, task_id, into)

    def act() -> None:
        deciding.merge(connection, project_id, task_id, into, actor=actor)

    return _preview(connection, "merge", [task_id, into], act)


def of_split(connection: Connection, project_id: UUID, implementation_id: UUID, actor: Actor) -> Preview:
    """The effect of `decisions.split`, with the same errors."""
    version = hold_version(connection, project_id, implementation_id)

    def act() -> UUID:
        return deciding.split(connection, project_id, implementation_id, actor=actor)

    return _preview(connection, "split", [version.task_id], act)


def of_undo(connection: Connection, project_id: UUID, decision_id: UUID, actor: Actor) -> Preview:
    """The effect of `undoing.undo`, with the same errors."""
    decision = history.get(connection, project_id, decision_id)
    if decision is None:
        raise NotFoundError("This project has no such decision.")
    task_ids = [task_id for task_id in (decision.task_id, decision.other_task_id) if task_id is not None]
    owners = {decisions.merged_into(connection, task_id) or task_id for task_id in task_ids}

    def act() -> None:
        undo(connection, project_id, decision_id, actor=actor)

    return _preview(connection, "undo", sorted(owners.union(task_ids)), act)


def _preview(connection: Connection, kind: str, task_ids: Sequence[UUID], act: Callable[[], UUID | None]) -> Preview:
    state = decisions.state_of(connection, task_ids)
    before = _Seen.of(connection, task_ids)
    with _taken_back(connection):
        new_task_id = act()
        after = _Seen.of(connection, [*task_ids, *([new_task_id] if new_task_id else [])])
    return Preview(
        kind, state, list(_changed_tasks(before, after, new_task_id)), list(_moves(before, after, new_task_id))
    )


@contextmanager
def _taken_back(connection: Connection) -> Iterator[None]:
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


@dataclass(frozen=True)
class _Seen:
    """Names and versions in use of all unmerged tasks by id, and all versions by id."""

    names: Mapping[UUID, str]
    versions: Mapping[UUID, Row[Any]]
    in_use: Mapping[UUID, InUse]

    @classmethod
    def of(cls, connection: Connection, task_ids: Sequence[UUID]) -> "_Seen":
        alive = [task_id for task_id in task_ids if decisions.merged_into(connection, task_id) is None]
        names = {task_id: str(decisions.facts_of(connection, task_id)["name"]) for task_id in alive}
        versions = {version.id: version for version in decisions.versions_of(connection, task_ids)}
        in_use = {
            row.task_id: InUse(row.implementation_id, row.version, row.parts, row.slots)
            for row in decisions.in_use(connection, alive)
        }
        return cls(names, versions, in_use)

    def side(self, task_id: UUID) -> TaskSize | None:
        if task_id not in self.names:
            return None
        shown_versions = [
            version for version in self.versions.values() if version.task_id == task_id and version.is_shown
        ]
        return TaskSize(len(shown_versions), sum(int(version.calls) for version in shown_versions))


def _changed_tasks(before: _Seen, after: _Seen, new_task_id: UUID | None) -> Iterator[ChangedTask]:
    names = {**before.names, **after.names}
    for task_id in sorted(names):
        task_before = None if task_id == new_task_id else task_id
        sides = (before.side(task_id), after.side(task_id))
        yield ChangedTask(task_before, names[task_id], *sides, before.in_use.get(task_id), after.in_use.get(task_id))


def _moves(before: _Seen, after: _Seen, new_task_id: UUID | None) -> Iterator[VersionMove]:
    for version in after.versions.values():
        old = before.versions.get(version.id)  # None: a call has just made the version
        if old is not None and version.task_id != old.task_id and version.is_shown:
            to_task = None if version.task_id == new_task_id else version.task_id
            places = (old.task_id, old.version, to_task, version.version)
            yield VersionMove(version.id, version.model, int(version.calls), *places)
