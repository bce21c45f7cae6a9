"""From the widest member set down, every set that is one template.

A set is passed over when its texts are better explained by others (`forest`), when its fixed text is not worth its
members, when it is a family of templates behind one preamble or in one house style (`siblings`).  An edit in it makes a
template of each version (`families`).  What is taken leaves the sets below it empty, so an optional part or a value list
stays one slot.
"""

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from templating.mining.budget import SpentError
from templating.mining.ends import Ends
from templating.mining.families import Held, versions
from templating.mining.forest import Forest
from templating.mining.frames import BITS_A_FRAME_SAVES, is_spoken, saved_bits
from templating.mining.mixture import PARTED, is_mixture
from templating.mining.pool import Pool
from templating.mining.siblings import FEWEST_OWN_GRAMS, PARTED_SHARE, Places, siblings
from templating.mining.skeleton import Skeleton, may_be_held, skeleton
from templating.mining.verdicts import Verdicts, ranks

BITS_OF_A_TEMPLATE = 36.0  # bits of fixed text that make a template of many calls: three or four rare words
BITS_SHARED_BY_CALLS = 60.0  # bits more, shared out among the calls: few can agree by chance
WHOLE_SHARE = 0.8  # of the pool shares its beginning or end: what one call site sends, not chance among many; a word is enough that saves bits
FEWEST_LOOSE_TEXTS = 8  # texts of a template that neither begins nor ends with fixed text: so does a long value
BITS_OF_A_LOOSE_TEMPLATE = 54.0  # bits of such a template
LETTER_SHARE_OF_FEW = 0.6  # of fixed text are letters and digits when few calls have it: any two JSON texts share the rest
FEW_CALLS = 8  # calls that are few
CROSSING_FACTOR = 2.0  # times the grams of a set that other sets share
CROSSING_SHARE = 0.5  # of the set's members lie in these
# The same behind a preamble: the bodies share so many grams, and most of them twice as many.
BODY_STEPS = ((4.0, 0.9), (8.0, 0.6))  # (grams that bodies behind a preamble share more, share of the texts that lie in such bodies)
REST_SHARE = 0.6  # of a set of several templates, at most, is left when it is looked at again
LONG_CHARACTERS = 60_000  # characters of a set of few texts, whose alignment takes some 15 ms; shorter sets are aligned and not looked up
_VERDICTS = Verdicts()


def search(
    pool: Pool,
    least: int,
    stop: Callable[[], bool],
    *,
    accepts: Callable[[Skeleton], bool] = lambda _: True,
    settled: Collection[frozenset[int]] = (),
    whole: Skeleton | None = None,
    narrowest: int = 0,
    held: Held | None = None,
) -> list[Skeleton]:
    """The templates of the pool.

    least: calls that make one.  stop: asked often; True ends the search.  accepts: the caller's say in each template.
    settled: per template that there is already, its texts; among themselves they are not searched again.
    whole: the template of all texts, where it is known and asked whether it is one: it need not be aligned again.
    narrowest: texts of a set at least; no narrower one is looked at.
    held: what is known of values that are held across versions; more is noted.
    """
    known = Held() if held is None else held
    return _Search(pool, least, stop, accepts=accepts, settled=settled, whole=whole, held=known).run(narrowest)


@dataclass(eq=False, repr=False)
class _Several:
    """A set of several templates.

    rest: its texts that are not taken.  index: which set it comes from.  looked: how many of its texts there were at the last look.
    """

    rest: set[int]
    index: int
    looked: int


class _Search:
    def __init__(
        self,
        pool: Pool,
        least: int,
        stop: Callable[[], bool],
        *,
        accepts: Callable[[Skeleton], bool],
        settled: Collection[frozenset[int]],
        whole: Skeleton | None,
        held: Held,
    ) -> None:
        self._pool, self._least, self._stop, self._accepts = pool, least, stop, accepts
        self._forest, self._ends = Forest(pool, least, stop), Ends(pool)
        self._settled, self._old = settled, frozenset[int]().union(*settled)
        self._whole, self._held = whole, held
        self._taken: set[int] = set()
        self._several: list[_Several] = []
        self._passed = set[tuple[int, ...]]()

    def run(self, narrowest: int) -> list[Skeleton]:
        templates: list[Skeleton] = []
        with suppress(SpentError):
            for index, member_set in enumerate(self._forest.sets):
                if len(self._taken) == len(self._pool.texts) or len(member_set.members) < narrowest:
                    break
                self._pool.go_on()
                members = member_set.members.tolist()
                templates += self._rests(len(members))
                if self._old.issuperset(members):
                    if frozenset(members) in self._settled:
                        self._take(members)
                elif self._taken.isdisjoint(members):
                    templates += self._look(members, index)
            templates += self._rests(0)
        return templates

    def _rests(self, size: int) -> list[Skeleton]:
        """What is left of sets of several templates, when it is more than twice as wide as the sets that come now.

        The texts of a version that only lacks a sentence have no grams of their own, so they are no set; but they are what is
        left when the other versions are taken.
        """
        templates: list[Skeleton] = []
        for parted in list(self._several):
            if 2 * size < len(parted.rest) <= REST_SHARE * parted.looked and not self._old.issuperset(parted.rest):
                parted.looked = len(parted.rest)
                templates += self._templates(sorted(parted.rest), parted.index)
        return templates

    def _look(self, members: list[int], index: int) -> list[Skeleton]:
        """The templates of a set."""
        if self._ends.are_crossed(members):
            return []
        few = len(members) < FEWEST_LOOSE_TEXTS
        adrift = not self._is_whole(members) and (few or self._is_crossed(index)) and not may_be_held(self._pool, members)
        return [] if adrift else self._templates(members, index)

    def _templates(self, members: list[int], index: int) -> list[Skeleton]:
        """The template of these members, or one for each version of it; none where they were passed over before."""
        known = self._whole if len(members) == len(self._pool.texts) else None
        if self._are_passed_over(members, index):
            return []
        best = known or skeleton(self._pool, members)
        if best is None or not (known or self._is_worth(best, index)):
            return []
        eras = versions(self._pool, best, self._held)
        if len(eras) > 1:
            return self._versions(best, eras, index)
        parts = self._parts(best, index)
        if parts is not None:
            self._pass_over(members, index)
            return [finding for part in parts for finding in self._templates([best.members[position] for position in part], index)]
        if not self._accepts(best):
            return []
        self._take(best.members)
        return [best]

    def _are_passed_over(self, members: Sequence[int], index: int) -> bool:
        """Whether these were passed over before, or are, as they are few that are told to be several alone."""
        if tuple(members) in self._passed:
            return True
        few = len(members) <= min(PARTED, len(self._pool.texts) - 1)
        if few and self._are_long(members) and self._are_several_alone(members):
            self._pass_over(members, index)
            return True
        return False

    def _are_long(self, members: Sequence[int]) -> bool:
        return sum(len(self._pool.texts[member]) for member in members) >= LONG_CHARACTERS

    def _are_several_alone(self, members: Sequence[int]) -> bool:
        """Whether few texts, looked at alone, are a mixture or bodies behind a preamble: they are among others too.

        That they are siblings is told among all others only: of what few share, others say whether a value brings it.
        """
        pool = self._pool
        key = (self._least, pool.barrier, *map(pool.digest, members), ranks([pool.times[m] for m in members]))
        if pool.runs is not pool.times:
            key = (*key, ranks([pool.runs[m] for m in members]))
        return _VERDICTS.ask(key, lambda: self._look_alone(members))

    def _look_alone(self, members: Sequence[int]) -> bool:
        pool = self._pool.some(members)
        best = skeleton(pool, range(len(members)))
        if best is None or len(versions(pool, best, Held())) > 1:
            return False
        if is_mixture(best):
            return True
        if not best.is_open:
            return False
        alone = _Search(pool, self._least, self._stop, accepts=bool, settled=(), whole=None, held=Held())
        return alone.has_sets() and alone.is_preamble(best)

    def _pass_over(self, members: Sequence[int], index: int) -> None:
        self._passed.add(tuple(members))
        self._several.append(_Several(set(members) - self._taken, index, len(members)))

    def _versions(self, best: Skeleton, eras: Sequence[list[int]], index: int) -> list[Skeleton]:
        """The templates of the versions of a prompt; none when the texts of the largest are of several prompts, as all of them are then."""
        largest, noted = max(eras, key=len), len(self._held)
        self._held.add(self._pool, best)
        templates = self._templates(largest, index)
        if not templates:
            self._held.forget(noted)
        return templates and [*templates, *(s for era in eras if era is not largest for s in self._templates(era, index))]

    def _take(self, members: Sequence[int]) -> None:
        self._ends.take([member for member in members if member not in self._taken])
        self._taken.update(members)
        for parted in self._several:
            parted.rest.difference_update(members)

    def _is_worth(self, best: Skeleton, index: int) -> bool:
        """Whether the fixed text is more than the members would share by chance."""
        calls = int(self._pool.calls[best.members].sum())
        if calls < self._least:
            return False
        if self._is_of_one_call_site(best, calls):
            return saved_bits(best.bits, calls, int(self._pool.calls.sum())) >= BITS_A_FRAME_SAVES
        return self._is_no_chance(best, calls, index)

    def _is_of_one_call_site(self, best: Skeleton, calls: int) -> bool:
        """Whether the members begin with a label, or are nearly the whole pool and have a word at one end: fixed text may be short then."""
        head, tail = best.template.literals[0], best.template.literals[-1]
        return (calls >= FEW_CALLS and _is_label(head)) or (self._is_whole(best.members) and (_says(head) or _says(tail)))

    def _is_no_chance(self, best: Skeleton, calls: int, index: int) -> bool:
        texts = len(best.members)
        if best.bits < BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / calls:
            return False
        if calls < FEW_CALLS and _is_marks(best.template.literals, self._pool.barrier):
            return False
        if best.held:
            return True
        return texts >= FEWEST_LOOSE_TEXTS and best.bits >= BITS_OF_A_LOOSE_TEMPLATE and not self._is_crossed(index)

    def _is_whole(self, members: Sequence[int]) -> bool:
        return len(members) >= WHOLE_SHARE * len(self._pool.texts)

    def _is_crossed(self, index: int) -> bool:
        """Whether the texts of a set share more with others: what they have in common is a value, if it is at neither end."""
        return self._forest.explained(index, CROSSING_FACTOR * self._forest.shared(index)) >= CROSSING_SHARE

    def _parts(self, best: Skeleton, index: int) -> Sequence[np.ndarray] | None:
        """The parts of what looks like one template and is several, as far as they are told; None when it is one."""
        if self.is_preamble(best, index) or is_mixture(best):
            return ()
        return siblings(best, self._forest.parts(best.members, FEWEST_OWN_GRAMS, PARTED_SHARE), self._pool.barrier, self._pool.go_on)

    def has_sets(self) -> bool:
        """Whether texts of the pool share grams: each that comes twice in one of few texts tells none."""
        return bool(self._forest.sets)

    def is_preamble(self, best: Skeleton, index: int = 0) -> bool:
        """Whether a slot at one end holds the bodies of different templates."""
        if not best.is_open:
            return False
        counts = Places(best, self._pool.barrier).have_body
        return all(self._forest.explained(index, more, among=best.members, counts=counts) >= most for more, most in BODY_STEPS)


def _says(literal: str) -> bool:
    """Whether fixed text holds a word, and not only words with which people begin what they write."""
    return any(not is_spoken(word) for word in re.findall(r"\w+", literal.lower()))


def _is_label(literal: str) -> bool:
    """Whether the fixed text at the beginning ends in a mark, as "Classify: " does, and is words rather than marks."""
    return _says(literal) and not literal.rstrip()[-1].isalnum() and not _is_marks((literal,), "")


def _is_marks(literals: Sequence[str], barrier: str) -> bool:
    """Whether fixed text is braces, quotes and colons rather than words, in each part of the prompt."""
    text = "".join(literals)
    parts = ["".join(part.split()) for part in (text.split(barrier) if barrier else [text])]
    return all(sum(map(str.isalnum, part)) < LETTER_SHARE_OF_FEW * len(part) for part in parts if part)
