"""Hidden templates: templates of few calls behind one preamble, which a sample with one call of each takes for one template with a slot.

All texts together show them: there are many beginnings (or ends) that a few values of the slot share, and most values have one of these.
Two kinds of values look alike and are excluded: values that are made of documents (a document also stands inside other values), and two
slots side by side with few values each (equal beginnings come with different ends).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from templating.mining.sampling import CHARACTERS_PER_ROUND, FEWEST_TEXTS_PER_ROUND, TEXTS_PER_ROUND, spread
from templating.mining.sieve import KEY_CHARACTERS

MOST_BOUNDED_TEXTS = 4 * TEXTS_PER_ROUND  # most texts of a template that are looked at
MOST_ALIKE_TEXTS = 64  # most texts that are searched
TEXTS_PER_WAY = 4  # most texts of one beginning among these
CHARACTERS_OF_A_WAY = 2 * KEY_CHARACTERS  # characters of a beginning or an end: longer than the common beginnings of questions
FEWEST_WAYS = 12  # least different beginnings of values
FEWEST_VALUES_PER_WAY = 3  # least values of each beginning
WAYS_SHARE = 0.6  # least share of all values with one of these beginnings
PAIRED_SHARE = 0.5  # most share of these values whose other end is that of values with another beginning
CHARACTERS_OF_A_DOCUMENT = 48  # characters of a document that are looked for in other values
FEWEST_DOCUMENTS = 2  # least of FEWEST_WAYS beginnings that other values hold inside, where values are made of documents

_HEAD, _TAIL = slice(CHARACTERS_OF_A_WAY), slice(-CHARACTERS_OF_A_WAY, None)

Kind = tuple[tuple[str, str], int]  # beginning, end and length of a value


def bounded(rows: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Rows evenly over all, as many as hold about CHARACTERS_PER_ROUND."""
    some = spread(rows, FEWEST_TEXTS_PER_ROUND)
    mean = sum(len(text) for text, _ in some) // len(some) + 1
    return spread(rows, max(FEWEST_TEXTS_PER_ROUND, min(MOST_BOUNDED_TEXTS, CHARACTERS_PER_ROUND // mean)))


def alike_in_many_ways(values: Iterable[tuple[str, str]], tick: Callable[[], object]) -> list[str]:
    """Some texts whose values begin, or end, as a few others do; empty unless most values do, in many different ways.

    values: (text, value of one slot); equal values count once. tick: called often.
    """
    # Values of equal length and ends count as equal: hashing whole documents would be slow.
    kinds = {((value[_HEAD], value[_TAIL]), len(value)): (text, value) for text, value in values}
    for end in range(2):
        ways: dict[str, list[Kind]] = {}
        for kind in kinds:
            ways.setdefault(kind[0][end], []).append(kind)
        alike = [its for way, its in ways.items() if len(its) >= FEWEST_VALUES_PER_WAY and len(way) == CHARACTERS_OF_A_WAY]
        if len(alike) < FEWEST_WAYS or sum(map(len, alike)) < WAYS_SHARE * len(kinds) or _are_pairs(alike, 1 - end):
            continue
        some = [kinds[its[0]][1] for its in spread(alike, FEWEST_WAYS)]
        if not _are_documents(some, [value for _, value in kinds.values()], (_HEAD, _TAIL)[end], tick):
            return [kinds[kind][0] for kind in chain.from_iterable(its[:TEXTS_PER_WAY] for its in spread(alike, MOST_ALIKE_TEXTS // TEXTS_PER_WAY))]
    return []


def _are_pairs(alike: Iterable[Iterable[Kind]], other: int) -> bool:
    """Whether most values share their other end with values of another beginning: then two slots vary independently."""
    at_other = [[kind[0][other] for kind in its] for its in alike]
    often = Counter(chain.from_iterable(map(set, at_other)))
    ends = [end for its in at_other for end in its]
    return sum(often[end] > 1 for end in ends) >= PAIRED_SHARE * len(ends)


def _are_documents(some: Iterable[str], values: Iterable[str], end: slice, tick: Callable[[], object]) -> bool:
    """Whether the beginnings, or ends, of some values stand inside other values."""
    at_start, quoted = end == _HEAD, 0
    for value in some:
        tick()
        own, inner = (value[:CHARACTERS_OF_A_DOCUMENT], slice(1, None)) if at_start else (value[-CHARACTERS_OF_A_DOCUMENT:], slice(None, -1))
        quoted += any(own in other and own in other[inner] for other in values)
        if quoted == FEWEST_DOCUMENTS:
            return True
    return False
