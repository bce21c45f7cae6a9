"""Short templates, among texts that fit no template, or only a template of few texts: `frames` proposes sets of texts, this module decides.

Short templates that differ in a few words at one place only are one template, and these words are values of a slot (`join`):
"Summarise this for Ana: {{text}}" and "Summarise this for Eve: {{text}}" are found as sets of their own where other prompts are many. Once there
are four, the words in which they differ are values, however many calls each of them has.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import log2
from typing import NamedTuple

from templating.matching import fit
from templating.mining.budget import SpentError
from templating.mining.findings import Finding, Findings
from templating.mining.frames import BITS_A_FRAME_SAVES, FEWEST_FRAME_CALLS, frames
from templating.mining.mixture import is_mixture
from templating.mining.quantities import (
    END_CHARACTERS,
    FEW,
    FEWEST_EDIT_WORDS,
    HALF,
    MOST_EDIT_TEXTS,
    MOST_WEAK_CHARACTERS,
)
from templating.mining.sampling import spread
from templating.mining.search import BITS_OF_A_TEMPLATE, BITS_SHARED_BY_CALLS, Search
from templating.mining.sieve import Sieve
from templating.mining.skeleton import Skeleton, template_of
from templating.mining.texts import Texts
from templating.mining.units import is_border
from templating.template import Template

TEXTS_OF_A_SHORT_TEMPLATE = 64  # most texts of a short template in which a search looks for several templates
_STOP = re.compile(r"[.!?。]+(?=\n|\Z)")


class ShortTemplates:
    """The look for short templates when all rounds are over."""

    def __init__(self, texts: Texts, findings: Findings) -> None:
        self._texts, self._findings = texts, findings
        self._new: dict[Template, Finding] = {}

    def look(self, rest: Sequence[str]) -> None:
        """Adds the short templates of these texts, and of texts that have a weak template. Nothing when time is up."""
        weak = {template: finding for template, finding in self._findings.items() if self._is_weak(template, finding)}
        rest = self._findings.prompts(rest)
        try:
            self._search([*rest, *(text for finding in weak.values() for text, _ in finding.rows)])
        except SpentError:
            return
        if not self._new:
            return
        self._findings |= self._new
        gone = self._give_way(weak)
        self._findings.place([*rest, *gone], self._new)
        self._drop_thin()

    def _is_weak(self, template: Template, finding: Finding) -> bool:
        """Whether a shorter template may take over all texts of a template."""
        if template in self._findings.known:
            return template.fixed <= MOST_WEAK_CHARACTERS
        return 0 < len(finding.rows) < FEW and not finding.supersedes

    def _search(self, texts: Sequence[str]) -> None:
        """Collects the new templates; where templates are known, only short ones, which replace no long one."""
        texts = self._texts.by_age(dict.fromkeys(texts))
        sets = frames(texts, [len(self._texts.calls[text]) for text in texts], self._texts.splits, self._texts.go_on)
        for members in sets:
            its = [texts[member] for member in members]
            best = None if self._findings.copies.issuperset(its) else self._short(its)
            if best is None or best.template in self._findings:
                continue
            if best.template.fixed <= MOST_WEAK_CHARACTERS or not self._findings.known:
                self._new[best.template] = Finding([], bits=best.bits, born=self._findings.step, looked=len(members))

    def _short(self, texts: Sequence[str]) -> Skeleton | None:
        """The template of texts that begin and end alike; None if it is long enough for `search`, and `search` finds several templates."""
        best = self._texts.template_of(texts)
        if best is None or is_mixture(best):
            return None
        if self._texts.are_of_one_run(self._findings.prompts(texts)):
            return None
        some = spread(texts, TEXTS_OF_A_SHORT_TEMPLATE)
        is_long = best.bits >= BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / self._texts.count(texts)
        return best if not is_long or self._is_one(some) else None

    def _is_one(self, texts: Sequence[str]) -> bool:
        """Whether a search among these texts finds one template."""
        pool, size = self._texts.pool(texts), len(texts)
        skeletons = Search(pool, self._texts.options.min_group_size, self._texts.budget.spent).run(narrowest=size)
        return len(skeletons) == 1 and len(skeletons[0].members) == size

    def _give_way(self, weak: Mapping[Template, Finding]) -> list[str]:
        """Drops the weak templates whose additional fixed text is a value. Returns their texts."""
        sieve, texts = Sieve(self._new), list[str]()
        for template, finding in weak.items():
            around = self._around(template, finding, sieve) if template in self._findings else None
            if around:
                around.supersedes |= finding.supersedes
                texts += self._findings.prompts(text for text, _ in self._findings.drop(template).rows)
        return texts

    def _around(self, template: Template, finding: Finding, shorter: Sieve) -> Finding | None:
        """The shorter template that fits all texts of a template, if the longer template's additional fixed text is a value."""
        fits = [hit for text, _ in finding.rows if (hit := shorter.fit(text))]
        if len(fits) < len(finding.rows):
            return None
        short = fits[0][0]
        if template in self._findings.known:
            is_value = not template.slots or template.fixed <= short.fixed + END_CHARACTERS
        else:
            is_value = len({wide for wide, _ in fits}) > 1 or self._is_value(finding, self._findings[short])
        return self._findings[short] if is_value else None

    def _is_value(self, finding: Finding, around: Finding) -> bool:
        """Whether the fixed text that a template has beyond a shorter one around it saves too few bits."""
        calls, more = self._texts.count_rows(finding.rows), finding.bits - around.bits
        if calls < FEWEST_FRAME_CALLS:
            return more < BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / calls
        return calls * (more - log2(max(1, around.looked / calls))) - finding.bits < BITS_A_FRAME_SAVES

    def _drop_thin(self) -> None:
        """Drops the short templates of whose texts most have a more specific template."""
        for template, finding in self._new.items():
            if len(finding.rows) < HALF * finding.looked and not finding.supersedes:
                self._findings.drop(template)


class _Cut(NamedTuple):
    """A literal of a template without a few words. outline: the other literals; before, after: the fixed text around these words."""

    outline: tuple[str, ...]
    place: int
    before: str
    after: str

    @property
    def literals(self) -> tuple[str, ...]:
        return (*self.outline[: self.place], self.before, self.after, *self.outline[self.place :])


def join(texts: Texts, findings: Findings) -> None:
    """Puts one template in the place of four or more short ones that differ in a few words at one place."""
    cuts: dict[_Cut, list[Template]] = {}
    for template in findings:
        if template.slots and template not in findings.known and not texts.budget.spent():
            for cut in dict.fromkeys(_cuts(_without_stops(template.literals), texts.options.barrier)):
                cuts.setdefault(cut, []).append(template)
    joined = [(cut, its) for cut, its in cuts.items() if len(its) > MOST_EDIT_TEXTS]
    for cut, its in sorted(joined, key=lambda item: (-len(item[1]), -len(item[0].before) - len(item[0].after))):
        if all(template in findings for template in its):
            _join(findings, cut, its)


def _join(findings: Findings, cut: _Cut, narrow: Sequence[Template]) -> None:
    """Replaces templates by the wider one, if it fits all their texts."""
    wide, old = template_of(cut.literals), [findings[template] for template in narrow]
    rows = [(text, fit(wide.literals, text)) for finding in old for text, _ in finding.rows]
    placed = [(text, values) for text, values in rows if values is not None]
    if wide in findings or len(placed) < len(rows):
        return
    for template in narrow:
        findings.drop(template)
    findings[wide] = Finding(
        placed,
        {number for finding in old for number in finding.supersedes},
        min(finding.bits for finding in old),
        looked=sum(finding.looked for finding in old),
        born=findings.step,
        since=min(finding.since for finding in old),
        probes=[probe for finding in old for probe in finding.probes],
    )


def _without_stops(literals: tuple[str, ...]) -> tuple[str, ...]:
    """The literals without the marks that end a value before a line break or at the end of the prompt: all values of a narrow set may have one."""
    return (
        literals[0],
        *(literal[stop.end() :] if (stop := _STOP.match(literal)) else literal for literal in literals[1:]),
    )


def _cuts(literals: tuple[str, ...], barrier: str) -> Iterator[_Cut]:
    """The ways to take a few words out of a literal behind other words of its part, before a mark, a word, or the end of the prompt."""
    if sum(map(len, literals)) > MOST_WEAK_CHARACTERS:
        return
    for place, literal in enumerate(literals):
        part = len(literal) - len(literal.rpartition(barrier)[2]) if barrier else 0
        borders = [border for border in range(part, len(literal) + 1) if is_border(literal, border)]
        for number, begin in enumerate(borders):
            if any(map(str.isalnum, literal[part:begin].rpartition("\n")[2])):
                for end in borders[number + 1 :]:
                    words, after = literal[begin:end], literal[end:]
                    if "\n" in words or len(words.split()) >= FEWEST_EDIT_WORDS:
                        break
                    if words.strip() == words and (after.strip() or place + 1 == len(literals)):
                        yield _Cut((*literals[:place], *literals[place + 1 :]), place, literal[:begin], after)
