"""Whether messages wait that no worker takes, whatever each of them says of itself."""

import time
from collections.abc import Callable


class Stall:
    """Over all workers: since when messages wait, none is in hand anywhere, and none was taken."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: object = None
        self._since = clock()

    def look(self, depth: int, in_hand: int, taken: object) -> float:
        """Seconds; 0 while there is nothing to take, a message is in hand or another was taken since the last look."""
        if not depth or in_hand or taken != self._taken:
            self._taken, self._since = taken, self._clock()
        return self._clock() - self._since
