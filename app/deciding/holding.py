"""The first step of every decision: find and hold its task or version; and the errors of decisions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.checks import Problem
from app.errors import CallerError, NotFoundError
from app.store import decisions, runs


class DecisionError(CallerError):
    """Fields of the decision are invalid."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


class ConflictError(DecisionError):
    """A person or a run changed the subject of the decision meanwhile. undo_first: the decision to undo first, where there is one."""

    def __init__(self, *problems: Problem, undo_first: UUID | None = None) -> None:
        super().__init__(*problems)
        self.undo_first = undo_first


def hold_task(connection: Connection, project_id: UUID, task_id: UUID) -> Row[Any]:
    """A task, its group held until the transaction ends. Raises NotFoundError, also for a merged task."""
    return _held_row(connection, lambda: decisions.task_of_project(connection, project_id, task_id), "task")


def hold_version(connection: Connection, project_id: UUID, implementation_id: UUID) -> Row[Any]:
    """An implementation, its group held until the transaction ends. Raises NotFoundError."""
    return _held_row(
        connection,
        lambda: decisions.version_of_project(connection, project_id, implementation_id),
        "implementation",
    )


def _held_row(connection: Connection, find: Callable[[], Row[Any] | None], kind: str) -> Row[Any]:
    """The row that `find` returns, its group held until the transaction ends; it is read again, since it may have changed while we waited."""
    before = find()
    if before is not None:
        runs.hold(connection, before.group_id)
    row = find()
    if before is None or row is None:
        raise NotFoundError(f"This project has no such {kind}.")
    return row


def check_state(connection: Connection, task_ids: Sequence[UUID], expected: str | None) -> None:
    """Raise ConflictError where the tasks have changed since a preview, whose `state` was `expected`."""
    if expected is not None and expected != decisions.state_of(connection, task_ids):
        message = "The tasks changed since the preview that you decided by: look at a new one."
        raise ConflictError(Problem(("expected",), message))


def check_fields(now: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ConflictError naming each field that has changed since the caller read it."""
    changed = [name for name, value in expected.items() if now[name] != value]
    if changed:
        message = "Was changed by somebody else, or by a run, since you looked: look again."
        raise ConflictError(*(Problem(("expected", name), message) for name in changed))
