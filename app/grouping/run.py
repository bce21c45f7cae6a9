"""One run of a group: read its window, mine it, save what was found.

A run is three steps.  OPEN, a short transaction: raise the fence, count the attempt, read the window.  MINE, with no
transaction open.  SAVE, a short transaction: if the fence is still ours write tasks, templates, versions and values,
and mark the owed calls considered.  After that the new templates are matched against everything older, in batches.

A run that dies at any point leaves nothing half-written: before SAVE its calls are still owed, after it the cursors of
the batches are in the database, and the next run goes on from there.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from app.config import Settings
from app.errors import DatabaseDownError, FencedError
from app.grouping import mining, rematching, reviews, saving
from app.grouping.findings import Findings, Window
from app.intake.privacy import Policy, policy_of
from app.logs import describe
from app.store import calls, lags, runs, templates, versions
from app.store.calls import Call
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.templates import StoredTemplate
from templating import Options

log = structlog.get_logger(__name__)

MINER_VERSION = "1"
"""Kept with every run; raised when `templating.mine` answers differently."""

SMALL_RESIDUE = 200
"""A residue of so many calls is mined with every run: that takes milliseconds, and traces that arrive one at a time
become a template with the third."""

NEW_SHARE = 0.05
"""A larger residue is mined again once so much of it is new, so that noise costs a bounded factor of its size."""

REVIEW_SAMPLE = 300
"""Calls of a template that a review mines anew: an edit that 5 % of the calls have is among them fifteen times."""

MINING_SHARE = 0.3
"""The part of the time limit that mining a window may take, which may be done twice; the rest is for saving."""

OutcomeName = Literal["committed", "empty", "fenced", "failed", "stopped"]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    outcome: committed; empty (nothing to do, or the group is quarantined or gone); fenced (a newer run has begun);
        failed (an error, named by its class; the group backs off); stopped (`should_stop`; nothing was written).
    more: calls or batches are left for another run. considered: owed calls that this run read. tasks: how many tasks
    its calls went to. trace_id: the newest call that it read. pause: seconds until the group may run again after a
    failure. error: its class.
    """

    outcome: OutcomeName
    more: bool = False
    seconds: float = 0.0
    considered: int = 0
    tasks: int = 0
    trace_id: str | None = None
    run_id: UUID | None = None
    pause: float = 0.0
    error: str | None = None


class _StoppedError(Exception):
    """The caller asked the run to stop before it had saved."""


def run(
    engine: Engine,
    group_id: UUID,
    *,
    reason: str,
    should_stop: Callable[[], bool],
    settings: Settings,
    is_excused: Callable[[], bool] = lambda: False,
) -> RunOutcome:
    """Group what is owed in a group, if anything is.

    reason: why the run was asked for, kept with its row. should_stop: asked often; True ends the run.
    is_excused: asked of a run that stopped; True says that its group had no part in it (a deploy), so no attempt is counted.
    An error while mining or saving ends in `failed` and a back-off; only an error of opening the run is raised.
    """
    started = time.monotonic()
    window = _open(engine, group_id, reason, settings)
    outcome = RunOutcome("empty") if window is None else _run(engine, window, should_stop, is_excused, settings)
    return replace(outcome, seconds=time.monotonic() - started)


def reviews_due(connection: Connection) -> list[UUID]:
    """Groups that need a run although nothing is owed: a template has enough new calls."""
    return versions.groups_to_review(connection)


def left_unfinished(connection: Connection) -> list[UUID]:
    """Groups whose last run has saved and is still matching what is older, or was killed at that.

    Which of the two only Redis knows, so nobody may write a wish for them: the run that is under way would not serve
    it, and another would follow for nothing.  A run that finds such work does it without being asked.
    """
    return versions.unfinished_groups(connection)


# OPEN


def _open(engine: Engine, group_id: UUID, reason: str, settings: Settings) -> Window | None:
    """The window of a new run; None when there is nothing to do."""
    with transaction(engine) as connection:
        state = runs.hold(connection, group_id)
        if state is None or state.quarantined_at is not None or not settings.task_grouping_enabled:
            return None
        if state.attempts >= settings.grouping_max_attempts:
            runs.quarantine(connection, group_id)
            log.warning("grouping.quarantined", group=str(group_id), attempts=state.attempts)
            return None
        owed, cut = calls.owed(connection, group_id, settings.grouping_window_owed)
        if not (owed or state.wanted or state.rematch_after or versions.unfinished(connection, group_id)):
            return None
        state = replace(state, fence=state.fence + 1, attempts=state.attempts + 1)
        window = _read_window(connection, state, owed, cut, settings)
        runs.open_run(
            connection, state, window.run_id, reason=reason, miner=MINER_VERSION, back_off=_back_off(state, settings)
        )
        return window


def _read_window(
    connection: Connection, state: runs.GroupState, owed: list[Call], cut: bool, settings: Settings
) -> Window:
    known = templates.load_templates(connection, state.id)
    reviewing = _under_review(connection, state, known)
    policy = policy_of(connection, state.project_id)
    residue, residue_read = _residue(connection, state, len(owed), settings.grouping_window_residue)
    return Window(
        state=state,
        run_id=new_id(),
        owed=owed,
        cut=cut,
        residue=residue,
        residue_read=residue_read,
        reviewed=_sample(connection, policy, reviewing, settings.grouping_window_residue),
        reviewing=reviewing,
        known=known,
        min_distinct=policy.wishes.min_distinct,
        apart=versions.apart(connection, state.id),
    )


def _residue(connection: Connection, state: runs.GroupState, owed: int, limit: int) -> tuple[list[Call], bool]:
    """Ungrouped calls considered before, when mining them again can find something new; and whether they were read."""
    size = calls.residue_size(connection, state.id, limit)
    enough = max(3, NEW_SHARE * size)
    if state.wanted or (owed and (size <= SMALL_RESIDUE or state.residue_run_owed + owed >= enough)):
        return calls.residue(connection, state.id, limit), True
    return [], size == 0


def _under_review(connection: Connection, state: runs.GroupState, known: Sequence[StoredTemplate]) -> frozenset[UUID]:
    """Templates to look at anew: the due ones with those related to them, which they may have to be merged with."""
    if state.wanted == "all":
        return frozenset(stored.id for stored in known)
    due = set(versions.due_for_review(connection, state.id) if state.wanted == "review" else ())
    others = [stored for stored in known if stored.id not in due]
    to = [stored.template for stored in known if stored.id in due]
    relatives = reviews.related(to, others, reviews.MOST_REVIEWED - len(due))
    return frozenset(due).union(stored.id for stored in relatives)


def _sample(connection: Connection, policy: Policy, reviewing: Collection[UUID], limit: int) -> list[Call]:
    """Calls of the templates under review, a fair part of the limit for each; none where their values are not kept."""
    if not policy.keeps_values:
        return []
    size = max(1, min(REVIEW_SAMPLE, limit // max(1, len(reviewing))))
    return [call for template_id in sorted(reviewing) for call in calls.sample(connection, template_id, size)]


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
        return replace(outcome, more=outcome.more or not _match_the_rest(engine, window, should_stop))
    except FencedError:
        return _ended(engine, window, RunOutcome("fenced"))
    except _StoppedError:
        return _ended(engine, window, RunOutcome("stopped", more=True), attempts=-int(is_excused()))
    except Exception as error:  # noqa: BLE001 - whatever it was, the group backs off and the worker goes on
        log.error("run_failed", group=str(window.state.id), **describe(error))
        return _failed(engine, window, error, settings)


def _mine_and_save(engine: Engine, window: Window, should_stop: Callable[[], bool], settings: Settings) -> RunOutcome:
    limit = MINING_SHARE * settings.task_grouping_worker_timeout
    begun = time.monotonic()

    def sample(template_ids: Collection[UUID]) -> list[Call]:
        with transaction(engine) as connection:
            policy = policy_of(connection, window.state.project_id)
            return _sample(connection, policy, template_ids, settings.grouping_window_residue)

    window, found = mining.find(window, Options(max_seconds=limit, should_stop=should_stop), sample)
    if should_stop():
        raise _StoppedError
    with transaction(engine) as connection:
        return _save(connection, window, found, time.monotonic() - begun, settings)


def _match_the_rest(engine: Engine, window: Window, should_stop: Callable[[], bool]) -> bool:
    """Whether nothing is left for this run: a newer one that has begun takes the rest over."""
    try:
        return rematching.match_the_rest(engine, window.state, should_stop)
    except FencedError:
        return True


def _failed(engine: Engine, window: Window, error: Exception, settings: Settings) -> RunOutcome:
    outcome = RunOutcome("failed", pause=_back_off(window.state, settings), error=type(error).__name__)
    return _ended(engine, window, outcome, quarantine=window.state.attempts >= settings.grouping_max_attempts)


def _ended(
    engine: Engine, window: Window, outcome: RunOutcome, *, attempts: int = 0, quarantine: bool = False
) -> RunOutcome:
    """Close the row of a run that wrote nothing (one that failed after SAVE has committed; its row says so).

    The attempt stays counted unless `attempts` takes it back: a group whose runs always lose their lease must reach
    quarantine too. Only an error makes the group wait; one that was stopped may run at once.
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
    connection: Connection, window: Window, found: Findings, mining_seconds: float, settings: Settings
) -> RunOutcome:
    state = runs.hold_at(connection, window.state.id, window.state.fence)
    grouped, tasks = saving.record(connection, window, found, review_after=settings.grouping_review_after)
    considered = _considered(window, found)
    calls.consider(connection, window.run_id, considered)
    lags.observe(connection, state.id, considered)
    versions.reviewed(connection, window.reviewing)
    newest = max((call.id for call in window.calls), default=None)
    runs.commit_run(
        connection,
        state,
        window.run_id,
        runs.RunCounts(
            owed=len(considered),
            residue=len(window.residue),
            reviewed=len(window.reviewed),
            templates=len(found.new),
            grouped=grouped,
        ),
        newest_trace_id=newest,
        mining_seconds=mining_seconds,
        served=window.state.wanted_at,
        residue_read=window.residue_read,
        templates_changed=bool(found.new),
    )
    return RunOutcome(
        "committed",
        more=window.cut or len(considered) < len(window.owed),
        considered=len(considered),
        tasks=tasks,
        trace_id=None if newest is None else str(newest),
        run_id=window.run_id,
    )


def _considered(window: Window, found: Findings) -> list[UUID]:
    """The owed calls that the miner got to; all of them when it got to none, so that every run gets on."""
    seen = [call.id for call in window.owed if call.id not in found.unseen]
    return seen or [call.id for call in window.owed]
