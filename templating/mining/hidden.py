"""Templates of few calls behind one preamble, which a sample that holds one call of each takes for one template with a slot.

All texts together tell: most values of the slot begin, or end, as a few others do, in many ways.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from templating.mining.filing import KEY
from templating.mining.sampling import CHARACTERS, FEWEST, TEXTS, spread

SEARCHED, LOOKED, SOME = 4 * TEXTS, 64, 4  # texts of a template that are looked at, that are searched, and of one kind among these
ALIKE = 2 * KEY  # characters that values begin, or end, with: longer than what many questions begin with
WAYS, EACH, MOST = 12, 3, 0.6  # beginnings of values, values that have each at least, and the share of all that do
DOCUMENT, QUOTED = 48, 2  # characters of a document by which it is found elsewhere, and how many of WAYS are when values are made of them


def bounded(rows: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """So many of the rows, evenly over all, that they hold about CHARACTERS."""
    some = spread(rows, FEWEST)
    mean = sum(len(text) for text, _ in some) // len(some) + 1
    return spread(rows, max(FEWEST, min(SEARCHED, CHARACTERS // mean)))


def alike_in_many_ways(values: Iterable[tuple[str, str]], tick: Callable[[], object]) -> list[str]:
    """Some texts whose values begin, or end, as those of others do; none unless most values do, in many ways.

    values: texts, each with what it has in one slot; equal values count once.  Documents that values are made of begin many of them
    too, but they stand elsewhere in others.  tick: called often.
    """
    text_of = {value: text for text, value in values}
    for end in (slice(ALIKE), slice(-ALIKE, None)):
        ways: dict[str, list[str]] = {}
        for value in text_of:
            ways.setdefault(value[end], []).append(value)
        alike = [its for way, its in ways.items() if len(its) >= EACH and len(way) == ALIKE]
        if len(alike) < WAYS or sum(map(len, alike)) < MOST * len(text_of):
            continue
        if not _are_documents([its[0] for its in spread(alike, WAYS)], text_of, end, tick):
            return [text_of[value] for value in chain.from_iterable(its[:SOME] for its in spread(alike, LOOKED // SOME))]
    return []


def _are_documents(some: Iterable[str], values: Iterable[str], end: slice, tick: Callable[[], object]) -> bool:
    """Whether what some values begin, or end, with is found inside of others."""
    at_start, quoted = end.stop is not None, 0
    for value in some:
        tick()
        own, inner = (value[:DOCUMENT], slice(1, None)) if at_start else (value[-DOCUMENT:], slice(None, -1))
        quoted += any(own in other and own in other[inner] for other in values)
        if quoted == QUOTED:
            return True
    return False
