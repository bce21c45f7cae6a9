"""Two templates behind one preamble, or one?

Of few texts, two or three may be the first of a sibling: too few to be a set of their own, so the wide set looks like
one template whose slots hold the texts of both.  Four signs tell them apart from values.

places   the texts fall into the same parts at two places or more: values are drawn one by one, siblings differ together
bodies   at an open end, different values begin alike and share a run of words: the fixed text of a body
pairs    different values of two texts share many words that no other text has: what they have in common is a template of its own
parts    at an open end, different values of every text share words with those of some others, and there are several such parts
shared   of up to 24, a text shares more words with another one, on average, than all share

A mixture is passed over: the sets below it are looked at, and what is left waits for more calls.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from templating.mining.skeleton import Skeleton
from templating.template import Template

FEW = 8  # texts of a mixture at most: of more, the rarest sibling makes a set of its own
MORE = 24  # but of so many two or three may still be all of it, where each shares more with another one than with all
PARTED = 16  # but of so many two may still be all of it, which is told where every text is of a part
KINDS = 3  # siblings in a mixture
TELLING = 8  # words that the texts of one part share, or a run of which different values share
EDGE = 2  # words with which bodies begin alike
PAIRED = 5  # texts of which two may be all that there is of a sibling
RUN, RUNS, OPEN_RUNS = 3, 20, 5  # words in a row, and how many such rows only the two share: anywhere, at open ends
SHARE = 0.2  # of the words that all texts share: parts that have less of their own are of one template, which holds a value for a while
WORDS = 5_000  # of a value that are looked at


def is_mixture(skeleton: Skeleton) -> bool:
    """Whether few texts look like those of several templates."""
    if len(skeleton.members) > MORE or not skeleton.template.slots:
        return False
    columns = list(zip(*skeleton.values, strict=True))
    ends = [column for place, column in enumerate(columns) if is_open(skeleton.template, place)]
    fixed = sum(len(literal.split()) for literal in skeleton.template.literals)
    if len(skeleton.members) > FEW:
        return _shared(columns, ends) >= fixed or (len(skeleton.members) <= PARTED and any(map(_fall_apart, ends)))
    much = SHARE * fixed
    return (
        _differ_together(columns, max(TELLING, much))
        or any(map(_share_a_body, ends))
        or (len(skeleton.members) <= PAIRED and (_own_runs(ends) >= OPEN_RUNS or _own_runs(columns) >= max(RUNS, much)))
    )


def is_open(template: Template, place: int) -> bool:
    """Whether no word of fixed text stands between the slot and the end of the template."""
    first = place == 0 and not any(map(str.isalnum, template.literals[0]))
    last = place == len(template.slots) - 1 and not any(map(str.isalnum, template.literals[-1]))
    return first or last


def _differ_together(columns: Iterable[Sequence[str]], telling: float) -> bool:
    """Whether the texts fall into the same few parts at two places, and share more than a value there."""
    words: dict[tuple[int, ...], list[int]] = {}
    for column in columns:
        kinds = list(dict.fromkeys(column))
        if 1 < len(kinds) < len(column) and len(kinds) <= KINDS:
            parts = tuple(kinds.index(value) for value in column)
            words.setdefault(parts, []).append(max(len(kind.split()) for kind in kinds))
    return any(len(lengths) > 1 and sum(lengths) >= telling for lengths in words.values())


def _share_a_body(column: Sequence[str]) -> bool:
    """Whether two different values begin alike and have a run of words in common."""
    seen: set[tuple[str, ...]] = set()
    for value in set(column):
        words = value.split()
        runs = {(*words[:EDGE], *words[i : i + TELLING]) for i in range(len(words) - TELLING + 1)}
        if not seen.isdisjoint(runs):
            return True
        seen |= runs
    return False


def _own_runs(columns: Iterable[Sequence[str]]) -> int:
    """How many runs of words two texts share in different values of a place, and no other text has there; of the two with most."""
    shared = Counter[tuple[int, int]]()
    for column in columns:
        runs = [_runs(value) for value in column]
        often = Counter(run for its in runs for run in its)
        for first, second in combinations(range(len(column)), 2):
            if column[first] != column[second]:
                shared[first, second] += sum(often[run] == 2 for run in runs[first] & runs[second])
    return max(shared.values(), default=0)


def _runs(value: str) -> set[tuple[str, ...]]:
    words = value.split(None, WORDS)[:WORDS]
    return set(zip(*(words[start:] for start in range(RUN)), strict=False))


def _shared(columns: Sequence[Sequence[str]], ends: Sequence[Sequence[str]]) -> float:
    """How many runs of words a text has in common with the one it shares most with, on average, in different values.

    What all texts have does not count, and nothing of two texts that share runs at one place alone, a value that holds what another one holds: but for an open end
    where they begin alike, as bodies do.
    """
    size = len(columns[0])
    shared, places = np.zeros((size, size), np.int64), np.zeros((size, size), np.int64)
    for column in columns:
        kinds = list(dict.fromkeys(column))
        of = np.array([kinds.index(value) for value in column])
        its = _runs_shared(kinds, np.bincount(of))[np.ix_(of, of)]
        shared += its
        places += its > 0
        if any(column is end for end in ends):
            begins = [value.split(None, EDGE)[:EDGE] for value in column]
            places += (its > 0) * np.array([[first == second for second in begins] for first in begins])
    return float((shared * (places > 1)).max(axis=1).mean())


def _runs_shared(kinds: Sequence[str], often: np.ndarray) -> np.ndarray:
    """Per two values how many runs of words both have, but for those that all texts have; none where one value grows out of the other."""
    holders: dict[tuple[str, ...], int] = {}
    for number, kind in enumerate(kinds):
        for run in _runs(kind):
            holders[run] = holders.get(run, 0) | 1 << number
    shared = np.zeros((len(kinds), len(kinds)), np.int64)
    for mask, count in Counter(holders.values()).items():
        its = [number for number in range(len(kinds)) if mask >> number & 1]
        if often[its].sum() < often.sum():
            shared[np.ix_(its, its)] += count
    for first, second in combinations(range(len(kinds)), 2):
        if kinds[first].startswith(kinds[second]) or kinds[second].startswith(kinds[first]):
            shared[first, second] = shared[second, first] = 0
    np.fill_diagonal(shared, 0)
    return shared


def _fall_apart(column: Sequence[str]) -> bool:
    """Whether the texts are of several parts, each of texts that share runs of words in different values, and of two at least."""
    runs, parts = [_runs(value) for value in column], list[set[int]]()
    often = Counter(run for its in runs for run in its)
    for pair in combinations(range(len(column)), 2):
        first, second = pair
        shared = runs[first] & runs[second]
        if column[first] != column[second] and sum(often[run] < len(column) for run in shared) >= OPEN_RUNS:
            met = [part for part in parts if not part.isdisjoint(pair)]
            parts = [part for part in parts if part not in met] + [set(pair).union(*met)]
    return len(parts) > 1 and sum(map(len, parts)) == len(column)
