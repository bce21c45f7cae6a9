"""The number of groups that wait for a worker, and the time that a message may therefore be under way."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.coalescing.turns import ProjectLine

DEPTH_SECONDS = 1.0
"""Seconds for which a measured length of the queue is used."""

LONGEST_DEPTH_SECONDS = 3.0
"""Seconds for which callers that cannot wait use a measured length. After DEPTH_SECONDS such a caller has the length measured again, beside its
request: a measurement takes some thirty times as long as a request, and whoever waited for it was the slowest call of a second.
"""

SECONDS_A_MESSAGE = 2.0
"""Seconds that a waiting message may take, for the messages behind it: a run of a busy group. The order of magnitude is enough: too little
costs a second message, too much makes a message lost in a long queue wait for the end of that queue.
"""

NO_LINE = ProjectLine(0, 0.0)


class Waiting:
    """The number of groups that wait for a worker, measured at most once a second; own messages are counted in between.

    parked, lines, messages: functions for the number of parked groups, the lines of the projects, and the number of messages in the broker,
    called in this order: our client gives up at once, kombu takes seconds to notice that the same Redis is down.
    """

    def __init__(
        self,
        size: int,
        share: int,
        *,
        parked: Callable[[], int],
        lines: Callable[[], dict[str, ProjectLine]],
        messages: Callable[[], int],
    ) -> None:
        self._size, self._share = size, share
        self._counts = (parked, lines, messages)
        self._parked = self._messages = 0
        self._lines: dict[str, ProjectLine] = {}
        self._mine: Counter[str] = Counter()
        self._measured_at = self._until = 0.0
        self._lock = threading.Lock()
        self._failed_at = 0.0
        self._failure: Exception | None = None

    def is_full(self, project: str) -> bool:
        """Whether the queue is full, parked groups included; never for a project with no more than its share."""
        with self._measured():
            return self._is_full(project)

    def patience(self, project: str) -> float:
        """Seconds beyond its ticket that a message of the project may be under way: as long as the messages before it may take.

        Without patience a long queue makes tickets expire, and each expired ticket makes the queue longer. A project's next message goes
        when every other line had its turn. For an unknown project the longest patience of all lines holds.
        """
        with self._measured():
            return self._patience(project)

    def patience_at_once(self, project: str) -> float | None:
        """`patience` for callers that cannot wait; None without a recent measurement, during one, and where the queue is full.

        Such callers see to it that `measure` is called while `is_due`.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            is_recent = time.monotonic() < self._until + LONGEST_DEPTH_SECONDS - DEPTH_SECONDS
            return self._patience(project) if is_recent and not self._is_full(project) else None
        finally:
            self._lock.release()

    @property
    def is_due(self) -> bool:
        """Whether the lengths were measured longer ago than DEPTH_SECONDS."""
        return time.monotonic() >= self._until

    def measure(self) -> None:
        """Measure the lengths beside the requests: nobody waits for the lock meanwhile. Messages of that time are counted on."""
        with self._lock:
            mine_before = self._mine.copy()
        lengths = self._measure()
        with self._lock:
            self._keep(lengths, mine_before)

    def patience_in_the_broker(self) -> float:
        """Seconds beyond its ticket that a message in the broker may be under way."""
        with self._measured():
            return self._messages * SECONDS_A_MESSAGE

    def one_more(self, project: str) -> None:
        with self._lock:
            self._mine[project] += 1

    def _is_full(self, project: str) -> bool:
        in_lines = sum(line.wait for line in self._lines.values())
        waiting_messages = self._line_of(project).wait + self._mine[project]
        return (
            self._parked + self._messages + in_lines + self._mine.total() >= self._size
            and waiting_messages >= self._share
        )

    def _patience(self, project: str) -> float:
        if project:
            line = self._line_of(project)
        else:
            line = max(self._lines.values(), key=lambda line: line.age, default=NO_LINE)
        return line.age + (self._messages + line.wait * len(self._lines)) * SECONDS_A_MESSAGE

    def _line_of(self, project: str) -> ProjectLine:
        return self._lines.get(project, NO_LINE)

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """The lock, with fresh measures. Callers that wait for a measurement share its failure: the next one would wait as long."""
        asked_at = time.monotonic()
        with self._lock:
            if self._failure is not None and self._failed_at > asked_at:
                raise self._failure.with_traceback(None)
            self._refresh()
            yield

    def _refresh(self) -> None:
        if not self.is_due:
            return
        try:
            self._keep(self._measure(), self._mine)
        except Exception as failure:
            self._failure, self._failed_at = failure, time.monotonic()
            raise

    def _measure(self) -> "_Lengths":
        began_at = time.monotonic()
        parked, lines, messages = self._counts
        return parked(), lines(), messages(), began_at

    def _keep(self, lengths: "_Lengths", mine_before: Counter[str]) -> None:
        """Use these lengths from now on, unless newer ones are in use; under the lock. mine_before: own messages that the lengths hold for certain."""
        *_, measured_at = lengths
        if measured_at >= self._measured_at:
            self._parked, self._lines, self._messages, _ = lengths
            self._mine = self._mine - mine_before
            self._measured_at, self._until = measured_at, measured_at + DEPTH_SECONDS


_Lengths = tuple[int, dict[str, ProjectLine], int, float]
"""Parked groups, the lines of the projects, messages in the broker, and when they were measured."""
