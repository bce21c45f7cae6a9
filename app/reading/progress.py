"""The progress of grouping a path, for the person who asked for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from app.store import groups, runs, unfinished
from app.store.owed import IS_OWED, IS_RESIDUE
from app.store.pipeline import LastRun, latest_run
from app.store.runs import FIRST_ID, GroupState
from app.store.tables import template, trace

GroupingState = Literal["none", "waiting", "running", "matching", "done", "failed", "quarantined"]

MOST_CALLS_LEFT_COUNTED = 100_000
"""Calls that are counted at most: in an index, some 20 ms."""


@dataclass(frozen=True)
class GroupingProgress:
    """The state of grouping a path; the fields from `outcome` on are those of its latest run.

    owed: calls that wait for a run. left: calls to be matched against new templates.
    """

    path: str
    state: GroupingState
    asked_at: datetime | None
    owed: int
    left: int
    outcome: str | None
    templates: int
    grouped: int
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def goes_on(self) -> bool:
        """Whether the state will change soon."""
        return self.state in {"waiting", "running", "matching", "failed"}


def of_path(connection: Connection, project_id: UUID, path: str) -> GroupingProgress | None:
    """The progress of one path of the project; None where no call ever named it."""
    group = groups.find(connection, project_id, path)
    state = None if group is None else runs.read_without_lock(connection, group.id)
    if state is None:
        return None
    run = latest_run(connection, state.id)
    owed = _count(connection, and_(trace.c.group_id == state.id, IS_OWED))
    to_match = _calls_left(connection, state)
    return GroupingProgress(
        path=state.path,
        state=_state(
            state, run, owed, is_matching=to_match > 0 or unfinished.next_template(connection, state.id) is not None
        ),
        asked_at=state.wanted_at,
        owed=owed,
        left=to_match,
        outcome=run.outcome if run else None,
        templates=run.templates if run else 0,
        grouped=run.grouped if run else 0,
        started_at=run.started_at if run else None,
        finished_at=run.finished_at if run else None,
    )


def _state(state: GroupState, run: LastRun | None, owed: int, *, is_matching: bool) -> GroupingState:
    if state.quarantined_at is not None:
        return "quarantined"
    if run is not None and run.outcome == "running":
        return "running"
    if state.wanted or owed:
        return "failed" if run is not None and run.outcome == "failed" else "waiting"
    return "matching" if is_matching else "none" if run is None else "done"


def _calls_left(connection: Connection, state: GroupState) -> int:
    """The number of calls above the cursors of matching: ungrouped calls, and those of templates."""
    ungrouped = and_(trace.c.group_id == state.id, IS_RESIDUE, trace.c.id > (state.rematch_after or FIRST_ID))
    ungrouped_to_match = _count(connection, ungrouped) if state.rematch_after is not None else 0
    pending = select(template.c.id, template.c.rematch_after).where(
        template.c.group_id == state.id, template.c.rematch_after.is_not(None)
    )
    rows = connection.execute(pending).all()
    above = [and_(trace.c.template_id == row.id, trace.c.id > row.rematch_after) for row in rows]
    return ungrouped_to_match + (_count(connection, or_(*above)) if above else 0)


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    bounded = select(trace.c.id).where(condition).limit(MOST_CALLS_LEFT_COUNTED).subquery()
    return connection.execute(select(func.count()).select_from(bounded)).scalar_one()
