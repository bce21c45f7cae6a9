"""Multiple alignment: the fixed text that a set of texts shares, in order, and the gaps between.

The method is patience diff (B. Cohen) on many rows at once, in three steps:

1. the common prefix and the common suffix of all rows;
2. the grams that stand exactly once in every row, as far as their order agrees;
3. the same steps inside each gap, with shorter grams.

A piece inside a gap becomes fixed text only if it pays: writing the piece once must save more bits than saying in every
text where it stands. So a rare word anchors a gap, a comma in long texts does not, and three questions that happen to
hold "the" do not make "the" fixed text.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from math import log2
from typing import NamedTuple, TypeVar

import numpy as np

from templating.mining.quantities import FEW, NEARLY_ALL
from templating.mining.units import Rows, alike, are_equal, run_heads

Item = TypeVar("Item")

GRAM_WIDTHS = (3, 2, 1)  # units of an anchor, tried in this order: long anchors are seldom chance
BITS_AN_ANCHOR_SAVES = 12.0  # least bits of an anchor: chance agreement of k bits has probability 2^-k
BITS_A_LABEL_SAVES = 6.0  # least bits of a label in few texts: in three texts a label that stands once in each cannot save more
BITS_OF_STANDING_ONCE = 1.44  # bits per member, log2(e): by chance at most 1/e of the texts hold a word exactly once, however common the word is
UNITS_OF_A_QUOTED_LABEL = 2  # units of the label behind a gap that a value may quote: "AI:"
GRAMS_SIFTED_BY_SETS = 256  # most grams of all spans for which Python's sets are quicker than arrays
GRAMS_SORTED_AT_ONCE = 4_000  # grams of all spans from which sorting all is slower than sifting first
TRIES_PER_WIDTH = 2  # chains of grams: if the longest chain does not pay, the grams outside of this chain are tried
STEPS_PER_TICK = 512  # steps of some microseconds between two questions to the caller whether to stop
MOST_NESTED_GAPS = 16  # gaps within gaps; real prompts need four


class Anchor(NamedTuple):
    """Fixed text: `length` units from starts[m] (an index into rows.codes) in each member m."""

    starts: np.ndarray
    length: int

    @property
    def ends(self) -> np.ndarray:
        """One past the last unit, per member."""
        return self.starts + self.length


class Aligner:
    """Aligns spans of rows. bits: the worth of each unit. go_on: called often; an exception of go_on ends the work."""

    def __init__(self, rows: Rows, bits: np.ndarray, go_on: Callable[[], None]) -> None:
        self.rows, self.bits, self._go_on = rows, bits, go_on
        self._example = ""
        self._sifted: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def align(self, begins: np.ndarray, ends: np.ndarray, example: str) -> list[Anchor]:
        """The fixed text of the spans, in order.

        begins, ends: per member, its first unit and one past its last. example: the text of the first member.
        """
        self._example = example
        return self._joined(self._align(begins, ends, 0))

    def worth(self, anchor: Anchor) -> float:
        """Bits of the anchor's text."""
        return float(self.bits[anchor.starts[0] : anchor.starts[0] + anchor.length].sum())

    def _align(self, begins: np.ndarray, ends: np.ndarray, depth: int) -> list[Anchor]:
        """The fixed text of spans that lie in `depth` gaps within gaps; neighbours may touch."""
        self._go_on()
        size = int((ends - begins).min())
        if not size:
            return []
        head = self._equal_run(begins, size, 1)
        tail = self._equal_run(ends - 1, size - head, -1)
        if head + tail < size and are_equal(self.rows.bare[ends - 1 - tail]):
            tail += 1
        inner = self._inside(begins + head, ends - tail, depth) if size > head + tail else []
        return [*([Anchor(begins, head)] if head else []), *inner, *([Anchor(ends - tail, tail)] if tail else [])]

    def _equal_run(self, places: np.ndarray, limit: int, step: int) -> int:
        """The number of units, from `places` in direction `step`, that are the same in all rows."""
        done, width = 0, 16
        if limit and self.rows.codes[places[0]] != self.rows.codes[places[-1]]:
            return 0  # the case of most gaps
        while done < limit:
            width = min(width, limit - done)
            block = self.rows.codes[places[:, None] + step * np.arange(done, done + width)]
            differ = (block != block[0]).any(axis=0).nonzero()[0]
            if len(differ):
                return done + int(differ[0])
            done += width
            width *= 8
        return done

    def _inside(self, begins: np.ndarray, ends: np.ndarray, depth: int) -> list[Anchor]:
        """Anchors of spans that begin and end differently."""
        if depth == MOST_NESTED_GAPS:
            return []
        if depth == 0:
            self._sifted = _sifted(self.rows, begins, ends)
        runs = self._anchors(begins, ends)
        if runs:
            return self._fill(runs, begins, ends, depth + 1)
        runs = self._behind_quotes(begins, ends)
        return [runs[0], *self._fill(runs[1:], runs[0].ends, ends, depth + 1)] if runs else []

    def _anchors(self, begins: np.ndarray, ends: np.ndarray) -> list[Anchor]:
        """The longest pieces of these spans that pay."""
        size = int((ends - begins).min())
        if not self._may_share(begins, ends, 1):
            return []
        for width in GRAM_WIDTHS:
            if width <= size and self._may_share(begins, ends - (width - 1), width, once=NEARLY_ALL):
                for places, once in self._common(begins, ends, width):
                    runs = self._paying(self._runs(places, width), begins, ends, BITS_OF_STANDING_ONCE * once)
                    if runs:
                        return runs
        return []

    def _may_share(self, begins: np.ndarray, ends: np.ndarray, width: int, once: float = 0.0) -> bool:
        """False if no gram that begins here stands in all spans, exactly once in a share `once` of them. The spans with fewest grams are checked, up to GRAMS_SIFTED_BY_SETS."""
        places, grams = self._sifted[width]
        first, last = places.searchsorted(begins).tolist(), places.searchsorted(ends).tolist()
        shared, spans, budget = set[int](), list[list[int]](), GRAMS_SIFTED_BY_SETS
        for number, (size, begin) in enumerate(sorted((end - begin, begin) for begin, end in zip(first, last, strict=True))):
            budget -= size
            if budget < 0:
                return True
            spans.append(grams[begin : begin + size].tolist())
            shared = shared.intersection(spans[-1]) if number else set(spans[-1])
            if not shared:
                return False
        return any(sum(span.count(gram) == 1 for span in spans) >= once * len(spans) for gram in shared)

    def _behind_quotes(self, begins: np.ndarray, ends: np.ndarray) -> list[Anchor]:
        """Anchors of spans whose values quote the label behind the gap; anchors are looked for behind the last quote.

        A conversation repeats the labels of the template: "Human: ... AI: ... Human: {question} AI:". Only the labels of
        the last turn are fixed text; all earlier ones are inside the value.
        """
        if not self._is_label(int(ends[0])):
            return []
        sizes = ends - begins
        places = _ranges(begins, sizes)
        grams = self.rows.grams(UNITS_OF_A_QUOTED_LABEL)
        quotes = places[grams[places] == np.repeat(grams[ends], sizes)]
        starts = begins.copy()
        starts[np.searchsorted(begins, quotes, side="right") - 1] = quotes + UNITS_OF_A_QUOTED_LABEL  # the last quote of each member overwrites earlier ones
        return self._anchors(starts, ends) if len(quotes) and (starts < ends).all() else []

    def _is_label(self, place: int) -> bool:
        """Whether in the first member a line begins here with a word, or a mark and a word ("AI:", "### User")."""
        start, blank = int(self.rows.starts[place]), int(self.rows.blanks[place])
        if "\n" not in self._example[start : start + blank]:
            return False
        text = self._example[start + blank : int(self.rows.starts[place + UNITS_OF_A_QUOTED_LABEL])]
        return "\n" not in text and any(map(str.isalpha, text))

    def _fill(self, runs: list[Anchor], begins: np.ndarray, ends: np.ndarray, depth: int) -> list[Anchor]:
        """The runs, and the anchors of the gaps around the runs."""
        anchors: list[Anchor] = []
        for run in runs:
            anchors += [*self._align(begins, run.starts, depth), run]
            begins = run.ends
        return anchors + self._align(begins, ends, depth)

    def _common(self, begins: np.ndarray, ends: np.ndarray, width: int) -> Iterator[tuple[np.ndarray, float]]:
        """(places, share of the members that hold each gram exactly once) of chains of grams that stand in every span.

        Places have a row per gram and a column per member; each column rises. First come grams that stand exactly once in
        every member (share 1.0), then those that stand once in most. A member whose value quotes the fixed text has a gram
        twice: its first place after the previous gram is used, as in matching. After a chain that did not pay come the
        grams that crossed this chain: values may share words that stand before fixed text in one member, behind it in another.
        """
        count = len(begins)
        grams, places, owner = self._grams(begins, ends - (width - 1), width)
        grams, order = alike(grams)
        owner, places = owner[order], places[order]
        if not len(grams):
            return
        heads = run_heads(grams).nonzero()[0]
        fresh = np.ones(len(grams) + 1, bool)
        fresh[:-1] = run_heads(grams, owner)
        firsts = fresh.nonzero()[0]
        held = np.add.reduceat(fresh[:-1], heads, dtype=np.int64)
        once = np.add.reduceat(fresh[:-1] & fresh[1:], heads, dtype=np.int64)
        rank = np.cumsum(held) - held
        before = 0
        for share in (1.0, NEARLY_ALL):
            chosen = ((held == count) & (once >= count * share)).nonzero()[0]
            if len(chosen) > before:
                before = len(chosen)
                for _ in range(TRIES_PER_WIDTH):
                    cells = rank[chosen][:, None] + np.arange(count)
                    kept, chain = _chain(places, firsts[cells], firsts[cells + 1])
                    yield chain, share
                    if len(kept) == len(chosen):
                        break
                    chosen = np.delete(chosen, kept)

    def _grams(self, begins: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(gram, place, span) of every gram that begins in these spans and may stand in all spans."""
        places, grams = self._sifted[width]
        first, last = places.searchsorted(begins), places.searchsorted(ends)
        chosen = _ranges(first, last - first)
        return grams[chosen], places[chosen], np.repeat(np.arange(len(begins)), last - first)

    def _runs(self, places: np.ndarray, width: int) -> list[Anchor]:
        """Anchors: grams that overlap or touch in the same way in all members are joined."""
        if len(places) < 2:
            return [Anchor(row, width) for row in places]
        steps = np.diff(places, axis=0)
        together = (steps == steps[:, :1]).all(axis=1) & (steps[:, 0] < width)
        cuts = np.flatnonzero(~together) + 1
        heads, tails = np.append(0, cuts), np.append(cuts, len(places)) - 1
        kept: list[Anchor] = []
        for a, b in self._in_time(zip(heads.tolist(), tails.tolist(), strict=True)):
            run = Anchor(places[a], int(places[b, 0] - places[a, 0]) + width)
            if not kept or (kept[-1].ends <= run.starts).all():
                kept.append(run)
        return kept

    def _paying(self, runs: list[Anchor], begins: np.ndarray, ends: np.ndarray, sure: float) -> list[Anchor]:
        """The runs that save more bits than they cost. A dropped run widens its gap, so the test repeats until no run drops.

        sure: bits per member that a label (two units or more after white space) proves, however common its words.
        """
        different = self._different(begins, ends)
        # Per run: its worth, its sure bits, the bits that the run must save. Sums of places stand in for means.
        worth, least, profit = [], [], []
        first, last = [0], [int(begins.sum())]
        for run in self._in_time(runs):
            worth.append(self.worth(run))
            least.append(sure if self._is_between_blanks(run) else 0.0)
            profit.append(BITS_A_LABEL_SAVES if least[-1] and different < FEW else BITS_AN_ANCHOR_SAVES)
            first.append(int(run.starts.sum()))
            last.append(first[-1] + run.length * len(begins))
        first.append(int(ends.sum()))

        def pays(index: int, before: int, after: int) -> bool:
            gaps = (first[index] - last[before] + first[after] - last[index]) / len(begins)
            bits = worth[index - 1]
            return different * max(bits - log2(1 + gaps), least[index - 1]) - bits >= profit[index - 1]

        return [runs[index - 1] for index in self._staying(len(runs), pays)]

    def _different(self, begins: np.ndarray, ends: np.ndarray) -> int:
        """The number of different spans; mostly their sizes and outermost units tell."""
        codes = self.rows.codes
        outlines = set(zip((ends - begins).tolist(), codes[begins].tolist(), codes[ends - 1].tolist(), strict=True))
        if len(outlines) == len(begins):
            return len(begins)
        return len({codes[a:b].tobytes() for a, b in zip(begins.tolist(), ends.tolist(), strict=True)})

    def _staying(self, count: int, stays: Callable[[int, int, int], bool]) -> list[int]:
        """The numbers from 1 to count that stay. `stays` gets a number and its neighbours, and is asked again for new neighbours.

        So the work is linear; asking for all numbers again after each drop would be quadratic.
        """
        before, after = [index - 1 for index in range(count + 2)], [index + 1 for index in range(count + 2)]
        alive = [True] * (count + 2)
        numbers: Iterable[int] = range(1, count + 1)
        while gone := [index for index in self._in_time(numbers) if not stays(index, before[index], after[index])]:
            beside = set[int]()
            for index in self._in_time(gone):
                alive[index] = False
                after[before[index]], before[after[index]] = after[index], before[index]
                beside |= {before[index], after[index]}
            numbers = [index for index in beside if alive[index] and 0 < index <= count]
        return [index for index in range(1, count + 1) if alive[index]]

    def _in_time(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with a call of go_on every STEPS_PER_TICK items."""
        for number, item in enumerate(items):
            if number % STEPS_PER_TICK == 0:
                self._go_on()
            yield item

    def _is_between_blanks(self, run: Anchor) -> bool:
        """Whether the run stands between white space, as "A." on a new line or a dash between blanks, unlike brackets in a value."""
        blanks = self.rows.blanks
        apart = run.length > 1 or bool(blanks[run.ends].all())
        return apart and bool(blanks[run.starts[0]]) and are_equal(self.rows.codes[run.starts])

    def _joined(self, anchors: list[Anchor]) -> list[Anchor]:
        """The anchors; those that touch in every member with the same white space are joined."""
        joined: list[Anchor] = []
        for anchor in anchors:
            if joined and (joined[-1].ends == anchor.starts).all() and are_equal(self.rows.codes[anchor.starts]):
                joined[-1] = Anchor(joined[-1].starts, joined[-1].length + anchor.length)
            else:
                joined.append(anchor)
        return joined


def _ranges(begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`sizes` successive numbers from each of `begins`, end to end."""
    stops = sizes.cumsum()
    return np.arange(int(stops[-1])) + np.repeat(begins - (stops - sizes), sizes)


def _sifted(rows: Rows, begins: np.ndarray, ends: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Per width (the places, rising, of grams that may stand in all spans; these grams): each unit of such a gram stands in all spans.

    Few grams of long texts are left, so the gaps inside are quick.
    """
    places = _ranges(begins, ends - begins)
    if len(places) > GRAMS_SORTED_AT_ONCE:
        places = places[_stand_in_all(rows.bare[places], (ends - begins).cumsum().tolist())]
    sifted = {1: (places, rows.bare[places])}
    for width in range(2, max(GRAM_WIDTHS) + 1):
        places = places[:-1][places[1:] - places[:-1] == 1]
        sifted[width] = places, rows.grams(width)[places]
    return sifted


def _stand_in_all(units: np.ndarray, stops: list[int]) -> np.ndarray:
    """Whether each unit of spans, end to end, may stand in all. Each hash has a counter; a span raises the counter if all earlier spans did."""
    hashed, held = (units >> np.uint64(48)).astype(np.intp), np.zeros(1 << 16, np.int32)
    for number, (begin, end) in enumerate(pairwise([0, *stops])):
        span = hashed[begin:end]
        held[span[held[span] == number]] = number + 1
    return held[hashed] == len(stops)


def _chain(places: np.ndarray, picks: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(a selection of the grams, their places, which rise in every column).

    places[picks[g, m]:stops[g, m]] are the places of gram g in member m, rising. Columns with one place per gram
    decide (longest rising subsequence, column after column: an approximation); the other columns take the first free place.
    """
    if len(picks) == 1:
        return np.zeros(1, np.int64), places[picks]
    doubtful = stops - picks > 1
    lead = int(np.argmin(doubtful.sum(axis=0)))
    rows = np.argsort(places[picks[:, lead]], kind="stable")
    picks, stops, doubtful = picks[rows], stops[rows], doubtful[rows]
    chosen = places[picks]
    while len(falling := (chosen[1:] <= chosen[:-1]).any(axis=0).nonzero()[0]):
        member = falling[0]  # earlier columns rise, and still rise when some grams are dropped
        if doubtful[:, member].any():
            kept = _first_fit(places, picks[:, member], stops[:, member], chosen[:, member])
        else:
            kept = _rising(chosen[:, member].tolist())
        rows, picks, stops, doubtful, chosen = rows[kept], picks[kept], stops[kept], doubtful[kept], chosen[kept]
    return rows, chosen


def _first_fit(places: np.ndarray, picks: np.ndarray, stops: np.ndarray, chosen: np.ndarray) -> list[int]:
    """The grams that have a place after the previous gram's place; `chosen` receives the places."""
    kept, last = [], -1
    for row, (pick, stop) in enumerate(zip(picks.tolist(), stops.tolist(), strict=True)):
        place = pick + int(np.searchsorted(places[pick:stop], last, side="right"))
        if place < stop:
            last = int(places[place])
            chosen[row] = last
            kept.append(row)
    return kept


def _rising(numbers: list[int]) -> list[int]:
    """Indices of a longest rising subsequence (patience sorting)."""
    tops: list[int] = []
    indices: list[int] = []
    before: list[int] = []
    for i, number in enumerate(numbers):
        k = bisect_left(tops, number)
        before.append(indices[k - 1] if k else -1)
        tops[k : k + 1] = [number]
        indices[k : k + 1] = [i]
    chain = []
    i = indices[-1] if indices else -1
    while i >= 0:
        chain.append(i)
        i = before[i]
    return chain[::-1]
