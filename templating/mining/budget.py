"""The budget of a search: the caller's time limit and the caller's wish to stop.

Work asks the budget often. `spent` answers; `go_on` (of `Pool` and `Texts`) raises SpentError instead, which drops the piece of work. A function
with a parameter `tick` takes either, calls it often, and ignores its answer.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")

ITEMS_PER_LOOK = 4096  # pieces of work of a microsecond or two between two looks at the clock
SECONDS_BETWEEN_QUESTIONS = 0.05  # seconds between two calls of should_stop, which may ask a server; Options promises 0.2 s


class SpentError(Exception):
    """Time is up in the middle of a piece of work, whose partial result is dropped."""


def unlimited() -> bool:
    """A budget without a limit: whether time is up."""
    return False


class Budget:
    """The budget, asked between small pieces of work. A spent budget stays spent."""

    def __init__(self, seconds: float | None = None, should_stop: Callable[[], bool] | None = None) -> None:
        self._end = None if seconds is None else monotonic() + seconds
        self._should_stop = should_stop
        self._next = 0.0
        self._spent = False

    def spent(self) -> bool:
        """Whether to end now with the results so far."""
        now = monotonic()
        if not self._spent and self._end is not None:
            self._spent = now >= self._end
        if not self._spent and self._should_stop is not None and now >= self._next:
            self._next = now + SECONDS_BETWEEN_QUESTIONS
            self._spent = self._should_stop()
        return self._spent

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """All items, for work that must be done even when time is up; should_stop is still called often."""
        return chain.from_iterable(self._pieces(iter(items)))

    def _pieces(self, items: Iterator[Item]) -> Iterator[Iterator[Item]]:
        for first in items:
            self.spent()
            yield chain((first,), islice(items, ITEMS_PER_LOOK - 1))
