"""The pacer: sends for parked groups when they are due.

It ticks in the reconciler and in every worker, so that a dead reconciler causes no delay. Taking a group out of the index and WAKE are
atomic, so several pacers send one message.
"""

from tasks.coalescing.protocol import Coalescing
from tasks.publish import Publisher

TICK_SECONDS = 0.1
"""Seconds between two ticks: a due group waits half of it on average. A tick without a due group costs Redis some microseconds."""


class Pacer:
    def __init__(self, coalescing: Coalescing, publisher: Publisher) -> None:
        self._coalescing = coalescing
        self._publisher = publisher

    def tick(self) -> None:
        """Send for all groups that are due."""
        while groups := self._coalescing.take_due():
            for group in groups:
                self._publisher.wake(group)
