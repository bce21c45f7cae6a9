"""What time tells about a few kinds of calls, in bits.

Chance mixes kinds.  Where each has its time (a prompt was edited, a batch job has an outer loop, an agent holds its goal) it takes fewer bits
to say which call is of which kind than chance would: so many bits are the evidence, and chance saves k bits once in 2^k times.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import lgamma, log, log2


def blocks(times: Sequence[Sequence[int]]) -> float:
    """Bits that are saved when the kind of a call is said once a block, rather than with every call.

    times: per kind when its calls came; two kinds or more.
    """
    ordered = [kind for _, kind in sorted((when, kind) for kind, its in enumerate(times) for when in its)]
    changes = sum(a != b for a, b in pairwise(ordered))
    by_chance = _factorial(len(ordered)) - sum(_factorial(len(its)) for its in times)
    where = choices(len(ordered) - 1, min(changes, len(ordered) // 2))  # more changes than that are no blocks
    return by_chance - where - log2(len(times)) - changes * log2(len(times) - 1)


def in_order(times: Sequence[Sequence[int]]) -> bool:
    """Whether every kind has one block."""
    spans = sorted((min(its), max(its)) for its in times)
    return all(last < first for (_, last), (first, _) in pairwise(spans))


class Calls:
    """The calls of some texts.  times: per text when it came."""

    def __init__(self, times: Sequence[Sequence[int]]) -> None:
        self._times = times
        self._ordered = sorted(when for its in times for when in its)

    def stay(self, some: Iterable[int]) -> float:
        """Bits that are saved when the calls of the texts at these positions are looked for between the first and the last of them only."""
        own = [when for text in some for when in self._times[text]]
        span = bisect_right(self._ordered, max(own)) - bisect_left(self._ordered, min(own))
        return choices(len(self._ordered), len(own)) - choices(span, len(own)) - 2 * log2(len(self._ordered))


def choices(count: int, some: int) -> float:
    """log2 of how many ways there are to choose."""
    return _factorial(count) - _factorial(some) - _factorial(count - some)


def _factorial(count: int) -> float:
    return lgamma(count + 1) / log(2)
