"""Lists and single rows for the pages: newest first, read by keyset, cut to the length that a page shows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Select,
    Subquery,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import array

from app.reading.template_calls import TemplateCalls, newest_calls
from app.store import shown
from app.store.beginnings import beginnings_of
from app.store.counting import counted_calls_of
from app.store.owed import IS_OWED, IS_RESIDUE, IS_UNGROUPED
from app.store.paths import is_at
from app.store.planned import planned_once
from app.store.projects import Project
from app.store.tables import decision, expired_calls, grouping_key, implementation, project, task, trace

UNGROUPED_SEARCHED = 500
"""Newest ungrouped calls of a project that are searched first."""

MOST_CHOICES = 500
"""Paths, or models, that a page offers for a choice."""

MOST_UNGROUPED_PATHS = 200
"""Paths with ungrouped calls that a page lists."""

WITHOUT_PROMPT_SEARCHED = 20_000
"""Newest calls of a project among which calls without a text prompt are searched."""


class CallCursor(NamedTuple):
    """The last row of the page before: rows are newest first, ties by id."""

    seen_at: datetime
    id: UUID


# --- tasks


@dataclass(frozen=True)
class InUse:
    """The version of a task that is in use: its number, the number of versions, and its first call."""

    number: int
    versions: int
    began: datetime | None


def versions_in_use(connection: Connection, task_ids: Sequence[UUID]) -> dict[UUID, InUse]:
    """The version in use of each of these tasks."""
    return {row[0]: InUse(*row[1:]) for row in connection.execute(_versions_in_use(), {"ids": list(task_ids)}).all()}


@cache
def _versions_in_use() -> Select[Any]:
    counted = counted_calls_of()
    versions = func.count().over(partition_by=implementation.c.task_id)
    began = func.least(counted.c.first_seen, expired_calls.c.first_seen)
    return planned_once(shown.versions_in_use(counted, implementation.c.version, versions, began))


def paths(connection: Connection, project_id: UUID) -> list[str]:
    """Paths of the project in order, for a filter."""
    return list(connection.execute(_paths(), {"project": project_id}).scalars())


@cache
def _paths() -> Select[Any]:
    query = select(grouping_key.c.path).where(grouping_key.c.project_id == bindparam("project"))
    return planned_once(query.order_by(grouping_key.c.path).limit(MOST_CHOICES))


def models(connection: Connection, project_id: UUID) -> list[str]:
    """Models of the project's versions in order, for a filter."""
    return list(connection.execute(_models(), {"project": project_id}).scalars())


@cache
def _models() -> Select[Any]:
    query = select(implementation.c.model).distinct().join_from(implementation, task)
    query = query.where(task.c.project_id == bindparam("project")).order_by(implementation.c.model)
    return planned_once(query.limit(MOST_CHOICES))


# --- calls


@dataclass(frozen=True)
class CallRow:
    """A call as lists show it, with the number of its version; values are cut as by `beginnings_of`."""

    id: UUID
    seen_at: datetime
    version: int
    model: str
    seconds: float | None
    tokens: int | None
    failed: bool
    values: list[str]


def calls_page(
    connection: Connection, calls: TemplateCalls, *, after: CallCursor | None = None, limit: int = 25
) -> list[CallRow]:
    """Calls of a template, newest first; without values where those still follow an older template."""
    before = () if after is None else (tuple_(trace.c.seen_at, trace.c.id) < tuple_(*map(literal, after)),)
    return [CallRow(*row) for row in connection.execute(_calls_of_template(limit, *before), calls.parameters)]


def _calls_of_template(limit: int, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Columns are computed from the calls of the page alone, not from those of each version."""
    columns_read = (
        "id",
        "seen_at",
        "model",
        "started_at",
        "completed_at",
        "usage",
        "error",
        "template_id",
        "variables",
    )
    is_of_project = trace.c.project_id == bindparam("project")
    calls = newest_calls([trace.c[name] for name in columns_read], limit, is_of_project, *conditions)
    is_current = calls.c.template_id == bindparam("template", type_=Uuid)
    return select(
        calls.c.id,
        calls.c.seen_at,
        calls.c.version,
        calls.c.model,
        cast(func.extract("epoch", calls.c.completed_at - calls.c.started_at), Double),
        tokens_of(calls.c.usage),
        calls.c.error.isnot(None),
        case((is_current, beginnings_of(calls.c.variables)), else_=array([], type_=Text)),
    ).order_by(calls.c.seen_at.desc(), calls.c.id.desc())


def tokens_of(usage: ColumnElement[Any]) -> ColumnElement[Any]:
    """Tokens of a call: the total it states, else input plus output. NULL where it states neither."""
    total, input_tokens, output_tokens = (_stated(usage, f"{kind}_tokens") for kind in ("total", "input", "output"))
    return func.coalesce(total, input_tokens + output_tokens)


def _stated(usage: ColumnElement[Any], field: str) -> ColumnElement[Any]:
    """A number of `usage`, which is the caller's JSON: NULL for any other value."""
    stated = usage[field].as_string()
    return case((stated.regexp_match("^[0-9]{1,15}$"), cast(stated, BigInteger)))


# --- calls without a template

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


def ungrouped_page(
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


def without_prompt(connection: Connection, project_id: UUID, limit: int = 50) -> list[UngroupedCall]:
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


def ungrouped_paths(connection: Connection, project_id: UUID) -> list[UngroupedPath]:
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


# --- projects


def projects(connection: Connection) -> list[Project]:
    """Every project, the most recently used first, for local mode, where no key names a project."""
    return [Project(*row) for row in connection.execute(_projects())]


_WITH_PROJECT = {"task_id": task, "trace_id": trace, "decision_id": decision}
"""The table of each id that stands in the address of a page."""


def project_of(connection: Connection, ids: Mapping[str, UUID]) -> UUID | None:
    """The project of the task, call or decision that an address names, for local mode."""
    for name, table in _WITH_PROJECT.items():
        if name in ids:
            return connection.scalar(select(table.c.project_id).where(table.c.id == ids[name]))
    return None


@cache
def _projects() -> Select[Any]:
    last_call = (
        select(trace.c.id)
        .where(trace.c.project_id == project.c.id)
        .order_by(trace.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return planned_once(select(project.c.id, project.c.name).order_by(last_call.desc().nulls_last(), project.c.name))
