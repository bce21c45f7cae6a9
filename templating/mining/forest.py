"""The forest of member sets: which sets contain which, and whether a set is one template or a union of templates.

Templates that share a preamble, a phrase or a JSON key form a wide set, their union. A set is a union if its texts fall
into other sets whose texts share much more with each other than with the whole set.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Container, Sequence

import numpy as np

from templating.mining.budget import unlimited
from templating.mining.eras import Calls, bits_of_blocks
from templating.mining.pool import Pool
from templating.mining.quantities import BITS_BEYOND_CHANCE, BITS_OF_A_TIME, GREAT_MAJORITY, HALF, MOST_EDIT_TEXTS
from templating.mining.signatures import MemberSet, gram_codes, member_sets

CITED_GRAMS_SHARE = 0.75  # least share of each part's own grams that other prompts hold too, where the parts hold values (a persona, a document)
FEWEST_PREAMBLE_GRAMS = 100  # least grams of a preamble behind which known templates are apart: a short prompt may be frozen around long documents (a stream of mixed traffic .74 instead of .83)
OWN_GRAMS_FACTOR = 3.0  # least grams that the texts of half of these templates share, as a multiple of the preamble's grams; frozen values: at most 1.8
MOST_EXPLAINING_SETS = 20  # most sets that explain another set
PROBED_MEMBERS = 64  # most members whose sets are looked at
SETS_PER_BLOCK = 1024  # sets whose members are packed at a time: bounds memory to a megabyte
_UNKNOWN = -1
_NO_RUN = -1 << 62  # stands for several runs, or for runs that are not known


class Forest:
    """The member sets of a pool, widest first."""

    def __init__(self, pool: Pool, least: int, tick: Callable[[], object] = unlimited) -> None:
        """least: the least calls of a set. tick: called often."""
        self._pool = pool
        grams = gram_codes(pool.rows)
        tick()
        self.sets: list[MemberSet] = member_sets(pool.rows, grams, pool.parts, pool.calls, least, tick=tick)
        self._least = least
        self._sizes = np.array([len(s.members) for s in self.sets], np.int64)
        self._bitmaps = _bitmaps([s.members for s in self.sets], len(pool.texts))
        self._masks = [int.from_bytes(row.tobytes(), "little") for row in self._bitmaps]
        self._of_text: list[list[int]] = [[] for _ in pool.texts]
        for index, member_set in enumerate(self.sets):
            tick()
            for member in member_set.members.tolist():
                self._of_text[member].append(index)
        self._shared = np.full(len(self.sets), _UNKNOWN, np.int64)

    def shared(self, index: int) -> int:
        """The number of grams that all members of a set share: the set's own and those of every containing set."""
        if self._shared[index] == _UNKNOWN:
            around = self._of_text[int(self.sets[index].members[0])]
            self._shared[index] = self._grams(self._masks[index], around[: bisect_right(around, index)])
        return int(self._shared[index])

    def _shared_of(self, sets: np.ndarray) -> np.ndarray:
        """`shared` of each of these sets."""
        for index in sets[self._shared[sets] == _UNKNOWN].tolist():
            self.shared(index)
        return self._shared[sets]

    def _grams(self, mask: int, around: Sequence[int]) -> int:
        """The number of grams of the sets that hold all texts of a mask."""
        return sum([self.sets[i].grams for i in around if mask & self._masks[i] == mask])

    def far(self, groups: Collection[Collection[int]], least: float) -> set[int]:
        """The sets that hold a whole group and need no look: every other text shares much more with a group in another set, or the groups are apart.

        groups: the texts of each known template. least: the least share of the most grams that a text shares with a group in any set; a set with
        as many is near.
        """
        bitmaps = _bitmaps([np.array(sorted(group)) for group in groups], len(self._of_text))
        held = np.array([(self._bitmaps & row == row).all(axis=1) for row in bitmaps])
        holding = np.flatnonzero(held.any(axis=0))
        shared = self._shared_of(holding)
        own = np.array([self._grams(int.from_bytes(row.tobytes(), "little"), self._of_text[min(group)]) for row, group in zip(bitmaps, groups, strict=True)])
        parted = [index for index, grams in zip(holding.tolist(), shared.tolist(), strict=True) if _are_apart(own[held[:, index]], grams)]
        fresh = np.bitwise_or.reduce(bitmaps, axis=0)
        others = np.unpackbits((self._bitmaps[holding] & ~fresh).view(np.uint8), axis=1, bitorder="little").astype(bool)
        most = np.where(others, shared[:, None], 0).max(axis=0, initial=1)
        near = (others & (shared[:, None] >= least * most)).any(axis=1)
        return set(holding[~near].tolist()).union(parted)

    def parts(self, members: Sequence[int], more: float, least_share: float, have_frame: Callable[[np.ndarray], bool] = lambda _: False) -> list[np.ndarray]:
        """The parts of some members: members in another set that share `more` grams more among themselves, the most telling first.

        Per part the positions of its texts in `members`. Empty if all parts together hold less than `least_share` of the members, or if other
        prompts hold most grams of each part as well: then the parts share a value, as a persona or a document.
        """
        own = _bitmaps([np.array(members)], len(self._of_text))[0]
        shared = self._grams(int.from_bytes(own.tobytes(), "little"), self._of_text[members[0]])
        counts = np.bitwise_count(self._bitmaps & own).sum(axis=1, dtype=np.int64)
        near = np.flatnonzero((counts >= self._least) & (counts < len(members)))
        together = np.bitwise_or.reduce(self._bitmaps[near] & own, axis=0)
        if np.bitwise_count(together).sum() < least_share * len(members):
            return []
        extra = self._shared_of(near) - shared
        telling = np.flatnonzero(extra >= more)
        cited = set(near[counts[near] < HALF * self._sizes[near]].tolist())
        if cited and (self._shared_by(cited, near[telling]) >= CITED_GRAMS_SHARE * extra[telling]).all():
            return []
        order = near[telling[np.argsort(-(counts[near] * extra)[telling], kind="stable")]]
        position = np.full(len(self._of_text), -1)
        position[members] = np.arange(len(members))
        parts = [part[part >= 0] for part in (position[self.sets[i].members] for i in order.tolist())]
        return self._without_held(parts, members, have_frame)

    def _shared_by(self, some: Container[int], sets: np.ndarray) -> np.ndarray:
        """Per set the number of its grams that some containing sets account for."""
        around = ([i for i in self._of_text[int(self.sets[index].members[0])] if i in some] for index in sets.tolist())
        return np.array([self._grams(self._masks[index], its) for index, its in zip(sets.tolist(), around, strict=True)], np.int64)

    def explained(
        self, index: int, more: float, *, among: Sequence[int] = (), counts: Callable[[np.ndarray], bool] = lambda _: True
    ) -> float:
        """The share of the members that lie in other sets, each with at least `more` more shared grams.

        among: some members, as a sample of the set. counts: whether a set counts that has the texts at these positions of `among`.
        """
        whole = not among or len(among) == len(self.sets[index].members)
        members = self.sets[index].members if whole else np.array(among)
        own = self._bitmaps[index] if whole else _bitmaps([members], len(self._of_text))[0]
        mask = unexplained = int.from_bytes(own.tobytes(), "little")
        shared = self.shared(index) if whole else self._grams(mask, self._of_text[int(members[0])])
        size, least = len(members), max(self._least, len(members) // MOST_EXPLAINING_SETS)
        apart = list[int]()
        for inner in [kind & mask for kind in self._kinds(members, own, shared, more, least)]:
            if (inner & unexplained).bit_count() >= max(least, GREAT_MAJORITY * inner.bit_count()):
                unexplained &= ~inner
                apart.append(inner)
        parts = [np.array([place for place, member in enumerate(members.tolist()) if kind >> member & 1]) for kind in apart]
        explained = np.zeros(size, bool)
        for part in self._without_held(parts, members):
            if counts(part):
                explained[part] = True
        return float(explained.mean())

    def _without_held(self, parts: list[np.ndarray], members: Sequence[int] | np.ndarray, have_frame: Callable[[np.ndarray], bool] = lambda _: False) -> list[np.ndarray]:
        """The parts without those whose calls have a time of their own, if there are several such parts: these hold a value for a while.

        Examples: an agent's run holds its goal; a batch job holds the value of its outer loop. With fewer parts a held value looks
        like fixed text of a template.
        parts: positions of texts in `members`, the most telling part first.
        """
        runs = [self._run([members[position] for position in part.tolist()]) for part in parts]
        if len(set(runs) - {_NO_RUN}) > MOST_EDIT_TEXTS:
            parts = _unless_framed([part for part, run in zip(parts, runs, strict=True) if run == _NO_RUN], parts, len(members), have_frame)
        if len(parts) <= MOST_EDIT_TEXTS:
            return parts
        calls = Calls([self._pool.times[member] for member in members])
        bits = [calls.stay(part) for part in parts]
        for least, all_bits in ((0.0, BITS_BEYOND_CHANCE), (BITS_OF_A_TIME, 0.0)):
            apart = _apart([part for part, saved in zip(parts, bits, strict=True) if saved > least], len(members))
            if all_bits:
                apart = [part for part in apart if self._pool.times[members[part[0]]][0] >= 0]  # the times of known prompts are not known
            times = [[when for position in part for when in self._pool.times[members[position]]] for part in apart]
            if len(times) > MOST_EDIT_TEXTS and (not all_bits or bits_of_blocks(times) >= all_bits):
                return _unless_framed([part for part, saved in zip(parts, bits, strict=True) if saved <= least], parts, len(members), have_frame)
        return parts

    def _run(self, texts: Sequence[int]) -> int:
        """The one run of most calls of some texts (a run is one witness), or _NO_RUN."""
        if self._pool.runs is self._pool.times:
            return _NO_RUN
        runs = Counter(run for text in texts for run in self._pool.runs[text])
        [(run, often)] = runs.most_common(1)
        return run if often >= GREAT_MAJORITY * sum(runs.values()) else _NO_RUN

    def _kinds(self, members: np.ndarray, own: np.ndarray, shared: int, more: float, least: int) -> list[int]:
        """Parts of a set (as masks) that share `more` grams more, the most telling first."""
        probes = members[:: max(1, len(members) // PROBED_MEMBERS)].tolist()
        near = np.array(sorted(self._near(probes, least, len(members) / HALF)), np.int64)
        counts = np.bitwise_count(self._bitmaps[near] & own).sum(axis=1, dtype=np.int64)
        apart = (counts >= least) & (counts < len(members)) & (counts >= HALF * self._sizes[near])
        near, counts = near[apart], counts[apart]
        extra = self._shared_of(near) - shared
        telling = np.flatnonzero(extra >= more)
        order = telling[np.argsort(-(counts * extra)[telling], kind="stable")]
        return [self._masks[i] for i in near[order].tolist()]

    def _near(self, members: Sequence[int], least: float, most: float) -> set[int]:
        """The sets of these texts with `least` to `most` members: a range of each text's sets, which are sorted by size."""
        first, last = np.searchsorted(-self._sizes, -most), np.searchsorted(-self._sizes, -least, side="right")
        around = (self._of_text[member] for member in members)
        return {i for own in around for i in own[bisect_left(own, first) : bisect_left(own, last)]}


def _are_apart(own: np.ndarray, shared: int) -> bool:
    """Whether groups, by the grams that the texts of each share, are templates of their own behind what all of them share."""
    return len(own) > MOST_EDIT_TEXTS and shared >= FEWEST_PREAMBLE_GRAMS and float(np.median(own)) >= OWN_GRAMS_FACTOR * shared


def _unless_framed(
    rest: list[np.ndarray], parts: list[np.ndarray], size: int, have_frame: Callable[[np.ndarray], bool]
) -> list[np.ndarray]:
    """The rest of the parts, without those that seem held; all parts where half of the held texts are of call sites, each used up before the next."""
    kept = set(map(id, rest))
    held = _apart([part for part in parts if id(part) not in kept], size)
    return parts if sum(len(part) for part in held if have_frame(part)) >= HALF * sum(map(len, held)) else rest


def _apart(parts: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
    """The parts that hardly overlap earlier parts, without the texts of earlier parts. size: the number of texts."""
    fresh, apart = np.ones(size, bool), list[np.ndarray]()
    for part in parts:
        own = part[fresh[part]]
        if len(own) >= GREAT_MAJORITY * len(part):
            apart.append(own)
        fresh[part] = False
    return apart


def _bitmaps(sets: Sequence[np.ndarray], size: int) -> np.ndarray:
    """A row per set with a bit per text: intersections and their sizes in one operation, alone (as int) or many."""
    width = -(-size // 64)
    packed = [np.empty((0, width), np.uint64)]
    for start in range(0, len(sets), SETS_PER_BLOCK):
        block = sets[start : start + SETS_PER_BLOCK]
        bits = np.zeros((len(block), width * 64), np.uint8)
        for row, members in zip(bits, block, strict=True):
            row[members] = 1
        packed.append(np.packbits(bits, axis=1, bitorder="little").view(np.uint64))
    return np.concatenate(packed)
