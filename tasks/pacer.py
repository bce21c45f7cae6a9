"""The pacer: sends for parked groups when they are due.

It ticks in the reconciler and, so that a dead reconciler delays nobody, in every worker.  Taking a group out of the index and
WAKE are both atomic, so any number of pacers send one message.
"""

from tasks.coalescing.protocol import Coalescing
from tasks.publish import Publisher

#: How late a due group may be noticed, on average half of it.  A tick that finds nothing costs Redis some microseconds.
TICK_SECONDS = 0.1


class Pacer:
    def __init__(self, coalescing: Coalescing, publisher: Publisher) -> None:
        self._coalescing = coalescing
        self._publisher = publisher

    def tick(self) -> None:
        """Send for everything that is due now."""
        while groups := self._coalescing.take_due():
            for group in groups:
                self._publisher.wake(group)
