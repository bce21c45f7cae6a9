"""The feed of changes: the newest first, each with its facts and, for an edit, the changed words.

Texts are read from the versions as they are now, so a merge and a deletion apply to the feed too; a version that a run has withdrawn as a
mistake is left out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, tuple_

from app.reading import changes, settings_of_day, tasks
from app.reading.changes import BegunVersion
from app.reading.pieces import Part, Piece, template_parts
from app.reading.ranges import Range
from app.store.paths import is_at
from app.store.shown import is_shown
from app.store.tables import change, grouping_key, implementation, project, task, template
from app.words import cut

ChangeKind = Literal[
    "task.new",
    "version.new",
    "version.back",
    "slot.varies",
    "slot.constant",
    "task.quiet",
    "unmatched.rate",
    "cost.jump",
    "error.jump",
    "model.new",
]
KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)

MOST_CHARACTERS_OF_A_STRETCH = 2_000
"""Characters shown of an added or removed stretch; `GET /api/v1/tasks/{id}/diff` returns all of them."""

MOST_CHARACTERS_COMPARED = 200_000
"""Characters of two templates that are compared for the feed, which takes 0.2 s; longer templates are compared on their own page."""

MOST_SETTINGS_COMPARED = 50
"""Versions of a day whose settings are compared to name what varies: what varies from call to call shows in fewer."""

COMPARISONS_KEPT = 64
"""Comparisons kept in memory, some 20 MB at most: two templates of 100,000 characters and their differences."""


@dataclass(frozen=True)
class ChangeFilter:
    """The filter of the feed. before: the change after which the page begins."""

    project_ids: Collection[UUID]
    range: Range
    kinds: Collection[str] | None = None
    task_id: UUID | None = None
    path: str | None = None
    before: UUID | None = None
    ids: Collection[UUID] | None = None


@dataclass(frozen=True)
class FeedEntry:
    """A change. name: of its task; by_person: whether a person gave the name, else it consists of words of the prompt.

    details: figures, ids, models, settings. texts: parts of prompts: `diff` of an edit (None where the templates are too long), `slot` by
    name.
    """

    id: UUID
    kind: ChangeKind
    at: datetime
    project_id: UUID
    project: str
    task_id: UUID | None
    version: int | None
    path: str | None
    name: str | None
    by_person: bool
    details: Mapping[str, Any]
    texts: Mapping[str, Any] = field(default_factory=dict)


def page(connection: Connection, change_filter: ChangeFilter, limit: int) -> list[FeedEntry]:
    """The newest changes that match the filter."""
    query = _changes().where(*_conditions(change_filter)).order_by(change.c.at.desc(), change.c.id.desc()).limit(limit)
    rows = connection.execute(query).all()
    versions_by_task = _versions_by_task(connection, rows)
    older = _older(connection, rows, versions_by_task)
    settings = _settings_of_days(connection, rows, versions_by_task)
    return [_change(row, older.get(row.id), settings.get(row.id, {})) for row in rows]


def _changes() -> Select[Any]:
    of_change = func.coalesce(implementation.c.task_id, change.c.task_id)
    into = task.alias("into")
    return select(
        change.c.id,
        change.c.kind,
        change.c.at,
        change.c.project_id,
        change.c.details,
        project.c.name.label("project"),
        func.coalesce(into.c.id, task.c.id).label("task_id"),
        func.coalesce(into.c.name, task.c.name).label("name"),
        func.coalesce(into.c.name_by_person, task.c.name_by_person, False).label("by_person"),
        grouping_key.c.path,
        change.c.implementation_id,
        implementation.c.version,
        implementation.c.model,
        implementation.c.settings,
        implementation.c.tools,
        implementation.c.settings_digest,
        implementation.c.template_id,
        template.c.parts,
        template.c.slots,
    ).select_from(
        change.join(project, project.c.id == change.c.project_id)
        .outerjoin(implementation, implementation.c.id == change.c.implementation_id)
        .outerjoin(template, template.c.id == implementation.c.template_id)
        .outerjoin(task, task.c.id == of_change)
        .outerjoin(into, into.c.id == task.c.merged_into)
        .outerjoin(grouping_key, grouping_key.c.id == func.coalesce(task.c.group_id, change.c.group_id))
    )


def _conditions(change_filter: ChangeFilter) -> Iterator[ColumnElement[bool]]:
    yield change.c.project_id.in_(list(change_filter.project_ids))
    yield change.c.implementation_id.is_(None) | is_shown()
    if change_filter.range.since is not None:
        yield change.c.at >= change_filter.range.since
    if change_filter.range.until is not None:
        yield change.c.at < change_filter.range.until
    if change_filter.kinds is not None:
        yield change.c.kind.in_(list(change_filter.kinds))
    if change_filter.task_id is not None:
        yield func.coalesce(task.c.merged_into, task.c.id) == change_filter.task_id
    if change_filter.path is not None:
        yield is_at(change_filter.path)
    if change_filter.ids is not None:
        yield change.c.id.in_(list(change_filter.ids))
    if change_filter.before is not None:
        last = change.alias("last")
        place = select(last.c.at, last.c.id).where(last.c.id == change_filter.before).subquery()
        yield tuple_(change.c.at, change.c.id) < select(place.c.at, place.c.id).scalar_subquery()


# --- the content of a change


def _change(row: Row[Any], older: Row[Any] | None, settings: Mapping[str, Any]) -> FeedEntry:
    details: dict[str, Any] = {**row.details, **settings}
    if "others" in details:
        details["others"] = len(details["others"])
    texts: dict[str, Any] = {}
    if row.implementation_id is not None:
        details |= {"implementation_id": row.implementation_id, "model": row.model}
        place = details.pop("place", None)
        if place is not None and place < len(row.slots):
            texts["slot"] = row.slots[place]
            details["place"] = place + 1
    if older is not None:
        details |= {"from": older.version, "changed": list(_changed_settings(older, row))}
        texts["diff"] = _difference(_words(older), _words(row))
    name = row.name if row.task_id is not None else None
    return FeedEntry(
        row.id,
        row.kind,
        row.at,
        row.project_id,
        row.project,
        row.task_id,
        row.version,
        row.path,
        name,
        row.by_person,
        details,
        texts,
    )


def _changed_settings(older: Row[Any], newer: Row[Any]) -> Iterator[str]:
    if older.template_id != newer.template_id:
        yield "template"
    for name in ("model", "settings", "tools"):
        if getattr(older, name) != getattr(newer, name):
            yield name


_Words = tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]
"""A template as a key of the cache: roles with literals, and names of slots."""


def _words(version: Row[Any]) -> _Words:
    return tuple((part["role"], tuple(part["literals"])) for part in version.parts), tuple(version.slots)


@lru_cache(maxsize=COMPARISONS_KEPT)
def _difference(older: _Words, newer: _Words) -> list[dict[str, Any]] | None:
    if sum(map(_characters, (older, newer))) > MOST_CHARACTERS_COMPARED:
        return None
    parts = changes.compare(*map(_parts, (older, newer)))
    if not changes.is_changed(parts):
        return []
    return [{"role": part.role, "pieces": list(map(_piece, part.pieces))} for part in parts]


def _characters(words: _Words) -> int:
    return sum(len(literal) for _, literals in words[0] for literal in literals)


def _parts(words: _Words) -> list[Part]:
    return template_parts([{"role": role, "literals": literals} for role, literals in words[0]], words[1])


def _piece(piece: Piece) -> dict[str, Any]:
    """A piece of a comparison: long common text is folded as on the pages, added and removed text is cut."""
    return {
        "change": piece.change or "same",
        "text": "" if piece.change == "folded" else cut(piece.text, MOST_CHARACTERS_OF_A_STRETCH),
        "slot": piece.slot,
        "characters": len(piece.text),
    }


# --- what a version is compared with


_VersionsByTask = Mapping[UUID, Sequence[Row[Any]]]


def _is_edit(row: Row[Any]) -> bool:
    return row.kind in {"version.new", "version.back"} and row.task_id is not None


def _versions_by_task(connection: Connection, rows: Sequence[Row[Any]]) -> _VersionsByTask:
    """The versions of each task with an edit among these changes, by number."""
    versions_by_task: dict[UUID, list[Row[Any]]] = {}
    task_ids = {row.task_id for row in rows if _is_edit(row)}
    for version in tasks.beginnings(connection, task_ids) if task_ids else ():
        versions_by_task.setdefault(version.task_id, []).append(version)
    return versions_by_task


def _older(connection: Connection, rows: Sequence[Row[Any]], versions_by_task: _VersionsByTask) -> dict[UUID, Row[Any]]:
    """By change: the version that was in use before, with its template."""
    edits = list(filter(_is_edit, rows))
    older_by_edit = {row.id: _replaced_version(row, versions_by_task.get(row.task_id, [])) for row in edits}
    full = _in_full(connection, {version for version in older_by_edit.values() if version is not None})
    return {
        change_id: full[version]
        for change_id, version in older_by_edit.items()
        if version is not None and version in full
    }


def _replaced_version(row: Row[Any], versions: Sequence[Row[Any]]) -> UUID | None:
    """The version that one which came back has replaced, as the change says; for a new version see `changes.replaced_by`."""
    begun = [
        BegunVersion(version.version, version.first_seen, (version.model, version.settings_digest))
        for version in versions
    ]
    number = row.details.get("from") if row.kind == "version.back" else changes.replaced_by(row.version, begun)
    return next((version.id for version in versions if version.version == number), None)


def _settings_of_days(
    connection: Connection, rows: Sequence[Row[Any]], versions_by_task: _VersionsByTask
) -> dict[UUID, Mapping[str, Any]]:
    """By change: the number of the versions that differ from the new one in settings alone and came on the same day, and what varies."""
    lines_by_version = {
        line[0].id: line
        for versions in versions_by_task.values()
        for line in settings_of_day.by_day(versions)
        if len(line) > 1
    }
    line_by_change = {row.id: lines_by_version.get(row.implementation_id) for row in rows if row.kind == "version.new"}
    lines = {change_id: line for change_id, line in line_by_change.items() if line is not None}
    compared = {version.id for line in lines.values() for version in line[:MOST_SETTINGS_COMPARED]}
    full = _in_full(connection, compared) if compared else {}
    return {
        change_id: {
            "settings": len(line),
            "varying": settings_of_day.varying(
                [(full[version.id].settings, full[version.id].tools) for version in line if version.id in full]
            ),
        }
        for change_id, line in lines.items()
    }


def _in_full(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, Row[Any]]:
    query: Select[Any] = select(implementation, template.c.parts, template.c.slots).join_from(
        implementation, template, template.c.id == implementation.c.template_id
    )
    return {row.id: row for row in connection.execute(query.where(implementation.c.id.in_(list(ids))))}
