"""Matching inside one search: the most specific template that fits each text.

The answer is that of `templating.Matcher`, for texts with the same number of parts and templates that do not change: two
dictionary look-ups find the few templates that begin or end like a text.
"""

from collections.abc import Callable, Iterable
from itertools import chain

from templating.matching import agree, fit
from templating.mining.quantities import END_CHARACTERS
from templating.template import Template

TEXTS_PER_TICK = 64  # texts (milliseconds of work) between two questions to the caller whether to stop


Row = tuple[str, ...]  # the values of a text
Placed = tuple[str, Row]


class Sieve:
    """Templates, the most specific (most fixed text, then the later one) tried first."""

    def __init__(self, templates: Iterable[Template]) -> None:
        numbered = enumerate(templates)
        self._order = [t for _, t in sorted(numbered, key=lambda item: (-item[1].fixed, -item[0]))]
        self._starts: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        self._loose: list[int] = []
        self._both: dict[tuple[str, str], list[int]] = {}
        for rank, template in enumerate(self._order):
            self._file(rank, template)
        for ranks in self._starts.values():
            ranks[:] = sorted(ranks + self._loose)

    def _file(self, rank: int, template: Template) -> None:
        """Files a template by its first characters, else by its last, else as one that any text may fit."""
        first, last = template.literals[0], template.literals[-1]
        if len(first) >= END_CHARACTERS:
            self._starts.setdefault(first[:END_CHARACTERS], []).append(rank)
        elif len(last) >= END_CHARACTERS:
            self._ends.setdefault(last[-END_CHARACTERS:], []).append(rank)
        else:
            self._loose.append(rank)

    def fit(self, text: str) -> tuple[Template, Row] | None:
        """The template of the text and its values, or None."""
        for rank in self._ranks(text):
            template = self._order[rank]
            literals = template.literals
            if text.startswith(literals[0]) and text.endswith(literals[-1]):  # the case of most misfits, told without a call
                values = fit(literals, text)
                if values is not None and (not template.repeats or agree(template.repeats, values)):
                    return template, values
        return None

    def _ranks(self, text: str) -> list[int]:
        """The templates that texts with this beginning and this end may fit, the most specific first."""
        start = text[:END_CHARACTERS]
        ranks = self._starts.get(start, self._loose)
        if not self._ends:
            return ranks
        end = text[-END_CHARACTERS:]
        by_end = self._ends.get(end)
        if not by_end:
            return ranks
        if (start, end) not in self._both:
            self._both[start, end] = sorted(ranks + by_end)
        return self._both[start, end]

    def neighbours(self, template: Template) -> list[Template]:
        """The templates that a text of this template may fit, by their ends; comparing all pairs of thousands would take seconds."""
        first = template.literals[0]
        ranks = [*self._starts.get(first[:END_CHARACTERS], self._loose), *chain(*self._ends.values())]
        others = map(self._order.__getitem__, ranks) if len(first) >= END_CHARACTERS else self._order
        return [other for other in others if _may_share(other, template)]


def values_of(literals: tuple[str, ...], texts: Iterable[str]) -> list[tuple[str, ...]]:
    """The values of the texts that these literals fit."""
    return [values for text in texts if (values := fit(literals, text)) is not None]


def sort_by_template(
    texts: Iterable[str], templates: Iterable[Template], tick: Callable[[], object]
) -> tuple[dict[Template, list[Placed]], list[str]]:
    """(the texts of each template with their values, the texts that fit none)"""
    sieve = Sieve(templates)
    rows: dict[Template, list[Placed]] = {}
    misfits = []
    for number, text in enumerate(texts):
        if number % TEXTS_PER_TICK == 0:
            tick()
        hit = sieve.fit(text)
        if hit is None:
            misfits.append(text)
        else:
            rows.setdefault(hit[0], []).append((text, hit[1]))
    return rows, misfits


def are_near(templates: Iterable[Template], texts: Iterable[str]) -> set[Template]:
    """The templates that begin or end with the same END_CHARACTERS characters as one of the texts."""
    texts = list(texts)
    heads, tails = {t[:END_CHARACTERS] for t in texts}, {t[-END_CHARACTERS:] for t in texts}
    near = set()
    for template in templates:
        first, last = template.literals[0], template.literals[-1]
        if first[:END_CHARACTERS] in heads or last[-END_CHARACTERS:] in tails or (len(first) < END_CHARACTERS and len(last) < END_CHARACTERS):
            near.add(template)
    return near


def _may_share(template: Template, other: Template) -> bool:
    """Whether a text can fit both templates, by their ends."""
    (head, tail), (first, last) = ((t.literals[0], t.literals[-1]) for t in (template, other))
    return (head.startswith(first) or first.startswith(head)) and (tail.endswith(last) or last.endswith(tail))
