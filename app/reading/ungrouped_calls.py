"""Calls without a template, for lists: newest first, and by path."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, func, literal, or_, select, true, union_all

from app.store.beginnings import beginnings_of
from app.store.owed import IS_OWED, IS_RESIDUE, IS_UNGROUPED
from app.store.paths import is_at
from app.store.tables import grouping_key, trace

UNGROUPED_SEARCHED = 500
"""Newest ungrouped calls of a project that are searched first."""

MOST_UNGROUPED_PATHS = 200
"""Paths with ungrouped calls that a page lists."""

WITHOUT_PROMPT_SEARCHED = 20_000
"""Newest calls of a project among which calls without a text prompt are searched."""

UngroupedState = Literal["owed", "considered", "no prompt"]

HAS_PROMPT = or_(trace.c.prompt_parts.isnot(None), trace.c.template_id.isnot(None))


@dataclass(frozen=True)
class UngroupedCall:
    """A call without a template, with the beginning of each part of its prompt."""

    id: UUID
    created_at: datetime
    path: str
    model: str
    state: UngroupedState
    prompt: list[str]
    characters: int


def page(
    connection: Connection,
    project_id: UUID,
    *,
    path: str = "",
    states: Collection[UngroupedState] = ("owed", "considered"),
    after: UUID | None = None,
    limit: int = 50,
) -> list[UngroupedCall]:
    """Ungrouped calls, the last one stored first. Grouped calls are not read, however many there are."""
    if not path and (newest := _among_newest(connection, project_id, states, after, limit)) is not None:
        return newest
    return _newest_of_groups(connection, project_id, path=path, states=states, after=after, limit=limit)


def _among_newest(
    connection: Connection, project_id: UUID, states: Collection[UngroupedState], after: UUID | None, limit: int
) -> list[UngroupedCall] | None:
    """The page from the newest ungrouped calls in any state; None where these do not fill it and there are more."""
    newest = select(trace.c.id, IS_OWED.label("owed"), IS_RESIDUE.label("considered")).where(
        trace.c.project_id == project_id, trace.c.implementation_id.is_(None)
    )
    if after is not None:
        newest = newest.where(trace.c.id < after)
    rows_searched = connection.execute(newest.order_by(trace.c.id.desc()).limit(UNGROUPED_SEARCHED)).all()
    ids = [row.id for row in rows_searched if any(getattr(row, state) for state in states)][:limit]
    if len(ids) < limit and len(rows_searched) == UNGROUPED_SEARCHED:
        return None
    state = case((IS_OWED, "owed"), else_="considered").label("state")
    lines = select(trace.c.id, trace.c.created_at, grouping_key.c.path, trace.c.model, state, *_beginnings())
    query = lines.join_from(trace, grouping_key, grouping_key.c.id == trace.c.group_id)
    query = query.where(trace.c.id.in_(ids), IS_UNGROUPED).order_by(trace.c.id.desc())
    return [UngroupedCall(*row) for row in connection.execute(query)]


def _newest_of_groups(
    connection: Connection,
    project_id: UUID,
    *,
    path: str,
    states: Collection[UngroupedState],
    after: UUID | None,
    limit: int,
) -> list[UngroupedCall]:
    """The page from the newest calls of each group, in two partial indexes."""
    conditions: dict[UngroupedState, ColumnElement[bool]] = {"owed": IS_OWED, "considered": IS_RESIDUE}
    newest = union_all(
        *(
            _newest_of_group(state, condition, after, limit)
            for state, condition in conditions.items()
            if state in states
        )
    ).lateral("newest")
    query = (
        select(newest.c.id, newest.c.created_at, grouping_key.c.path, *list(newest.c)[2:])
        .join_from(grouping_key, newest, true())
        .where(grouping_key.c.project_id == project_id)
        .order_by(newest.c.id.desc())
        .limit(limit)
    )
    if path:
        query = query.where(is_at(path))
    return [UngroupedCall(*row) for row in connection.execute(query)]


def _newest_of_group(
    state: UngroupedState, condition: ColumnElement[bool], after: UUID | None, limit: int
) -> Select[Any]:
    query = (
        select(
            trace.c.id,
            trace.c.created_at,
            trace.c.model,
            literal(state).label("state"),
            *_beginnings(),
        )
        .where(trace.c.group_id == grouping_key.c.id, condition)
        .correlate(grouping_key)
        .order_by(trace.c.id.desc())
        .limit(limit)
    )
    return query if after is None else query.where(trace.c.id < after)


def _beginnings() -> tuple[ColumnElement[Any], ColumnElement[int]]:
    """The beginning of each part of a call's prompt, and the prompt's length."""
    characters = func.char_length(func.array_to_string(trace.c.prompt_parts, ""))
    return beginnings_of(trace.c.prompt_parts).label("prompt"), characters.label("characters")


def without_prompt(connection: Connection, project_id: UUID, *, path: str = "", limit: int = 50) -> list[UngroupedCall]:
    """Calls without a text prompt, which are never grouped, among the newest `WITHOUT_PROMPT_SEARCHED` of the project.

    No index has them; the list shows an integration that sends no prompt.
    """
    newest = (
        select(trace.c.id, trace.c.created_at, trace.c.group_id, trace.c.model, HAS_PROMPT.label("has_prompt"))
        .where(trace.c.project_id == project_id)
        .order_by(trace.c.id.desc())
        .limit(WITHOUT_PROMPT_SEARCHED)
        .subquery()
    )
    query = (
        select(newest.c.id, newest.c.created_at, grouping_key.c.path, newest.c.model)
        .join_from(newest, grouping_key, grouping_key.c.id == newest.c.group_id)
        .where(~newest.c.has_prompt)
        .order_by(newest.c.id.desc())
        .limit(limit)
    )
    if path:
        query = query.where(is_at(path))
    return [UngroupedCall(*row, "no prompt", [], 0) for row in connection.execute(query)]


@dataclass(frozen=True)
class UngroupedPath:
    """A group with ungrouped calls, and the reason why they wait."""

    path: str
    owed: int
    considered: int
    attempts: int
    not_before: datetime | None
    quarantined_at: datetime | None


def paths(connection: Connection, project_id: UUID) -> list[UngroupedPath]:
    """Groups that have ungrouped calls, most first. Counted by the partial indexes."""
    owed, considered = (_counts_by_group(project_id, condition) for condition in (IS_OWED, IS_RESIDUE))
    numbers = [func.coalesce(counts.c.calls, 0) for counts in (owed, considered)]
    total = numbers[0] + numbers[1]
    state = (grouping_key.c.attempts, grouping_key.c.not_before, grouping_key.c.quarantined_at)
    columns = (grouping_key.c.path, *numbers, *state)
    query = (
        select(*columns)
        .outerjoin(owed, owed.c.group_id == grouping_key.c.id)
        .outerjoin(considered, considered.c.group_id == grouping_key.c.id)
        .where(grouping_key.c.project_id == project_id, total > 0)
        .order_by(total.desc(), grouping_key.c.path)
        .limit(MOST_UNGROUPED_PATHS)
    )
    return [UngroupedPath(*row) for row in connection.execute(query)]


def _counts_by_group(project_id: UUID, condition: ColumnElement[bool]) -> Subquery:
    """Calls of each group of a project, all groups at once: each partition is read once, not once a group."""
    groups = select(grouping_key.c.id).where(grouping_key.c.project_id == project_id).scalar_subquery()
    of_project = trace.c.group_id == func.any(func.array(groups))
    return (
        select(trace.c.group_id, func.count().label("calls"))
        .where(of_project, condition)
        .group_by(trace.c.group_id)
        .subquery()
    )
