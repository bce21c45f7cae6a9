"""Two templates behind one preamble, or one?

Among few texts, two or three may be the first calls of a sibling template: too few for a set of their own, so the wide set looks
like one template whose slots hold the texts of both. Five signs tell such a mixture from values:

places   the texts fall into the same parts at two places or more: values vary independently, siblings differ at all places together
bodies   at an open end, different values begin alike and share a run of words: the fixed text of a body
pairs    different values of two texts share many words that no other text has: these words are the fixed text of a template
parts    at an open end, the texts form several parts; within a part, different values share words
shared   among up to 24 texts, a text shares more words with its closest text, on average, than all texts share

A mixture gives no template: the sets below it are looked at, and the remaining texts wait for more calls.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from templating.mining.quantities import (
    EXCEPTIONS_SHARE,
    FEW,
    FEWEST_ALIKE,
    FEWEST_EDIT_WORDS,
    FEWEST_WORDS_OF_A_BODY,
    FEWEST_WORDS_OF_A_LONG_TEXT,
    MOST_EDIT_TEXTS,
    SEVERAL,
)
from templating.mining.shared_text import Run, longest, runs_of
from templating.mining.skeleton import Skeleton
from templating.template import Template

MOST_TEXTS_BY_SHARING = 24  # most texts of a mixture by the sign "shared": two or three may be all calls of a sibling
MOST_TEXTS_BY_PAIRS = 5  # most texts of a mixture by the sign "pairs": two may be all calls of a sibling; with eight, 1 of 48 rare templates is lost
MOST_WORDS_OF_A_VALUE = 5_000  # most words of a value that are looked at


def is_mixture(skeleton: Skeleton) -> bool:
    """Whether the texts of a skeleton are few and of several templates."""
    if len(skeleton.members) > MOST_TEXTS_BY_SHARING or not skeleton.template.slots:
        return False
    columns = list(zip(*skeleton.values, strict=True))
    ends = [column for place, column in enumerate(columns) if is_open(skeleton.template, place)]
    fixed = sum(len(literal.split()) for literal in skeleton.template.literals)
    if len(skeleton.members) > FEW:
        return (_mean_runs(columns) >= fixed and _mean_shared_runs(columns, ends) >= fixed) or any(map(_fall_apart, ends))
    much = EXCEPTIONS_SHARE * fixed
    return (
        _differ_together(columns, max(FEWEST_WORDS_OF_A_BODY, much))
        or any(map(_share_a_body, ends))
        or (len(skeleton.members) <= MOST_TEXTS_BY_PAIRS and _are_pairs(columns, ends, much))
    )


def _are_pairs(columns: Sequence[Sequence[str]], ends: Sequence[Sequence[str]], much: float) -> bool:
    """Whether two texts share many runs of words that no other text has. much: runs that are many outside of open ends."""
    return _own_runs(ends) >= FEWEST_EDIT_WORDS or _own_runs(columns) >= max(FEWEST_WORDS_OF_A_LONG_TEXT, much)


def is_open(template: Template, place: int) -> bool:
    """Whether the slot is at an open end: no word of fixed text stands between the slot and an end of the template."""
    first = place == 0 and not any(map(str.isalnum, template.literals[0]))
    last = place == len(template.slots) - 1 and not any(map(str.isalnum, template.literals[-1]))
    return first or last


def _differ_together(columns: Iterable[Sequence[str]], telling: float) -> bool:
    """Whether the texts fall into the same few parts at two places, and share more than a value there."""
    words: dict[tuple[int, ...], list[int]] = {}
    for column in columns:
        kinds = list(dict.fromkeys(column))
        if 1 < len(kinds) < len(column) and len(kinds) <= MOST_EDIT_TEXTS:
            parts = tuple(kinds.index(value) for value in column)
            words.setdefault(parts, []).append(max(len(kind.split()) for kind in kinds))
    return any(len(lengths) > 1 and sum(lengths) >= telling for lengths in words.values())


def _share_a_body(column: Sequence[str]) -> bool:
    """Whether two values, none the beginning of the other, begin alike and have a run of words in common."""
    seen: set[tuple[str, ...]] = set()
    for value in longest(column):
        words = value.split()
        starts = range(len(words) - FEWEST_WORDS_OF_A_BODY + 1)
        runs = {(*words[:SEVERAL], *words[start : start + FEWEST_WORDS_OF_A_BODY]) for start in starts}
        if not seen.isdisjoint(runs):
            return True
        seen |= runs
    return False


def _own_runs(columns: Iterable[Sequence[str]]) -> int:
    """The number of runs of words that two texts share in different values of a place and no other text has; most of all pairs."""
    shared = Counter[tuple[int, int]]()
    for column in columns:
        runs = [_runs(value) for value in column]
        again, more = _held_again(runs)
        runs = [its & (again - more) for its in runs]
        for first, second in combinations(range(len(column)), 2):
            if not _continue_each_other(column[first], column[second]):
                shared[first, second] += len(runs[first] & runs[second])
    return max(shared.values(), default=0)


def _runs(value: str) -> set[Run]:
    """The runs of words of a value, of a long value those of its first MOST_WORDS_OF_A_VALUE words."""
    return runs_of(value.split(None, MOST_WORDS_OF_A_VALUE)[:MOST_WORDS_OF_A_VALUE])


def _mean_runs(columns: Sequence[Sequence[str]]) -> float:
    """The number of runs of words that a text has in its values, on average: a bound of `_mean_shared_runs` that costs less."""
    runs = sum(max(0, len(value.split()) - FEWEST_ALIKE + 1) for column in columns for value in column)
    return runs / len(columns[0])


def _held_again(runs: Iterable[set[Run]]) -> tuple[set[Run], set[Run]]:
    """(the runs that two values or more hold, those that three or more hold)"""
    seen, again, more = set[Run](), set[Run](), set[Run]()
    for its in runs:
        more |= again & its
        again |= seen & its
        seen |= its
    return again, more


def _mean_shared_runs(columns: Sequence[Sequence[str]], ends: Sequence[Sequence[str]]) -> float:
    """The number of runs of words that a text shares with its closest text in different values, on average.

    Runs that all texts have do not count. Texts that share runs at a single place count only if the place is at an open end and they
    begin alike there, as bodies do: elsewhere one value may just contain another.
    """
    size = len(columns[0])
    shared, places = np.zeros((size, size), np.int64), np.zeros((size, size), np.int64)
    for column in columns:
        kinds = list(dict.fromkeys(column))
        of = np.array([kinds.index(value) for value in column])
        its = _shared_runs(kinds)[np.ix_(of, of)]
        shared += its
        places += its > 0
        if any(column is end for end in ends):
            begins = [value.split(None, SEVERAL)[:SEVERAL] for value in column]
            places += (its > 0) * np.array([[first == second for second in begins] for first in begins])
    return float((shared * (places > 1)).max(axis=1).mean())


def _shared_runs(kinds: Sequence[str]) -> np.ndarray:
    """Per pair of values the number of shared runs, without runs that all texts have; 0 where one value continues the other."""
    shared = np.zeros((len(kinds), len(kinds)), np.int64)
    if len(kinds) > 2:  # else all texts have what two values share
        runs = [_runs(kind) for kind in kinds]
        common = len(runs[0].intersection(*runs))
        for first, second in combinations(range(len(kinds)), 2):
            if not _continue_each_other(kinds[first], kinds[second]):
                shared[first, second] = shared[second, first] = len(runs[first] & runs[second]) - common
    return shared


def _continue_each_other(value: str, other: str) -> bool:
    """Whether one value continues the other, as a later turn of a conversation does; equal values do too."""
    return value.startswith(other) or other.startswith(value)


def _fall_apart(column: Sequence[str]) -> bool:
    """Whether the texts form several parts of two texts or more; the texts of a part share runs of words in different values."""
    runs, parts = [_runs(value) for value in column], list[set[int]]()
    common = runs[0].intersection(*runs)
    runs = [its - common for its in runs]
    for pair in combinations(range(len(column)), 2):
        first, second = pair
        if not _continue_each_other(column[first], column[second]) and len(runs[first] & runs[second]) >= FEWEST_EDIT_WORDS:
            met = [part for part in parts if not part.isdisjoint(pair)]
            parts = [part for part in parts if part not in met] + [set(pair).union(*met)]
    return len(parts) > 1 and sum(map(len, parts)) == len(column)
