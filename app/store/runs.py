"""Runs of a group and the fence that keeps them apart.

`grouping_key.fence` is the truth about which run may write: a run raises it when it opens and holds the row while it
saves. Redis decides who should run; only the fence decides whose work is saved (after a flush of Redis, or a lease that ended in mid-run).
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert

from app.errors import FencedError
from app.store.tables import grouping_key, grouping_run

FIRST_ID = UUID(int=0)


@dataclass(frozen=True)
class GroupState:
    """The row of a group, as a run finds it."""

    id: UUID
    project_id: UUID
    path: str
    fence: int
    attempts: int
    quarantined_at: datetime | None
    wanted: str | None
    wanted_at: datetime | None
    residue_run_owed: int
    rematch_after: UUID | None


@dataclass(frozen=True)
class FinishedRun:
    """A run that has saved.

    owed, residue, reviewed: numbers of calls that it read. templates: number of new templates. grouped: calls that got a template.
    newest_trace_id: the newest call that it read, None without calls. mining_seconds: time of mining, also of a second one.
    """

    run_id: UUID
    owed: int
    residue: int
    reviewed: int
    templates: int
    grouped: int
    newest_trace_id: UUID | None
    mining_seconds: float


_STATE = [grouping_key.c[name] for name in GroupState.__annotations__]


def hold(connection: Connection, group_id: UUID) -> GroupState | None:
    """The group, its row held until the transaction ends; None when it was deleted.

    NO KEY: ingest inserts traces that point to the row (KEY SHARE), and must never wait for a run.
    """
    query = select(*_STATE).where(grouping_key.c.id == group_id).with_for_update(key_share=True)
    row = connection.execute(query).one_or_none()
    return None if row is None else GroupState(*row)


def read_without_lock(connection: Connection, group_id: UUID) -> GroupState | None:
    """The group without a lock; None when it was deleted."""
    row = connection.execute(select(*_STATE).where(grouping_key.c.id == group_id)).one_or_none()
    return None if row is None else GroupState(*row)


def hold_at(connection: Connection, group_id: UUID, fence: int) -> GroupState:
    """The group, if no newer run has opened and nobody deleted from it since. Raises FencedError otherwise."""
    state = hold(connection, group_id)
    if state is None or state.fence != fence:
        raise FencedError("A newer run of the group has begun, or something was deleted from it.")
    return state


def raise_fence(connection: Connection, group_id: UUID) -> None:
    """Raise the fence of a group whose calls are deleted: a run that has read them must not bring their text back."""
    connection.execute(update(grouping_key).where(grouping_key.c.id == group_id).values(fence=grouping_key.c.fence + 1))


def interrupt(connection: Connection, group_id: UUID) -> None:
    """Tell runs and processes that somebody other than a run changes the templates of a group.

    A run that has read the templates cannot save, and every process loads them anew. A group that backs off may run again: the cause of
    its failures may be gone.
    """
    raise_fence(connection, group_id)
    reload_templates(connection, group_id)
    connection.execute(update(grouping_key).where(grouping_key.c.id == group_id).values(attempts=0, not_before=null()))


def reload_templates(connection: Connection, group_id: UUID) -> None:
    """Every process loads the group's templates anew."""
    had_some = cast(grouping_key.c.templates_version > 0, Integer)  # a group without templates stays one
    connection.execute(
        update(grouping_key)
        .where(grouping_key.c.id == group_id)
        .values(templates_version=grouping_key.c.templates_version + had_some)
    )


def quarantine(connection: Connection, group_id: UUID) -> None:
    """Put a group that failed too often in quarantine: no runs until a person clears it."""
    connection.execute(
        update(grouping_key).where(grouping_key.c.id == group_id).values(quarantined_at=func.clock_timestamp())
    )


def open_run(
    connection: Connection, state: GroupState, run_id: UUID, *, reason: str, miner: str, back_off: float
) -> None:
    """Write fence and attempt of a new run, which `state` has raised already. The caller holds the group.

    The attempt and the pause after it (`back_off`, seconds) are written now, since a killed run cannot write them later. Rows of runs
    that never ended are closed: a newer fence has replaced theirs.
    """
    connection.execute(
        update(grouping_run)
        .where(grouping_run.c.group_id == state.id, grouping_run.c.outcome == "running")
        .values(outcome="fenced", finished_at=func.clock_timestamp())
    )
    connection.execute(
        update(grouping_key)
        .where(grouping_key.c.id == state.id)
        .values(fence=state.fence, attempts=state.attempts, not_before=_seconds_from_now(back_off))
    )
    connection.execute(
        insert(grouping_run).values(
            id=run_id,
            group_id=state.id,
            fence=state.fence,
            reason=reason,
            miner_version=miner,
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
    )


def _seconds_from_now(seconds: float) -> ColumnElement[Any]:
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, literal(seconds))


def commit_run(
    connection: Connection, state: GroupState, finished: FinishedRun, *, served: datetime | None, residue_read: bool
) -> None:
    """The run is done: the group waits for the next one, and the row of the run has its figures. The caller holds the group.

    served: `wanted_at` of the wish that this run has read; a newer wish stays.
    residue_read: the count of owed calls since the residue was mined begins again.
    """
    _let_next_run_begin(connection, state, finished, served=served, residue_read=residue_read)
    connection.execute(
        update(grouping_run)
        .where(grouping_run.c.id == finished.run_id)
        .values(
            outcome="committed",
            owed=finished.owed,
            residue=finished.residue,
            reviewed=finished.reviewed,
            templates=finished.templates,
            grouped=finished.grouped,
            newest_trace_id=finished.newest_trace_id,
            mining_seconds=finished.mining_seconds,
            finished_at=func.clock_timestamp(),
        )
    )


def _let_next_run_begin(
    connection: Connection, state: GroupState, finished: FinishedRun, *, served: datetime | None, residue_read: bool
) -> None:
    """Forget attempts, back-off and the served wish. With new templates web processes load the templates anew, and the residue is matched again
    from its first call.
    """
    fulfilled = grouping_key.c.wanted_at == served if served is not None else literal(False)
    has_new_templates = finished.templates > 0
    connection.execute(
        update(grouping_key)
        .where(grouping_key.c.id == state.id)
        .values(
            attempts=0,
            not_before=null(),
            templates_version=grouping_key.c.templates_version + int(has_new_templates),
            residue_run_owed=0 if residue_read else grouping_key.c.residue_run_owed + finished.owed,
            rematch_after=FIRST_ID if has_new_templates else grouping_key.c.rematch_after,
            wanted=case((fulfilled, null()), else_=grouping_key.c.wanted),
            wanted_at=case((fulfilled, null()), else_=grouping_key.c.wanted_at),
        )
    )


def end_run(connection: Connection, run_id: UUID, outcome: str, error: str | None = None) -> None:
    """A run ended without writing anything; a row that a newer run has closed stays as it is."""
    connection.execute(
        update(grouping_run)
        .where(grouping_run.c.id == run_id, grouping_run.c.outcome == "running")
        .values(outcome=outcome, error=error, finished_at=func.clock_timestamp())
    )


def set_back_off(connection: Connection, state: GroupState, seconds: float, *, quarantine: bool) -> None:
    """Let the group wait before its next run, or for a person, unless a newer run has begun.

    The attempt is written again: a run may fail after its commit, while it matches older calls.
    """
    connection.execute(
        update(grouping_key)
        .where(grouping_key.c.id == state.id, grouping_key.c.fence == state.fence)
        .values(
            attempts=state.attempts,
            not_before=_seconds_from_now(seconds) if seconds else null(),
            quarantined_at=func.clock_timestamp() if quarantine else grouping_key.c.quarantined_at,
        )
    )


def move_cursor(connection: Connection, group_id: UUID, after: UUID | None) -> None:
    """Note that the residue is matched up to this call; None: all of the residue."""
    connection.execute(update(grouping_key).where(grouping_key.c.id == group_id).values(rematch_after=after))
