"""Member sets: texts that share fixed text, found without comparing any two texts.

Every three units in a row are a gram. Each text has a random 64-bit number; the signature of a gram is the sum of the
numbers of the texts that hold the gram. The fixed text of a template stands in exactly its members, so all its grams
have one signature, and counting equal signatures gives the member sets: one sort, whatever the number of templates.
The sets form a tree (preamble, template, version, value); `search` decides which sets are templates.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from templating.mining.budget import unlimited
from templating.mining.units import GRAM_WEIGHTS, Rows, alike, blocks, run_heads

UNITS_PER_GRAM = 3  # units: shorter grams are common by chance, longer ones miss short fixed texts
MOST_PER_TEXT = 1.25  # most occurrences of a gram per text, on average; a more frequent gram is inside a value (a list, JSON keys)
FEWEST_SHARED_GRAMS = 2  # least grams that a set shares: one gram is shared by chance

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FINISH = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


class MemberSet(NamedTuple):
    """Texts that share exactly the same grams. members: ascending text numbers; grams: the number of shared grams."""

    members: np.ndarray
    grams: int


def gram_codes(rows: Rows) -> np.ndarray:
    """Per unit the number of the gram of three units that begins there."""
    codes = np.zeros(len(rows.codes), np.uint64)
    for block in blocks(len(codes) - UNITS_PER_GRAM + 1):
        gram = codes[block]
        for shift, weight in enumerate(GRAM_WEIGHTS):
            gram += rows.codes[block.start + shift : block.stop + shift] * weight
        gram ^= gram >> np.uint64(31)
    return codes


def occurrences(rows: Rows, grams: np.ndarray, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """(every gram of a row or of the edge before the row, the gram's text), in the order of the rows."""
    begins = np.ones(len(grams), bool)
    begins[rows.last] = begins[rows.last + 1] = False
    owner = np.repeat(np.arange(len(rows.first), dtype=np.int32) // parts, rows.last - rows.first + 2)
    return grams[begins], owner


def _pairs(
    grams: np.ndarray, owner: np.ndarray, tick: Callable[[], object]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per pair (gram, text), sorted by gram: the gram, the text, the start of the pair in sorted order (one more entry at the end)."""
    tick()
    grams, order = alike(grams)
    tick()
    owner = owner.take(order)  # texts rise within a gram
    heads = run_heads(grams, owner).nonzero()[0]
    return grams.take(heads), owner.take(heads), np.append(heads, len(grams))


def _numbers(count: int) -> np.ndarray:
    """The random numbers of the texts: SplitMix64 (Steele, Lea and Flood 2014), without the load of numpy.random."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
    for shift, factor in _FINISH:
        mixed = (mixed ^ (mixed >> shift)) * factor
    return mixed ^ (mixed >> np.uint64(31))


def _evenly(places: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether the numbers from each of `begins` up to its end lie equally far apart."""
    steps = np.diff(places, append=0)  # one more entry, since an end may be the last
    spans = np.stack((begins, ends), axis=1).ravel()
    return np.maximum.reduceat(steps, spans)[::2] == np.minimum.reduceat(steps, spans)[::2]


def member_sets(
    rows: Rows,
    grams: np.ndarray,
    parts: int,
    weights: np.ndarray,
    least: int,
    *,
    tick: Callable[[], object] = unlimited,
) -> list[MemberSet]:
    """Member sets with at least `least` calls and FEWEST_SHARED_GRAMS grams, widest first.

    weights: calls per text; parts: rows per text; tick: called often.
    """
    return sets_of(*occurrences(rows, grams, parts), weights, least, tick=tick)


def sets_of(
    grams: np.ndarray, owner: np.ndarray, weights: np.ndarray, least: int, *, tick: Callable[[], object] = unlimited
) -> list[MemberSet]:
    """`member_sets` for grams whose texts are known."""
    texts = len(weights)
    gram, text, places = _pairs(grams, owner, tick)
    if not len(gram):
        return []
    begins = run_heads(gram).nonzero()[0]
    signature = np.add.reduceat(_numbers(texts).take(text), begins)
    calls = np.add.reduceat(weights.take(text), begins)
    ends = np.append(begins[1:], len(gram))
    sizes = ends - begins
    tick()
    keep = (calls >= least) & (sizes >= 2)
    repeated = np.flatnonzero(keep & (places[ends] - places[begins] > sizes * MOST_PER_TEXT))
    keep[repeated] = _evenly(places, begins[repeated], ends[repeated])
    begins, sizes, signature = begins[keep], sizes[keep], signature[keep]
    signature, order = alike(signature)
    heads = run_heads(signature).nonzero()[0]
    shared = np.diff(heads, append=len(order))
    example, shared = order[heads[shared >= FEWEST_SHARED_GRAMS]], shared[shared >= FEWEST_SHARED_GRAMS]
    spans = zip(begins[example].tolist(), sizes[example].tolist(), shared.tolist(), strict=True)
    sets = [MemberSet(text[begin : begin + size], grams) for begin, size, grams in spans]
    return sorted(sets, key=lambda s: (-len(s.members), -s.grams, s.members[:4].tolist()))
