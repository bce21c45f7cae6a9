"""A test of sets of texts by the texts' beginnings and ends, before any alignment.

Where all texts of a set have the same first part (the system text of a product), the set's beginnings are those of the next part.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from templating.mining.pool import Pool
from templating.mining.quantities import CLEAR_MAJORITY, GREAT_MAJORITY, HALF, UNITS_OF_AN_END
from templating.mining.shared_text import shared_length
from templating.mining.skeleton import BITS_THAT_HOLD, UNITS_THAT_HOLD
from templating.mining.units import are_equal

_ODD = np.uint64(0x9E3779B97F4A7C15)
_WEIGHTS = _ODD ** np.arange(UNITS_OF_AN_END, dtype=np.uint64)


class _Side(NamedTuple):
    """One end of each text, without the outer parts that all texts of a set have: its outermost unit (an index into `rows.codes`), the step inward.

    outer: a number per text that stands for the parts left out. ways: one for these and the outermost UNITS_OF_AN_END units.
    often: per number of `ways`, how many untaken texts have it.
    """

    units: np.ndarray
    step: int
    outer: np.ndarray
    ways: np.ndarray
    often: np.ndarray


class Ends:
    """The ends of the texts of a pool. Empty parts of a text are skipped."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sides: dict[tuple[int, int], _Side] = {}
        self._untaken = np.ones(len(pool.texts), np.int64)

    @cached_property
    def _parts(self) -> np.ndarray:
        """Per part and text a number that stands for the part's text."""
        parts, number = self._pool.parts, dict[str, int]()
        return np.array([number.setdefault(piece, len(number)) for piece in self._pool.pieces]).reshape(-1, parts).T

    def take(self, members: Sequence[int]) -> None:
        """Marks texts that have their template: a set cannot lie across this template."""
        self._untaken[members] -= 1
        for side in self._sides.values():
            np.subtract.at(side.often, side.ways[members], 1)

    def _side(self, step: int, members: Sequence[int]) -> _Side:
        """The end of all texts where the members differ. step: 1 for the beginning, -1 for the end."""
        skipped = 0
        while skipped < self._pool.parts - 1 and are_equal(self._parts[::step][skipped][members]):
            skipped += 1
        if (step, skipped) not in self._sides:
            self._sides[step, skipped] = self._made(step, skipped)
        return self._sides[step, skipped]

    def _made(self, step: int, skipped: int) -> _Side:
        """The end of all texts inside of `skipped` outer parts."""
        pool, texts = self._pool, np.arange(len(self._pool.texts))
        first, last = (ends.reshape(-1, pool.parts)[:, ::step][:, skipped:] for ends in (pool.rows.first, pool.rows.last))
        outermost = (first < last).argmax(axis=1)
        units = first[texts, outermost] if step > 0 else last[texts, outermost] - 1
        outer = np.unique(self._parts[::step][:skipped], axis=1, return_inverse=True)[1].ravel() if skipped else np.zeros(len(texts), np.int64)
        code = self._units(units, step, UNITS_OF_AN_END) @ _WEIGHTS + outer.astype(np.uint64) * _ODD
        ways = np.unique(code, return_inverse=True)[1]
        return _Side(units, step, outer, ways, np.bincount(ways, self._untaken).astype(np.int64))

    def _units(self, outermost: np.ndarray, step: int, count: int) -> np.ndarray:
        """The outermost units of each text, without blanks."""
        return self._pool.rows.bare.take(outermost[:, None] + step * np.arange(count), mode="clip")

    def are_crossed(self, members: Sequence[int]) -> bool:
        """Whether the set lies across templates: its texts have several beginnings, or ends, which texts outside have too.

        An example are texts of many templates that cite one document. A set with a beginning or an end of its own lies in one template.
        """
        size, sides = len(members), [self._side(step, members) for step in (1, -1)]
        for side in sides:
            inside = np.bincount(side.ways[members], minlength=len(side.often))
            if inside.max() < CLEAR_MAJORITY * size and inside[inside <= GREAT_MAJORITY * side.often].sum() >= HALF * size:
                is_own = any(self._is_own(end, members) for end in sides)
                return not (is_own or (side.step > 0 and self._are_labelled(members)))
        return False

    def _are_labelled(self, members: Sequence[int]) -> bool:
        """Whether all texts begin with the same label, so that their beginnings differ in the value behind the label."""
        texts = [self._pool.texts[member].lstrip(self._pool.barrier) for member in members]
        label = texts[0][: shared_length(texts)].rstrip()
        return label[-1:] == ":" and any(map(str.isalpha, label))

    def _is_own(self, side: _Side, members: Sequence[int]) -> bool:
        """Whether all texts of the set have one beginning (or end) that few texts outside have."""
        units = self._units(side.units, side.step, UNITS_THAT_HOLD)
        own = (units[members] == units[members[0]]).all(axis=0)
        count = int(own.argmin()) if not own.all() else UNITS_THAT_HOLD
        place = side.units[members[0]] + side.step * np.arange(count)
        others = (units[:, :count] == units[members[0], :count]).all(axis=1) & (side.outer == side.outer[members[0]])
        return bool(self._pool.bits[place].sum() >= BITS_THAT_HOLD and len(members) >= HALF * others.sum())
