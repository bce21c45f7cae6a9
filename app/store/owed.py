"""Owed traces, and the groups that must run for them.

A trace is owed while it is unmatched, has a prompt, and no committed run has read it; afterwards it is residue. The whole state of Redis
can be rebuilt from this.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Double, and_, cast, func, or_, select, true, union, update

from app.store.tables import grouping_key, project, project_move, trace

IS_UNGROUPED = and_(trace.c.implementation_id.is_(None), trace.c.prompt_parts.is_not(None))
"""The conditions of the partial indexes of `trace`, which PostgreSQL uses only for queries with the same condition."""

IS_OWED = and_(IS_UNGROUPED, trace.c.considered_run_id.is_(None))
IS_RESIDUE = and_(IS_UNGROUPED, trace.c.considered_run_id.is_not(None))


@dataclass(frozen=True)
class Backlog:
    """The number of owed calls, and the age of the oldest."""

    owed: int
    oldest_age_s: float | None


@dataclass(frozen=True)
class WaitingGroup:
    """A group that a run should have read by now."""

    id: UUID
    project_id: UUID
    fresh: bool


@dataclass(frozen=True)
class Quarantined:
    """A group that failed too often and waits for a person."""

    id: UUID
    project: str
    path: str
    attempts: int
    since: datetime


def waiting_groups(
    connection: Connection, older_than: float, limit: int, among: Collection[UUID] | None = None
) -> list[WaitingGroup]:
    """Groups with a trace that is owed, or with a wish that is open, for longer than `older_than` seconds.

    Without groups that are quarantined or wait after a failure. Projects take turns, so the limit leaves every project some groups.
    among: look at these groups only.
    """
    owed = _owed_groups()
    oldest = _oldest_owed(owed.c.group_id)
    long_owed = (
        select(owed.c.group_id).select_from(owed.join(oldest, true())).where(_is_past(oldest.c.created_at, older_than))
    )
    long_wanted = select(grouping_key.c.id).where(
        grouping_key.c.wanted.is_not(None), _is_past(grouping_key.c.wanted_at, older_than)
    )
    place = func.row_number().over(partition_by=grouping_key.c.project_id, order_by=grouping_key.c.id)
    query = (
        select(grouping_key.c.id, grouping_key.c.project_id, grouping_key.c.templates_version == 0)
        .where(grouping_key.c.id.in_(union(long_owed, long_wanted)), may_run(), *_among(among))
        .order_by(place)
        .limit(limit)
    )
    return [WaitingGroup(*row) for row in connection.execute(query)]


def backlog(connection: Connection, project_id: UUID | None) -> Backlog:
    """The backlog of a project, or of all projects, without quarantined groups, which are listed separately."""
    age = func.extract("epoch", func.clock_timestamp() - func.min(trace.c.created_at))
    query = (
        select(func.count(), cast(age, Double))
        .select_from(trace.join(grouping_key, grouping_key.c.id == trace.c.group_id))
        .where(IS_OWED, grouping_key.c.quarantined_at.is_(None), *_of(project_id))
    )
    return Backlog(*connection.execute(query).one())


def quarantined(connection: Connection, project_id: UUID | None = None) -> list[Quarantined]:
    """Quarantined groups, the latest first; without projects that move, whose groups are held for that."""
    moving = select(project_move.c.project_id)
    columns = (
        grouping_key.c.id,
        project.c.name,
        grouping_key.c.path,
        grouping_key.c.attempts,
        grouping_key.c.quarantined_at,
    )
    query = (
        select(*columns)
        .select_from(grouping_key.join(project))
        .where(grouping_key.c.quarantined_at.is_not(None), *_of(project_id))
        .where(grouping_key.c.project_id.not_in(moving.where(project_move.c.state != "arrived")))
        .order_by(grouping_key.c.quarantined_at.desc())
    )
    return [Quarantined(*row) for row in connection.execute(query)]


def end_quarantine(connection: Connection, group_id: UUID) -> None:
    """End the quarantine of a group; its failures are forgotten."""
    connection.execute(
        update(grouping_key)
        .where(grouping_key.c.id == group_id)
        .values(quarantined_at=None, attempts=0, not_before=None)
    )


def _is_past(moment: ColumnElement[datetime], seconds: float) -> ColumnElement[bool]:
    """Longer ago than `seconds`. A moment later than now counts too: the clock went back."""
    now = func.clock_timestamp()
    return or_(moment < now - func.make_interval(0, 0, 0, 0, 0, 0, seconds), moment > now)


def _among(ids: Collection[UUID] | None) -> list[ColumnElement[bool]]:
    return [] if ids is None else [grouping_key.c.id.in_(ids)]


def _of(project_id: UUID | None) -> list[ColumnElement[bool]]:
    return [] if project_id is None else [grouping_key.c.project_id == project_id]


def may_run() -> ColumnElement[bool]:
    """Whether a group may run now: not while it is quarantined or waits after a failure."""
    not_before = grouping_key.c.not_before
    return and_(
        grouping_key.c.quarantined_at.is_(None), or_(not_before.is_(None), not_before <= func.clock_timestamp())
    )


def _owed_groups() -> Any:
    """The groups that have owed traces, by jumping from group to group in the partial index.

    SELECT DISTINCT would read every owed trace: after an outage a million traces in ten groups.
    """
    first = select(trace.c.group_id).where(IS_OWED).order_by(trace.c.group_id).limit(1).cte("owed", recursive=True)
    following = (
        select(trace.c.group_id)
        .where(IS_OWED, trace.c.group_id > first.c.group_id)
        .order_by(trace.c.group_id)
        .limit(1)
        .scalar_subquery()
    )
    return first.union_all(select(following).where(first.c.group_id.is_not(None)))


def _oldest_owed(group_id: ColumnElement[UUID]) -> Any:
    query = select(trace.c.created_at).where(IS_OWED, trace.c.group_id == group_id).order_by(trace.c.id).limit(1)
    return query.lateral("oldest")


def groups_that_may_run(connection: Connection, condition: ColumnElement[bool]) -> list[UUID]:
    """The groups of a condition that may run, the oldest first."""
    query = select(grouping_key.c.id).where(may_run(), condition).order_by(grouping_key.c.id)
    return list(connection.execute(query).scalars())
