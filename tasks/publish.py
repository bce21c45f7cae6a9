"""How work is asked for: REQUEST after the COMMIT, then a message if one is needed.

Whoever accepts traces calls `request_grouping` once for each group.  It never raises and never waits for long: what cannot
be asked for now is `deferred`, and the reconciler finds it owed.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Literal, TypeVar
from uuid import UUID

import structlog
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

from app.config import Settings, settings
from app.logs import describe
from tasks.breaker import Breaker
from tasks.celery import app as celery_app
from tasks.coalescing.protocol import Answer, Coalescing, RedisCoalescing, Terms
from tasks.coalescing.turns import Line, Turns
from tasks.connections import PRODUCER_TIMEOUT, WORKER_TIMEOUT, producer_redis, worker_redis
from tasks.queues import FIRST, RERUN

T = TypeVar("T")
Asked = Literal["requested", "coalesced", "deferred"]

#: One more try at once, in case the pooled connection was one that a restart of the broker closed.
PRODUCER_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}

#: How long a look at the length of the queue serves.
DEPTH_SECONDS = 1.0

#: What a message that waits may cost those behind it: a run of a busy group.  It only has to be the right order: too little
#: costs a second message, too much makes a message that was lost in a long queue wait for its end.
SECONDS_A_MESSAGE = 2.0

NO_LINE = Line(0, 0.0)

_log = structlog.get_logger(__name__)


class Publisher:
    """Asks for groups and publishes messages.  One for each process; safe in threads."""

    def __init__(
        self, coalescing: Coalescing, turns: Turns, broker: "Broker", *, queue: "Queue", ticket: float, breaker: Breaker
    ) -> None:
        self._coalescing = coalescing
        self._turns = turns
        self._broker = broker
        self._queue = queue
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
        """Ask that the group be grouped; only after the COMMIT of what makes it worth it."""
        owner = str(project_id or "")
        log = _log.bind(group=str(group_id), project=project, path=path, trace=str(trace_id or ""))
        if self._breaker.is_open:
            log.info("deferred", why="redis_down")
            return "deferred"
        try:
            return self._request(log, group_id, owner, str(trace_id or ""), fresh=not has_template, urgent=urgent)
        except Exception as error:  # noqa: BLE001 - the trace is stored; nothing may turn that into an error
            self._breaker.trip()
            log.warning("deferred", why="unreachable", **describe(error))
            return "deferred"

    def unless_down(self, look: Callable[[], T]) -> T | None:
        """What `look` finds; None when Redis or the broker is known to be down or turns out to be."""
        if self._breaker.is_open:
            return None
        try:
            return look()
        except self._broker.unreachable:
            self._breaker.trip()
            return None

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What it looks like when Redis or the broker is away."""
        return self._broker.unreachable

    def is_full(self, project: str) -> bool:
        """Whether as many groups wait for a worker as may wait, and this project has its share of them."""
        return self._queue.is_full(project)

    def waiting(self) -> int:
        """How many messages wait for a worker, in the broker or for their project's turn."""
        return self._broker.depth() + sum(line.wait for line in self._turns.lines().values())

    def in_broker(self) -> int:
        """How many messages a worker could take now."""
        return self._broker.depth()

    def patience(self, project: str) -> float:
        """How much longer than its ticket a message of the project may be under way now."""
        return self._queue.patience(project)

    def wake(self, group_id: UUID, *, owed: bool = False, fresh: bool | None = None, project: str = "") -> Answer:
        """Send for a group that is due or owed, if nothing else will."""
        patience = self._queue.patience(project)
        answer = self._coalescing.wake(group_id, owed=owed, fresh=fresh, project=project, patience=patience)
        if answer.word == "send":
            self._queue.one_more(answer.project)
            self.publish(group_id, answer)
        return answer

    def publish(self, group_id: UUID, answer: Answer, *, straight: bool = False) -> None:
        """Publish the message that a transition asked for when it is its project's turn; `straight`: now."""
        queue = FIRST if answer.fresh else RERUN
        hold = self._hold()
        let_in = [group_id] if straight else self._turns.enter(answer.project, group_id, fresh=answer.fresh, hold=hold)
        log = _log.bind(group=str(group_id), ticket=answer.number, trace=answer.trace)
        if group_id in let_in:
            self._broker.send(queue, {"group": str(group_id), "ticket": answer.number, "trace": answer.trace})
            log.info("enqueued", queue=queue)
        else:
            log.info("enqueued", queue="turns")
        self._let_in(one for one in let_in if one != group_id)

    def arrived(self, group_id: UUID, project: str) -> None:
        """A message of the group was delivered: it is the turn of another group of its project.

        Nothing may come of a failure here: the message in hand is worth more, and the reconciler looks after the lines.
        """
        try:
            self._let_in(self._turns.leave(project, group_id, hold=self._hold()))
        except self.unreachable as error:
            _log.warning("turn_not_passed_on", group=str(group_id), **describe(error))

    def look_after_turns(self) -> None:
        """Let in who waits although messages under way were lost."""
        for project in self._turns.lines():
            self._let_in(self._turns.look(project, hold=self._hold()))

    def _let_in(self, groups: Iterable[UUID]) -> None:
        """Publish for groups that waited in a line.

        As re-runs, whatever they are: who had to wait has more to do than its share, and must not go before the re-runs of others
        over and over.  In the line of their project groups without a template were before the others.
        """
        for group_id in groups:
            self._broker.send(RERUN, {"group": str(group_id), "ticket": 0, "trace": ""})
            _log.info("let_in", group=str(group_id), queue=RERUN)

    def _hold(self) -> float:
        return self._ticket + self._queue.patience_in_the_broker()

    def _request(self, log: Any, group_id: UUID, project: str, trace: str, *, fresh: bool, urgent: bool) -> Asked:
        if not urgent and self.is_full(project) and not self._is_seen_to(group_id):
            log.info("deferred", why="queue_full")
            return "deferred"
        answer = self._coalescing.request(
            group_id,
            urgent=urgent,
            fresh=fresh,
            trace=trace,
            project=project,
            patience=self._queue.patience(project),
        )
        if answer.word == "coalesced":
            log.info("coalesced")
            return "coalesced"
        self._queue.one_more(project)
        if answer.word == "send":
            self.publish(group_id, answer, straight=urgent)
        else:
            log.info("requested", due_in=(answer.until - answer.at) / 1000)
        return "requested"

    def _is_seen_to(self, group_id: UUID) -> bool:
        """Whether the group runs or waits already: one request more coalesces and makes no queue longer."""
        return self._coalescing.snapshot(group_id).state != "idle"


class Queue:
    """How many groups wait for a worker.  Looks at most once a second and counts its own in between.

    parked, lines, messages: how many groups are parked, the lines of the projects, how many messages are in the broker.  In this order: our own client gives up at once, kombu takes seconds to find out that the same Redis is gone.
    """

    def __init__(
        self,
        size: int,
        share: int,
        *,
        parked: Callable[[], int],
        lines: Callable[[], dict[str, Line]],
        messages: Callable[[], int],
    ) -> None:
        self._size, self._share = size, share
        self._look = (parked, lines, messages)
        self._parked = self._messages = 0
        self._lines: dict[str, Line] = {}
        self._mine: Counter[str] = Counter()
        self._until = 0.0
        self._lock = threading.Lock()

    def is_full(self, project: str) -> bool:
        """Whether as many wait, parked or queued, as may wait; never for a project that has no more than its share of them."""
        with self._lock:
            self._refresh()
            in_lines = sum(line.wait for line in self._lines.values())
            own = self._line_of(project).wait + self._mine[project]
            return self._parked + self._messages + in_lines + self._mine.total() >= self._size and own >= self._share

    def patience(self, project: str) -> float:
        """How much longer than its ticket a message may be under way: as long as those that go before it may take.

        Else a long queue makes tickets expire, each of which makes the queue longer.  In a line the next goes when every other line
        had its turn; and who is in it has waited as long as the one that waits longest, at most.  Of a project that is not known the
        longest patience is right.
        """
        with self._lock:
            self._refresh()
            if project:
                line = self._line_of(project)
            else:
                line = max(self._lines.values(), key=lambda line: line.age, default=NO_LINE)
            return line.age + (self._messages + line.wait * len(self._lines)) * SECONDS_A_MESSAGE

    def patience_in_the_broker(self) -> float:
        """The same of a message that is in the broker."""
        with self._lock:
            self._refresh()
            return self._messages * SECONDS_A_MESSAGE

    def one_more(self, project: str) -> None:
        with self._lock:
            self._mine[project] += 1

    def _line_of(self, project: str) -> Line:
        return self._lines.get(project, NO_LINE)

    def _refresh(self) -> None:
        now = time.monotonic()
        if now >= self._until:
            parked, lines, messages = self._look
            self._parked, self._lines, self._messages = parked(), lines(), messages()
            self._mine.clear()
            self._until = now + DEPTH_SECONDS


class Broker:
    """The broker as a producer sees it: send a message, and how many wait."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, queue: str, message: dict[str, Any]) -> None:
        """Publish one message of tasks.group_traces; `group` in it is its deduplication key."""
        from tasks.group_traces import group_traces  # which itself publishes follow-ups

        with producers[self._connection].acquire(block=True, timeout=PRODUCER_TIMEOUT) as producer:
            group_traces.apply_async(
                kwargs=message,
                queue=queue,
                producer=producer,
                retry=True,
                retry_policy=PRODUCER_RETRY,
                time_limit=None,  # the worker's own limits hold, not those that the publisher knows
                soft_time_limit=None,
            )

    def depth(self) -> int:
        """Messages that wait in both queues."""
        try:
            return self._depth()
        except self._connection.connection_errors:
            return self._depth()  # the pooled connection was one that a restart of the broker closed

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What it looks like when Redis or this kind of broker is away."""
        return (RedisError, OperationalError, OSError, *self._connection.connection_errors)

    def ping(self) -> None:
        """Raises when the broker is away."""
        with self._connection.clone() as connection:
            connection.connect()

    def _depth(self) -> int:
        with producers[self._connection].acquire(block=True, timeout=PRODUCER_TIMEOUT) as producer:
            return sum(_length(producer.channel, queue) for queue in (FIRST, RERUN))


def _length(channel: Any, queue: str) -> int:
    """Declares the queue, as every publication does: RabbitMQ closes the channel of who only looks for one that is not there."""
    return int(celery_app.amqp.queues[queue].bind(channel).queue_declare().message_count)


def publishing_connection(settings: Settings, timeout: float) -> Connection:
    """A connection to publish over that gives up after `timeout` seconds, whichever broker it is."""
    options = {
        # Redis
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # RabbitMQ
        "read_timeout": timeout,
        "write_timeout": timeout,
        "confirm_publish": True,  # sent is what RabbitMQ has on its disk
        # Both: kombu's own way of taking a connection out of its pool is to try for ever, two seconds apart.
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
    return celery_app.connection_for_write(
        settings.broker,
        connect_timeout=timeout,
        heartbeat=0,  # nobody would send them between two publications, and RabbitMQ would hang up
        transport_options=celery_app.conf.broker_transport_options | options,
    )


@cache
def publisher_of(settings: Settings) -> Publisher:
    """The publisher for whoever accepts traces, one for each process and settings."""
    coalescing, broker = impatient_coalescing(settings), Broker(publishing_connection(settings, PRODUCER_TIMEOUT))

    def probe() -> None:
        coalescing.parked()
        broker.ping()

    return _publisher(settings, coalescing, broker, Breaker(probe))


def impatient_coalescing(settings: Settings) -> RedisCoalescing:
    """The protocol for whoever accepts traces or answers a page."""
    return RedisCoalescing(producer_redis(settings), Terms.of(settings))


def patient_publisher(settings: Settings, coalescing: RedisCoalescing) -> Publisher:
    """The publisher for workers and the reconciler, who have time."""
    broker = Broker(publishing_connection(settings, WORKER_TIMEOUT))
    return _publisher(settings, coalescing, broker, Breaker(broker.ping))


def patient_coalescing(settings: Settings) -> RedisCoalescing:
    """The protocol for workers and the reconciler."""
    return RedisCoalescing(worker_redis(settings), Terms.of(settings))


def _publisher(settings: Settings, coalescing: RedisCoalescing, broker: Broker, breaker: Breaker) -> Publisher:
    turns = Turns(coalescing.redis, settings.grouping_project_share, Terms.of(settings).ttl)
    queue = Queue(
        settings.task_grouping_queue_size,
        settings.grouping_project_share,
        parked=coalescing.parked,
        lines=turns.lines,
        messages=broker.depth,
    )
    return Publisher(coalescing, turns, broker, queue=queue, ticket=settings.grouping_ticket, breaker=breaker)


def request_grouping(
    group_id: UUID,
    project: str,
    path: str,
    trace_id: UUID | None = None,
    *,
    project_id: UUID | None = None,
    has_template: bool,
    urgent: bool = False,
    config: Settings | None = None,
) -> Asked:
    """Ask that a group be grouped, after COMMIT: `requested`, `coalesced`, or `deferred` to the reconciler."""
    publisher = publisher_of(config or settings())
    return publisher.request(
        group_id, project, path, trace_id, project_id=project_id, has_template=has_template, urgent=urgent
    )
