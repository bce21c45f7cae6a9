"""One run of a group: read its window, mine it, save the findings.

A run has three steps. OPEN, a short transaction: raise the fence, count the attempt, read the window. MINE, without a transaction. SAVE,
a short transaction: if the fence is unchanged, write tasks, templates, versions and values, and mark the owed calls considered. After SAVE
the new templates are matched against all older calls, in batches.

A run that dies leaves nothing half-written: before SAVE its calls are still owed, after SAVE the cursors of the batches are in the
database, and the next run continues there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine

import templating
from app.config import Settings
from app.errors import DatabaseDownError, FencedError
from app.grouping import mining, rematching, saving, windows
from app.grouping.findings import Findings, Window
from app.logs import describe, logger
from app.store import calls, lags, review_times, runs, unfinished
from app.store.engine import transaction

log = logger(__name__)

MINER_VERSION = "1"
"""Stored with every run; raise it when `templating.mine` gives other results."""

MINING_TIME_SHARE = 0.3
"""Part of the run's time limit for mining a window; a run may mine twice, which leaves 40 % for saving."""

OutcomeName = Literal["committed", "empty", "fenced", "failed", "stopped"]


@dataclass(frozen=True)
class RunOutcome:
    """The end of a run.

    outcome: committed; empty (nothing to do, or the group is quarantined or gone); fenced (a newer run has begun);
        failed (an error, named by its class; the group backs off); stopped (`should_stop`; nothing was written).
    has_more: calls or batches are left for another run. considered: owed calls that this run read. tasks: how many tasks
    its calls went to. trace_id: the newest call that it read. pause: seconds until the group may run again after a
    failure. error: the class of the exception.
    """

    outcome: OutcomeName
    has_more: bool = False
    seconds: float = 0.0
    considered: int = 0
    tasks: int = 0
    trace_id: str | None = None
    run_id: UUID | None = None
    pause: float = 0.0
    error: str | None = None


class _StoppedError(Exception):
    """The caller stopped the run before it had saved."""


def run(
    engine: Engine,
    group_id: UUID,
    *,
    reason: str,
    should_stop: Callable[[], bool],
    settings: Settings,
    is_excused: Callable[[], bool] = lambda: False,
) -> RunOutcome:
    """Group the owed calls of a group, if there are any.

    reason: why the run was asked for, kept with its row. should_stop: asked often; True ends the run.
    is_excused: asked of a run that stopped; True says that the group did not cause the stop (a deploy), so no attempt counts.
    An error while mining or saving ends in `failed` and a back-off; only an error of opening the run is raised.
    """
    started = time.monotonic()
    window = _open(engine, group_id, reason, settings)
    outcome = RunOutcome("empty") if window is None else _run(engine, window, should_stop, is_excused, settings)
    return replace(outcome, seconds=time.monotonic() - started)


def reviews_due(connection: Connection) -> list[UUID]:
    """Groups that need a run although nothing is owed: a template, or all templates of a young group, have enough new calls."""
    return review_times.groups_to_review(connection)


def left_unfinished(connection: Connection) -> list[UUID]:
    """Groups whose last run has saved and still matches older calls, or was killed while it did.

    Only Redis knows which, so no wish is written for such a group: a run in progress would not serve the wish, and another run would follow
    in vain. A run that finds such work does it unasked.
    """
    return unfinished.groups_with_some(connection)


# OPEN


def _open(engine: Engine, group_id: UUID, reason: str, settings: Settings) -> Window | None:
    """The window of a new run; None when the group has nothing to do."""
    with transaction(engine) as connection:
        state = runs.hold(connection, group_id)
        if state is None or state.quarantined_at is not None or not settings.task_grouping_enabled:
            return None
        if state.attempts >= settings.grouping_max_attempts:
            runs.quarantine(connection, group_id)
            log.warning("grouping.quarantined", group=str(group_id), attempts=state.attempts)
            return None
        owed, is_cut = calls.owed_calls(connection, group_id, settings.grouping_window_owed)
        if not (owed or state.wanted or state.rematch_after or unfinished.next_template(connection, group_id)):
            return None
        state = replace(state, fence=state.fence + 1, attempts=state.attempts + 1)
        window = windows.read_window(connection, state, owed, is_cut, settings)
        runs.open_run(
            connection, state, window.run_id, reason=reason, miner=MINER_VERSION, back_off=_back_off(state, settings)
        )
        return window


def _back_off(state: runs.GroupState, settings: Settings) -> float:
    """Seconds until the next attempt: 2, 4, 8 ..."""
    return min(2.0 ** min(state.attempts, 32), settings.grouping_backoff_max)


# MINE


def _run(
    engine: Engine,
    window: Window,
    should_stop: Callable[[], bool],
    is_excused: Callable[[], bool],
    settings: Settings,
) -> RunOutcome:
    try:
        outcome = _mine_and_save(engine, window, should_stop, settings)
        return replace(outcome, has_more=outcome.has_more or not _match_the_rest(engine, window, should_stop))
    except FencedError:
        return _close_run(engine, window, RunOutcome("fenced"))
    except _StoppedError:
        return _close_run(engine, window, RunOutcome("stopped", has_more=True), attempts=-int(is_excused()))
    except Exception as error:  # noqa: BLE001 - whatever it was, the group backs off and the worker goes on
        log.error("run_failed", group=str(window.state.id), **describe(error))
        return _failed(engine, window, error, settings)


def _mine_and_save(engine: Engine, window: Window, should_stop: Callable[[], bool], settings: Settings) -> RunOutcome:
    limit = MINING_TIME_SHARE * settings.task_grouping_worker_timeout
    started_at = time.monotonic()

    read_sample = windows.sampler(engine, window.state.project_id, settings.grouping_window_residue)
    window, findings = mining.find(window, templating.Options(max_seconds=limit, should_stop=should_stop), read_sample)
    if should_stop():
        raise _StoppedError
    with transaction(engine) as connection:
        return _save(connection, window, findings, time.monotonic() - started_at, settings)


def _match_the_rest(engine: Engine, window: Window, should_stop: Callable[[], bool]) -> bool:
    """Whether nothing is left to match for this run; if a newer run has begun, it matches the rest."""
    try:
        return rematching.match_the_rest(engine, window.state, should_stop)
    except FencedError:
        return True


def _failed(engine: Engine, window: Window, error: Exception, settings: Settings) -> RunOutcome:
    outcome = RunOutcome("failed", pause=_back_off(window.state, settings), error=type(error).__name__)
    return _close_run(engine, window, outcome, quarantine=window.state.attempts >= settings.grouping_max_attempts)


def _close_run(
    engine: Engine, window: Window, outcome: RunOutcome, *, attempts: int = 0, quarantine: bool = False
) -> RunOutcome:
    """Close the row of a run that wrote nothing (one that failed after SAVE has committed; its row says so).

    The attempt stays counted unless `attempts` takes it back: a group whose runs always lose their lease must reach
    quarantine too. Only an error makes the group wait; a stopped group may run at once.
    """
    state = replace(window.state, attempts=window.state.attempts + attempts)
    try:
        with transaction(engine) as connection:
            runs.end_run(connection, window.run_id, outcome.outcome, outcome.error)
            runs.set_back_off(connection, state, outcome.pause, quarantine=quarantine)
    except DatabaseDownError:
        log.warning("run_end_not_written", group=str(window.state.id), outcome=outcome.outcome)
    return replace(outcome, run_id=window.run_id)


# SAVE


def _save(
    connection: Connection, window: Window, findings: Findings, mining_seconds: float, settings: Settings
) -> RunOutcome:
    """Write the findings of a run and its end. Raises FencedError where a newer run has begun."""
    state = runs.hold_at(connection, window.state.id, window.state.fence)
    grouped, tasks = saving.record(connection, window, findings, review_after=settings.grouping_review_after)
    considered = _considered(window, findings)
    calls.consider(connection, window.run_id, considered)
    lags.observe(connection, state.id, considered)
    review_times.note_reviews(connection, window.reviewing)
    finished = runs.FinishedRun(
        window.run_id,
        owed=len(considered),
        residue=len(window.residue),
        reviewed=len(window.reviewed),
        templates=len(findings.new),
        grouped=grouped,
        newest_trace_id=max((call.id for call in window.calls), default=None),
        mining_seconds=mining_seconds,
    )
    runs.commit_run(connection, state, finished, served=window.state.wanted_at, residue_read=window.residue_read)
    return _committed(window, finished, tasks)


def _committed(window: Window, finished: runs.FinishedRun, tasks: int) -> RunOutcome:
    """The end of a run that has saved. tasks: the number of tasks that its calls went to."""
    newest = finished.newest_trace_id
    return RunOutcome(
        "committed",
        has_more=window.is_truncated or finished.owed < len(window.owed),
        considered=finished.owed,
        tasks=tasks,
        trace_id=None if newest is None else str(newest),
        run_id=finished.run_id,
    )


def _considered(window: Window, findings: Findings) -> list[UUID]:
    """The owed calls that the miner read; all owed calls when it read none, so that every run makes progress."""
    considered_ids = [call.id for call in window.owed if call.id not in findings.unseen]
    return considered_ids or [call.id for call in window.owed]
