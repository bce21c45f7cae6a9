"""Evidence from time, in bits: whether kinds of calls come at times of their own or mixed.

Chance mixes kinds. If each kind has its own time (an edited prompt, a batch job's outer loop, an agent's goal), fewer bits say which call is
of which kind. The saved bits are the evidence: chance saves k bits once in 2^k times.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from math import lgamma, log, log2


def bits_of_blocks(times: Sequence[Sequence[int]]) -> float:
    """Bits saved by saying the kind of calls once per block instead of with every call.

    times: per kind the times of its calls; two kinds or more.
    """
    size, often = sum(map(len, times)), changes(times)
    where = choices(size - 1, min(often, size // 2))  # with more changes than half there are no blocks
    return _orders(map(len, times)) - where - log2(len(times)) - often * log2(len(times) - 1)


def bits_of_lives(times: Sequence[Sequence[int]]) -> float:
    """Bits saved by the first and the last call of each kind; between these two a kind mixes with others by chance."""
    size = sum(map(len, times))
    edges = sorted({calls[0] for calls in times} | {calls[-1] + 1 for calls in times})
    cuts = [[bisect_left(calls, edge) for edge in edges] for calls in times]
    mixed = sum(_orders(cut[span + 1] - cut[span] for cut in cuts) for span in range(len(edges) - 1))
    return _orders(map(len, times)) - mixed - 2 * len(times) * log2(size)


def changes(times: Sequence[Sequence[int]]) -> int:
    """The number of calls whose kind differs from that of the previous call."""
    ordered = [kind for _, kind in sorted((when, kind) for kind, its in enumerate(times) for when in its)]
    return sum(a != b for a, b in pairwise(ordered))


def returns(times: Sequence[Sequence[int]], least: int) -> int:
    """How often kinds come back with a block of `least` calls or more. Shorter blocks are of a time in which one kind replaces another."""
    ordered = (kind for _, kind in sorted((when, kind) for kind, its in enumerate(times) for when in its))
    kinds = [kind for kind, _ in groupby(kind for kind, block in groupby(ordered) if len([*block]) >= least)]
    return len(kinds) - len({*kinds})


def in_order(times: Sequence[Sequence[int]]) -> bool:
    """Whether every kind has one block."""
    spans = sorted((min(its), max(its)) for its in times)
    return all(last < first for (_, last), (first, _) in pairwise(spans))


class Calls:
    """The calls of some texts. times: per text the times of its calls."""

    def __init__(self, times: Sequence[Sequence[int]]) -> None:
        self._times = times
        self._ordered = sorted(when for its in times for when in its)

    def stay(self, some: Iterable[int]) -> float:
        """Bits saved if the calls of the texts at these positions lie only between the first and the last of these calls."""
        own = [when for text in some for when in self._times[text]]
        span = bisect_right(self._ordered, max(own)) - bisect_left(self._ordered, min(own))
        return choices(len(self._ordered), len(own)) - choices(span, len(own)) - 2 * log2(len(self._ordered))

    def begin_or_end(self, some: Iterable[int]) -> float:
        """Bits saved if the calls of these texts lie only among the newest calls, or only among the oldest, at most half of all; else 0.

        Half of all calls or more are then of other texts only, as before the roll-out of an edit.
        """
        own = [when for text in some for when in self._times[text]]
        size = len(self._ordered)
        span = min(size - bisect_left(self._ordered, min(own)), bisect_right(self._ordered, max(own)))
        return choices(size, len(own)) - choices(span, len(own)) - 1 if span <= size / 2 else 0.0


def choices(count: int, some: int) -> float:
    """log2 of the number of ways to choose `some` of `count`."""
    return _factorial(count) - _factorial(some) - _factorial(count - some)


def _orders(counts: Iterable[int]) -> float:
    """log2 of the number of orders of calls of several kinds. counts: calls of each kind."""
    counts = list(counts)
    return _factorial(sum(counts)) - sum(map(_factorial, counts))


def _factorial(count: int) -> float:
    return lgamma(count + 1) / log(2)
