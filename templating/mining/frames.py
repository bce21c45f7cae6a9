"""Frames: short templates, whose texts begin and end alike with few fixed words ("Translate: {{text}}", "Cancel order {{id}}.").

The rest of the search compares three units in a row, more than such a prompt has. Here texts without a template are sorted by their first
and last units, one unit at a time. For a set of texts two descriptions are compared, in bits: each text as free text, or the fixed text
once and the name of the template with each text. Narrower sets replace a set if they hold nearly all of it: so
"How would you rate {{x}}?" and "How would you rank {{x}}?" do not become "How would you {{x}}?".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import NamedTuple

import numpy as np

from templating.mining.budget import unlimited
from templating.mining.evidence import unit_bits
from templating.mining.quantities import EXCEPTIONS_SHARE, FEWEST_ALIKE, HALF, NEARLY_ALL, SEVERAL, UNITS_OF_AN_END
from templating.mining.signatures import UNITS_PER_GRAM
from templating.mining.units import Rows, Splits, are_equal, run_heads

BITS_A_FRAME_SAVES = 40.0  # bits of the cost to say that there is a template
FEWEST_FRAME_CALLS = 5  # least calls of a frame: a value at the beginning of texts comes three or four times by chance
CALLS_SHARE = 0.002  # least share of all calls: among very many, a few begin with any turn of phrase
# Words with which people begin their own texts: these are no sign of a template.
_SPOKEN = (
    "hi hello hey dear ok okay so well yes no please thanks thank you what how why who when where which is are can could do"
    " does did i the a an if and or in of to it this that"
)
SPOKEN_WORDS = frozenset(_SPOKEN.split())
GRAM_CODES = np.uint64(0x9E3779B97F4A7C15) ** np.arange(1, UNITS_OF_AN_END + 1, dtype=np.uint64)


@dataclass(eq=False, repr=False)
class _Texts:
    """Texts by their units (`rows`), with the calls of each text.

    bits: the worth of each unit. Per unit near an end: its number of letters, whether a line begins there, whether it is spoken (`is_spoken`).
    """

    rows: Rows
    bits: np.ndarray
    letters: np.ndarray
    lines: np.ndarray
    spoken: np.ndarray
    calls: np.ndarray


def frames(texts: Sequence[str], calls: Sequence[int], splits: Splits, tick: Callable[[], object] = unlimited) -> list[list[int]]:
    """Sets of different texts (their numbers) that begin and end alike and save bits when the fixed text is written once.

    calls: the number of calls of each text. splits: units of texts that were split before. tick: called often.
    """
    if len(texts) < FEWEST_ALIKE:
        return []
    rows = splits.of(texts, tick)
    some = _Texts(rows, unit_bits(rows), *_outer(texts, rows), np.asarray(calls))
    found_frames = _Frames(some, tick).look(np.arange(len(texts)), 0, 0)
    return [frame.members.tolist() for frame in found_frames if frame.is_sure]


def saved_bits(bits: float, calls: int, all_calls: int) -> float:
    """Bits saved when fixed text of `bits` bits is written once, and with each call only its place among all calls."""
    return calls * (bits - log2(all_calls / calls)) - bits


def _outer(texts: Sequence[str], rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(letters, lines, spoken words) of the outer units of each text; equal units are read once."""
    size, steps = len(rows.codes), np.arange(UNITS_OF_AN_END)
    heads, tails = rows.first[:, None] + steps, rows.last[:, None] - 1 - steps
    inside = np.concatenate((heads < rows.last[:, None], tails >= heads[:, :1] + UNITS_OF_AN_END)).ravel()
    units = np.concatenate((heads, tails)).ravel()[inside]
    owners = np.tile(np.repeat(np.arange(len(texts)), UNITS_OF_AN_END), 2)[inside]
    _, places, piece_of_unit = np.unique(rows.codes[units], return_index=True, return_inverse=True)
    begins, ends = rows.starts[units[places]].tolist(), rows.starts[units[places] + 1].tolist()
    pieces = [texts[o][begin:end] for o, begin, end in zip(owners[places].tolist(), begins, ends, strict=True)]
    letters, lines, spoken = np.zeros(size, np.int64), np.zeros(size, bool), np.zeros(size, bool)
    letters[units] = rows.sizes[units] * np.array([any(map(str.isalpha, piece)) for piece in pieces], bool)[piece_of_unit]
    lines[units] = np.array(["\n" in piece[: len(piece) - len(piece.lstrip())] for piece in pieces], bool)[piece_of_unit]
    spoken[units] = np.array([is_spoken(piece.strip().lower()) for piece in pieces], bool)[piece_of_unit]
    return letters, lines, spoken


def is_spoken(word: str) -> bool:
    """Whether people begin their own texts with this word, or it is no word."""
    return word in SPOKEN_WORDS or not any(map(str.isalnum, word))


class _Frame(NamedTuple):
    """Texts that begin and end alike, and the bits that this saves.

    is_sure: False if the texts are few and the fixed text may be the common beginning of several templates.
    """

    members: np.ndarray
    saved: float
    is_sure: bool


class _Frames:
    def __init__(self, texts: _Texts, tick: Callable[[], object]) -> None:
        self._texts, self._tick = texts, tick
        self._size = int(texts.calls.sum())
        self._least = max(FEWEST_FRAME_CALLS, CALLS_SHARE * self._size)

    def look(self, members: np.ndarray, head: int, tail: int, *, wordless: int = -1) -> list[_Frame]:
        """The frames among texts that share `head` units at the beginning and `tail` units at the end.

        wordless: the length of a tail that does not set the texts apart from others: values may end with one more mark.
        """
        self._tick()
        if self._texts.calls[members].sum() < self._least:
            return []
        by_head, (head, tail) = head > 0, self._extended(members, head, tail)
        is_spoken = by_head and self._is_spoken(members, head)
        narrow = self._narrower(members, head, tail, by_tail=not is_spoken)
        if is_spoken and tail:
            return narrow
        rest = _without(members, narrow)
        if narrow and len(rest) >= FEWEST_ALIKE and self._extended(rest, head, tail) != (head, tail):
            narrow += self.look(rest, head, tail)
        if len(narrow) > 1 and self._go_on_alike(members, narrow, head, tail):
            return [_Frame(members, sum(frame.saved for frame in narrow), is_sure=True)]
        stop = int(self._texts.rows.last[members[0]])
        is_apart = wordless < 0 or self._texts.letters[stop - tail : stop - wordless].any()
        saved = self._saved(members, head, tail) if is_apart else 0.0
        if saved < BITS_A_FRAME_SAVES or (len(narrow) > 1 and self._are_more(narrow, members, saved)):
            return narrow if len(narrow) < 2 or not head else [frame._replace(is_sure=True) for frame in narrow]
        is_sure = self._is_sure(members, head, tail) or self._recombine(members, head)
        return [_Frame(members, saved, is_sure)]

    def _go_on_alike(self, members: np.ndarray, narrow: Sequence[_Frame], head: int, tail: int) -> bool:
        """Whether nearly all texts are in sets that have the same fixed text behind one word, or before it: this word is a value."""
        rows = self._texts.rows
        if sum(len(frame.members) for frame in narrow) < NEARLY_ALL * len(members):
            return False
        for begin, step in ((rows.first + head, 1), (rows.last - 1 - tail, -1)):
            ways = [rows.bare[begin[frame.members][:, None] + step * np.arange(1, 1 + SEVERAL)] for frame in narrow]
            if all((way == ways[0][0]).all() for way in ways):
                return True
        return False

    def _are_more(self, narrow: Sequence[_Frame], members: np.ndarray, saved: float) -> bool:
        """Whether the narrower sets save more bits than the set that contains them."""
        calls = self._texts.calls
        covered = sum(int(calls[frame.members].sum()) for frame in narrow) / int(calls[members].sum())
        if covered >= NEARLY_ALL:
            return True
        rest = saved * (1 - covered)
        return covered >= HALF and rest + sum(frame.saved - BITS_A_FRAME_SAVES for frame in narrow) > saved

    def _extended(self, members: np.ndarray, head: int, tail: int) -> tuple[int, int]:
        """(head, tail), the numbers of units that the texts share at either end, with all further units that they share."""
        texts = self._texts
        first, last = texts.rows.first[members], texts.rows.last[members]
        size = int((last - first).min())
        while head + tail < size and head < UNITS_OF_AN_END and are_equal(texts.rows.codes[first + head]):
            head += 1
        while (
            head + tail < size
            and tail < UNITS_OF_AN_END
            and are_equal(texts.rows.bare[last - 1 - tail])
            and are_equal(texts.rows.codes[last - tail] if tail else texts.rows.bare[last - 1])
        ):
            tail += 1
        return head, tail

    def _narrower(self, members: np.ndarray, head: int, tail: int, *, by_tail: bool) -> list[_Frame]:
        """The frames of texts with the same next unit behind the head; of the other texts, if `by_tail`, those with the same unit before the tail."""
        rows, narrower = self._texts.rows, list[_Frame]()
        if head < UNITS_OF_AN_END:
            longer = self._longer(members, head + tail)
            for part in _parts(longer, rows.codes[rows.first[longer] + head], len(members)):
                narrower += self.look(part, head + 1, tail)
        if by_tail and tail < UNITS_OF_AN_END:
            longer = self._longer(_without(members, narrower), head + tail)
            for part in _parts(longer, rows.bare[rows.last[longer] - 1 - tail], len(members)):
                narrower += self.look(part, head, tail + 1, wordless=tail)
        return narrower

    def _longer(self, members: np.ndarray, units: int) -> np.ndarray:
        """The texts with more than so many units."""
        return members[self._texts.rows.last[members] - self._texts.rows.first[members] > units]

    def _saved(self, members: np.ndarray, head: int, tail: int) -> float:
        """Bits saved when the texts' common beginning and end is written once, and with each text only its place among all texts."""
        texts = self._texts
        start, stop = int(texts.rows.first[members[0]]), int(texts.rows.last[members[0]])
        if not texts.letters[start : start + head].any():
            while tail and not texts.lines[stop - tail]:  # the tail must begin a line
                tail -= 1
        units = [*range(start, start + head), *range(stop - tail, stop)]
        if texts.letters[units].sum() < HALF * texts.rows.sizes[units].sum():
            return 0.0
        if head and not tail and self._is_phrase(members, min(head, UNITS_PER_GRAM)):
            return 0.0
        calls, bits = int(texts.calls[members].sum()), float(texts.bits[units].sum())
        if saved_bits(bits, calls, self._size) < BITS_A_FRAME_SAVES:
            return 0.0
        spoken = next((unit for unit in range(head) if not texts.spoken[start + unit]), head)
        if spoken and not self._recombine(members, head):
            bits -= float(texts.bits[start : start + spoken].sum())
        return saved_bits(bits, calls, self._size)

    @cached_property
    def _cuts(self) -> tuple[np.ndarray, np.ndarray]:
        """(begins, rests): per text and number of units, one number for so many first units, and one for what stands behind them; a short rest has a number of its own."""
        rows, size = self._texts.rows, len(self._texts.calls)
        steps = np.arange(UNITS_OF_AN_END)
        begins = np.cumsum(rows.codes.take(rows.first[:, None] + steps, mode="clip") * GRAM_CODES[steps], axis=1)
        behind = rows.first[:, None] + steps + 1
        remaining = rows.last[:, None] - behind
        grams = rows.grams(UNITS_PER_GRAM)
        rests = grams.take(behind, mode="clip") + grams.take(rows.last[:, None] - UNITS_PER_GRAM, mode="clip") * GRAM_CODES[1] + remaining.astype(np.uint64)
        rests = np.where(remaining >= UNITS_PER_GRAM, rests, np.arange(size * UNITS_OF_AN_END, dtype=np.uint64).reshape(size, -1))
        return begins, rests

    def _recombine(self, members: np.ndarray, head: int) -> bool:
        """Whether most of what stands behind the texts' common beginning stands behind other beginnings too, of which there are fewer: then the beginning is fixed text."""
        begins, rests = self._cuts
        own = rests[members, head - 1]
        others = np.setdiff1d(np.arange(len(rests)), members)
        again = np.isin(rests[others], own)
        is_shared = np.isin(own, rests[others][again])
        return bool(is_shared.sum() >= HALF * len(own)) and len(np.unique(own[is_shared])) > len(np.unique(begins[others][again]))

    def _is_spoken(self, members: np.ndarray, head: int) -> bool:
        """Whether the texts begin alike only as people begin their own texts, so that the end alone says which template they are of."""
        start = int(self._texts.rows.first[members[0]])
        units = slice(start, start + head)  # an empty part before the text is no word
        return bool(self._texts.letters[units].any() and self._texts.spoken[units].all())

    def _is_sure(self, members: np.ndarray, head: int, tail: int) -> bool:
        """False for a common beginning of several templates with few calls: there the next word comes again in several texts.

        Also false for texts that begin as people begin their own, and for those whose values stand behind other beginnings too: such a
        beginning may be a value.
        """
        rows, letters = self._texts.rows, self._texts.letters
        stop, behind = rows.last[members], rows.first[members] + head
        if not head or not letters[behind[0] - 1] or letters[stop[0] - tail : stop[0]].any():
            return True
        goes_on = (letters[behind] > 0) | self._texts.spoken[behind]
        if goes_on.sum() < HALF * len(members):
            return True  # most texts go on with numbers or marks
        alike = _come_again(rows.codes[behind]) & goes_on
        alike |= _come_again(rows.bare[stop - 1 - tail]) & (letters[stop - 1 - tail] > 0)
        its, other_texts = rows.bare[stop - 1 - tail], np.setdiff1d(np.arange(len(rows.last)), members)
        again = np.isin(its, rows.bare[rows.last[other_texts] - 1 - tail])
        first = rows.first[members[0]] + np.flatnonzero(letters[rows.first[members[0]] : behind[0]])[0]
        is_apart = not self._texts.spoken[first] and int(again.sum()) < HALF * len(members)
        return is_apart and int(alike.sum()) < HALF * len(members)

    def _is_phrase(self, members: np.ndarray, width: int) -> bool:
        """Whether the texts' beginning stands inside other texts too, as a turn of phrase does."""
        rows = self._texts.rows
        grams, first = rows.grams(width), rows.first[members[0]]
        alike = np.flatnonzero(grams == grams[first])
        often, begins = len(alike), int(np.isin(alike, rows.first).sum())
        return often - begins > EXCEPTIONS_SHARE * begins


def _parts(members: np.ndarray, units: np.ndarray, most: int) -> list[np.ndarray]:
    """The texts by unit, for units that enough texts but not all have."""
    order = np.argsort(units, kind="stable")
    cuts = np.append(np.flatnonzero(run_heads(units[order])), len(units))
    sizes = np.diff(cuts)
    enough = np.flatnonzero((sizes >= FEWEST_ALIKE) & (sizes < most)).tolist()
    return [np.sort(members[order[cuts[part] : cuts[part + 1]]]) for part in enough]


def _come_again(units: np.ndarray) -> np.ndarray:
    """Per unit whether an equal one exists."""
    _, kinds, often = np.unique(units, return_inverse=True, return_counts=True)
    return np.asarray(often[kinds] > 1)


def _without(members: np.ndarray, frames: Sequence[_Frame]) -> np.ndarray:
    return np.setdiff1d(members, np.concatenate([frame.members for frame in frames])) if frames else members
