"""An edit or a value?

Both are places where the members of a template differ.  The rule:

edit      a place with few different texts, one of them five words or longer, where one text follows the other in
          time: two versions, two templates.
option    the same, but the texts come mixed in time, or the place is empty in some members: one slot.
value     a short text (a language, a tone, a day), whenever it comes: one slot.

An edit right beside a slot is seen in its values: from some time on they all end, or begin, with the same words.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from templating.mining.borders import shared_length
from templating.mining.pool import Pool
from templating.mining.skeleton import Skeleton
from templating.mining.units import split

EDIT_UNITS = 5  # words an edit has at least; shorter differences are values
EDIT_CALLS = 3  # members of each version
ALIKE, BESIDE = 12, 8  # characters with which values begin or end alike, and different ones at least that do
ENDS = (slice(ALIKE), 1), (slice(-ALIKE, None), -1)  # of a value, each with the step in which it is read from there on
# Of the oldest values and of the newest, and how many more of the ones than of the others begin, or end, alike.
PEEK, CHANGED = 24, 6
KINDS = 6  # different texts a place may have and still be edited rather than filled in
# (chance that a member of the later version came after one of the earlier, standard deviations by which that beats
# mixing): few members must be well apart, many may overlap
APART = ((0.85, 2.0), (0.7, 2.6))
WELL = ((0.85, 4.0),)  # the same where all calls are known
CLEARLY = ((0.9, 4.0),)  # the same for what values begin or end with: it may be a part of them, as the frame of JSON is


def versions(pool: Pool, found: Skeleton) -> list[list[int]]:
    """The members by version, oldest first; one list when nothing was edited."""
    keys = edits(found.values, [pool.times[m] for m in found.members], pool.go_on, APART)
    groups: dict[tuple[str, ...], list[int]] = {}
    for key, member in zip(keys, found.members, strict=True):
        groups.setdefault(key, []).append(member)
    return list(groups.values())


def edits(
    rows: Sequence[Sequence[str]],
    calls: Sequence[Sequence[int]],
    tick: Callable[[], object],
    apart: Sequence[tuple[float, float]] = WELL,
) -> list[tuple[str, ...]]:
    """Per member what it has at the places that were edited: members with the same are of one version.

    rows: the values of the members, oldest first.  calls: per member when it came.  tick: called for every place.  apart: how clearly the
    texts of a place must follow each other.
    """
    keys: list[tuple[str, ...]] = [() for _ in rows]
    for place in range(len(rows[0])):
        tick()
        if not _may_be_edited([row[place] for row in rows[:PEEK]], [row[place] for row in rows[-PEEK:]]):
            continue
        column = [row[place] for row in rows]
        for texts, least in ((column, apart), *((edges, CLEARLY) for edges in _edges(column))):
            if _edited(texts, calls, least):
                keys = [(*key, value) for key, value in zip(keys, texts, strict=True)]
    return keys


def _may_be_edited(oldest: Sequence[str], newest: Sequence[str]) -> bool:
    """Whether the oldest values and the newest differ as they do after an edit: cheap to see."""
    return 1 < len({*oldest, *newest}) <= KINDS or any(_have_changed(oldest, newest, end) for end, _ in ENDS)


def _edges(column: Sequence[str]) -> Iterable[list[str]]:
    """Per end of the values the words that many different ones have there alike, and nothing for the others."""
    if len(column) <= BESIDE:
        return
    for end, turned in ENDS:
        if not _have_changed(column[:PEEK], column[-PEEK:], end):
            continue
        kinds = [value[end] for value in column]
        often = [kind for kind, count in Counter(kinds).most_common(KINDS) if count >= BESIDE]
        edges = {}
        for often_kind in often:
            its = {value[::turned] for value, kind in zip(column, kinds, strict=True) if kind == often_kind}
            edge = next(iter(its))[: shared_length(list(its))] if len(its) >= BESIDE else ""
            if len(edge.split()) >= EDIT_UNITS:
                edges[often_kind] = edge
        if edges:
            yield [edges.get(kind, "") for kind in kinds]


def _have_changed(oldest: Sequence[str], newest: Sequence[str], end: slice) -> bool:
    """Whether many of the oldest begin, or end, as few of the newest do, or the other way round."""
    old, new = [value[end] for value in oldest], [value[end] for value in newest]
    if all(len(set(some)) > len(some) - CHANGED + 1 for some in (old, new)):
        return False
    before, after = Counter(old), Counter(new)
    return any(abs(before[kind] - after[kind]) >= CHANGED for kind in before.keys() | after)


def _edited(column: Sequence[str], calls: Sequence[Sequence[int]], apart: Sequence[tuple[float, float]]) -> bool:
    """Whether the texts of a place follow each other in time, and differ by more than a value does."""
    times: dict[str, list[int]] = {}
    for value, when in zip(column, calls, strict=True):
        times.setdefault(value, []).extend(when)
        if len(times) > KINDS:
            return False
    if len(times) < 2 or min(map(len, times.values())) < EDIT_CALLS:
        return False
    eras = sorted(map(sorted, times.values()), key=lambda t: t[len(t) // 2])
    return all(follows(early, late, apart) for early, late in pairwise(eras)) and _is_long(times)


def _is_long(texts: Iterable[str]) -> bool:
    """Whether one of them is longer than a value."""
    rows = split(list(texts))
    return int((rows.last - rows.first).max()) >= EDIT_UNITS


def follows(early: Sequence[int], late: Sequence[int], apart: Sequence[tuple[float, float]] = APART) -> bool:
    """Whether `late` comes after `early` more than chance allows (Mann and Whitney's U)."""
    before, after = len(early), len(late)
    chance = float(np.searchsorted(np.asarray(early), np.asarray(late)).sum()) / (before * after)
    sigma = ((before + after + 1) / (12 * before * after)) ** 0.5
    return any(chance >= least and chance - 0.5 >= sigmas * sigma for least, sigmas in apart)
