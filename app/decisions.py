"""Use case: what a person decides about tasks and versions, and every later run respects.

A decision holds its group, as a run does while it saves.  So it comes before a run has saved, which then reads it, or
after, and changes what the run has written.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.errors import CallerError, NotFoundError
from app.incoming import Loc, Problem
from app.store import decisions, runs
from app.store.runs import GroupState


class DecisionError(CallerError):
    """A field of the decision cannot be what it is."""

    def __init__(self, loc: Loc, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(loc, message)


def change_task(connection: Connection, project_id: UUID, task_id: UUID, changes: Mapping[str, Any]) -> None:
    """Set some of name, description, response_schema and production (an implementation of the task, or None).

    Raises NotFoundError where the project has no such task, DecisionError for an implementation of another one.
    """
    _hold_task(connection, project_id, task_id)
    values = dict(changes)
    if "production" in values:
        values["production_implementation_id"] = _own(connection, task_id, values.pop("production"))
    decisions.change_task(connection, task_id, values)


def _own(connection: Connection, task_id: UUID, implementation_id: UUID | None) -> UUID | None:
    if implementation_id is not None and not decisions.is_of_task(connection, implementation_id, task_id):
        raise DecisionError(("production",), "Is no implementation of this task; take an id of its list, or null.")
    return implementation_id


def _hold_task(connection: Connection, project_id: UUID, task_id: UUID) -> GroupState:
    """The group of the task, its row held until the transaction ends; asked again, for what others did while we waited."""
    group_id = decisions.group_of_task(connection, project_id, task_id)
    state = None if group_id is None else runs.hold(connection, group_id)
    if state is None or decisions.group_of_task(connection, project_id, task_id) is None:
        raise NotFoundError("This project has no such task, or it was merged into another.")
    return state
