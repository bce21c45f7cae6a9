"""The reconciler: whatever Redis, a broker or a dead process forgot, it finds in PostgreSQL.

A process of its own (`celery -A tasks reconcile`).  Everything that it does may be done twice or by two at once.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy import Engine, exc

from app.config import Settings
from app.errors import DatabaseDownError
from app.grouping.run import left_unfinished, reviews_due
from app.hooks.delivering import Deliverer
from app.keeping.months import make_ahead
from app.keeping.retention import expire
from app.logs import describe
from app.store import changes, counters, counting, groups, heartbeats, marks, owed, rollup
from app.store.counters import Counted
from app.store.engine import make_engine, transaction
from app.store.heartbeats import Heartbeat
from app.telling import looking
from tasks.background import Ticker
from tasks.coalescing.protocol import RedisCoalescing, Snapshot
from tasks.group_traces import group_traces
from tasks.pacer import TICK_SECONDS, Pacer
from tasks.publish import Publisher
from tasks.stall import Stall
from tasks.waiting import DEPTH_SECONDS
from tasks.wiring import patient_coalescing, patient_publisher

#: How often counters are carried to PostgreSQL; what Redis loses is at most the counts of so long.
FOLD_SECONDS = 5.0

#: How often what calls used is added up; a page is behind by so long, and by the time that adding up takes.
USAGE_SECONDS = 3.0

#: How often it is looked for tasks, versions and models that began, and whether an hour is over whose figures are to be looked at.
TELL_SECONDS = 5.0

#: How often changes are sent to webhooks.
SEND_SECONDS = 2.0

#: How often calls are looked for that are kept no longer: what is due goes within the hour, a little at a time.
EXPIRE_SECONDS = 600.0

#: How often partitions are made ahead; they are weeks ahead, so one that did not work out has time.
PARTITION_SECONDS = 3600.0

#: How many groups one round sends for; the next round finds the others.
ROUND = 1000

#: How many hashes are read in one round trip.
BATCH = 500

_log = structlog.get_logger(__name__)


class Reconciler:
    """One round of each duty, as a method."""

    def __init__(self, engine: Engine, coalescing: RedisCoalescing, publisher: Publisher, settings: Settings) -> None:
        self._engine = engine
        self._coalescing = coalescing
        self._publisher = publisher
        self._settings = settings
        self._folder = CounterFolder(engine, coalescing)
        self._held_back: set[str] = set()
        self._stall = Stall()
        self._looked_at: datetime | None = None
        self._deliverer = Deliverer(engine, settings)
        self._name = f"reconciler@{socket.gethostname()}:{os.getpid()}"

    def look_after_owed(self) -> int:
        """Send for groups that are owed a run longer than the grace and that nobody sees to; how many were sent."""
        if not self._settings.task_grouping_enabled:
            return 0
        waiting = self._forgotten()
        self._held_back.clear()
        sent = [group for group in waiting if self._wake(group)]
        if sent:
            _log.info("reconciled", sent=len(sent), waiting=len(waiting))
        return len(sent)

    def look_for_room(self) -> int:
        """Send for what a full queue held back, as soon as it has room; how many were sent."""
        held_back = self._held_back - {project for project in self._held_back if self._publisher.is_full(project)}
        return self.look_after_owed() if held_back else 0

    def look_for_reviews(self) -> int:
        """Send for groups whose matched calls are due to be looked at again, and that nobody sees to; how many."""
        if not self._settings.task_grouping_enabled:
            return 0
        with transaction(self._engine) as connection:
            due = groups.want_reviews(connection, reviews_due(connection))
            unfinished = left_unfinished(connection)
            projects = groups.projects_of(connection, {*due, *unfinished})
        woken = [
            self._publisher.wake(group_id, owed=True, fresh=False, project=str(project_id))
            for group_id, project_id in projects.items()
        ]
        return sum(answer.word == "send" for answer in woken)

    def look_after_turns(self) -> None:
        """Let in who waits for its project's turn although the messages before it were lost."""
        self._publisher.look_after_turns()

    def expire(self) -> None:
        """Remove the calls that their projects keep no longer."""
        removed = expire(self._engine, self._settings.retention_days)
        if removed:
            _log.info("expired", calls=removed)

    def make_partitions(self) -> None:
        """Make the partitions of the months to come; a database that is busy is left alone until the next time."""
        try:
            made = make_ahead(self._engine)
        except exc.OperationalError as error:
            _log.info("partitions_busy", **describe(error))
            return
        if made:
            _log.info("partitions_made", names=[month.name for month in made])

    def fold(self) -> None:
        """Carry the counters to PostgreSQL, make those short that it keeps itself, and mark templates that have no marks."""
        self._folder.fold()
        with transaction(self._engine) as connection:
            counting.fold(connection)
        with transaction(self._engine) as connection:
            marks.fill(connection)

    def add_up_usage(self) -> None:
        """Bring what versions used in every hour up to date."""
        added = rollup.MARKS_AT_ONCE
        while added >= rollup.MARKS_AT_ONCE:
            with transaction(self._engine) as connection:
                added = rollup.add_up(connection)

    def tell(self) -> None:
        """Tell what began since the last time, and once an hour what the figures say."""
        with transaction(self._engine) as connection:
            changes.note_versions(connection)
        hour = looking.due(datetime.now(UTC))
        if hour != self._looked_at:
            told = looking.look_at_all(self._engine, hour)
            self._looked_at = hour
            _log.info("looked", hour=hour.isoformat(), told=told)

    def beat(self) -> None:
        """Say that this process is alive, for how long no worker took what waits, and forget those that are long gone."""
        with transaction(self._engine) as connection:
            workers = [beat for beat in heartbeats.seen(connection) if beat.kind == "worker"]
        stalled = self._stalled(workers)
        with transaction(self._engine) as connection:
            heartbeats.beat(connection, self._name, "reconciler", stalled_s=stalled)
            heartbeats.forget_old(connection)
        if stalled >= self._settings.grouping_stalled_after:
            _log.error("queue_stalled", seconds=round(stalled), alive=sum(beat.alive for beat in workers))

    def _stalled(self, workers: list[Heartbeat]) -> float:
        """Seconds for which messages wait and no worker takes one, as far as the workers say."""
        try:
            depth = self._publisher.in_broker()
        except self._publisher.unreachable:
            return 0.0  # no message can be taken, and whose fault that is is said elsewhere
        alive = [beat for beat in workers if beat.alive]
        says_nothing = any(beat.taken is None for beat in alive)
        in_hand = sum(beat.in_hand for beat in alive)
        return self._stall.look(0 if says_nothing else depth, in_hand, {beat.name: beat.taken for beat in alive})

    def leave(self) -> None:
        """End on purpose; when PostgreSQL is away, this process is soon seen to be dead anyway."""
        with contextlib.suppress(DatabaseDownError), transaction(self._engine) as connection:
            heartbeats.forget(connection, self._name)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def once(self) -> int:
        """One round of everything; how many groups were sent for."""
        sent = self.look_after_owed() + self.look_for_reviews()
        Pacer(self._coalescing, self._publisher).tick()
        self.look_after_turns()
        self.make_partitions()
        self.expire()
        self.fold()
        self.add_up_usage()
        self.tell()
        self._deliverer.deliver()
        return sent

    def duties(self) -> list[Ticker]:
        """Every duty at its own pace."""
        period = self._settings.reconcile_period
        return [
            Ticker("heartbeat", heartbeats.BEAT_SECONDS, self.beat),
            Ticker("pacer", TICK_SECONDS, Pacer(self._coalescing, self._publisher).tick),
            Ticker("owed", period, self.look_after_owed),
            Ticker("room", DEPTH_SECONDS, self.look_for_room),
            Ticker("turns", DEPTH_SECONDS, self.look_after_turns),
            Ticker("reviews", period, self.look_for_reviews),
            Ticker("counters", FOLD_SECONDS, self.fold),
            Ticker("usage", USAGE_SECONDS, self.add_up_usage),
            Ticker("changes", TELL_SECONDS, self.tell),
            Ticker("webhooks", SEND_SECONDS, self._deliverer.deliver),
            Ticker("retention", EXPIRE_SECONDS, self.expire),
            Ticker("partitions", PARTITION_SECONDS, self.make_partitions),
        ]

    def _forgotten(self) -> list[owed.WaitingGroup]:
        """Groups that are owed a run and that nobody sees to.

        PostgreSQL is asked again after Redis was: in a long backlog most groups are owed for long and wait in the queue, and one whose
        run ends between the two looks would be sent for once more, for nothing.
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


class CounterFolder:
    """Carries counters from Redis to PostgreSQL: those that changed since this object last looked."""

    def __init__(self, engine: Engine, coalescing: RedisCoalescing) -> None:
        self._engine = engine
        self._coalescing = coalescing
        self._known: dict[UUID, Snapshot] = {}

    def fold(self) -> None:
        """One look at every group that Redis knows."""
        seen = list(self._coalescing.groups())
        for start in range(0, len(seen), BATCH):
            self._fold(seen[start : start + BATCH])
        self._known = {group: self._known[group] for group in seen if group in self._known}

    def _fold(self, batch: Sequence[UUID]) -> None:
        snapshots = self._coalescing.snapshots(batch)
        changed = {group: now for group, now in snapshots.items() if self._known.get(group) != now}
        if changed:
            with transaction(self._engine) as connection:
                counters.fold(connection, [Counted(group, now.born, now.counters) for group, now in changed.items()])
            self._known |= changed


def reconciler_of(settings: Settings) -> Reconciler:
    """A reconciler with connections of its own."""
    settings.require("database_url", "redis_url")
    coalescing = patient_coalescing(settings)
    return Reconciler(
        make_engine(settings), coalescing, patient_publisher(settings, coalescing, group_traces), settings
    )


def serve(settings: Settings) -> None:
    """Do every duty until SIGTERM or SIGINT."""
    reconciler = reconciler_of(settings)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    duties = reconciler.duties()
    for duty in duties:
        duty.start()
    _log.info("reconciler_ready", period=settings.reconcile_period)
    end.wait()
    for duty in duties:
        duty.stop()
    reconciler.leave()
    reconciler.close()
