"""The privacy settings of a project, as stored; `app.intake.privacy` applies them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from app.store.tables import project


def load(connection: Connection, project_id: UUID) -> tuple[dict[str, Any], str] | None:
    """The privacy settings of a project and the secret of its marks; None for an unknown project."""
    row = connection.execute(
        select(project.c.privacy, project.c.secret).where(project.c.id == project_id)
    ).one_or_none()
    return None if row is None else (row.privacy, row.secret)


def save(connection: Connection, project_id: UUID, wishes: Mapping[str, Any]) -> None:
    """Store privacy settings that were checked."""
    connection.execute(update(project).where(project.c.id == project_id).values(privacy=dict(wishes)))
