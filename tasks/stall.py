"""Detects messages that wait while no worker takes one, whatever the workers report."""

import time
from collections.abc import Callable


class Stall:
    """Over all workers: since when messages wait, none is being processed, and none was taken."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: object = None
        self._since = clock()

    def seconds(self, depth: int, in_hand: int, progress: object) -> float:
        """Seconds of the stall; 0 while no message waits, one is being processed, or one was taken since the last call."""
        if not depth or in_hand or progress != self._taken:
            self._taken, self._since = progress, self._clock()
        return self._clock() - self._since
