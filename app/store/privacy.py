"""What a project does not want stored, as its row has it; `app.intake.privacy` knows what it means."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from app.store.tables import project


def load(connection: Connection, project_id: UUID) -> tuple[dict[str, Any], str] | None:
    """The wishes of a project and the key of its marks; None when there is no such project."""
    row = connection.execute(
        select(project.c.privacy, project.c.secret).where(project.c.id == project_id)
    ).one_or_none()
    return None if row is None else (row.privacy, row.secret)


def save(connection: Connection, project_id: UUID, wishes: Mapping[str, Any]) -> None:
    """Keep the wishes, which somebody has checked."""
    connection.execute(update(project).where(project.c.id == project_id).values(privacy=dict(wishes)))
