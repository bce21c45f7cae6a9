"""Figures of a project for its first page: its size, its ungrouped calls, what is new, and which tasks use its tokens.

Each reads an index, or a bounded number of calls.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Select,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from app.reading.browse import tokens_of
from app.reading.insights import SAMPLE
from app.reading.ranges import Range
from app.store.owed import IS_OWED, IS_RESIDUE
from app.store.planned import planned_once
from app.store.shown import is_listed, is_shown
from app.store.tables import call_count, change, grouping_key, implementation, task, trace

MOST_PROJECT_CALLS_COUNTED = 100_000
"""Calls of a project that a page counts; for more, it shows "100,000+"."""

MOST_UNGROUPED_CALLS_READ = 5_000
"""Newest calls without a template whose times a list reads, some 5 ms."""


@dataclass(frozen=True)
class Totals:
    """The size of a project; the numbers of ungrouped calls stop at `MOST_PROJECT_CALLS_COUNTED`, which is then part of `calls` too.

    An ungrouped call is owed, considered or without a text prompt. No index has the last: their number is the rest, 0 where that is not known.
    """

    tasks: int
    calls: int
    owed: int
    considered: int
    without_prompt: int


def totals(connection: Connection, project_id: UUID) -> Totals:
    """The counts of a project, each from an index."""
    tasks, grouped, ungrouped, owed, considered = connection.execute(_totals(), {"project_id": project_id}).one()
    is_counted = ungrouped < MOST_PROJECT_CALLS_COUNTED
    without_prompt = max(0, ungrouped - owed - considered) if is_counted else 0
    return Totals(tasks, grouped + ungrouped, owed, considered, without_prompt)


_PROJECT = bindparam("project_id", type_=Uuid)


@cache
def _totals() -> Select[Any]:
    groups = select(grouping_key.c.id).where(grouping_key.c.project_id == _PROJECT).scalar_subquery()
    counts = select(
        select(func.count()).select_from(task).where(task.c.project_id == _PROJECT, is_listed()).scalar_subquery(),
        _grouped_calls(),
        _bounded_count(trace.c.project_id == _PROJECT, trace.c.implementation_id.is_(None)),
        _bounded_count(trace.c.group_id.in_(groups), IS_OWED),
        _bounded_count(trace.c.group_id.in_(groups), IS_RESIDUE),
    )
    return planned_once(counts)


def _grouped_calls() -> ColumnElement[int]:
    """The number of grouped calls by the triggers' counts: to count in the index would cost a page 20 ms."""
    counts_of_project = call_count.join(implementation, implementation.c.id == call_count.c.implementation_id).join(
        task
    )
    query = select(func.sum(call_count.c.calls)).select_from(counts_of_project).where(task.c.project_id == _PROJECT)
    return func.coalesce(cast(query.scalar_subquery(), BigInteger), 0)


def _bounded_count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    bounded = (
        select(literal_column("1")).select_from(trace).where(*conditions).limit(MOST_PROJECT_CALLS_COUNTED).subquery()
    )
    return select(func.count()).select_from(bounded).scalar_subquery()


def ungrouped(connection: Connection, project_id: UUID, within: Range) -> int:
    """The number of calls of a range without a template, among the newest `MOST_UNGROUPED_CALLS_READ` of the project; that many stand for more."""
    bounds = {"project_id": project_id, "since": within.since, "until": within.until}
    return int(connection.execute(_ungrouped(), bounds).scalar_one())


@cache
def _ungrouped() -> Select[int]:
    newest = (
        select(trace.c.seen_at)
        .where(trace.c.project_id == _PROJECT, trace.c.implementation_id.is_(None))
        .order_by(trace.c.id.desc())
        .limit(MOST_UNGROUPED_CALLS_READ)
        .subquery()
    )
    since, until = (cast(bindparam(name), DateTime(timezone=True)) for name in ("since", "until"))
    return planned_once(
        select(func.count()).where(
            or_(since.is_(None), newest.c.seen_at >= since), or_(until.is_(None), newest.c.seen_at < until)
        )
    )


@dataclass(frozen=True)
class Fresh:
    """Tasks and versions that are new in the feed of changes since the beginning of yesterday, in UTC: by their first calls, not by when they were found."""

    tasks: int
    versions: int


def fresh(connection: Connection, project_id: UUID) -> Fresh:
    """Tasks and versions that the feed of changes tells since the beginning of yesterday, as `since=yesterday` does."""
    return Fresh(*connection.execute(_fresh(), {"project_id": project_id}).one())


@cache
def _fresh() -> Select[int, int]:
    since = func.date_trunc("day", func.now(), "UTC") - func.make_interval(0, 0, 0, 1)
    changes = change.join(implementation, implementation.c.id == change.c.implementation_id)
    counts = (
        select(
            func.count().filter(change.c.kind == "task.new").label("tasks"),
            func.count().filter(change.c.kind == "version.new").label("versions"),
        )
        .select_from(changes)
        .where(change.c.project_id == _PROJECT, change.c.at >= since, is_shown())
    )
    return planned_once(counts)


def token_shares(connection: Connection, project_id: UUID) -> dict[UUID, float]:
    """Each task's share of the tokens of the newest `SAMPLE` calls of the project; {} where no call has a count."""
    newest = (
        select(trace.c.implementation_id, tokens_of(trace.c.usage).label("tokens"))
        .where(trace.c.project_id == project_id)
        .order_by(trace.c.id.desc())
        .limit(SAMPLE)
        .subquery()
    )
    query = (
        select(implementation.c.task_id, cast(func.coalesce(func.sum(newest.c.tokens), 0), BigInteger).label("spent"))
        .outerjoin_from(newest, implementation, implementation.c.id == newest.c.implementation_id)
        .group_by(implementation.c.task_id)
    )
    tokens: dict[UUID | None, int] = {row.task_id: row.spent for row in connection.execute(query)}
    total = sum(tokens.values())
    return {
        task_id: tokens_of_task / total for task_id, tokens_of_task in tokens.items() if task_id is not None and total
    }
