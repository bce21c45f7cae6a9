"""The versions of a task, as several pages show them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.pages.arguments import project
from app.reading import tasks
from app.reading.pieces import colours

MOST_VERSIONS = 500
"""Versions of a task that its page reads."""


def versions_of(connection: Connection, task_id: UUID) -> Sequence[Row[Any]]:
    """The versions of a task, newest first."""
    versions = tasks.implementations(connection, project(), task_id, limit=MOST_VERSIONS)
    return sorted(versions, key=lambda version: version.version, reverse=True)


def colours_of(versions: Sequence[Row[Any]]) -> dict[str, int]:
    return colours(version.slots for version in reversed(versions))


def numbered(versions: Sequence[Row[Any]], number: str) -> Row[Any] | None:
    return next((version for version in versions if str(version.version) == number), None)
