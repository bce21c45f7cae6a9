"""REQUEST, then a message if one is needed and it is its project's turn.

A request never raises and never waits for long: a request that fails is `deferred`, and the reconciler finds the group owed.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal, TypeVar
from uuid import UUID

from redis.exceptions import NoScriptError

from app.logs import describe, logger
from tasks.breaker import Breaker
from tasks.broker import Broker
from tasks.coalescing.protocol import Answer, RedisCoalescing
from tasks.coalescing.turns import Turns
from tasks.loop_redis import LoopRedis
from tasks.queues import FIRST, RERUN
from tasks.waiting import Waiting

T = TypeVar("T")
Asked = Literal["requested", "coalesced", "deferred"]

_log = logger(__name__)


class Publisher:
    """Requests groups and publishes messages. One for each process; safe in threads."""

    def __init__(
        self,
        coalescing: RedisCoalescing,
        turns: Turns,
        broker: Broker,
        *,
        waiting: Waiting,
        ticket: float,
        breaker: Breaker,
    ) -> None:
        self._coalescing = coalescing
        self._turns = turns
        self._broker = broker
        self._waiting = waiting
        self._ticket = ticket
        self._breaker = breaker

    def request(
        self,
        group_id: UUID,
        project: str,
        path: str,
        trace_id: UUID | None = None,
        *,
        project_id: UUID | None = None,
        has_template: bool,
        urgent: bool = False,
    ) -> Asked:
        """Ask that the group be grouped, after the COMMIT of the traces or the wish."""
        owner = str(project_id or "")
        log = _log_of(group_id, project, path, trace_id)
        if self._breaker.is_open:
            log.info("deferred", why="redis_down")
            return "deferred"
        try:
            return self._request(log, group_id, owner, str(trace_id or ""), fresh=not has_template, urgent=urgent)
        except Exception as error:  # noqa: BLE001 - the trace is stored; nothing may turn that into an error
            return self._deferred(log, error)

    async def request_in_loop(
        self,
        redis: LoopRedis,
        group_id: UUID,
        project: str,
        path: str,
        *,
        trace_id: UUID,
        project_id: UUID,
        has_template: bool,
    ) -> Asked | Callable[[], Asked] | None:
        """`request` of a trace from an event loop, by one command of Redis.

        Answers the word; or the rest of the request, which a thread must do; or None where nothing was requested, and a thread must call
        `request`: while the queue is full or was not measured for seconds, or when Redis is down or has lost the script.
        """
        owner, log = str(project_id), _log_of(group_id, project, path, trace_id)
        patience = None if self._breaker.is_open else self._waiting.patience_at_once(owner)
        if patience is None or not redis.is_ready():
            return None
        command = self._coalescing.request_command(
            group_id, fresh=not has_template, trace=str(trace_id), project=owner, patience=patience
        )
        try:
            answer = Answer.of(await redis.ask(*command))
        except NoScriptError:
            return None
        except Exception as error:  # noqa: BLE001 - as in `request`
            return self._deferred(log, error)
        if answer.word == "coalesced":
            return self._answered(log, group_id, owner, answer, urgent=False)
        return partial(self._rest_of_request, log, group_id, owner, answer)

    def must_measure(self) -> bool:
        """Whether `measure` is due, for callers of `request_in_loop`; never while Redis is down."""
        return self._waiting.is_due and not self._breaker.is_open

    def measure(self) -> None:
        """Measure the queue in a thread, for later calls of `request_in_loop`."""
        self.unless_down(self._waiting.measure)

    def unless_down(self, ask: Callable[[], T]) -> T | None:
        """The result of `ask`; None while Redis or the broker is down."""
        if self._breaker.is_open:
            return None
        try:
            return ask()
        except self._broker.unreachable:
            self._breaker.trip()
            return None

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """The errors raised when Redis or the broker is down."""
        return self._broker.unreachable

    def is_full(self, project: str) -> bool:
        """Whether the queue is full, and this project has its share of it."""
        return self._waiting.is_full(project)

    def waiting(self) -> int:
        """The number of messages that wait for a worker, in the broker or in a project's line."""
        return self._broker.depth() + sum(line.wait for line in self._turns.lines().values())

    def in_broker(self) -> int:
        """The number of messages that a worker could take now."""
        return self._broker.depth()

    def patience(self, project: str) -> float:
        """Seconds beyond its ticket that a message of the project may be under way now."""
        return self._waiting.patience(project)

    def wake(self, group_id: UUID, *, owed: bool = False, fresh: bool | None = None, project: str = "") -> Answer:
        """Send a message for a group that is due or owed, unless a message or a run is under way."""
        patience = self._waiting.patience(project)
        answer = self._coalescing.wake(group_id, owed=owed, fresh=fresh, project=project, patience=patience)
        if answer.word == "send":
            self._waiting.one_more(answer.project)
            self.publish(group_id, answer)
        return answer

    def publish(self, group_id: UUID, answer: Answer, *, urgent: bool = False) -> None:
        """Publish the message that a transition asked for, when it is its project's turn; `urgent`: a person asks."""
        queue = FIRST if answer.fresh else RERUN
        hold = self._hold()
        let_in = self._turns.enter(answer.project, group_id, fresh=answer.fresh, hold=hold, urgent=urgent)
        log = _log.bind(group=str(group_id), ticket=answer.number, trace=answer.trace)
        if group_id in let_in:
            self._broker.send(queue, {"group": str(group_id), "ticket": answer.number, "trace": answer.trace})
            log.info("enqueued", queue=queue)
        else:
            log.info("enqueued", queue="turns")
        self._let_in(waiting_id for waiting_id in let_in if waiting_id != group_id)

    def arrived(self, group_id: UUID, project: str) -> None:
        """A message of the group was delivered: let the next group of its project in.

        A failure here is ignored: the delivered message matters more, and the reconciler looks after the lines.
        """
        try:
            self._let_in(self._turns.leave(project, group_id, hold=self._hold()))
        except self.unreachable as error:
            _log.warning("turn_not_passed_on", group=str(group_id), **describe(error))

    def replace_lost_turns(self) -> None:
        """Let waiting groups in where messages under way were lost."""
        for project in self._turns.lines():
            self._let_in(self._turns.replace_lost(project, hold=self._hold()))

    def _let_in(self, groups: Iterable[UUID]) -> None:
        """Publish for groups that waited in a line.

        All go to the queue of re-runs: their project has more to do than its share, and must not overtake the re-runs of others again and
        again. Within the line, groups without a template were first.
        """
        for group_id in groups:
            self._broker.send(RERUN, {"group": str(group_id), "ticket": 0, "trace": ""})
            _log.info("let_in", group=str(group_id), queue=RERUN)

    def _hold(self) -> float:
        return self._ticket + self._waiting.patience_in_the_broker()

    def _request(self, log: Any, group_id: UUID, project: str, trace: str, *, fresh: bool, urgent: bool) -> Asked:
        if self.is_full(project) and not self._is_seen_to(group_id):
            log.info("deferred", why="queue_full")
            return "deferred"
        answer = self._coalescing.request(
            group_id,
            urgent=urgent,
            fresh=fresh,
            trace=trace,
            project=project,
            patience=self._waiting.patience(project),
        )
        return self._answered(log, group_id, project, answer, urgent=urgent)

    def _rest_of_request(self, log: Any, group_id: UUID, project: str, answer: Answer) -> Asked:
        """What follows a REQUEST that the event loop has made."""
        try:
            return self._answered(log, group_id, project, self._coalescing.noted(group_id, answer), urgent=False)
        except Exception as error:  # noqa: BLE001 - as in `request`
            return self._deferred(log, error)

    def _deferred(self, log: Any, error: Exception) -> Asked:
        self._breaker.trip()
        log.warning("deferred", why="unreachable", **describe(error))
        return "deferred"

    def _answered(self, log: Any, group_id: UUID, project: str, answer: Answer, *, urgent: bool) -> Asked:
        """The word for the answer of a REQUEST, after its message, if one is needed."""
        if answer.word == "coalesced":
            if urgent:
                self._let_in(self._turns.hurry(answer.project, group_id, hold=self._hold()))
            log.info("coalesced")
            return "coalesced"
        self._waiting.one_more(project)
        if answer.word == "send":
            self.publish(group_id, answer, urgent=urgent)
        else:
            log.info("requested", due_in=(answer.until - answer.at) / 1000)
        return "requested"

    def _is_seen_to(self, group_id: UUID) -> bool:
        """Whether the group runs or waits already: then a request is coalesced and makes no queue longer."""
        return self._coalescing.snapshot(group_id).state != "idle"


def _log_of(group_id: UUID, project: str, path: str, trace_id: UUID | None) -> Any:
    return _log.bind(group=str(group_id), project=project, path=path, trace=str(trace_id or ""))
