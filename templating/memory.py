"""Memory: some of the prompts that a template matched, from which a search can find the template anew.

A template that few calls made is often too wide: three calls of three versions of a prompt have one template, which then matches all later
calls of all versions, so no search sees these calls again. So a `Matcher` shows a template that `mine` found the prompts that it matches,
and `mine` searches the remembered prompts of all known templates again when enough prompts are new (`templating.mining.anew`).
"""

from collections.abc import Mapping, Sequence, Set
from itertools import count

MOST_REMEMBERED = 64  # most prompts that a template remembers: 32 find the same in three streams; with 8, F1 of a stream with returns is .66 instead of .91
MOST_REMEMBERED_CHARACTERS = 1 << 20  # most characters of these prompts, together

MOMENTS_OF_A_SEARCH = 1 << 40  # most prompts of a search, which have moments between two of the clock

_CLOCK = count(step=MOMENTS_OF_A_SEARCH)  # orders the prompts of all templates: edits follow each other in time


def first_moment() -> int:
    """The place of a search's first prompt in the order of the prompts of all memories: after those of before. The n-th prompt has the n-th place from there."""
    return next(_CLOCK)


class Memory:
    """Different prompts that a template matched, evenly over all such prompts, oldest first.

    seen: the number of different prompts noted; a prompt that is no longer remembered may count again.
    searched: those of them that were noted before the last search of all remembered prompts.
    The first prompt is remembered however long it is. Several threads may note prompts at the same time: nothing is raised, but
    some of these prompts may not be counted, since matching takes no lock.
    """

    def __init__(self, moments: Mapping[str, int], seen: int = 0, searched: int = 0) -> None:
        """moments: prompt -> its place in the order of all prompts (`first_moment`). seen: more prompts than these, if some are forgotten."""
        self.seen = max(seen, len(moments))
        self.searched = searched
        self._looked, self._step = 0, 1
        self._grouped: Set[str] = frozenset()
        self._moments = self._thinned_out(moments, sorted(moments, key=moments.__getitem__))

    @property
    def moments(self) -> dict[str, int]:
        """Prompt -> its place in the order of all remembered prompts of all templates."""
        return dict(self._moments)

    def __len__(self) -> int:
        return len(self._moments)

    def note(self, prompt: str) -> None:
        """Notes a prompt that the template matched."""
        if prompt in self._moments:
            return
        if self._looked:
            self.settle()
        self.seen += 1
        if self.seen % self._step == 0:
            moments = {**self._moments, prompt: next(_CLOCK)}  # a new dict: another thread may be reading the old one
            self._moments = self._thinned_out(moments, list(moments))

    def note_search(self, grouped: Set[str] = frozenset()) -> None:
        """Notes a search, which counts from the next prompt or `settle` on: until then the same search gives the same answer.

        grouped: prompts of new templates. They are forgotten, with as many of those for which they stand.
        """
        self._looked, self._grouped = self.seen, grouped & self._moments.keys()

    def settle(self) -> None:
        """The prompts that were noted before the last search count as searched, or are forgotten."""
        if self._looked:
            moments, self.searched, self._looked = self._moments, self._looked, 0
            if kept := {prompt: moment for prompt, moment in moments.items() if prompt not in self._grouped}:
                forgotten = self.searched * (len(moments) - len(kept)) // len(moments)
                self.seen, self.searched, self._moments = self.seen - forgotten, self.searched - forgotten, kept

    def _thinned_out(self, moments: Mapping[str, int], prompts: list[str]) -> dict[str, int]:
        """The moments of as many of these prompts as are remembered."""
        while _are_too_many(prompts):
            prompts = prompts[::2]
            self._step *= 2
        return {prompt: moments[prompt] for prompt in prompts}


def _are_too_many(prompts: Sequence[str]) -> bool:
    return len(prompts) > MOST_REMEMBERED or (len(prompts) > 1 and sum(map(len, prompts)) > MOST_REMEMBERED_CHARACTERS)
