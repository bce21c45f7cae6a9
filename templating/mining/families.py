"""An edit or a value?

Both are places where the members of a template differ.  The rule:

edit      a place with few different texts, one of them five words or longer, where one text follows the other in
          time: two versions, two templates.
option    the same, but the texts come mixed in time, or the place is empty in some members: one slot.
value     a short text (a language, a tone, a day), whenever it comes: one slot.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from templating.mining.pool import Pool
from templating.mining.skeleton import Skeleton
from templating.mining.units import split

EDIT_UNITS = 5  # words an edit has at least; shorter differences are values
EDIT_CALLS = 3  # members of each version
KINDS = 6  # different texts a place may have and still be edited rather than filled in
# (chance that a member of the later version came after one of the earlier, standard deviations by which that beats
# mixing): few members must be well apart, many may overlap
APART = ((0.85, 2.0), (0.7, 2.6))


def versions(pool: Pool, found: Skeleton) -> list[list[int]]:
    """The members by version, oldest first; one list when nothing was edited."""
    keys: list[tuple[str, ...]] = [() for _ in found.members]
    for place in range(len(found.template.slots)):
        pool.go_on()
        column = [row[place] for row in found.values]
        if _edited(column, [pool.times[m] for m in found.members]):
            keys = [(*key, value) for key, value in zip(keys, column, strict=True)]
    groups: dict[tuple[str, ...], list[int]] = {}
    for key, member in zip(keys, found.members, strict=True):
        groups.setdefault(key, []).append(member)
    return list(groups.values())


def _edited(column: Sequence[str], calls: Sequence[list[int]]) -> bool:
    """Whether the texts of a place follow each other in time, and differ by more than a value does."""
    times: dict[str, list[int]] = {}
    for value, when in zip(column, calls, strict=True):
        times.setdefault(value, []).extend(when)
        if len(times) > KINDS:
            return False
    if len(times) < 2 or min(map(len, times.values())) < EDIT_CALLS:
        return False
    rows = split(list(times))
    if int((rows.last - rows.first).max()) < EDIT_UNITS:
        return False
    eras = sorted(map(sorted, times.values()), key=lambda t: t[len(t) // 2])
    return all(follows(early, late) for early, late in pairwise(eras))


def follows(early: Sequence[int], late: Sequence[int]) -> bool:
    """Whether `late` comes after `early` more than chance allows (Mann and Whitney's U)."""
    before, after = len(early), len(late)
    chance = float(np.searchsorted(np.asarray(early), np.asarray(late)).sum()) / (before * after)
    sigma = ((before + after + 1) / (12 * before * after)) ** 0.5
    return any(chance >= least and chance - 0.5 >= sigmas * sigma for least, sigmas in APART)
