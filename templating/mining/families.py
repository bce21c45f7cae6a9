"""An edit or a value?

Both are places where the members of a template differ.  The rule:

edit      a place with two or three different texts, one of them five words or longer, each of which has its time (A, B
          or A, B, A): a template for each.
option    the same, but the texts come mixed in time, or the place is empty in some members: one slot.
value     a short text (a language, a tone, a day), or one out of four and more, whenever it comes: one slot.

An edit right beside a slot is seen in its values: from some time on they all end, or begin, with the same words.
Examples that some calls begin with and others lack make two prompts as well, whenever they come.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import ne

from templating.mining.borders import shared_length
from templating.mining.eras import Calls, blocks, in_order
from templating.mining.pool import Pool
from templating.mining.skeleton import Skeleton
from templating.mining.units import split

EDIT_UNITS = 5  # words an edit has at least; shorter differences are values
EDIT_CALLS = 3  # members of each version
KINDS = 3  # different texts a place may have and still be edited rather than filled in
BESIDE = 8  # different values at least that begin or end alike where an edit is beside a slot
REACH = 200  # characters that these words have at most
PEEK, CHANGED = 24, 6  # values of some time, and how many more than at another time begin, or end, alike
APART, WELL = 6.0, 8.0  # bits of evidence that texts have their times: of a sample, of all calls or in what values begin or end with
TOGETHER = 2  # texts that change at a time when they are a record, on average; an edit is of one sentence
ORDERED = 1.2  # bits that are enough of few calls when each text has one block: three calls and four have no more
EXAMPLES = 24  # words of examples before a prompt, at least
Kind = tuple[str, ...]


def versions(pool: Pool, found: Skeleton) -> list[list[int]]:
    """The members by version, oldest first; one list when nothing was edited."""
    keys = edits(found.values, [pool.runs[m] for m in found.members], pool.go_on, APART)
    if _begin_in_two_ways(found):
        keys = [(*key, values[0]) for key, values in zip(keys, found.values, strict=True)]
    groups: dict[tuple[str, ...], list[int]] = {}
    for key, member in zip(keys, found.members, strict=True):
        groups.setdefault(key, []).append(member)
    return list(groups.values())


def _begin_in_two_ways(found: Skeleton) -> bool:
    """Whether some begin with a long text that the others lack: examples, which make a prompt of its own."""
    if not found.template.slots or found.template.literals[0].strip():
        return False
    values = {row[0] for row in found.values}
    return len(values) == 2 and not min(values).strip() and len(max(values).split()) >= EXAMPLES


def edits(
    rows: Sequence[Sequence[str]],
    calls: Sequence[Sequence[int]],
    tick: Callable[[], object],
    apart: float = WELL,
) -> list[tuple[str, ...]]:
    """Per member what it has at the places that were edited: members with the same are of one version.

    rows: the values of the members, oldest first.  calls: per member when it came, or the run that it is of began.  tick: called for every place.  apart: how clearly the
    texts of a place must follow each other.
    """
    keys: list[tuple[str, ...]] = [() for _ in rows]
    for column in zip(*rows, strict=True):
        tick()
        for texts, least in ((column, apart), *((edges, WELL) for edges in _edges(column))):
            if _edited(texts, calls, least):
                keys = [(*key, value) for key, value in zip(keys, texts, strict=True)]
    return [() for _ in rows] if _are_records(list(dict.fromkeys(keys))) else keys


def _are_records(versions: Sequence[tuple[str, ...]]) -> bool:
    """Whether many texts change together, as fields of one value do: it has four values and more.  versions: oldest first."""
    changes = [sum(map(ne, before, after)) for before, after in pairwise(versions)]
    return len(versions) > KINDS and sum(changes) >= TOGETHER * len(changes)


def _edges(column: Sequence[str]) -> Iterable[list[str]]:
    """Per end of the values the words that many different ones have there alike, and nothing for the others."""
    if len(column) <= BESIDE:
        return
    for turned in (1, -1):
        kinds = [_words(value, turned) for value in column]
        if _have_changed(kinds):
            edges = dict(_alike(column, kinds, turned))
            if 0 < len(edges) <= KINDS:
                yield [edges.get(kind, "") for kind in kinds]


def _words(value: str, turned: int) -> tuple[str, ...]:
    """The first words of a value, or the last ones, as many as an edit has."""
    return tuple(value[:REACH].split()[:EDIT_UNITS]) if turned == 1 else tuple(value[-REACH:].split()[-EDIT_UNITS:])


def _alike(column: Sequence[str], kinds: Sequence[Kind], turned: int) -> Iterable[tuple[Kind, str]]:
    """Per kind of values that begin, or end, alike (the kind, its words); no words for one that few values are of."""
    for kind, count in Counter(kinds).items():
        if count >= EDIT_CALLS and len(kind) == EDIT_UNITS:
            its = longest({value[::turned] for value, own in zip(column, kinds, strict=True) if own == kind})
            if len(its) >= EDIT_CALLS:
                yield kind, its[0][: shared_length(its)] if len(its) >= BESIDE else ""


def longest(values: Iterable[str]) -> list[str]:
    """Those that no other begins with: a conversation begins with what was said before, turn by turn."""
    ordered = sorted(values)
    return [value for value, after in zip(ordered, [*ordered[1:], ""], strict=True) if not after.startswith(value)]


def _have_changed(kinds: Sequence[Kind]) -> bool:
    """Whether many values of the first, the middle or the last calls are of a kind that few of another of these times are of."""
    middle = max(0, len(kinds) - PEEK) // 2
    counts = [Counter(some) for some in (kinds[:PEEK], kinds[middle : middle + PEEK], kinds[-PEEK:])]
    often = {kind for count in counts for kind, times in count.items() if times >= CHANGED}
    return any(max(its) - min(its) >= CHANGED for kind in often if (its := [count[kind] for count in counts]))


def _edited(column: Sequence[str], calls: Sequence[Sequence[int]], least: float) -> bool:
    """Whether each text of a place has its time, and they differ by more than a value does."""
    times: dict[str, set[int]] = {}
    for value, when in zip(column, calls, strict=True):
        times.setdefault(value, set()).update(when)
        if len(times) > KINDS:
            return False
    if len(times) < 2 or min(map(len, times.values())) < EDIT_CALLS:
        return False
    return _have_times([*map(sorted, times.values())], least) and _is_long(times)


def _have_times(times: Sequence[Sequence[int]], least: float) -> bool:
    """Whether each text has its time; one may have two, before and after another."""
    saved = blocks(times)
    if saved >= least or (least == APART and saved >= ORDERED and in_order(times)):
        return True
    calls = Calls(times)
    return sorted(calls.stay([text]) for text in range(len(times)))[1] >= least


def _is_long(texts: Iterable[str]) -> bool:
    """Whether one of them is longer than a value."""
    rows = split(list(texts))
    return int((rows.last - rows.first).max()) >= EDIT_UNITS
