"""Rows of a project by the id in a request. Raises NotFoundError where the project has no such row."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.errors import NotFoundError
from app.http.services import services
from app.reading import tasks
from app.store import traces
from app.store.engine import transaction
from app.store.keys import KeyHolder


def required(row: Any, kind: str) -> Any:
    """The row, or NotFoundError."""
    if row is None:
        raise NotFoundError(f"This project has no such {kind}.")
    return row


def task(connection: Connection, project_id: UUID, task_id: UUID) -> Any:
    """A task, including one that was merged into another."""
    return required(tasks.get(connection, project_id, task_id), "task")


def task_in_force(connection: Connection, project_id: UUID, task_id: UUID) -> UUID:
    """The id of the task, or of the one that it was merged into."""
    row = task(connection, project_id, task_id)
    return row.merged_into or row.id


def implementation(connection: Connection, project_id: UUID, implementation_id: UUID) -> Any:
    """A version of a task."""
    return required(tasks.implementation_by_id(connection, project_id, implementation_id), "implementation")


def call(connection: Connection, project_id: UUID, trace_id: UUID) -> Any:
    """A trace in full."""
    return required(traces.get(connection, project_id, trace_id), "trace")


def own_task(holder: KeyHolder, task_id: UUID) -> None:
    """Raises NotFoundError where the key's project has no such task."""
    with transaction(services().engine) as connection:
        task(connection, holder.project_id, task_id)


def own_implementation(holder: KeyHolder, implementation_id: UUID) -> None:
    """Raises NotFoundError where the key's project has no such version."""
    with transaction(services().engine) as connection:
        implementation(connection, holder.project_id, implementation_id)
