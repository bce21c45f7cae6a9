"""The search: every member set that is one template, from the widest set down.

A set gives no template when other sets explain its texts better (`forest`), when its fixed text is worth too few bits for
its members, or when it holds several templates behind one preamble or in one house style (`siblings`). An edited set gives
a template per version (`families`). Texts with a template are removed from narrower sets, so an optional part or a list of
values stays one slot.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from templating.mining.budget import SpentError
from templating.mining.ends import Ends
from templating.mining.families import Held, versions
from templating.mining.forest import Forest
from templating.mining.frames import BITS_A_FRAME_SAVES, frames, is_spoken, saved_bits
from templating.mining.mixture import is_mixture
from templating.mining.pool import Pool
from templating.mining.quantities import (
    CLEAR_MAJORITY,
    FEW,
    FEWEST_WORDS_OF_A_BODY,
    GREAT_MAJORITY,
    HALF,
    MOST_EDIT_TEXTS,
    MUCH_MORE,
    NEARLY_ALL,
    OTHERS_SHARE,
)
from templating.mining.sampling import spread
from templating.mining.shared_text import trim
from templating.mining.siblings import (
    FEWEST_OWN_GRAMS,
    GRAMS_OF_AN_INSTRUCTION,
    Places,
    closing,
    continued,
    instructions,
    siblings,
    take_turns,
)
from templating.mining.skeleton import ALIGNED_TEXTS, BITS_THAT_HOLD, Skeleton, bits_at_ends, skeleton

BITS_OF_A_TEMPLATE = 36.0  # least bits of fixed text of a template of many calls: three or four rare words
BITS_SHARED_BY_CALLS = 60.0  # bits more, divided by the number of calls: few calls can agree by chance
BITS_OF_A_LOOSE_TEMPLATE = 54.0  # least bits of a template of which no fixed text is at an end


@dataclass(eq=False, repr=False)
class _Several:
    """A set of several templates.

    rest: its texts without a template. index: the number of its member set. looked: the number of its texts at the last look.
    """

    rest: set[int]
    index: int
    looked: int


class Search:
    """The search in one pool."""

    def __init__(
        self,
        pool: Pool,
        least: int,
        stop: Callable[[], bool],
        *,
        accepts: Callable[[Skeleton], bool] = lambda _: True,
        settled: Collection[frozenset[int]] = (),
        known: Collection[frozenset[int]] = (),
        held: Held | None = None,
    ) -> None:
        """least: the least calls of a template. stop: asked often; True ends the search. accepts: the caller's check of each template.

        settled: the texts of each existing template, among which the search does not look again.
        known: those of `settled` that belong to templates of earlier calls; other texts are compared with the closest of these.
        held: the values that are known to be held across versions; the search adds more.
        """
        self._pool, self._least, self._stop, self._accepts = pool, least, stop, accepts
        self._forest, self._ends = Forest(pool, least, stop), Ends(pool)
        self._settled, self._settled_texts = settled, frozenset[int]().union(*settled)
        self._far = self._forest.far(known, HALF) if known else set[int]()
        self._held = Held() if held is None else held
        self._taken: set[int] = set()
        self._several: list[_Several] = []
        self._passed = set[tuple[int, ...]]()

    def run(self, narrowest: int = 0) -> list[Skeleton]:
        """The templates, in the order in which they were found; when `stop` ends the search, those found so far.

        narrowest: the least texts of a set that is looked at.
        """
        templates: list[Skeleton] = []
        with suppress(SpentError):
            for index, member_set in enumerate(self._forest.sets):
                if len(self._taken) == len(self._pool.texts) or len(member_set.members) < narrowest:
                    break
                self._pool.go_on()
                members = member_set.members.tolist()
                templates += self._rests(len(members))
                if self._settled_texts.issuperset(members):
                    if frozenset(members) in self._settled:
                        self._take(members)
                elif index not in self._far and self._taken.isdisjoint(members):
                    templates += self._look(members, index)
            templates += self._rests(0)
        return templates

    def _rests(self, size: int) -> list[Skeleton]:
        """The templates of the rests of sets of several templates, where a rest is more than twice as wide as the sets that come next.

        The texts of a version that only lacks a sentence have no grams of their own, so they are no member set. They are the
        rest when the other versions have their templates.
        """
        templates: list[Skeleton] = []
        for several in list(self._several):
            if 2 * size < len(several.rest) <= CLEAR_MAJORITY * several.looked and not self._settled_texts.issuperset(several.rest):
                several.looked = len(several.rest)
                templates += self._templates(sorted(several.rest), several.index)
        return templates

    def _look(self, members: list[int], index: int) -> list[Skeleton]:
        """The templates of a set."""
        if self._is_adrift(members, index) or self._ends.are_crossed(members):
            return []
        return self._templates(members, index)

    def _is_adrift(self, members: list[int], index: int) -> bool:
        """Whether a set is no template, however its texts are aligned: no fixed text at an end holds it, and its text may be a value.

        Nearly the whole pool needs only a word at an end, which all texts have that are aligned first.
        """
        if not self._is_whole(members):
            is_held = bits_at_ends(self._pool, members) >= BITS_THAT_HOLD
        else:
            is_held = bits_at_ends(self._pool, spread(members, ALIGNED_TEXTS)) > 0
        if is_held:
            return False
        return len(members) < FEW or self._is_crossed(index)

    def _templates(self, members: list[int], index: int) -> list[Skeleton]:
        """The template of these members, or the template of each version; none for members that were rejected before."""
        if tuple(members) in self._passed:
            return []
        best = skeleton(self._pool, members)
        if best is None or not self._is_worth(best, index):
            return []
        by_version = versions(self._pool, best, self._held)
        if len(by_version) > 1:
            return [] if self._take_turns(best) else self._versions(best, by_version, index)
        parts = self._parts(best, index)
        if parts is not None:
            self._pass_over(members, index)
            return [finding for part in parts for finding in self._templates([best.members[position] for position in part], index)]
        if not self._accepts(best):
            return []
        self._take(best.members)
        return [best]

    def _pass_over(self, members: Sequence[int], index: int) -> None:
        """Notes a set of several templates, which is not aligned again; its rest may be looked at later (`_rests`)."""
        self._passed.add(tuple(members))
        self._several.append(_Several(set(members) - self._taken, index, len(members)))

    def _versions(self, best: Skeleton, by_version: Sequence[list[int]], index: int) -> list[Skeleton]:
        """The templates of a prompt's versions; none when the texts of the largest version are of several prompts: then all are.

        by_version: the members of each version.
        """
        largest, noted = max(by_version, key=len), len(self._held)
        self._held.add(self._pool, best)
        templates = self._templates(largest, index)
        if not templates:
            self._held.forget(noted)
        return templates and [*templates, *(s for its in by_version if its is not largest for s in self._templates(its, index))]

    def _take(self, members: Sequence[int]) -> None:
        """Notes that texts have their template: no set with one of them is looked at."""
        self._ends.take([member for member in members if member not in self._taken])
        self._taken.update(members)
        for several in self._several:
            several.rest.difference_update(members)

    def _is_worth(self, best: Skeleton, index: int) -> bool:
        """Whether the fixed text has more bits than members share by chance."""
        calls = int(self._pool.calls[best.members].sum())
        if calls < self._least:
            return False
        if self._is_of_one_call_site(best, calls):
            return saved_bits(best.bits, calls, int(self._pool.calls.sum())) >= BITS_A_FRAME_SAVES
        return self._is_no_chance(best, calls, index)

    def _is_of_one_call_site(self, best: Skeleton, calls: int) -> bool:
        """Whether the members begin with a label, or are nearly the whole pool and share a word at an end, or a line, or are all of it: then fixed text may be short."""
        head, tail = best.template.literals[0], best.template.literals[-1]
        if self._is_whole(best.members) and (_says(head) or _says(tail)):
            return True
        has_line = self._is_whole(best.members) and _begin_differently(best) and any(map(_begins_a_line, best.template.literals))
        have_all = len(best.members) == len(self._pool.texts) and any(map(str.isalnum, head)) and any(map(_says, best.template.literals))
        return calls >= FEW and (_is_label(head) or has_line or have_all)

    def _is_no_chance(self, best: Skeleton, calls: int, index: int) -> bool:
        """Whether the fixed text is longer, and better placed, than what members of several call sites share by chance."""
        if best.bits < BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / calls:
            return False
        if calls < FEW and _is_marks(best.template.literals, self._pool.barrier):
            return False
        if best.held or (_begin_differently(best) and _begin_last_line([self._pool.texts[member] for member in best.members])):
            return True
        return best.bits >= BITS_OF_A_LOOSE_TEMPLATE and not self._is_crossed(index)

    def _is_whole(self, members: Sequence[int]) -> bool:
        return len(members) >= GREAT_MAJORITY * len(self._pool.texts)

    def _is_crossed(self, index: int) -> bool:
        """Whether the texts of a set share more with texts outside: then the set's shared text is a value, unless it is at an end."""
        return self._forest.explained(index, MUCH_MORE * self._forest.shared(index)) >= HALF

    def _parts(self, best: Skeleton, index: int) -> Sequence[np.ndarray] | None:
        """The positions of texts in each part of what is several templates, empty where the parts are not known; None for one template."""
        closed = closing(best, self._pool.barrier)
        if closed is not None:
            return closed
        places, members, go_on = Places(best, self._pool.barrier), best.members, self._pool.go_on
        if (best.is_open and self._is_preamble(members, places, index)) or is_mixture(best):
            return ()
        parts = siblings(places, self._forest.parts(members, FEWEST_OWN_GRAMS, CLEAR_MAJORITY, places.have_frame), self._times(best), go_on)
        if parts is None and best.template.slots:
            parts = self._behind_a_system_text(best)
        if parts is not None or not best.template.slots:
            return parts
        parts = instructions(places, self._forest.parts(members, GRAMS_OF_AN_INSTRUCTION, 1 - CLEAR_MAJORITY), go_on)
        return continued(best) if parts is None else parts

    def _behind_a_system_text(self, best: Skeleton) -> list[np.ndarray] | None:
        """The texts of each template that is found without the one system text before them; None where most are free texts of people.

        So a system text in front of short prompts changes nothing.
        """
        barrier, (*_, before, end) = self._pool.barrier, best.template.literals
        if not barrier or barrier not in before or any(any(map(str.isalnum, value)) for row in best.values for value in row[:-1]):
            return None
        head = before.rpartition(barrier)[2].split()
        is_label = bool(head) and head[-1].endswith((":", "："))  # the text after a label is a value
        if is_label or any(map(str.isalnum, end)) or len(head) >= FEWEST_WORDS_OF_A_BODY:
            return None
        texts = [row[-1] for row in best.values]
        pool = Pool.of(texts, [self._pool.times[member] for member in best.members], "", self._pool.tick, splits=self._pool.splits)
        kinds: list[Sequence[int]] = [kind.members for kind in Search(pool, self._least, self._stop).run()]
        rest = sorted({*range(len(texts))}.difference(*kinds))
        kinds += [[rest[number] for number in kind] for kind in frames([texts[text] for text in rest], pool.calls[rest].tolist(), pool.splits, pool.go_on)]
        parts = [np.array(kind) for kind in _with_values_of_their_own(texts, kinds)]
        return parts if len(parts) > 1 and sum(map(len, parts)) >= HALF * len(texts) else None

    def _take_turns(self, best: Skeleton) -> bool:
        """Whether members that look edited are of several call sites."""
        kinds = self._forest.parts(best.members, FEWEST_OWN_GRAMS, OTHERS_SHARE)
        return take_turns(Places(best, self._pool.barrier), kinds, self._times(best))

    def _times(self, best: Skeleton) -> list[Sequence[int]]:
        """Per member the times of its calls."""
        return [self._pool.times[member] for member in best.members]

    def _is_preamble(self, members: Sequence[int], places: Places, index: int) -> bool:
        """Whether a slot at an open end holds the bodies of different templates."""
        return self._forest.explained(index, GRAMS_OF_AN_INSTRUCTION, among=members, counts=places.have_body) >= NEARLY_ALL


def _with_values_of_their_own(texts: Sequence[str], kinds: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """The kinds without those whose values other kinds have too: twenty questions about each of a few texts are no templates."""
    values = list[set[str]]()
    for kind in kinds:
        begin, end, _ = trim([texts[text] for text in kind])
        values.append({texts[text][len(begin) : len(texts[text]) - len(end)] for text in kind})
    often = Counter(value for its in values for value in its)
    return [kind for kind, its in zip(kinds, values, strict=True) if sum(often[value] > 1 for value in its) < NEARLY_ALL * len(its)]


def _says(literal: str) -> bool:
    """Whether fixed text holds a word, and not only words with which people begin their own texts."""
    return any(not is_spoken(word) for word in re.findall(r"\w+", literal.lower()))


def _is_label(literal: str) -> bool:
    """Whether the literal at the beginning is words and ends in a mark, as "Classify: "."""
    return _says(literal) and not literal.rstrip()[-1].isalnum() and not _is_marks((literal,), "")


def _begins_a_line(literal: str) -> bool:
    """Whether a line of fixed text begins with a word."""
    return any(map(_says, literal.split("\n")[1:]))


def _begin_differently(best: Skeleton) -> bool:
    """Whether the first values are more than a text that some calls have: examples before a prompt make a prompt of its own."""
    return len({row[0] for row in best.values if row}) > MOST_EDIT_TEXTS


def _begin_last_line(texts: Sequence[str]) -> bool:
    """Whether the last line of all texts begins with the same words: such an instruction holds the end of a prompt, whatever value ends it."""
    lines = [text.rstrip().rpartition("\n") for text in texts]
    return all(above and line[:1].isalpha() for above, _, line in lines) and _says(trim([line for *_, line in lines])[0])


def _is_marks(literals: Sequence[str], barrier: str) -> bool:
    """Whether the fixed text of each part of the prompt is braces, quotes and colons rather than words."""
    text = "".join(literals)
    parts = ["".join(part.split()) for part in (text.split(barrier) if barrier else [text])]
    return all(sum(map(str.isalnum, part)) < CLEAR_MAJORITY * len(part) for part in parts if part)
