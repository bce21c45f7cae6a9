"""An edit or a value?

Both are places where the members of a template differ.  The rule:

edit      a place with two or three different texts, one of them five words or longer, each of which has its time (A, B
          or A, B, A): a template for each.
option    the same, but the texts come mixed in time, or the place is empty in some members: one slot.
words     a place with two texts, one of which is the other with some words put in, each in its time: an edit, however few these are.
value     any other short text (a language, a tone, a day), or one out of four and more, whenever it comes: one slot.

An edit right beside a slot is seen in its values: from some time on they all end, or begin, with the same words.
Examples that some calls begin with and others lack make two prompts as well, whenever they come.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, islice, pairwise
from operator import ne
from typing import NamedTuple

from templating.mining.borders import shared_length
from templating.mining.data import are_data
from templating.mining.eras import Calls, blocks, changes, choices, in_order, lives
from templating.mining.pool import Pool
from templating.mining.skeleton import Skeleton
from templating.mining.units import split
from templating.template import Template

FEWEST_EDIT_WORDS = 5  # words, numbers and marks of an edit; shorter differences are values
FEWEST_EDIT_CALLS = 3  # calls of each version: two agree by chance
MOST_EDIT_TEXTS = 3  # different texts a place may have and still be edited rather than filled in
FEWEST_VALUES_BESIDE = 8  # different values that begin or end alike where an edit is beside a slot
MOST_EDGE_CHARACTERS = 200  # characters that the words beside a slot have
VALUES_OF_A_TIME = 24  # values of the first, the middle and the last calls that are compared
FEWEST_CHANGED_VALUES = 6  # more of these begin, or end, alike than at another time
BITS_OF_AN_EDIT_IN_A_SAMPLE = 6.0  # bits of evidence that each text has its time, of a sample
BITS_OF_AN_EDIT = 8.0  # the same of all calls, and of what values begin or end with
FEWEST_RECORD_PLACES = 2  # places that change at a time, on average, when they are a record
RECORD_SHARE = 0.5  # of all places change at a time in a record: an edit is of a few
BITS_OF_ORDERED_VERSIONS = 1.2  # bits that are enough of few calls when each text has one block: three calls and four have no more
BITS_OF_AN_OUTERMOST_VERSION = 3.0  # bits that show a version of one or two calls to be the oldest or the newest: one call among sixteen, two among seven
MOST_EDIT_CHANGES = 10  # changes from one text of a place to another while it is edited; more are a value that is held, unless two versions run side by side
SIDE_BY_SIDE_SHARE = 0.8  # of what blocks save is saved as well when versions that run side by side mix by chance
FEWEST_EXAMPLE_WORDS = 24  # words of examples before a prompt
Kind = tuple[str, ...]
_MARKS_OF_DATA = frozenset('0123456789"{}[]')  # what a number or a field of JSON has that comes or goes, and words of an instruction lack


class Held:
    """Places whose texts come by turns across several versions of a prompt: what is a value there is one in each of the versions."""

    def __init__(self) -> None:
        self._places: list[dict[str, str]] = []

    def add(self, pool: Pool, skeleton: Skeleton) -> None:
        """Notes such places of a prompt that was edited."""
        texts, calls = [pool.texts[member] for member in skeleton.members], [pool.runs[member] for member in skeleton.members]
        for column in zip(*without_data(skeleton.template, skeleton.values, pool.barrier), strict=True):
            if 1 < len(set(column)) <= MOST_EDIT_TEXTS and changes([*_times(column, calls).values()]) > MOST_EDIT_CHANGES:
                self._places.append(dict(zip(texts, column, strict=True)))

    def __len__(self) -> int:
        return len(self._places)

    def forget(self, count: int) -> None:
        """Keeps the first so many places."""
        del self._places[count:]

    def has(self, texts: Sequence[str], column: Sequence[str]) -> bool:
        """Whether what parts these texts at a place parts them at one that was noted."""
        known = (place for place in self._places if all(text in place for text in texts))
        return any(_are_alike([place[text] for text in texts], column) for place in known)


def _are_alike(column: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two columns part their texts alike."""
    return len(set(column)) == len(set(other)) == len(set(zip(column, other, strict=True)))


class _Place(NamedTuple):
    """A place that may be edited, or several that part the members alike.

    column: per member its text.  least: bits that prove an edit.  is_alone: whether it is one place, as a value is.  is_long: whether the text is as long as an edit mostly is.
    """

    column: Sequence[str]
    least: float
    is_alone: bool = True
    is_long: bool = True


def _times(column: Sequence[str], calls: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    """Per text of a place when its calls came."""
    times: dict[str, set[int]] = {}
    for value, when in zip(column, calls, strict=True):
        times.setdefault(value, set()).update(when)
    return {value: sorted(when) for value, when in times.items()}


def versions(pool: Pool, skeleton: Skeleton, held: Held) -> list[list[int]]:
    """The members by version, oldest first; one list when nothing was edited."""
    texts = [pool.texts[member] for member in skeleton.members]
    runs = dict(zip(texts, (pool.runs[member] for member in skeleton.members), strict=True))
    rows = without_data(skeleton.template, skeleton.values, pool.barrier)
    keys = edits(texts, rows, runs.__getitem__, tick=pool.go_on, held=held, apart=BITS_OF_AN_EDIT_IN_A_SAMPLE)
    if _begin_in_two_ways(skeleton):
        keys = [(*key, values[0]) for key, values in zip(keys, skeleton.values, strict=True)]
    groups: dict[tuple[str, ...], list[int]] = {}
    for key, member in zip(keys, skeleton.members, strict=True):
        groups.setdefault(key, []).append(member)
    return list(groups.values())


def _begin_in_two_ways(skeleton: Skeleton) -> bool:
    """Whether some begin with a long text that the others lack: examples, which make a prompt of its own."""
    if not skeleton.template.slots or skeleton.template.literals[0].strip():
        return False
    values = {row[0] for row in skeleton.values}
    return len(values) == 2 and not min(values).strip() and len(max(values).split()) >= FEWEST_EXAMPLE_WORDS


def without_data(template: Template, rows: Sequence[tuple[str, ...]], barrier: str) -> list[tuple[str, ...]]:
    """The values of each text that are not inside of data."""
    text = [not is_data for is_data in are_data(template.literals, rows, barrier)]
    return list(rows) if all(text) else [tuple(compress(values, text)) for values in rows]


def edits(
    texts: Sequence[str],
    rows: Sequence[Sequence[str]],
    runs_of: Callable[[str], Sequence[int]],
    *,
    tick: Callable[[], object],
    held: Held,
    apart: float = BITS_OF_AN_EDIT,
    all_calls: bool = False,
) -> list[tuple[str, ...]]:
    """Per member what it has at the places that were edited: members with the same are of one version.

    texts: the members, oldest first.  rows: their values.  runs_of: when a member came, or when its runs began.  tick: called for every place.
    held: places that hold values.  apart: bits by which the texts of a place must follow each other.  all_calls: whether these are all calls of a template, so that
    a version may have one call.
    """
    keys: list[tuple[str, ...]] = [() for _ in rows]
    for place in _places(rows, tick, apart):
        calls = [*map(runs_of, texts)]
        if _edited(place, calls, may_be_few=all_calls and place.is_long) and not held.has(texts, place.column):
            keys = [(*key, value) for key, value in zip(keys, place.column, strict=True)]
    return [() for _ in rows] if _are_records(list(dict.fromkeys(keys))) else keys


def _places(
    rows: Sequence[Sequence[str]], tick: Callable[[], object], apart: float
) -> Iterator[_Place]:
    """What may be edited; places that part the members alike are one, since several words of a prompt are edited at once."""
    together: dict[tuple[int, ...], list[Sequence[str]]] = {}
    for column in zip(*rows, strict=True):
        tick()
        parts = _parts(column)
        if parts:
            together.setdefault(parts, []).append(column)
        yield from (_Place(edges, BITS_OF_AN_EDIT) for edges in _edges(column) if any(_is_long([edge]) for edge in set(edges)))
    for columns in together.values():
        texts = list(zip(*columns, strict=True))
        long = {text: _is_long(text) for text in set(texts)}
        if any(long.values()):
            yield _Place(["\n".join(text) * long[text] for text in texts], apart, is_alone=len(columns) == 1)
        elif all(map(_grows, columns)) and any(map(str.isalpha, "".join(chain(*texts)))):
            yield _Place(["\n".join(text) for text in texts], BITS_OF_AN_EDIT, is_long=False)


def _grows(column: Sequence[str]) -> bool:
    """Whether a place has two texts, one of which is the other with something put into it: values of a list hardly hold each other."""
    shorter, *longer = sorted(set(column), key=len)
    if len(longer) != 1:
        return False
    head = shared_length([shorter, *longer])
    tail = shared_length([shorter[head:][::-1], longer[0][head:][::-1]])
    return head + tail == len(shorter) and _MARKS_OF_DATA.isdisjoint(longer[0][head : len(longer[0]) - tail])


def _parts(column: Sequence[str]) -> tuple[int, ...]:
    """Per member which of the texts of a place it has; nothing when these are one, or more than an edit makes."""
    seen: dict[str, int] = {}
    parts = []
    for value in column:
        parts.append(seen.setdefault(value, len(seen)))
        if len(seen) > MOST_EDIT_TEXTS:
            return ()
    return tuple(parts) if len(seen) > 1 else ()


def _are_records(versions: Sequence[tuple[str, ...]]) -> bool:
    """Whether most places change together, as fields of one value do: it has four values and more.  versions: oldest first."""
    changed = [sum(map(ne, before, after)) for before, after in pairwise(versions)]
    return len(versions) > MOST_EDIT_TEXTS and sum(changed) >= max(FEWEST_RECORD_PLACES, RECORD_SHARE * len(versions[0])) * len(changed)


def _edges(column: Sequence[str]) -> Iterable[list[str]]:
    """Per end of the values the words that many different ones have there alike, and nothing for the others."""
    if len(column) <= FEWEST_VALUES_BESIDE:
        return
    for turned in (1, -1):
        if _have_changed(column, turned):
            kinds = [_words(value, turned) for value in column]
            edges = dict(islice(_alike(column, kinds, turned), MOST_EDIT_TEXTS + 1))
            if 0 < len(edges) <= MOST_EDIT_TEXTS:
                yield [edges.get(kind, "") for kind in kinds]


def _words(value: str, turned: int) -> tuple[str, ...]:
    """The first words of a value, or the last ones, as many as an edit has."""
    if turned == 1:
        return tuple(value[:MOST_EDGE_CHARACTERS].split(None, FEWEST_EDIT_WORDS)[:FEWEST_EDIT_WORDS])
    return tuple(value[-MOST_EDGE_CHARACTERS:].rsplit(None, FEWEST_EDIT_WORDS)[-FEWEST_EDIT_WORDS:])


def _alike(column: Sequence[str], kinds: Sequence[Kind], turned: int) -> Iterator[tuple[Kind, str]]:
    """Per kind of values that begin, or end, alike (the kind, its words); no words for one that few values are of."""
    values: dict[Kind, list[str]] = {}
    for value, kind in zip(column, kinds, strict=True):
        values.setdefault(kind, []).append(value)
    for kind, own in values.items():
        if len(own) >= FEWEST_EDIT_CALLS and len(kind) == FEWEST_EDIT_WORDS:
            its = longest({value[::turned] for value in own})
            if len(its) >= FEWEST_EDIT_CALLS:
                yield kind, its[0][: shared_length(its)] if len(its) >= FEWEST_VALUES_BESIDE else ""


def longest(values: Iterable[str]) -> list[str]:
    """Those that no other begins with: a conversation begins with what was said before, turn by turn."""
    ordered = sorted(values)
    return [value for value, after in zip(ordered, [*ordered[1:], ""], strict=True) if not after.startswith(value)]


def _have_changed(column: Sequence[str], turned: int) -> bool:
    """Whether many values of the first, the middle or the last calls are of a kind that few of another of these times are of."""
    if len(column) <= VALUES_OF_A_TIME:
        return False  # one time
    middle = max(0, len(column) - VALUES_OF_A_TIME) // 2
    times = column[:VALUES_OF_A_TIME], column[middle : middle + VALUES_OF_A_TIME], column[-VALUES_OF_A_TIME:]
    counts = [Counter(_words(value, turned) for value in some) for some in times]
    often = {kind for count in counts for kind, times in count.items() if times >= FEWEST_CHANGED_VALUES}
    return any(max(its) - min(its) >= FEWEST_CHANGED_VALUES for kind in often if (its := [count[kind] for count in counts]))


def _edited(place: _Place, calls: Sequence[Sequence[int]], *, may_be_few: bool) -> bool:
    """Whether each text has its time.  may_be_few: whether a version may have one call or two."""
    times = _times(place.column, calls)
    if len(times) < 2:
        return False
    often = [its for its in times.values() if len(its) >= FEWEST_EDIT_CALLS]
    few = [its for its in times.values() if len(its) < FEWEST_EDIT_CALLS]
    if few and not (may_be_few and often and _are_outermost(few, sorted(chain(*often)))):
        return False
    if len(often) < 2:
        return bool(few)
    return _have_times(often, place.least) and not (place.is_alone and _is_held(often))


def _are_outermost(few: Sequence[Sequence[int]], others: Sequence[int]) -> bool:
    """Whether the calls of versions with few calls came before all others, or after them, by more than chance."""
    first, last = others[0], others[-1]
    apart = all(its[-1] < first or its[0] > last for its in few)
    some = sum(map(len, few))
    return apart and choices(len(others) + some, some) - 1 >= BITS_OF_AN_OUTERMOST_VERSION


def _have_times(times: Sequence[Sequence[int]], least: float) -> bool:
    """Whether each text has its time; one may have two, before and after another."""
    saved = blocks(times)
    if saved >= least or (least == BITS_OF_AN_EDIT_IN_A_SAMPLE and saved >= BITS_OF_ORDERED_VERSIONS and in_order(times)):
        return True
    calls = Calls(times)
    return sorted(calls.stay([text]) for text in range(len(times)))[1] >= least


def _is_held(times: Sequence[Sequence[int]]) -> bool:
    """Whether texts come again and again, each for a while: a value.  Versions side by side mix by chance."""
    return changes(times) > MOST_EDIT_CHANGES and lives(times) < SIDE_BY_SIDE_SHARE * blocks(times)


def _is_long(pieces: Sequence[str]) -> bool:
    """Whether pieces have as many words, numbers and marks as an edit, an empty one counted as one."""
    if sum(len(piece.split(None, FEWEST_EDIT_WORDS)) for piece in pieces) >= FEWEST_EDIT_WORDS:
        return True  # what white space parts are units, and mostly enough of them
    rows = split(pieces)
    return int((rows.last - rows.first).clip(1).sum()) >= FEWEST_EDIT_WORDS
