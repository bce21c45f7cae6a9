"""Lineage: which line a mined template belongs to.  Pure: templates and times in, a decision out.

A line is templates of one path that descend from each other: a task, or one of several that a person made one.  The rules,
which docs/lineage.md explains:

1. Two templates are *related* when they share enough fixed text, in order (`kinship`).
2. Two templates are *alive together* when a good part of the calls of each was made during the life of the other
   (`alive_together`).  Then they are two call sites, however similar: judges with one preamble, for example.
   The few calls that mix during a roll-out are not a good part.
3. A new template joins the line of the template that it is most related to, of those lines with no template that is
   alive together with it: a line has one prompt in use at a time.  Where there is none it begins a task.
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

from templating import Template
from templating.scripts import tokens

Moment = tuple[datetime, UUID]

# Shared fixed text, as a part of the mean of both fixed texts. An edit rewrites a sentence or two; two prompts that share only a system
# message are mostly below.
RELATED_SHARE = 0.6

# Part of the smaller fixed text that the larger one contains: an edit may add more text than there was.
CONTAINED_SHARE = 0.9
# Size of the smaller fixed text, as a part of the larger: a smaller one may be a greeting with which many prompts begin.
SMALLER_SHARE = 1 / 3

# Part of each template's calls during the life of the other; up to it the newer template is an edit being rolled out. Measured: 0.14 to
# 0.44 where a fifth of the traffic overlaps, 0.7 and more for call sites in daily use side by side, 0.67 for three calls each in turns.
ROLL_OUT_SHARE = 0.5

# Part of a template's calls at either end that does not belong to its life: a retry next week, a trial the day before.
STRAY_SHARE = 0.05

# Tokens of the differing middles of two templates; longer middles are compared as bags of words, since comparing in order is
# quadratic at worst.
IN_ORDER_TOKENS = 1000


class Life(Protocol):
    """The times of a template's calls."""

    def span(self, strays: float) -> tuple[Moment, Moment] | None:
        """The first and the last call, without this share of the calls at either end; None without calls."""

    def total(self) -> int:
        """The number of calls of the template."""

    def between(self, first: Moment, last: Moment) -> int:
        """The number of calls made after `first` and before `last`."""


class SeenCalls:
    """A life in memory."""

    def __init__(self, moments: Iterable[Moment]) -> None:
        self._moments = sorted(moments)

    def span(self, strays: float) -> tuple[Moment, Moment] | None:
        cut = int(strays * len(self._moments))
        return (self._moments[cut], self._moments[-1 - cut]) if self._moments else None

    def total(self) -> int:
        return len(self._moments)

    def between(self, first: Moment, last: Moment) -> int:
        return max(0, bisect_left(self._moments, last) - bisect_right(self._moments, first))


@dataclass(frozen=True)
class Relative:
    """A template from which a new one may descend. `swallowed`: it matched the calls of the new template until now."""

    line_id: UUID
    template: Template
    life: Life
    swallowed: bool = False


def line_of(template: Template, life: Life, relatives: Sequence[Relative]) -> UUID | None:
    """The line that a new template continues; None when the template begins a line.

    relatives: every template of the same path, retired ones included (an old version may come back changed).
    """
    ranked = [(_closeness(template, other), place, other) for place, other in enumerate(relatives)]
    ranked = sorted((entry for entry in ranked if entry[0] > 0), key=lambda entry: entry[:2], reverse=True)
    candidates = dict.fromkeys(other.line_id for _, _, other in ranked)
    return next((line_id for line_id in candidates if not _in_use(line_id, life, relatives)), None)


def _in_use(line_id: UUID, life: Life, relatives: Sequence[Relative]) -> bool:
    return any(alive_together(life, other.life) for other in relatives if other.line_id == line_id)


def _closeness(template: Template, other: Relative) -> float:
    """The kinship; a template whose slot held all calls of the new template counts as related for that alone."""
    return max(kinship(other.template, template), RELATED_SHARE if other.swallowed else 0.0)


def alive_together(first: Life, second: Life) -> bool:
    """Whether two templates were in use at the same time for long, rather than one after the other."""
    first_span, second_span = first.span(STRAY_SHARE), second.span(STRAY_SHARE)
    if first_span is None or second_span is None:
        return False
    shares = (first.between(*second_span) / first.total(), second.between(*first_span) / second.total())
    return min(shares) > ROLL_OUT_SHARE


def kinship(older: Template, newer: Template) -> float:
    """0.0 for templates that are not related; else their shared fixed text as a part of the mean of both, up to 1.0."""
    left, right = fixed_tokens(older), fixed_tokens(newer)
    smaller, larger = sorted((_size(left), _size(right)))
    if not smaller or not _related(_shared_anyhow(left, right), smaller, larger):
        return 0.0  # the bag of words is an upper bound of the shared text in order, and much cheaper
    shared = _shared_in_order(left, right)
    return 2 * shared / (smaller + larger) if _related(shared, smaller, larger) else 0.0


def _related(shared: int, smaller: int, larger: int) -> bool:
    contained = shared >= CONTAINED_SHARE * smaller and smaller >= SMALLER_SHARE * larger
    return contained or 2 * shared >= RELATED_SHARE * (smaller + larger)


def _shared_in_order(left: list[str], right: list[str]) -> int:
    """Characters of the tokens that both sides have in the same order."""
    start = _common_start(left, right)
    left, right, shared = left[start:], right[start:], _size(left[:start])
    end = _common_start(left[::-1], right[::-1])
    shared += _size(left[len(left) - end :])
    left, right = left[: len(left) - end], right[: len(right) - end]
    if max(len(left), len(right)) > IN_ORDER_TOKENS:
        return shared + _shared_anyhow(left, right)
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return shared + sum(_size(left[block.a : block.a + block.size]) for block in blocks)


def _shared_anyhow(left: list[str], right: list[str]) -> int:
    """Characters of the tokens that both sides have, in any order."""
    return _size((Counter(left) & Counter(right)).elements())


def _common_start(left: Sequence[str], right: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _size(words: Iterable[str]) -> int:
    """Characters of tokens; white space between them does not count."""
    return sum(map(len, words))


def fixed_tokens(template: Template) -> list[str]:
    """The words and marks of the fixed text, in order."""
    return [token for literal in template.literals for token in tokens(literal)]
