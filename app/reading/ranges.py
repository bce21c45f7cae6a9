"""Ranges of time, and the kept spans (hours, days, weeks) that a range is composed of. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)

KEPT_SPANS = {"hour": HOUR, "day": DAY, "week": WEEK}
"""The spans of which usage is kept, each composed of whole spans of the kind before; all begin at full ones in UTC, weeks on Mondays."""


class RangePiece(NamedTuple):
    """A part of a range, and its source: calls, hours, days or weeks."""

    what: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Range:
    """A range of call times: `since` is included, `until` is not; None: no bound."""

    since: datetime | None = None
    until: datetime | None = None

    def pieces(self, longest: timedelta = WEEK) -> Iterator[RangePiece]:
        """The range as calls up to a full hour, hours up to a full day, days up to a full week, weeks, and back; longest: the longest span
        used.
        """
        return self._pieces("call", [rung for rung in KEPT_SPANS.items() if rung[1] <= longest])

    def _pieces(self, finer: str, ladder: Sequence[tuple[str, timedelta]]) -> Iterator[RangePiece]:
        if not ladder:
            yield RangePiece(finer, self.since, self.until)
            return
        (coarser, length), *further = ladder
        for piece in self._parted(finer, coarser, length):
            yield from [piece] if piece.what == finer else Range(piece.since, piece.until)._pieces(coarser, further)

    def _parted(self, finer: str, coarser: str, length: timedelta) -> list[RangePiece]:
        """The whole `coarser` spans of this length, and `finer` ones before and after these."""
        first = None if self.since is None else full(self.since + length - timedelta(microseconds=1), length)
        last = None if self.until is None else full(self.until, length)
        if first is not None and last is not None and first >= last:
            return [RangePiece(finer, self.since, self.until)]
        ends = [RangePiece(finer, self.since, first), RangePiece(finer, last, self.until)]
        return [RangePiece(coarser, first, last), *(end for end in ends if end.since != end.until)]


ALL_TIME = Range()


def full(moment: datetime, length: timedelta) -> datetime:
    """The last full hour, day, week or other stretch of this length, in UTC, at a moment."""
    begin = datetime(1, 1, 1, tzinfo=UTC)  # a Monday
    return begin + (moment - begin) // length * length
