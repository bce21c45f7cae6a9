"""Short templates that differ in a few words at one place only are one template, and these words are values of a slot.

"Summarise this for Ana: {{text}}" and "Summarise this for Eve: {{text}}" are found as sets of their own where other prompts are many, since
their common text is short. Once there are four, the words in which they differ are values, however many calls each of them has.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from templating.matching import fit
from templating.mining.findings import Finding, Findings
from templating.mining.quantities import FEWEST_EDIT_WORDS, MOST_EDIT_TEXTS, MOST_WEAK_CHARACTERS
from templating.mining.skeleton import template_of
from templating.mining.texts import Texts
from templating.mining.units import is_border
from templating.template import Template

Literals = tuple[str, ...]
_STOP = re.compile(r"[.!?。]+(?=\n|\Z)")


class _Cut(NamedTuple):
    """A literal of a template without a few words. outline: the other literals; before, after: the fixed text around these words."""

    outline: Literals
    place: int
    before: str
    after: str

    @property
    def literals(self) -> Literals:
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


def _without_stops(literals: Literals) -> Literals:
    """The literals without the marks that end a value before a line break or at the end of the prompt: all values of a narrow set may have one."""
    return (literals[0], *(literal[stop.end() :] if (stop := _STOP.match(literal)) else literal for literal in literals[1:]))


def _cuts(literals: Literals, barrier: str) -> Iterator[_Cut]:
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
