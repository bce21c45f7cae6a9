"""The pool: the different texts of one search, all with the same number of parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from templating.mining.budget import SpentError, unlimited
from templating.mining.evidence import unit_bits
from templating.mining.units import Aligned, Rows, Splits


@dataclass(eq=False, repr=False)
class Pool:
    """texts: different texts, oldest first. times: per text the times of its calls. parts: parts per text.

    runs: per text and call the start of the call's run (session); a call of no known run is a run of its own.
    rows: units, `parts` rows per text. bits: the worth of each unit. tick: whether time is up; called often.
    aligned: some texts -> what `skeleton` found for these texts with the units of this pool.
    """

    texts: list[str]
    times: list[list[int]]
    runs: Sequence[Sequence[int]]
    barrier: str
    parts: int
    pieces: list[str]
    rows: Rows
    bits: np.ndarray
    splits: Splits
    tick: Callable[[], object] = unlimited
    aligned: Aligned = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        texts: list[str],
        times: list[list[int]],
        barrier: str,
        tick: Callable[[], object] = unlimited,
        *,
        runs: Sequence[Sequence[int]] | None = None,
        splits: Splits | None = None,
    ) -> "Pool":
        """texts: at least one. tick: called often while units are made. runs: None where no run is known.

        splits: units that other pools of the search have made.
        """
        splits = splits or Splits()
        pieces = [p for t in texts for p in t.split(barrier)] if barrier and barrier in texts[0] else texts
        rows = splits.of(pieces, tick)
        tick()
        return cls(texts, times, runs or times, barrier, len(pieces) // len(texts), pieces, rows, unit_bits(rows), splits, tick)

    def go_on(self) -> None:
        """Raises SpentError when time is up: for loops over the places of a text, which may be as many as a book has lines."""
        if self.tick():
            raise SpentError

    @cached_property
    def calls(self) -> np.ndarray:
        """The number of calls of each text."""
        return np.fromiter(map(len, self.times), np.int64, len(self.times))

    @cached_property
    def outermost(self) -> tuple[list[int], list[int]]:
        """The first units and the last units of all rows, without blanks: most sets differ there, which is told without arrays."""
        return self.rows.bare[self.rows.first].tolist(), self.rows.bare[self.rows.last - 1].tolist()

    def part(self, text: int, part: int) -> str:
        """One part of one text."""
        return self.pieces[text * self.parts + part]
