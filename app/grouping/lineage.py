"""Lineage: which line a mined template belongs to. Pure: templates and times in, a decision out.

A line is the templates of one path that descend from each other. A task is one line, or several lines that a person merged. The rules,
which docs/lineage.md explains:

1. Two templates are *related* when they share enough fixed text, in order (`kinship`).
2. Two templates *share a preamble only* when the rest of both is other text with other slots (`share_a_preamble_only`). Then they are two
   call sites, also when a job uses one after the other.
3. Two templates are *alive together* when a good part of the calls of each was made between the first and the last call of the other
   (`alive_together`). Then they are two call sites, however similar: judges with one preamble, for example.
   The few calls that mix during a roll-out are not a good part.
4. A new template joins the line of the template that it is most related to, of those lines with no template that is
   alive together with it: a line has one prompt in use at a time. Where there is none it begins a task.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Protocol
from uuid import UUID

from templating import BARRIER, Template
from templating.scripts import tokens

CallPosition = tuple[datetime, UUID]

RELATED_SHARE = 0.6
"""Shared fixed text, as a part of the mean of both fixed texts. An edit rewrites a sentence or two; two prompts that share only a system
message are mostly below.
"""

CONTAINED_SHARE = 0.9
"""Part of the smaller fixed text that the larger one contains: an edit may add more text than there was."""

SMALLER_SHARE = 1 / 3
"""Size of the smaller fixed text, as a part of the larger: a smaller one may be a greeting with which many prompts begin."""

ROLL_OUT_SHARE = 0.5
"""Part of each template's calls made between the first and the last call of the other; up to it the newer template is an edit being rolled
out. Measured: 0.14 to 0.44 where a fifth of the traffic overlaps, 0.7 and more for call sites in daily use side by side, 0.67 for three
calls each in turns.
"""

STRAY_SHARE = 0.05
"""Part of a template's calls at either end that are left out: a retry next week, a trial the day before."""

IN_ORDER_TOKENS = 1000
"""Tokens of the differing middles of two templates; longer middles are compared as bags of words, since comparing in order is quadratic at
worst.
"""

OTHER_MIDDLE_SHARE = 0.3
"""Shared fixed text of the middles of two call sites with one preamble, as a part of the mean of both, at most. Measured: 0 to 0.26 between
prompts behind one preamble, 0.39 and more between versions of a prompt.
"""

OTHER_MIDDLE_CHARACTERS = 20
"""Characters of fixed text in either middle, at least: an edit may add a slot with its label to a prompt of a system text and a question."""


class CallTimes(Protocol):
    """The times of a template's calls."""

    def span(self, strays: float) -> tuple[CallPosition, CallPosition] | None:
        """The first and the last call, without this share of the calls at either end; None without calls."""

    def total(self) -> int:
        """The number of calls of the template."""

    def between(self, first: CallPosition, last: CallPosition) -> int:
        """The number of calls made after `first` and before `last`."""


class SeenCallTimes:
    """The times of calls in memory."""

    def __init__(self, moments: Iterable[CallPosition]) -> None:
        self._moments = sorted(moments)

    def span(self, strays: float) -> tuple[CallPosition, CallPosition] | None:
        strays_a_side = int(strays * len(self._moments))
        return (self._moments[strays_a_side], self._moments[-1 - strays_a_side]) if self._moments else None

    def total(self) -> int:
        return len(self._moments)

    def between(self, first: CallPosition, last: CallPosition) -> int:
        return max(0, bisect_left(self._moments, last) - bisect_right(self._moments, first))


@dataclass(frozen=True)
class Relative:
    """A template from which a new one may descend. `swallowed`: it matched the calls of the new template until now."""

    line_id: UUID
    template: Template
    call_times: CallTimes
    swallowed: bool = False


def line_of(template: Template, call_times: CallTimes, relatives: Sequence[Relative]) -> UUID | None:
    """The line that a new template continues; None when the template begins a line.

    relatives: every template of the same path that no other one replaced, those without calls included (an old version may come back
    changed). The fixed text of a replaced one had values of its few calls.
    """
    ranked = [(_closeness(template, relative), place, relative) for place, relative in enumerate(relatives)]
    ranked = sorted((entry for entry in ranked if entry[0] > 0), key=lambda entry: entry[:2], reverse=True)
    candidates = dict.fromkeys(relative.line_id for _, _, relative in ranked)
    return next((line_id for line_id in candidates if not _in_use(line_id, call_times, relatives)), None)


def _in_use(line_id: UUID, call_times: CallTimes, relatives: Sequence[Relative]) -> bool:
    return any(alive_together(call_times, relative.call_times) for relative in relatives if relative.line_id == line_id)


def _closeness(template: Template, relative: Relative) -> float:
    """The kinship; a template whose slot held all calls of the new template counts as related for that alone."""
    closeness = kinship(relative.template, template)
    if relative.swallowed:
        return max(closeness, RELATED_SHARE)
    return 0.0 if closeness and share_a_preamble_only(relative.template, template) else closeness


def alive_together(first: CallTimes, second: CallTimes, share: float = ROLL_OUT_SHARE) -> bool:
    """Whether more than this share of the calls of either template was made while the other one was in use."""
    first_span, second_span = first.span(STRAY_SHARE), second.span(STRAY_SHARE)
    if first_span is None or second_span is None:
        return False
    shares = (first.between(*second_span) / first.total(), second.between(*first_span) / second.total())
    return min(shares) > share


def kinship(older: Template, newer: Template, least_share: float = RELATED_SHARE) -> float:
    """0.0 for templates that are not related; else their shared fixed text as a part of the mean of both, up to 1.0.

    least_share: the part from which templates count as related.
    """
    older_words, newer_words = fixed_tokens(older), fixed_tokens(newer)
    smaller, larger = sorted((_size(older_words), _size(newer_words)))
    if not smaller or not _related(_shared_anyhow(older_words, newer_words), smaller, larger, least_share):
        return 0.0  # the bag of words is an upper bound of the shared text in order, and much cheaper
    shared = _shared_in_order(older_words, newer_words)
    return 2 * shared / (smaller + larger) if _related(shared, smaller, larger, least_share) else 0.0


def share_a_preamble_only(older: Template, newer: Template) -> bool:
    """Whether the texts around the slots of two templates are other texts, and some of the slots other slots.

    An edit leaves most of the text around the slots, or leaves each slot in a line as before.
    """
    older_middle, newer_middle = _middles(older, newer)
    smaller, larger = sorted((_size(older_middle), _size(newer_middle)))
    is_other_text = 2 * _shared_in_order(older_middle, newer_middle) < OTHER_MIDDLE_SHARE * (smaller + larger)
    return smaller >= OTHER_MIDDLE_CHARACTERS and is_other_text and _slot_lines(older) != _slot_lines(newer)


def _middles(older: Template, newer: Template) -> tuple[list[str], list[str]]:
    """The fixed tokens of both, without those before the first slot and after the last one that both have."""
    start = common_start(list(tokens(older.literals[0])), list(tokens(newer.literals[0])))
    end = common_start(list(tokens(older.literals[-1]))[::-1], list(tokens(newer.literals[-1]))[::-1])
    older_tokens, newer_tokens = fixed_tokens(older), fixed_tokens(newer)
    end = min(end, len(older_tokens) - start, len(newer_tokens) - start)
    return older_tokens[start : len(older_tokens) - end], newer_tokens[start : len(newer_tokens) - end]


def _slot_lines(template: Template) -> list[tuple[str, str]]:
    """The fixed text beside each slot in its line."""
    pairs = zip(template.literals, template.literals[1:], strict=False)
    return [(_lines(before)[-1], _lines(after)[0]) for before, after in pairs]


def _lines(text: str) -> list[str]:
    return text.replace(BARRIER, "\n").split("\n")


def _related(shared: int, smaller: int, larger: int, least_share: float) -> bool:
    contained = shared >= CONTAINED_SHARE * smaller and smaller >= SMALLER_SHARE * larger
    return contained or 2 * shared >= least_share * (smaller + larger)


def _shared_in_order(older: list[str], newer: list[str]) -> int:
    """Characters of the tokens that both sides have in the same order."""
    start = common_start(older, newer)
    older, newer, shared = older[start:], newer[start:], _size(older[:start])
    end = common_start(older[::-1], newer[::-1])
    shared += _size(older[len(older) - end :])
    older, newer = older[: len(older) - end], newer[: len(newer) - end]
    if max(len(older), len(newer)) > IN_ORDER_TOKENS:
        return shared + _shared_anyhow(older, newer)
    blocks = SequenceMatcher(None, older, newer, autojunk=False).get_matching_blocks()
    return shared + sum(_size(older[block.a : block.a + block.size]) for block in blocks)


def _shared_anyhow(older: list[str], newer: list[str]) -> int:
    """Characters of the tokens that both sides have, in any order."""
    return _size((Counter(older) & Counter(newer)).elements())


def common_start(older: Sequence[str], newer: Sequence[str]) -> int:
    """The number of tokens with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(older, newer, strict=False)))


def _size(words: Iterable[str]) -> int:
    """Characters of tokens; white space between them does not count."""
    return sum(map(len, words))


def fixed_tokens(template: Template) -> list[str]:
    """The words and marks of the fixed text, in order."""
    return [token for literal in template.literals for token in tokens(literal)]
