"""The cost of a project that floods the queue for another project: the lag alone and beside the flood, with and without shares.

    python -m benchmarks.fairness        one table; exit code 1 when the lag is more than BOUND times the lag alone

The Redis scripts of the queues are the product's, on a Valkey. Workers and time are simulated: minutes take seconds, and the speed of the
machine does not count. The little project has ten paths and a trace on each every 20 s. The flood has 400 paths and a trace on each every
second, more than the workers can do. Every run takes half a second. Lag: from a trace's arrival to the end of the run that reads it.
`tests/flows/test_fairness.py` tests the same on a real worker.
"""

import heapq
import itertools
import random
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from redis import Redis

from app.config import Settings
from app.local.valkey import ValkeyServer
from benchmarks.pace import poisson
from tasks.coalescing.pace import Pace, Pause
from tasks.coalescing.turns import Turns

BOUND = 3.0
SECONDS = 240.0
RUN_SECONDS = 0.5
SHARES = {"shares": Settings.model_fields["grouping_project_share"].default, "first come, first served": 0}


@dataclass(eq=False)
class Group:
    """A path as the pace sees it; `waiting`: the arrival times of unread traces."""

    id: UUID
    project: str
    fresh: bool
    state: str = "idle"
    due: float = 0.0
    rest: Pause = field(default_factory=Pause)
    waiting: list[float] = field(default_factory=list)


class Simulation:
    """Groups, the two queues, and workers that take from the second queue only when the first is empty."""

    def __init__(self, turns: Turns, workers: int) -> None:
        self._turns, self._free = turns, workers
        self._pace = Pace()
        self._groups: dict[UUID, Group] = {}
        self._first: deque[Group] = deque()
        self._reruns: deque[Group] = deque()
        self._events: list[tuple[float, int, str, Group, list[float]]] = []
        self._numbers = itertools.count()
        self.lags: dict[str, list[float]] = {}

    def add(self, project: str, paths: int, seconds_between: float, *, fresh: bool, dice: random.Random) -> None:
        self.lags[project] = []
        for _ in range(paths):
            group = Group(UUID(int=len(self._groups) + 1), project, fresh)
            self._groups[group.id] = group
            for arrival in poisson(1 / seconds_between, SECONDS, dice):
                self._at(arrival, "arrive", group)

    def run(self) -> None:
        """Simulates until the traffic ends; runs after the end are not simulated."""
        while self._events and self._events[0][0] < SECONDS:
            now, _, kind, group, arrivals = heapq.heappop(self._events)
            if kind == "arrive":
                self._arrive(now, group)
            elif kind == "due":
                self._come_due(now, group)
            else:
                self._finish(now, group, arrivals)
            self._work(now)

    def unread(self, project: str) -> list[float]:
        """The waiting time of each unread trace of the project."""
        groups = (group for group in self._groups.values() if group.project == project)
        return [SECONDS - arrivals for group in groups for arrivals in group.waiting]

    def _arrive(self, now: float, group: Group) -> None:
        group.waiting.append(now)
        if group.state in ("idle", "parked"):
            self._park(now, group)

    def _park(self, now: float, group: Group) -> None:
        group.state = "parked"
        group.due = self._pace.due(now, group.waiting[0], len(group.waiting), group.rest)
        self._at(max(now, group.due), "due", group)

    def _come_due(self, now: float, group: Group) -> None:
        if group.state != "parked" or now < group.due:
            return
        group.state = "queued"
        for group_id in self._turns.enter(group.project, group.id, fresh=group.fresh, hold=SECONDS):
            (self._first if group.fresh and group_id == group.id else self._reruns).append(self._groups[group_id])

    def _work(self, now: float) -> None:
        while self._free and (self._first or self._reruns):
            group = (self._first or self._reruns).popleft()
            self._reruns += [
                self._groups[group_id] for group_id in self._turns.leave(group.project, group.id, hold=SECONDS)
            ]
            self._free -= 1
            group.state, arrivals, group.waiting = "running", group.waiting, []
            self._at(now + RUN_SECONDS, "done", group, arrivals)

    def _finish(self, now: float, group: Group, arrivals: list[float]) -> None:
        self._free += 1
        self.lags[group.project] += [now - arrival for arrival in arrivals]
        group.state, group.rest = "idle", self._pace.rest(now - RUN_SECONDS, now)
        if group.waiting:
            self._park(now, group)

    def _at(self, when: float, kind: str, group: Group, arrivals: list[float] | None = None) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), kind, group, arrivals or []))


@dataclass(frozen=True)
class Row:
    workers: int
    flood: str
    queue: str
    alone: float
    beside: float

    @property
    def ratio(self) -> float:
        return self.beside / self.alone


def lag(redis: Redis, share: int, workers: int, flood: str | None) -> float:
    """The lag p99 of the little project. A trace that is unread at the end counts with its waiting time until then."""
    redis.flushall()
    simulation, dice = Simulation(Turns(redis, share, ttl=3600.0), workers), random.Random(7)
    simulation.add("little", 10, 20.0, fresh=False, dice=dice)
    if flood:
        simulation.add("flood", 400, 1.0, fresh=flood == "new paths", dice=dice)
    simulation.run()
    lags = sorted(simulation.lags["little"] + simulation.unread("little"))
    return lags[int(0.99 * len(lags))]


def table(redis: Redis) -> list[Row]:
    return [
        Row(workers, flood, queue, lag(redis, share, workers, None), lag(redis, share, workers, flood))
        for workers in (1, 2, 8)
        for flood in ("re-runs", "new paths")
        for queue, share in SHARES.items()
    ]


@contextmanager
def valkey() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="promptlode-bench-") as folder:
        server = ValkeyServer(Path(folder) / "valkey")
        server.start()
        try:
            with Redis.from_url(server.url()) as redis:
                yield redis
        finally:
            server.stop()


def main() -> int:
    with valkey() as redis:
        rows = table(redis)
    print("| workers | the flood's groups | queue | lag p99 alone | beside the flood | x |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row.workers} | {row.flood} | {row.queue} | {row.alone:.2f} s | {row.beside:.2f} s | {row.ratio:.2f} |"
        )
    return int(any(row.ratio > BOUND for row in rows if row.queue == "shares"))


if __name__ == "__main__":
    sys.exit(main())
