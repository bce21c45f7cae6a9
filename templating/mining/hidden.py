"""Templates of few calls behind one preamble, which a sample that holds one call of each takes for one template with a slot.

All texts together tell: most values of the slot begin, or end, as a few others do, in many ways.  So do values that are made of documents,
but these stand elsewhere in others too, and values of two slots side by side, each out of a few, but those begin alike and end otherwise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from templating.mining.sampling import CHARACTERS_PER_ROUND, FEWEST_TEXTS_PER_ROUND, TEXTS_PER_ROUND, spread
from templating.mining.sieve import KEY

MOST_BOUNDED_TEXTS = 4 * TEXTS_PER_ROUND  # texts of a template that are looked at
MOST_ALIKE_TEXTS = 64  # texts that are searched
TEXTS_PER_WAY = 4  # texts of one beginning among these
CHARACTERS_OF_A_WAY = 2 * KEY  # characters that values begin, or end, with: longer than what many questions begin with
FEWEST_WAYS = 12  # different beginnings of values
FEWEST_VALUES_PER_WAY = 3  # values that have each
WAYS_SHARE = 0.6  # of all values have one of these beginnings, at least
PAIRED_SHARE = 0.5  # of such values, at most, have at the other end what values that begin in another way have there
CHARACTERS_OF_A_DOCUMENT = 48  # characters by which a document is found in other values
FEWEST_DOCUMENTS = 2  # of FEWEST_WAYS that are found in others when values are made of documents

_HEAD, _TAIL = slice(CHARACTERS_OF_A_WAY), slice(-CHARACTERS_OF_A_WAY, None)

Kind = tuple[tuple[str, str], int]  # beginning, end and length of a value


def bounded(rows: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """So many of the rows, evenly over all, that they hold about CHARACTERS."""
    some = spread(rows, FEWEST_TEXTS_PER_ROUND)
    mean = sum(len(text) for text, _ in some) // len(some) + 1
    return spread(rows, max(FEWEST_TEXTS_PER_ROUND, min(MOST_BOUNDED_TEXTS, CHARACTERS_PER_ROUND // mean)))


def alike_in_many_ways(values: Iterable[tuple[str, str]], tick: Callable[[], object]) -> list[str]:
    """Some texts whose values begin, or end, as those of others do; none unless most values do, in many ways.

    values: texts, each with what it has in one slot; equal values count once.  tick: called often.
    """
    # Equal in length and at both ends is equal enough, and need not hash documents.
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
    """Whether most have at the other end what values that begin otherwise have there: each of the two is drawn for itself."""
    at_other = [[kind[0][other] for kind in its] for its in alike]
    often = Counter(chain.from_iterable(map(set, at_other)))
    ends = [end for its in at_other for end in its]
    return sum(often[end] > 1 for end in ends) >= PAIRED_SHARE * len(ends)


def _are_documents(some: Iterable[str], values: Iterable[str], end: slice, tick: Callable[[], object]) -> bool:
    """Whether what some values begin, or end, with is found inside of others."""
    at_start, quoted = end == _HEAD, 0
    for value in some:
        tick()
        own, inner = (value[:CHARACTERS_OF_A_DOCUMENT], slice(1, None)) if at_start else (value[-CHARACTERS_OF_A_DOCUMENT:], slice(None, -1))
        quoted += any(own in other and own in other[inner] for other in values)
        if quoted == FEWEST_DOCUMENTS:
            return True
    return False
