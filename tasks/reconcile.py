"""The reconciler: finds in PostgreSQL the work that Redis, a broker or a dead process has lost.

It is a process of its own (`celery -A tasks reconcile`). Every duty may be done twice or by two processes at once.
"""

import contextlib
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, exc

from app.config import Settings
from app.errors import DatabaseDownError
from app.grouping.run import left_unfinished, reviews_due
from app.hooks.delivering import Deliverer
from app.keeping.months import make_ahead
from app.keeping.retention import expire
from app.logs import describe, logger
from app.store import changes, counting, groups, heartbeats, marks, owed, recent_answers, rollup, webhooks
from app.store.engine import make_engine, transaction
from app.store.heartbeats import Heartbeat
from app.telling import all_projects
from tasks.background import Ticker, stop_all
from tasks.coalescing.protocol import RedisCoalescing
from tasks.folding import CounterFolder
from tasks.group_traces import group_traces
from tasks.names import forget_ended, name_of
from tasks.pacer import TICK_SECONDS, Pacer
from tasks.publish import Publisher
from tasks.stall import Stall
from tasks.waiting import DEPTH_SECONDS
from tasks.wiring import patient_coalescing, patient_publisher

FOLD_SECONDS = 5.0
"""Seconds between two folds of the counters into PostgreSQL; a loss of Redis loses the counts of that time."""

USAGE_SECONDS = 3.0
"""Seconds between two updates of usage; a page lags by that and by the time of an update."""

TELL_SECONDS = 5.0
"""Seconds between two looks for new tasks, versions and models, and for a full hour whose figures are due."""

NEW_VERSIONS = timedelta(hours=1)
"""Age of the versions that every such look reads; a version that gets its first call later is found by the look of the full hour."""

SEND_SECONDS = 2.0
"""Seconds between two rounds of webhooks."""

EXPIRE_SECONDS = 600.0
"""Seconds between two looks for calls beyond retention: they are removed within the hour, a little at a time."""

PARTITION_SECONDS = 3600.0
"""Seconds between two looks for missing partitions; they are made weeks ahead, so a failed try is repeated in time."""

CONNECTIONS_KEPT = 2
"""Connections to PostgreSQL that stay open between duties. Each takes 4 MB of PostgreSQL, and the duties, which rarely coincide, had seven;
one that finds both in use opens another for itself, in some 5 ms.
"""

ROUND = 1000
"""Groups that one round sends for; the next round finds the others."""

_log = logger(__name__)


class Reconciler:
    """The duties of the reconciler; a method does one round of one."""

    def __init__(self, engine: Engine, coalescing: RedisCoalescing, publisher: Publisher, settings: Settings) -> None:
        self._engine = engine
        self._coalescing = coalescing
        self._publisher = publisher
        self._settings = settings
        self._folder = CounterFolder(engine, coalescing)
        self._held_back: set[str] = set()
        self._stall = Stall()
        self._hour_detected: datetime | None = None
        self._deliverer = Deliverer(engine, settings)
        self._node = f"reconciler@{socket.gethostname()}"
        self._name = name_of(self._node)

    def send_owed(self) -> int:
        """Send for groups owed for longer than the grace that have no run, message or due time; answers how many."""
        if not self._settings.task_grouping_enabled:
            return 0
        waiting = self._forgotten()
        self._held_back.clear()
        groups_sent = [group for group in waiting if self._wake(group)]
        if groups_sent:
            _log.info("reconciled", sent=len(groups_sent), waiting=len(waiting))
        return len(groups_sent)

    def send_held_back(self) -> int:
        """Send for groups that a full queue held back, as soon as it has room; answers how many."""
        held_back = self._held_back - {project for project in self._held_back if self._publisher.is_full(project)}
        return self.send_owed() if held_back else 0

    def send_due_reviews(self) -> int:
        """Send for groups whose templates are due for a review and that have no run, message or due time; answers how many."""
        if not self._settings.task_grouping_enabled:
            return 0
        with transaction(self._engine) as connection:
            due_groups = groups.want_reviews(connection, reviews_due(connection))
            unfinished = left_unfinished(connection)
            projects = groups.projects_of(connection, {*due_groups, *unfinished})
        woken = [
            self._publisher.wake(group_id, owed=True, fresh=False, project=str(project_id))
            for group_id, project_id in projects.items()
        ]
        return sum(answer.word == "send" for answer in woken)

    def replace_lost_turns(self) -> None:
        """Let waiting groups in where messages before them were lost."""
        self._publisher.replace_lost_turns()

    def expire(self) -> None:
        """Remove the calls that their projects keep no longer, old deliveries of webhooks, and notes of answers."""
        with transaction(self._engine) as connection:
            webhooks.forget_old(connection)
            recent_answers.forget_old(connection)
        removed = expire(self._engine, self._settings.retention_days)
        if removed:
            _log.info("expired", calls=removed)

    def make_partitions(self) -> None:
        """Make partitions ahead; when the database is busy, the next round tries again."""
        try:
            months_made = make_ahead(self._engine)
        except exc.OperationalError as error:
            _log.info("partitions_busy", **describe(error))
            return
        if months_made:
            _log.info("partitions_made", names=[month.name for month in months_made])

    def fold(self) -> None:
        """Fold Redis' counters into PostgreSQL, fold the call counts, and fill in marks of templates."""
        self._folder.fold()
        with transaction(self._engine) as connection:
            counting.fold(connection)
        with transaction(self._engine) as connection:
            marks.fill(connection)

    def add_up_usage(self) -> None:
        """Update the usage of versions by hour."""
        marks_added = rollup.MARKS_AT_ONCE
        while marks_added >= rollup.MARKS_AT_ONCE:
            with transaction(self._engine) as connection:
                marks_added = rollup.add_up(connection)

    def tell(self) -> None:
        """Note new tasks, versions and models, and once an hour changes of the figures."""
        now = datetime.now(UTC)
        hour = all_projects.newest_hour(now)
        is_first_of_hour = hour != self._hour_detected
        with transaction(self._engine) as connection:
            changes.note_versions(connection, changes.BEFORE_ALL_VERSIONS if is_first_of_hour else now - NEW_VERSIONS)
        if is_first_of_hour:
            changes_told = all_projects.detect_in_all_projects(self._engine, hour)
            self._hour_detected = hour
            _log.info("looked", hour=hour.isoformat(), told=changes_told)

    def beat(self) -> None:
        """Write a heartbeat with the time for which no worker has taken a message, and delete old heartbeats."""
        with transaction(self._engine) as connection:
            workers = [beat for beat in heartbeats.recent_processes(connection) if beat.kind == "worker"]
        stalled = self._stalled(workers)
        with transaction(self._engine) as connection:
            heartbeats.beat(connection, self._name, "reconciler", stalled_s=stalled)
            heartbeats.forget_old(connection)
        if stalled >= self._settings.grouping_stalled_after:
            _log.error("queue_stalled", seconds=round(stalled), alive=sum(beat.alive for beat in workers))

    def _stalled(self, workers: list[Heartbeat]) -> float:
        """Seconds for which messages have waited and no worker has taken one, by the workers' reports."""
        try:
            depth = self._publisher.in_broker()
        except self._publisher.unreachable:
            return 0.0  # a broker that is down is reported elsewhere
        alive = [beat for beat in workers if beat.alive]
        says_nothing = any(beat.taken is None for beat in alive)
        in_hand = sum(beat.in_hand for beat in alive)
        return self._stall.seconds(0 if says_nothing else depth, in_hand, {beat.name: beat.taken for beat in alive})

    def arrive(self) -> None:
        """Forget the reconcilers of this machine that were killed; when PostgreSQL is down, they stay listed as dead for an hour."""
        with contextlib.suppress(DatabaseDownError), transaction(self._engine) as connection:
            forget_ended(connection, "reconciler", self._node)

    def leave(self) -> None:
        """End on purpose; when PostgreSQL is down, this process is soon seen to be dead anyway."""
        with contextlib.suppress(DatabaseDownError), transaction(self._engine) as connection:
            heartbeats.forget(connection, self._name)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def once(self) -> int:
        """One round of every duty; answers how many groups were sent for."""
        groups_sent = self.send_owed() + self.send_due_reviews()
        Pacer(self._coalescing, self._publisher).tick()
        self.replace_lost_turns()
        self.make_partitions()
        self.expire()
        self.fold()
        self.add_up_usage()
        self.tell()
        self._deliverer.deliver()
        return groups_sent

    def duties(self) -> list[Ticker]:
        """Every duty with its period."""
        period = self._settings.reconcile_period
        return [
            Ticker("heartbeat", heartbeats.BEAT_SECONDS, self.beat),
            Ticker("pacer", TICK_SECONDS, Pacer(self._coalescing, self._publisher).tick),
            Ticker("owed", period, self.send_owed),
            Ticker("room", DEPTH_SECONDS, self.send_held_back),
            Ticker("turns", DEPTH_SECONDS, self.replace_lost_turns),
            Ticker("reviews", period, self.send_due_reviews),
            Ticker("counters", FOLD_SECONDS, self.fold),
            Ticker("usage", USAGE_SECONDS, self.add_up_usage),
            Ticker("changes", TELL_SECONDS, self.tell),
            Ticker("webhooks", SEND_SECONDS, self._deliverer.deliver),
            Ticker("retention", EXPIRE_SECONDS, self.expire),
            Ticker("partitions", PARTITION_SECONDS, self.make_partitions),
        ]

    def _forgotten(self) -> list[owed.WaitingGroup]:
        """Groups that are owed a run and have no run, message or due time.

        PostgreSQL is asked again after Redis: in a long backlog most groups are owed for long and wait in the queue, and a group whose run
        ends between the two looks would be sent for in vain.
        """
        grace = self._settings.grouping_grace
        with transaction(self._engine) as connection:
            waiting = owed.waiting_groups(connection, grace, ROUND)
        unattended = self._coalescing.unattended(
            {group.id: self._publisher.patience(str(group.project_id)) for group in waiting}
        )
        if not unattended:
            return []
        with transaction(self._engine) as connection:
            return owed.waiting_groups(connection, grace, ROUND, among=unattended)

    def _wake(self, group: owed.WaitingGroup) -> bool:
        project = str(group.project_id)
        if self._publisher.is_full(project):
            self._held_back.add(project)
            return False
        return self._publisher.wake(group.id, owed=True, fresh=group.fresh, project=project).word == "send"


def reconciler_of(settings: Settings) -> Reconciler:
    """A reconciler with connections of its own."""
    settings.require("database_url", "redis_url")
    coalescing = patient_coalescing(settings)
    return Reconciler(
        make_engine(settings, CONNECTIONS_KEPT),
        coalescing,
        patient_publisher(settings, coalescing, group_traces),
        settings,
    )


def serve(settings: Settings) -> None:
    """Do every duty until SIGTERM or SIGINT."""
    reconciler = reconciler_of(settings)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    reconciler.arrive()
    duties = reconciler.duties()
    for duty in duties:
        duty.start()
    _log.info("reconciler_ready", period=settings.reconcile_period)
    end.wait()
    stop_all(duties)
    reconciler.leave()
    reconciler.close()
