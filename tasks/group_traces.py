"""The Celery task `tasks.group_traces`: a thin shell around a run. CLAIM -> run -> FINISH -> follow-up -> acknowledge."""

from dataclasses import dataclass
from typing import Any, NoReturn
from uuid import UUID

from celery import Task
from celery.exceptions import Ignore
from redis.exceptions import RedisError

from app.errors import CallerError
from app.grouping import run as grouping
from app.grouping.run import RunOutcome
from app.logs import describe, logger
from app.store import groups
from app.store.engine import transaction
from tasks.celery import app
from tasks.coalescing.protocol import Answer
from tasks.lease import Lease
from tasks.message import BadMessageError, Message
from tasks.worker import Resources, count_refusal, new_owner, resources, should_end

PAUSE_WITHOUT_DATABASE = 5.0
"""Seconds of pause after a run whose outcome could not be written (PostgreSQL is down): its attempts cannot be counted there."""

_log = logger(__name__)


class RunFailedError(Exception):
    """The run of a group failed; its group, class and place are in the log."""


@app.task(bind=True, name="tasks.group_traces", throws=(RunFailedError,))
def group_traces(self: Task, *arguments: Any, **keywords: Any) -> None:
    """Group the traces of one group, if that is still needed."""
    process = resources(self)
    try:
        message = Message.parse(arguments, keywords)
        group_id = message.group or _find(process, message)
    except CallerError as error:
        _refuse(process, error)
        raise Ignore from error
    if not process.settings.task_grouping_enabled:
        _skip(self, group_id, message.trace, "disabled")
    redelivered = bool((self.request.delivery_info or {}).get("redelivered"))
    owner = new_owner()
    try:
        claimed = process.coalescing.claim(group_id, owner, ticketless=message.ticket is None, redelivered=redelivered)
    except RedisError as error:  # the reconciler sends for the group when its ticket has expired
        _log.error("claim_failed", group=str(group_id), trace=message.trace, **describe(error))
        raise RunFailedError(f"the group {group_id} could not be claimed") from error
    if claimed.word != "run":
        process.publisher.arrived(group_id, claimed.project)
        _skip(self, group_id, message.trace, claimed.word)
    Run(process, group_id, owner, claimed, reason="asked" if claimed.number else "owed").carry_out(self)


@dataclass(frozen=True)
class Run:
    """A claimed group: run it, write the outcome, send a follow-up if needed."""

    process: Resources
    group_id: UUID
    owner: str
    claimed: Answer
    reason: str

    def carry_out(self, task: Task) -> None:
        log = _log.bind(group=str(self.group_id), trace=self.claimed.trace)
        with Lease(self.process.coalescing, self.group_id, self.owner, self.process.settings.grouping_lease) as lease:
            self.process.publisher.arrived(self.group_id, self.claimed.project)
            outcome = self._run(log, lease)
        self._finish(log, outcome)
        if outcome.outcome in ("empty", "fenced"):
            _skip(task, self.group_id, self.claimed.trace, outcome.outcome)
        if outcome.outcome == "failed":
            raise RunFailedError(f"the run of group {self.group_id} failed")
        log.info("processed", **_figures(outcome))

    def _run(self, log: Any, lease: Lease) -> RunOutcome:
        try:
            outcome = grouping.run(
                self.process.engine,
                self.group_id,
                reason=self.reason,
                should_stop=lambda: lease.lost or should_end(),
                is_excused=lambda: should_end() and not lease.lost,
                settings=self.process.settings,
            )
        except Exception as error:  # noqa: BLE001 - the next message must be processed, whatever this one did
            log.error("failed", **describe(error))
            return RunOutcome("failed", pause=PAUSE_WITHOUT_DATABASE)
        if outcome.outcome == "failed":
            log.error("failed", error=outcome.error, retry_in=outcome.pause)
        return outcome

    def _finish(self, log: Any, outcome: RunOutcome) -> None:
        """FINISH, then the follow-up, then (by returning) the acknowledgement: a death in between loses nothing.

        An outage of Redis or the broker loses nothing either: saved work is saved, and the rest is owed.
        """
        try:
            answer = self.process.coalescing.finish(
                self.group_id, self.owner, outcome.outcome, has_more=outcome.has_more, pause=outcome.pause
            )
            if answer.word == "send":
                self.process.publisher.publish(self.group_id, answer)
        except self.process.publisher.unreachable as error:
            log.error("finish_failed", **_figures(outcome), **describe(error))
            raise RunFailedError(f"the run of group {self.group_id} could not be finished") from error
        if answer.word == "lost":
            log.warning("lease_lost", outcome=outcome.outcome)


def _refuse(process: Resources, error: CallerError) -> None:
    """Log and count a message that names no group, or an unknown one."""
    _log.error("refused", why=str(error))
    count_refusal(process.engine, "malformed" if isinstance(error, BadMessageError) else "unknown")


def _find(process: Resources, message: Message) -> UUID:
    """The group that a person named; a request by hand also asks for the residue."""
    with transaction(process.engine) as connection:
        group = groups.group_named(connection, message.project, message.path)
        groups.note_wish(connection, group.id, "residue")
    return group.id


def _skip(task: Task, group_id: UUID, trace: str, why: str) -> NoReturn:
    """Report why there was nothing to do. Celery's word for it is Ignore; Flower gets an event of its own."""
    _log.info("skipped", group=str(group_id), trace=trace, why=why)
    task.send_event("task-skipped", reason=why, group=str(group_id))
    raise Ignore


def _figures(outcome: RunOutcome) -> dict[str, Any]:
    return {
        "outcome": outcome.outcome,
        "run": str(outcome.run_id),
        "tasks": outcome.tasks,
        "considered": outcome.considered,
        "more": outcome.has_more,
        "seconds": round(outcome.seconds, 3),
    }
