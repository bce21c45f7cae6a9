"""Units: a prompt is a row of units. A unit is a word, number or single mark together with the white space before it.

A word, a number or a rule ("-----") is one unit; every other character (punctuation, a CJK character, an emoji) is a unit of its own.
The borders of slots lie between units. White space belongs to the unit behind, so no character is lost, and a row is half as long as
a row with separate blanks.

A unit is a 64-bit number, made for all texts at once with array operations: no Python object per word, no `re`. Different units
may get the same number; results do not depend on it, since every template is checked against its texts in the end.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain

import numpy as np

from templating.mining.budget import unlimited
from templating.mining.sampling import CHARACTERS_PER_ROUND
from templating.scripts import UNSPACED
from templating.template import Template

BLANK, MARK, DIGIT, LETTER = 0, 1, 2, 3
_BMP = 0x10000  # end of the basic plane: every character beyond (emoji, rare scripts) is a mark
_UNSPACED = [each for each in UNSPACED if each[1] < _BMP]  # one character, one unit
# Ranges with letters, digits or blanks up to U+FFFF, without ideograms, which are marks, and without private characters.
_ALPHABETS = ((0, 0x3400), (0xA000, 0xAC00), (0xD7B0, 0xD800), (0xF900, _BMP))
_HANGUL = (0xAC00, 0xD7A4)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_BASE = 0x2545F4914F6CDD1D
GRAM_WEIGHTS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))
EDGE = np.uint64(0x5851F42D4C957F2D)  # the unit that stands (twice) before and behind every row
_EDGES = 2
_NO_CODES, _NO_REST = np.empty((2, 0), np.uint64), np.empty((3, 0), np.int32)
_EDGE_CODES, _EDGE_REST = np.full((2, _EDGES), EDGE), np.zeros((3, _EDGES), np.int32)
LETTERS_PER_IDEOGRAM = 4  # letters that one character of a script without blanks counts: it says as much as half a word
CHARACTERS_PER_CHUNK = 1 << 16  # characters processed at a time: the arrays stay in the processor's cache
UNITS_PER_BLOCK = 1 << 18  # units processed at a time: memory that is touched for the first time is slowest


Aligned = dict[tuple[str, ...], tuple[Template, float, bool] | None]
"""Texts -> their template, its worth in bits, and whether an end holds it; None where they share nothing."""

Units = tuple[np.ndarray, np.ndarray, int]
"""The units of one text: (code and code without blank per unit; start, blank and size per unit; the number of characters)."""


@dataclass(eq=False, repr=False)
class Rows:
    """Units of many texts, end to end, with two EDGE units before and behind each row.

    first, last: per row, the index of its first unit and one past its last. Per unit:
    codes: the unit's number. bare: the number of the unit without its blank.
    starts: the index in its text of the unit's first character, its blank included (one more entry at `last`).
    blanks: the number of characters of its blank.
    sizes: the number of its letters, plus one at the start of a line; a character of a script without blanks counts LETTERS_PER_IDEOGRAM.
    """

    codes: np.ndarray
    bare: np.ndarray
    starts: np.ndarray
    blanks: np.ndarray
    sizes: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def grams(self, width: int) -> np.ndarray:
        """Per unit one number for the gram of `width` units that begins with it, without its blank."""
        return self._grams[width]

    @cached_property
    def _grams(self) -> dict[int, np.ndarray]:
        grams = {1: self.bare}
        for width, weight in enumerate(GRAM_WEIGHTS[1:], 2):
            grams[width] = grams[width - 1][:-1] + self.codes[width - 1 :] * weight
        return grams


def are_equal(codes: np.ndarray) -> bool:
    """Whether all of one code or more are equal."""
    return bool((codes == codes[0]).all())


def blocks(units: int) -> Iterator[slice]:
    """Successive ranges of at most UNITS_PER_BLOCK that cover `units` units."""
    return (slice(start, min(start + UNITS_PER_BLOCK, units)) for start in range(0, units, UNITS_PER_BLOCK))


def alike(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the numbers, with equal numbers side by side; the original index of each, ascending among equal numbers)

    The index replaces the low bits of a number, so one plain sort, which is vectorised, orders both: several times as fast as an
    argsort. Numbers that agree in the remaining bits (44 for a million numbers) become equal; this is as rare as equal hashes.
    """
    places = np.uint64((1 << (len(codes) - 1).bit_length()) - 1) if len(codes) else np.uint64(0)
    packed = codes & ~places
    for block in blocks(len(codes)):
        packed[block] |= np.arange(block.start, block.stop, dtype=np.uint64)
    packed.sort()
    order = packed & places
    packed ^= order
    return packed, order.view(np.int64)


def run_heads(column: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Whether each element differs from the previous element in one of these columns; True for the first element."""
    heads = np.ones(len(column), bool)
    np.not_equal(column[1:], column[:-1], out=heads[1:])
    for other in others:
        heads[1:] |= other[1:] != other[:-1]
    return heads


@cache
def _classes() -> np.ndarray:
    """The class of every character up to U+FFFF."""
    table = np.full(_BMP, MARK, np.uint8)
    table[slice(*_HANGUL)] = LETTER
    characters = np.arange(_BMP, dtype=np.uint32).view("U1")
    for low, high in _ALPHABETS:
        for name, test in ((LETTER, np.strings.isalpha), (DIGIT, np.strings.isdigit), (BLANK, np.strings.isspace)):
            table[low:high][test(characters[low:high])] = name
    table[ord("_")] = LETTER
    for low, high in _UNSPACED:
        letters = table[low : high + 1]
        letters[letters == LETTER] = MARK
    table[0x0300:0x0370] = LETTER  # combining marks stay with their letter
    return table


@cache
def _ideograms() -> np.ndarray:
    """Whether each character up to U+FFFF is of a script without blanks."""
    table = np.zeros(_BMP, bool)
    for low, high in _UNSPACED:
        table[low : high + 1] = True
    return table


def kind(char: str) -> int:
    """The class of one character."""
    code = ord(char)
    return int(_classes()[code]) if code < _BMP else MARK


def is_border(text: str, place: int) -> bool:
    """Whether a slot may begin or end at `place`: not inside a word, a number or a rule ("-----")."""
    if place <= 0 or place >= len(text):
        return True
    before, after = kind(text[place - 1]), kind(text[place])
    if before == after == MARK and text[place - 1] == text[place]:
        return text[place] not in (text[place - 2 : place - 1], text[place + 1 : place + 2])
    return before != after or before <= MARK


@cache
def _powers(length: int) -> tuple[np.ndarray, np.ndarray]:
    """(1, b, b^2 ...), (1, 1/b, 1/b^2 ...) modulo 2^64."""
    powers = np.full((2, length), [[_BASE], [pow(_BASE, -1, 1 << 64)]], np.uint64)
    powers[:, 0] = 1
    return np.cumprod(powers[0]), np.cumprod(powers[1])


def _cut(table: np.ndarray, classes: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first character of each unit, first character behind its blank). table: the characters; classes: their classes.

    begins, ends: of the texts that are not empty. White space at the end of a text is a unit without blank.
    """
    breaks = np.empty(len(classes), bool)
    breaks[0] = True
    np.not_equal(classes[1:], classes[:-1], out=breaks[1:])
    breaks |= (classes == MARK) & ~_ruled(table, classes)
    breaks[begins] = True
    blank = classes == BLANK
    heads = breaks.copy()
    heads[1:] &= ~blank[:-1]
    heads[begins] = True
    starts = np.flatnonzero(heads)
    breaks &= ~blank
    closing = ends[blank[ends - 1]]
    breaks[starts[np.searchsorted(starts, closing) - 1]] = True
    return starts, np.flatnonzero(breaks)


def _ruled(table: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Whether each character continues a rule: three equal marks or more, as in "-----" or "```".

    Not in scripts without blanks, and not two marks: between two quotes a value may be empty.
    """
    again = np.zeros(len(table) + 1, bool)
    again[1:-1] = (table[1:] == table[:-1]) & (classes[1:] == MARK)
    long = again[:-1].copy()
    long[1:] &= again[:-2] | again[2:]
    places = np.flatnonzero(long)
    long[places[_ideograms().take(table[places])]] = False
    return long


def _codes(points: np.ndarray, starts: np.ndarray, origins: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """(number of each unit, number without its blank). origins: the first characters behind the blanks.

    The number of a span is the sum of its characters, each times a power of b by position: the difference of two running
    sums, shifted to the start of the word.
    """
    size = 1 << max(CHARACTERS_PER_CHUNK.bit_length(), (len(points) + 1).bit_length())
    powers, inverse = _powers(size)
    sums = np.zeros(len(points) + 1, np.uint64)
    np.multiply(points, powers[: len(points)], out=sums[1:])
    np.cumsum(sums, out=sums)
    ends, codes = sums.take(stops), np.empty((2, len(starts)), np.uint64)
    np.subtract(ends, sums.take(starts), out=codes[0])
    np.subtract(ends, sums.take(origins), out=codes[1])
    codes *= inverse.take(origins)
    codes ^= codes >> np.uint64(32)
    codes *= _MIX
    return codes


def ranges_of(texts: Sequence[str], characters: int) -> Iterator[tuple[int, int]]:
    """Successive ranges (start, stop) of texts, each of about so many characters."""
    start = size = 0
    for number, text in enumerate(texts):
        size += len(text)
        if size >= characters:
            yield start, number + 1
            start, size = number + 1, 0
    if start < len(texts):
        yield start, len(texts)


def _points(text: str) -> tuple[np.ndarray, np.ndarray]:
    """(code points of the characters, the same with U+FFFF for code points beyond U+FFFF)"""
    narrow = text.encode("utf-16-le", "surrogatepass")
    if len(narrow) == 2 * len(text):
        points = np.frombuffer(narrow, "<u2")
        return points, points
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return points, np.minimum(points, _BMP - 1)


def _units_of(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((codes, bare), (starts, blanks, sizes), units per text); starts are indices in the unit's own text."""
    points, table = _points("".join(texts))
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if not len(points):
        return _NO_CODES, _NO_REST, lengths
    ends = np.cumsum(lengths)
    filled = lengths > 0
    starts, origins = _cut(table, _classes().take(table), (ends - lengths)[filled], ends[filled])
    counts = np.diff(np.searchsorted(starts, np.append(0, ends)))
    stops = np.append(starts[1:], len(points))
    rest = np.empty((3, len(starts)), np.int32)
    own, blanks, sizes = rest
    np.subtract(starts, np.repeat(ends - lengths, counts), out=own, casting="unsafe")
    np.subtract(origins, starts, out=blanks, casting="unsafe")
    np.subtract(stops, origins, out=sizes, casting="unsafe")
    sizes += points.take(starts) == ord("\n")
    sizes[_ideograms().take(table[origins])] = LETTERS_PER_IDEOGRAM
    return _codes(points, starts, origins, stops), rest, counts


class Splits:
    """Cached units of texts, so that a text of several searches is split once. aligned: what `skeleton` found."""

    def __init__(self) -> None:
        self.aligned: Aligned = {}
        self._units: dict[str, Units] = {}
        self._size = 0

    def of(self, texts: Sequence[str], tick: Callable[[], object] = unlimited) -> Rows:
        """`split`, with the cache."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._units]
        size = sum(map(len, fresh))
        if self._size + size > CHARACTERS_PER_ROUND:
            self._units, self._size, fresh = {}, 0, list(dict.fromkeys(texts))
            size = sum(map(len, fresh))
        self._units.update(zip(fresh, _each(fresh, tick), strict=True))
        self._size += size
        return _rows([self._units[text] for text in texts])


def split(texts: Sequence[str], tick: Callable[[], object] = unlimited) -> Rows:
    """The units of `texts`. tick: called after every CHARACTERS_PER_CHUNK of characters."""
    return _rows(list(_each(texts, tick)))


class _Shapes(dict[int, str]):
    """Code point -> a character for its class: a letter, a digit, a blank, an ideogram; a mark stands for itself. For `str.translate`."""

    def __missing__(self, code: int) -> str:
        if code >= _BMP:
            return chr(_BMP - 1)  # not stored: there are a million
        mark = "i" if _ideograms()[code] else chr(code)
        self[code] = (" ", mark, "0", "a")[_classes()[code]]
        return self[code]


_SHAPES = _Shapes()
_UNIT = re.compile(r"a+|0+|([^a0i ])\1\1+|[^ ]| \Z")


def unit_begins(text: str) -> list[int]:
    """Where each unit of one text begins, behind its blank; white space at the end is a unit that begins with its last character.

    The units are those of `split`, without arrays, which cost more than a short text.
    """
    return [unit.start() for unit in _UNIT.finditer(text.translate(_SHAPES))]


def _each(texts: Sequence[str], tick: Callable[[], object]) -> Iterator[Units]:
    """The units of each text."""
    for start, end in ranges_of(texts, CHARACTERS_PER_CHUNK):
        codes, rest, counts = _units_of(texts[start:end])
        tick()
        stops = np.cumsum(counts).tolist()
        for text, begin, stop in zip(texts[start:end], [0, *stops], stops, strict=False):
            yield codes[:, begin:stop], rest[:, begin:stop], len(text)


def _rows(units: Sequence[Units]) -> Rows:
    """The units of several texts, end to end, with edges."""
    stops = np.cumsum(np.fromiter((codes.shape[1] for codes, _, _ in units), np.int64, len(units)) + 2 * _EDGES)
    first, last = np.append(0, stops[:-1])[: len(stops)] + _EDGES, stops - _EDGES
    codes, bare = np.concatenate([_NO_CODES, *chain.from_iterable((_EDGE_CODES, codes, _EDGE_CODES) for codes, _, _ in units)], axis=1)
    starts, blanks, sizes = np.concatenate([_NO_REST, *chain.from_iterable((_EDGE_REST, rest, _EDGE_REST) for _, rest, _ in units)], axis=1)
    starts[last] = [length for _, _, length in units]
    return Rows(codes, bare, starts, blanks, sizes, first, last)
