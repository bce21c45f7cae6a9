"""What a look at the beginnings and ends of texts tells about a set of them, before anything is aligned."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from templating.mining.pool import Pool

UNITS_OF_AN_END = 12  # units that tell one beginning, or end, from another
CROSSED_SHARE = 0.5  # of a set begins in ways that texts outside have too
MOST_INSIDE_SHARE = 0.8  # of the texts that begin in such a way, at most, are in the set
ALIKE_SHARE = 0.6  # of a set that has several beginnings, at most, begins alike
OWN_UNITS = 5  # units of a beginning that is a set's own
OWN_BITS = 10.0  # bits of these, at least: one word
OWN_SHARE = 0.5  # of the texts that begin so, at least, are in the set
_ODD = np.uint64(0x9E3779B97F4A7C15)
_WEIGHTS = _ODD ** np.arange(UNITS_OF_AN_END, dtype=np.uint64)


class _Side(NamedTuple):
    """One end of each text: its outermost unit (an index into `rows.codes`), the step inward, units of that part."""

    units: np.ndarray
    step: int
    sizes: np.ndarray


class Ends:
    """The ends of the texts of a pool.  Parts that are empty in a text are left aside."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        rows = pool.rows
        first, last = rows.first.reshape(-1, pool.parts), rows.last.reshape(-1, pool.parts)
        filled, texts = first < last, np.arange(len(pool.texts))
        head, tail = filled.argmax(axis=1), pool.parts - 1 - filled[:, ::-1].argmax(axis=1)
        sizes = last - first
        self._sides = (
            _Side(first[texts, head], 1, sizes[texts, head]),
            _Side(last[texts, tail] - 1, -1, sizes[texts, tail]),
        )

    @cached_property
    def _ways(self) -> list[np.ndarray]:
        """Per side a number for the first UNITS_OF_AN_END units of each text."""
        return [np.unique(self._units(side, UNITS_OF_AN_END) @ _WEIGHTS, return_inverse=True)[1] for side in self._sides]

    @cached_property
    def _often(self) -> list[np.ndarray]:
        """Per side how many of the texts that are not taken have the same number there."""
        return [np.bincount(ways) for ways in self._ways]

    def take(self, members: Sequence[int]) -> None:
        """These texts have their template: no set can lie across that."""
        for ways, often in zip(self._ways, self._often, strict=True):
            np.subtract.at(often, ways[members], 1)

    def _units(self, side: _Side, count: int) -> np.ndarray:
        """The outermost units of each text, without their blanks."""
        return self._pool.rows.bare.take(side.units[:, None] + side.step * np.arange(count), mode="clip")

    def are_crossed(self, members: Sequence[int]) -> bool:
        """Whether the set lies across templates: its texts have several beginnings, or ends, which other texts have too.

        So do texts of many templates that cite one document.  A set that has a beginning or an end of its own does not.
        """
        size = len(members)
        for ways, often in zip(self._ways, self._often, strict=True):
            inside = np.bincount(ways[members], minlength=len(often))
            if inside.max() < ALIKE_SHARE * size and inside[inside <= MOST_INSIDE_SHARE * often].sum() >= CROSSED_SHARE * size:
                return not self._has_own(members)
        return False

    def _has_own(self, members: Sequence[int]) -> bool:
        """Whether all of the texts begin, or end, with something that few others have."""
        for side in self._sides:
            units = self._units(side, OWN_UNITS)
            own = (units[members] == units[members[0]]).all(axis=0)
            count = int(own.argmin()) if not own.all() else OWN_UNITS
            place = side.units[members[0]] + side.step * np.arange(count)
            others = (units[:, :count] == units[members[0], :count]).all(axis=1)
            if self._pool.bits[place].sum() >= OWN_BITS and len(members) >= OWN_SHARE * others.sum():
                return True
        return False
