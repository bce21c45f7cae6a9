"""What every decision begins with: the task or version that it is about, held; and the errors of decisions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.checks import Problem
from app.errors import CallerError, NotFoundError
from app.store import decisions, runs


class DecisionError(CallerError):
    """Fields of the decision cannot be what they are."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


class ConflictError(DecisionError):
    """Somebody, or a run, changed meanwhile what the decision is about.  undo_first: the decision in the way, where one is."""

    def __init__(self, *problems: Problem, undo_first: UUID | None = None) -> None:
        super().__init__(*problems)
        self.undo_first = undo_first


def hold_task(connection: Connection, project_id: UUID, task_id: UUID) -> Row[Any]:
    """A task, its group held until the transaction ends.  Raises NotFoundError, also for one that was merged away."""
    return _held(connection, lambda: decisions.task_of_project(connection, project_id, task_id), "task")


def hold_version(connection: Connection, project_id: UUID, implementation_id: UUID) -> Row[Any]:
    """An implementation, its group held until the transaction ends.  Raises NotFoundError."""
    return _held(
        connection,
        lambda: decisions.version_of_project(connection, project_id, implementation_id),
        "implementation",
    )


def _held(connection: Connection, find: Callable[[], Row[Any] | None], kind: str) -> Row[Any]:
    """What was asked for, its group held until the transaction ends; found again, for what others did while we waited."""
    before = find()
    if before is not None:
        runs.hold(connection, before.group_id)
    named = find()
    if before is None or named is None:
        raise NotFoundError(f"This project has no such {kind}.")
    return named


def check_state(connection: Connection, task_ids: Sequence[UUID], expected: str | None) -> None:
    """Raise ConflictError where the tasks are not any more what a preview showed, whose `state` was `expected`."""
    if expected is not None and expected != decisions.state_of(connection, task_ids):
        message = "The tasks changed since the preview that you decided by: look at a new one."
        raise ConflictError(Problem(("expected",), message))


def check_fields(now: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ConflictError naming each field that is not any more what the caller believed."""
    changed = [name for name, value in expected.items() if now[name] != value]
    if changed:
        message = "Was changed by somebody else, or by a run, since you looked: look again."
        raise ConflictError(*(Problem(("expected", name), message) for name in changed))
