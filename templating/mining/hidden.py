"""Templates of few calls behind one preamble, which a sample that holds one call of each takes for one template with a slot.

All texts together tell: most values of the slot begin, or end, as a few others do, in many ways.  So do values that are made of documents,
but these stand elsewhere in others too, and values of two slots side by side, each out of a few, but those begin alike and end otherwise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from templating.mining.sampling import CHARACTERS, FEWEST, TEXTS, spread
from templating.mining.sieve import KEY

SEARCHED, LOOKED, SOME = 4 * TEXTS, 64, 4  # texts of a template that are looked at, that are searched, and of one kind among these
ALIKE = 2 * KEY  # characters that values begin, or end, with: longer than what many questions begin with
WAYS, EACH, MOST = 12, 3, 0.6  # beginnings of values, values that have each at least, and the share of all that do
PAIRED = 0.5  # of such values, at most, may have at the other end what values that begin in another way have there
DOCUMENT, QUOTED = 48, 2  # characters of a document by which it is found elsewhere, and how many of WAYS are when values are made of them

_HEAD, _TAIL = slice(ALIKE), slice(-ALIKE, None)

Kind = tuple[tuple[str, str], int]  # beginning, end and length of a value


def bounded(rows: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """So many of the rows, evenly over all, that they hold about CHARACTERS."""
    some = spread(rows, FEWEST)
    mean = sum(len(text) for text, _ in some) // len(some) + 1
    return spread(rows, max(FEWEST, min(SEARCHED, CHARACTERS // mean)))


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
        alike = [its for way, its in ways.items() if len(its) >= EACH and len(way) == ALIKE]
        if len(alike) < WAYS or sum(map(len, alike)) < MOST * len(kinds) or _are_pairs(alike, 1 - end):
            continue
        some = [kinds[its[0]][1] for its in spread(alike, WAYS)]
        if not _are_documents(some, [value for _, value in kinds.values()], (_HEAD, _TAIL)[end], tick):
            return [kinds[kind][0] for kind in chain.from_iterable(its[:SOME] for its in spread(alike, LOOKED // SOME))]
    return []


def _are_pairs(alike: Iterable[Iterable[Kind]], other: int) -> bool:
    """Whether most have at the other end what values that begin otherwise have there: each of the two is drawn for itself."""
    at_other = [[kind[0][other] for kind in its] for its in alike]
    often = Counter(chain.from_iterable(map(set, at_other)))
    ends = [end for its in at_other for end in its]
    return sum(often[end] > 1 for end in ends) >= PAIRED * len(ends)


def _are_documents(some: Iterable[str], values: Iterable[str], end: slice, tick: Callable[[], object]) -> bool:
    """Whether what some values begin, or end, with is found inside of others."""
    at_start, quoted = end == _HEAD, 0
    for value in some:
        tick()
        own, inner = (value[:DOCUMENT], slice(1, None)) if at_start else (value[-DOCUMENT:], slice(None, -1))
        quoted += any(own in other and own in other[inner] for other in values)
        if quoted == QUOTED:
            return True
    return False
