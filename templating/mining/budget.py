"""How long a search may go on: the caller's clock and the caller's wish."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")

ITEMS_PER_LOOK = 4096  # cheap pieces of work, a microsecond or two each, between two looks at the clock
SECONDS_BETWEEN_QUESTIONS = 0.05  # seconds between two questions to the caller, whose answer may need a server; it asks for 0.2


class SpentError(Exception):
    """Time is up in the middle of a piece of work; nothing of it is kept."""


class Budget:
    """Asked between small pieces of work; once spent, it stays spent."""

    def __init__(self, seconds: float | None = None, should_stop: Callable[[], bool] | None = None) -> None:
        self._end = None if seconds is None else monotonic() + seconds
        self._should_stop = should_stop
        self._next = 0.0
        self._spent = False

    def spent(self) -> bool:
        """Whether to end now with what there is."""
        now = monotonic()
        if not self._spent and self._end is not None:
            self._spent = now >= self._end
        if not self._spent and self._should_stop is not None and now >= self._next:
            self._next = now + SECONDS_BETWEEN_QUESTIONS
            self._spent = self._should_stop()
        return self._spent

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """All of the items, for work that must be done whether time is up or not; the caller is asked in between."""
        return chain.from_iterable(self._pieces(iter(items)))

    def _pieces(self, items: Iterator[Item]) -> Iterator[Iterator[Item]]:
        for first in items:
            self.spent()
            yield chain((first,), islice(items, ITEMS_PER_LOOK - 1))
