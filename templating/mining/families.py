"""An edit or a value?

Both are places where the members of a template differ. The rule:

edit      two or three different texts at a place, one of them of five words or more, each with its own time (A, B or
          A, B, A): one template per text. A text that keeps a sentence of the text before counts with that text as one.
option    as an edit, but the texts are mixed in time, or the place is empty in some members: one slot.
words     two texts at a place, each with its own time, and one is the other with words inserted: an edit, however few the words.
value     any other short text (a language, a tone, a day), or one of four texts or more, at any time: one slot.

An edit next to a slot shows in the slot's values: from some time on all values end, or begin, with the same words.
If some calls begin with examples and others lack them, these are two prompts, at any time.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, islice, pairwise
from operator import contains, ne
from typing import NamedTuple

from templating.mining.borders import with_short_moments
from templating.mining.data import are_data
from templating.mining.eras import Calls, bits_of_blocks, bits_of_lives, choices, in_order, returns
from templating.mining.pool import Pool
from templating.mining.quantities import (
    BITS_BEYOND_CHANCE,
    BITS_OF_A_TIME,
    FEW,
    FEWEST_ALIKE,
    FEWEST_EDIT_WORDS,
    FEWEST_OF_A_KIND,
    FEWEST_WORDS_OF_A_LONG_TEXT,
    GREAT_MAJORITY,
    HALF,
    MOST_EDIT_TEXTS,
    SEVERAL,
)
from templating.mining.shared_text import edge_words, longest, shared_end_length, shared_length
from templating.mining.skeleton import Skeleton
from templating.mining.units import unit_begins
from templating.template import Template

MOST_EDGE_CHARACTERS = 200  # most characters of the words next to a slot that are compared
VALUES_OF_A_TIME = 24  # values that are compared of the first, the middle and the last calls, each
BITS_OF_AN_EDIT_IN_A_SAMPLE = 6.0  # least bits of evidence in a sample that each text has its own time
MOST_EDIT_RETURNS = 2  # most times that texts come back at an edited place (A, B, A, B); more are a held value, unless two versions run side by side
Kind = tuple[str, ...]
_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s|\n|(?<=[。！？])")
_MARKS_OF_DATA = frozenset('0123456789"{}[]')  # characters of optional numbers and JSON fields, which words of an instruction lack


class Held:
    """Places that hold values in several versions of a prompt: a value in one version is a value in all versions."""

    def __init__(self) -> None:
        self._places: list[_HeldPlace] = []

    def add(self, pool: Pool, skeleton: Skeleton) -> None:
        """Notes the value places of a prompt that was edited."""
        texts, calls = [pool.texts[member] for member in skeleton.members], [pool.runs[member] for member in skeleton.members]
        data = are_data(skeleton.template.literals, skeleton.values, pool.barrier)
        for column, is_data in zip(zip(*skeleton.values, strict=True), data, strict=True):
            if is_data or not _parts(column) or _is_held([*_times(column, calls).values()]):
                self._places.append(_HeldPlace(dict(zip(texts, column, strict=True)), is_data))

    def __len__(self) -> int:
        return len(self._places)

    def forget(self, count: int) -> None:
        """Keeps the first `count` places."""
        del self._places[count:]

    def has(self, texts: Sequence[str], column: Sequence[str]) -> bool:
        """Whether a noted place holds what these texts have in this column."""
        return any(place.holds(texts, column) for place in self._places)


class _HeldPlace(NamedTuple):
    """A place that holds values. values: per text the value. is_data: whether the values are data, no part of which is an edit."""

    values: dict[str, str]
    is_data: bool

    def holds(self, texts: Sequence[str], column: Sequence[str]) -> bool:
        """Whether the column is inside these values, if they are data, or divides the texts as these values do."""
        if not self.values.keys() >= {*texts}:
            return False
        own = [self.values[text] for text in texts]
        return all(map(contains, own, column)) if self.is_data else _are_alike(own, column)


def _are_alike(column: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two columns divide their texts alike."""
    return len(set(column)) == len(set(other)) == len(set(zip(column, other, strict=True)))


class _Place(NamedTuple):
    """A place that may be edited, or several places that divide the members alike.

    column: the text of each member. least: bits that prove an edit. is_alone: whether it is a single place, as a value is.
    is_long: whether the text is as long as most edits.
    """

    column: Sequence[str]
    least: float
    is_alone: bool = True
    is_long: bool = True


def _times(column: Sequence[str], calls: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    """Per text of a place the times of the text's calls."""
    times: dict[str, set[int]] = {}
    for value, when in zip(column, calls, strict=True):
        times.setdefault(value, set()).update(when)
    return {value: sorted(when) for value, when in times.items()}


def versions(pool: Pool, skeleton: Skeleton, held: Held) -> list[list[int]]:
    """The members by version, oldest first; one list when nothing was edited."""
    texts = [pool.texts[member] for member in skeleton.members]
    runs = dict(zip(texts, (pool.runs[member] for member in skeleton.members), strict=True))
    rows = without_data(skeleton.template, skeleton.values, pool.barrier)
    keys = edits(texts, rows, runs.__getitem__, tick=pool.go_on, held=held, apart=BITS_OF_AN_EDIT_IN_A_SAMPLE, whole_rows=skeleton.values)
    examples = _examples(skeleton, pool.barrier)
    if examples:
        keys = [(*key, examples * values[0].startswith(examples)) for key, values in zip(keys, skeleton.values, strict=True)]
    groups: dict[tuple[str, ...], list[int]] = {}
    for key, member in zip(keys, skeleton.members, strict=True):
        groups.setdefault(key, []).append(member)
    return list(groups.values())


def _examples(skeleton: Skeleton, barrier: str) -> str:
    """The long text that a part of some members begins with and the others lack: examples, which make a prompt of its own; nothing where there are none.

    Where a slot begins the part, it holds the examples with values behind them.
    """
    before = skeleton.template.literals[0]
    if not skeleton.template.slots or (before.rpartition(barrier)[2] if barrier else before).strip():
        return ""
    kinds: dict[Kind, list[str]] = {}
    for value in {row[0] for row in skeleton.values}:
        kinds.setdefault(tuple(value.split(None, FEWEST_WORDS_OF_A_LONG_TEXT)[:FEWEST_WORDS_OF_A_LONG_TEXT]), []).append(value)
    long = {kind: longest(values) for kind, values in kinds.items() if len(kind) == FEWEST_WORDS_OF_A_LONG_TEXT}
    often = [values for kind, values in long.items() if len(values) >= FEWEST_ALIKE or kinds.keys() == {(), kind}]
    return often[0][0][: shared_length(often[0])] if len(often) == 1 < len(kinds) else ""


def without_data(template: Template, rows: Sequence[tuple[str, ...]], barrier: str) -> list[tuple[str, ...]]:
    """The values of each text, without those inside data."""
    text = [not is_data for is_data in are_data(template.literals, rows, barrier)]
    return list(rows) if all(text) else [tuple(compress(values, text)) for values in rows]


def edits(
    texts: Sequence[str],
    rows: Sequence[Sequence[str]],
    runs_of: Callable[[str], Sequence[int]],
    *,
    tick: Callable[[], object],
    held: Held,
    apart: float = BITS_BEYOND_CHANCE,
    all_calls: bool = False,
    whole_rows: Sequence[Sequence[str]] = (),
) -> list[tuple[str, ...]]:
    """Per member its texts at the edited places: members with equal texts are one version.

    texts: the members, oldest first. rows: the values of each member. runs_of: the times of a member's calls, or of the starts of its runs.
    tick: called for every place. held: places that hold values. apart: least bits of evidence that the texts of a place follow each other.
    all_calls: whether the members are all calls of a template; then a version may have one call. whole_rows: `rows` with the values inside data.
    """
    keys: list[tuple[str, ...]] = [() for _ in rows]
    calls: list[Sequence[int]] = []
    for place in _places(rows, tick, apart):
        calls = calls or [*map(runs_of, texts)]
        if _edited(place, calls, may_be_few=all_calls and place.is_long) and not (_is_cited(place, whole_rows or rows) or held.has(texts, place.column)):
            keys = [(*key, value) for key, value in zip(keys, place.column, strict=True)]
    return [() for _ in rows] if _are_records(list(dict.fromkeys(keys))) else keys


def _is_cited(place: _Place, rows: Iterable[Sequence[str]]) -> bool:
    """Whether all prompts with one text of a place have this text in another value too, or another value in this text: a plan cites its goal, an edit is seldom cited."""
    cited: dict[str, bool] = {}
    for text, row in zip(map(str.strip, place.column), rows, strict=True):
        if cited.get(text, place.is_alone):
            cited[text] = _is_long([text]) and _stand_together(text, [*map(str.strip, row)])
    return any(cited.values())


def _stand_together(text: str, values: Sequence[str]) -> bool:
    """Whether one value, which is the text, and another hold each other. The shorter is as long as an edit."""
    return sum(text in value for value in values) > 1 or any(value != text and value in text and _is_long([value]) for value in values)


def _places(
    rows: Sequence[Sequence[str]], tick: Callable[[], object], apart: float
) -> Iterator[_Place]:
    """The places that may be edited. Places that divide the members alike count as one: an edit often changes several words."""
    together: dict[tuple[int, ...], list[Sequence[str]]] = {}
    for column in zip(*rows, strict=True):
        tick()
        parts = _parts(column)
        if parts:
            together.setdefault(parts, []).append(column)
        yield from (_Place(edges, BITS_BEYOND_CHANCE) for edges in _edges(column) if any(_is_long([edge]) for edge in set(edges)))
    for columns in together.values():
        texts = list(zip(*columns, strict=True))
        long = {text: _is_long(text) for text in set(texts)}
        if any(long.values()):
            yield _Place(["\n".join(text) * long[text] for text in texts], apart, is_alone=len(columns) == 1)
        elif all(map(_grows, columns)) and any(map(str.isalpha, "".join(chain(*texts)))):
            yield _Place(["\n".join(text) for text in texts], BITS_BEYOND_CHANCE, is_long=False)


def _grows(column: Sequence[str]) -> bool:
    """Whether a place has two texts, one of which is the other with words inserted: one value seldom contains another."""
    shorter, *longer = sorted(set(column), key=len)
    if len(longer) != 1:
        return False
    removed, inserted = _changed(shorter, longer[0])
    return not removed and _MARKS_OF_DATA.isdisjoint(inserted)


def _parts(column: Sequence[str]) -> tuple[int, ...]:
    """Per member the number of its text at a place; empty for one text, or for more texts than an edit has."""
    seen: dict[str, int] = {}
    parts = []
    for value in column:
        parts.append(seen.setdefault(value, len(seen)))
        if len(seen) > FEW:
            return ()
    is_edited = len(seen) > 1 and (len(seen) <= MOST_EDIT_TEXTS or _are_rewritten([*seen]))
    return tuple(parts) if is_edited else ()


def _are_rewritten(texts: Sequence[str]) -> bool:
    """Whether at most MOST_EDIT_TEXTS texts are new, and the others edit the text before. texts: all different, oldest first.

    A sentence that all texts share introduces an optional part, which some calls lack: it is not kept.
    """
    if not all(_is_long(_changed(*pair)) for pair in pairwise(texts)):
        return False
    pieces = [_pieces(text) for text in texts]
    shared_by_all = frozenset.intersection(*(its for text, its in zip(texts, pieces, strict=True) if text.strip()))
    new = 0
    for (before, after), (old, own) in zip(pairwise(texts), pairwise(pieces), strict=True):
        new += not _are_kept(filter(_is_sentence, old & own - shared_by_all), before, after)
        if new == MOST_EDIT_TEXTS:
            return False
    return True


def _are_kept(shared: Iterable[str], before: str, after: str) -> bool:
    """Whether the shared sentences are much of the shorter text: an edit changes one sentence and keeps the sentences beside."""
    kept = sum(map(len, shared))
    return kept > 0 and kept >= HALF * min(len(before), len(after))


def _changed(before: str, after: str) -> tuple[str, str]:
    """Both texts without the characters with which both begin, or end."""
    head = shared_length([before, after])
    tail = shared_end_length([before[head:], after[head:]])
    return before[head : len(before) - tail], after[head : len(after) - tail]


def _pieces(text: str) -> frozenset[str]:
    """The text, cut where sentences end."""
    return frozenset(map(str.strip, _SENTENCE_END.split(text)))


def _is_sentence(piece: str) -> bool:
    """Whether a piece has five words or more; fields of JSON are no sentence."""
    return sum(map(str.isalpha, piece)) >= GREAT_MAJORITY * len("".join(piece.split())) and _is_long([piece])


def _are_records(versions: Sequence[tuple[str, ...]]) -> bool:
    """Whether most places change together, as the fields of a record with four values or more do. versions: oldest first."""
    changed = [sum(map(ne, before, after)) for before, after in pairwise(versions)]
    return len(versions) > MOST_EDIT_TEXTS and sum(changed) >= max(SEVERAL, HALF * len(versions[0])) * len(changed)


def _edges(column: Sequence[str]) -> Iterable[list[str]]:
    """Per end of the values: for each value the words that many different values share at this end, or nothing."""
    size = len(column)
    if size <= VALUES_OF_A_TIME:
        return  # the values are of one time
    middle = (size - VALUES_OF_A_TIME) // 2
    times = [range(start, start + VALUES_OF_A_TIME) for start in (0, middle, size - VALUES_OF_A_TIME)]
    for direction in (1, -1):
        known = {value: _near_words(value, direction) for value in {column[place] for place in chain(*times)}}
        if _have_changed([[known[column[place]] for place in time] for time in times]):
            kinds = [known[value] if value in known else _near_words(value, direction) for value in column]
            if any(often >= FEW and len(kind) == FEWEST_EDIT_WORDS for kind, often in Counter(kinds).items()):
                edges = dict(islice(_alike(column, kinds, direction), MOST_EDIT_TEXTS + 1))
                if 0 < len(edges) <= MOST_EDIT_TEXTS:
                    yield [edges.get(kind, "") for kind in kinds]


def _near_words(value: str, direction: int) -> tuple[str, ...]:
    """`edge_words`, of a long value those in its outermost MOST_EDGE_CHARACTERS."""
    return edge_words(value[:MOST_EDGE_CHARACTERS] if direction > 0 else value[-MOST_EDGE_CHARACTERS:], direction)


def _alike(column: Sequence[str], kinds: Sequence[Kind], direction: int) -> Iterator[tuple[Kind, str]]:
    """(kind, words) of each kind of values that begin, or end, alike; a kind of few values has no words."""
    values: dict[Kind, list[str]] = {}
    for value, kind in zip(column, kinds, strict=True):
        values.setdefault(kind, []).append(value)
    for kind, own in values.items():
        if len(own) >= FEWEST_ALIKE and len(kind) == FEWEST_EDIT_WORDS:
            its = longest({value[::direction] for value in own})
            if len(its) >= FEWEST_ALIKE:
                yield kind, its[0][: shared_length(its)] if len(its) >= FEW else ""


def _have_changed(times: Sequence[Sequence[Kind]]) -> bool:
    """Whether many values of one time (first, middle or last calls) are of a kind that few values of another time are of."""
    counts = [Counter(kinds) for kinds in times]
    often = {kind for count in counts for kind, times in count.items() if times >= FEWEST_OF_A_KIND}
    return any(max(its) - min(its) >= FEWEST_OF_A_KIND for kind in often if (its := [count[kind] for count in counts]))


def _edited(place: _Place, calls: Sequence[Sequence[int]], *, may_be_few: bool) -> bool:
    """Whether each text has its own time. may_be_few: whether a version may have one or two calls."""
    times = _times(place.column, calls)
    often = [its for its in times.values() if len(its) >= FEWEST_ALIKE]
    few = [its for its in times.values() if len(its) < FEWEST_ALIKE]
    if few and not (may_be_few and often and _are_outermost(few, sorted(chain(*often)))):
        return False
    if len(often) < 2:
        return bool(few)
    return _have_times(often, place.least) and not (place.is_alone and _is_held(often))


def _are_outermost(few: Sequence[Sequence[int]], others: Sequence[int]) -> bool:
    """Whether the calls of versions with few calls came before all other calls, or after all, by more than chance."""
    first, last = others[0], others[-1]
    apart = all(its[-1] < first or its[0] > last for its in few)
    some = sum(map(len, few))
    return apart and choices(len(others) + some, some) >= BITS_OF_A_TIME


def _have_times(times: Sequence[Sequence[int]], least: float) -> bool:
    """Whether each text has its own time; one text may have two times, before and after another."""
    saved = bits_of_blocks(times)
    if in_order(times):  # a job's outer loop holds its values so too
        return saved >= least or least == BITS_OF_AN_EDIT_IN_A_SAMPLE
    calls = Calls(times)
    alone = sorted(max(calls.stay([text]), calls.begin_or_end([text])) for text in range(len(times)))
    return saved >= least or alone[1] >= least


def _is_held(times: Sequence[Sequence[int]]) -> bool:
    """Whether texts come again and again, each for a while, as held values do. Versions side by side mix by chance."""
    return returns(times, FEWEST_ALIKE) > MOST_EDIT_RETURNS and bits_of_lives(times) < GREAT_MAJORITY * bits_of_blocks(times)


def _is_long(pieces: Sequence[str]) -> bool:
    """Whether the pieces have as many words, numbers and marks as an edit; an empty piece counts as one."""
    if sum(len(piece.split(None, FEWEST_EDIT_WORDS)) for piece in pieces) >= FEWEST_EDIT_WORDS:
        return True  # words between white space are units: mostly these are enough
    return sum(max(1, len(unit_begins(with_short_moments(piece)))) for piece in pieces) >= FEWEST_EDIT_WORDS
