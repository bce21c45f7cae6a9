"""Lists and single rows for the pages: newest first, read by keyset, cut to the length that a page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array

from app.reading.template_calls import TemplateCalls, newest_calls
from app.store import shown
from app.store.beginnings import beginnings_of
from app.store.counting import counted_calls_of
from app.store.planned import planned_once
from app.store.projects import Project
from app.store.tables import decision, expired_calls, grouping_key, implementation, project, task, trace

MOST_CHOICES = 500
"""Paths, or models, that a page offers for a choice."""


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
