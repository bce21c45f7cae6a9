"""A test of sets of texts by the texts' beginnings and ends, before any alignment."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from templating.mining.borders import shared_length
from templating.mining.pool import Pool

UNITS_OF_AN_END = 12  # units that are compared of a beginning or an end
CROSSED_SHARE = 0.5  # share of a set, at least, whose beginnings texts outside have too
MOST_INSIDE_SHARE = 0.8  # share, at most, of the texts with such a beginning that are in the set
ALIKE_SHARE = 0.6  # share, at most, of a set with several beginnings that has the most frequent one
FILLED_SHARE = 0.65  # least share of an end's units that all texts have, where the end is one text with a value in it
OWN_UNITS = 5  # units of a beginning that only the set has
OWN_BITS = 10.0  # least bits of these units: one word
OWN_SHARE = 0.5  # share, at least, of the texts with this beginning that are in the set
_ODD = np.uint64(0x9E3779B97F4A7C15)
_WEIGHTS = _ODD ** np.arange(UNITS_OF_AN_END, dtype=np.uint64)


class _Side(NamedTuple):
    """One end of each text: its outermost unit (an index into `rows.codes`), the step inward, number of units of that part."""

    units: np.ndarray
    step: int
    sizes: np.ndarray


class Ends:
    """The ends of the texts of a pool. Empty parts of a text are skipped."""

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
        """Per side: a number per text that stands for its outermost UNITS_OF_AN_END units."""
        return [np.unique(self._units(side, UNITS_OF_AN_END) @ _WEIGHTS, return_inverse=True)[1] for side in self._sides]

    @cached_property
    def _often(self) -> list[np.ndarray]:
        """Per side and text: how many untaken texts have the same number."""
        return [np.bincount(ways) for ways in self._ways]

    def take(self, members: Sequence[int]) -> None:
        """Marks texts that have their template: a set cannot lie across this template."""
        for ways, often in zip(self._ways, self._often, strict=True):
            np.subtract.at(often, ways[members], 1)

    def _units(self, side: _Side, count: int) -> np.ndarray:
        """The outermost units of each text, without blanks."""
        return self._pool.rows.bare.take(side.units[:, None] + side.step * np.arange(count), mode="clip")

    def are_crossed(self, members: Sequence[int]) -> bool:
        """Whether the set lies across templates: its texts have several beginnings, or ends, which texts outside have too.

        An example are texts of many templates that cite one document. A set with a beginning or an end of its own lies in one template.
        """
        size = len(members)
        for side, ways, often in zip(self._sides, self._ways, self._often, strict=True):
            inside = np.bincount(ways[members], minlength=len(often))
            if inside.max() < ALIKE_SHARE * size and inside[inside <= MOST_INSIDE_SHARE * often].sum() >= CROSSED_SHARE * size:
                return not (self._has_own(members) or self._are_filled_in(side, members) or (side.step > 0 and self._are_labelled(members)))
        return False

    def _are_filled_in(self, side: _Side, members: Sequence[int]) -> bool:
        """Whether the ends are one text with a value in it (a name), so that they share most units."""
        units = self._units(side, UNITS_OF_AN_END)[members]
        shared = (units[:, :, None] == units[0]).any(axis=1).all(axis=0)
        return int(shared.sum()) >= FILLED_SHARE * UNITS_OF_AN_END

    def _are_labelled(self, members: Sequence[int]) -> bool:
        """Whether all texts begin with the same label, so that their beginnings differ in the value behind the label."""
        texts = [self._pool.texts[member].lstrip(self._pool.barrier) for member in members]
        label = texts[0][: shared_length(texts)].rstrip()
        return label[-1:] == ":" and any(map(str.isalpha, label))

    def _has_own(self, members: Sequence[int]) -> bool:
        """Whether all texts of the set have one beginning, or one end, that few texts outside have."""
        for side in self._sides:
            units = self._units(side, OWN_UNITS)
            own = (units[members] == units[members[0]]).all(axis=0)
            count = int(own.argmin()) if not own.all() else OWN_UNITS
            place = side.units[members[0]] + side.step * np.arange(count)
            others = (units[:, :count] == units[members[0], :count]).all(axis=1)
            if self._pool.bits[place].sum() >= OWN_BITS and len(members) >= OWN_SHARE * others.sum():
                return True
        return False
