"""Families: texts that share rare grams, which a round of search sees together.

A round sees a random sample, with one or no call of a template that has four calls among ten thousand. Texts of one template hold the same
grams, and one sort brings equal grams together, whatever the number of texts. So each text is filed with the texts that share most grams
with it. Only `search` decides whether a family is one template, several or chance; this module gives the order of the texts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from templating.mining.sampling import CHARACTERS_PER_ROUND, TEXTS_PER_ROUND
from templating.mining.signatures import FEWEST_SHARED_GRAMS, MemberSet, gram_codes, occurrences, sets_of
from templating.mining.units import ranges_of, split

MOST_FAMILY_TEXTS = TEXTS_PER_ROUND // 4  # most texts of a family: a random sample holds texts of every larger template
LEAST_SHARED_GRAMS = 6  # grams, at least, that texts of a family share


def families(
    texts: Sequence[str], calls: Mapping[str, Sequence[int]], barrier: str, least: int, tick: Callable[[], object]
) -> list[list[str]]:
    """Families, those with most shared grams first; texts that share too few grams with others are left out.

    least: the least number of calls that hold a gram. tick: called often.
    """
    weights = np.fromiter((len(calls[text]) for text in texts), np.int64, len(texts))
    thin = 1 << max(0, sum(map(len, texts)) // CHARACTERS_PER_ROUND).bit_length()
    sets = sets_of(*_grams(texts, barrier, thin, tick), weights, least, tick=tick)
    telling = [member_set for member_set in sets if member_set.grams >= max(FEWEST_SHARED_GRAMS, LEAST_SHARED_GRAMS // thin)]
    telling.sort(key=lambda member_set: -member_set.grams)
    return [[texts[member] for member in family] for family in _filed(telling, len(texts), tick)]


def _filed(sets: Iterable[MemberSet], count: int, tick: Callable[[], object]) -> list[list[int]]:
    """Families: the texts of each set that no earlier set has; they join the family of the set's other texts if there is one."""
    family = [-1] * count
    filed: list[list[int]] = []
    for member_set in sets:
        tick()
        members = member_set.members.tolist()
        fresh = [member for member in members if family[member] < 0]
        if not fresh:
            continue
        others = {family[member] for member in members} - {-1}
        into = others.pop() if len(others) == 1 else len(filed)
        if into == len(filed) or len(filed[into]) + len(fresh) > MOST_FAMILY_TEXTS:
            into = len(filed)
            filed.append([])
        filed[into] += fresh[:MOST_FAMILY_TEXTS]
        for member in fresh[:MOST_FAMILY_TEXTS]:
            family[member] = into
    return filed


def _grams(
    texts: Sequence[str], barrier: str, thin: int, tick: Callable[[], object]
) -> tuple[np.ndarray, np.ndarray]:
    """(grams, the text of each gram). Keeps one gram in `thin`, a power of two, by value, so that memory is bounded."""
    grams, owners = [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
    for start, stop in ranges_of(texts, CHARACTERS_PER_ROUND):
        rows = split([text.replace(barrier, "\n") if barrier else text for text in texts[start:stop]], tick)
        its, owner = occurrences(rows, gram_codes(rows), 1)
        kept = np.flatnonzero((its >> np.uint64(32)) & np.uint64(thin - 1) == 0)
        grams.append(its[kept])
        owners.append(owner[kept] + np.int32(start))
        tick()
    return np.concatenate(grams), np.concatenate(owners)
