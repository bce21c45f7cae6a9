"""The versions of a task, as several pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from app.checks import is_whole
from app.pages.arguments import argument, project
from app.reading import settings_of_day, tasks
from app.reading.pieces import colours

MOST_VERSIONS = 500
"""Versions of a task that its page reads, those with the highest numbers."""


def versions_of(connection: Connection, task: Row[Any]) -> Sequence[Row[Any]]:
    """The versions of a task, newest first: the one in use and those that the address names, too, if many are newer."""
    versions = list(tasks.newest_implementations(connection, project(), task.id, limit=MOST_VERSIONS))
    if len(versions) == MOST_VERSIONS:
        lowest = versions[-1].version
        named = {int(number) for name in ("version", "against") if is_whole(number := argument(name))}
        older = sorted({*named, task.version or lowest}, reverse=True)
        rows = [
            tasks.version_by_number(connection, project(), task.id, number) for number in older if 0 < number < lowest
        ]
        versions += [row for row in rows if row is not None]
    return versions


@dataclass(frozen=True)
class SettingsOfDay:
    """Versions of a day that differ in settings alone, as one row of a list. varying: names of settings."""

    count: int
    varying: Sequence[str]
    calls: int
    first_seen: datetime | None
    last_seen: datetime | None


def listed(
    versions: Sequence[Row[Any]], chosen: Row[Any] | None, *, in_full: bool
) -> list[tuple[Row[Any], SettingsOfDay | None]]:
    """Versions, newest first, as the rows of a list: alone, or the newest of a day that differ in settings alone with all of them.

    in_full: all are alone. The chosen version and the one in production always are.
    """
    if in_full:
        return [(version, None) for version in versions]
    rows: list[tuple[Row[Any], SettingsOfDay | None]] = []
    for line in settings_of_day.by_day(reversed(versions)):
        alone = [version for version in line if version.production or version is chosen]
        folded = [version for version in line if version not in alone]
        if len(folded) > 1:
            rows.append((folded[-1], _settings_of_day(folded)))
        else:
            alone += folded
        rows += [(version, None) for version in alone]
    return sorted(rows, key=lambda row: row[0].version, reverse=True)


def _settings_of_day(versions: Sequence[Row[Any]]) -> SettingsOfDay:
    return SettingsOfDay(
        len(versions),
        settings_of_day.varying([(version.settings, version.tools) for version in versions]),
        sum(version.calls for version in versions),
        min((version.first_seen for version in versions if version.first_seen), default=None),
        max((version.last_seen for version in versions if version.last_seen), default=None),
    )


def colours_of(versions: Sequence[Row[Any]]) -> dict[str, int]:
    return colours(version.slots for version in reversed(versions))


def numbered(versions: Sequence[Row[Any]], number: str) -> Row[Any] | None:
    return next((version for version in versions if str(version.version) == number), None)
