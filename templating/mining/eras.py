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
    size, often = sum(map(len, times)), changes(times)
    where = choices(size - 1, min(often, size // 2))  # more changes than that are no blocks
    return _orders(map(len, times)) - where - log2(len(times)) - often * log2(len(times) - 1)


def lives(times: Sequence[Sequence[int]]) -> float:
    """Bits that are saved when of each kind the first and the last call are known: between these it mixes with others by chance."""
    size = sum(map(len, times))
    edges = sorted({calls[0] for calls in times} | {calls[-1] + 1 for calls in times})
    cuts = [[bisect_left(calls, edge) for edge in edges] for calls in times]
    mixed = sum(_orders(cut[span + 1] - cut[span] for cut in cuts) for span in range(len(edges) - 1))
    return _orders(map(len, times)) - mixed - 2 * len(times) * log2(size)


def changes(times: Sequence[Sequence[int]]) -> int:
    """How often a call is of another kind than the one before."""
    ordered = [kind for _, kind in sorted((when, kind) for kind, its in enumerate(times) for when in its)]
    return sum(a != b for a, b in pairwise(ordered))


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


def _orders(counts: Iterable[int]) -> float:
    """log2 of how many orders there are of calls of several kinds.  counts: calls of each."""
    counts = list(counts)
    return _factorial(sum(counts)) - sum(map(_factorial, counts))


def _factorial(count: int) -> float:
    return lgamma(count + 1) / log(2)
