"""The answer of a search: each text in the most specific of its templates, and the templates with enough calls."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from templating.mining.findings import Finding, Findings
from templating.mining.sieve import Placed, Sieve, sort_by_template
from templating.mining.texts import Texts
from templating.template import Template


class Group(NamedTuple):
    """A template, its texts with their values, the known templates that it widens, its bits per call, the known templates' examples."""

    template: Template
    rows: list[Placed]
    supersedes: frozenset[int] = frozenset()
    bits: float = 0.0
    examples: Sequence[str] = ()


class Answer:
    """The answer from the findings of all rounds. examples: those of all known templates."""

    def __init__(self, texts: Texts, findings: Findings, examples: set[str]) -> None:
        self._texts, self._findings, self._examples = texts, findings, examples

    def groups(self, fresh: Sequence[str], hits: Mapping[str, int]) -> list[Group]:
        """The groups. hits: texts that a known template matches, which keeps these texts unless it is superseded."""
        new = {template: finding for template, finding in self._findings.items() if template not in self._findings.known}
        gone = {number for finding in new.values() for number in finding.supersedes}
        rows = self._kept(new)
        placed = {text for placed_rows in rows.values() for text, _ in placed_rows}
        rest = self._fill(rows, new, [t for t in fresh if t not in placed] + [t for t, number in hits.items() if number in gone])
        groups = [Group(t, its, frozenset(new[t].supersedes), new[t].bits, self._examples_of(new[t])) for t, its in rows.items()]
        return groups + [Group(Template((text,)), [(text, ())]) for text in rest if self._is_static(text)]

    def _kept(self, findings: Mapping[Template, Finding]) -> dict[Template, list[Placed]]:
        """The texts of each template: a text stays where it was placed, or moves to a later template that fits better."""
        kept: dict[Template, list[Placed]] = {}
        sieve, number = Sieve(findings), {template: place for place, template in enumerate(findings)}
        for template, finding in findings.items():
            self._texts.budget.spent()
            rows = {template: [row for row in finding.rows if row[0] not in self._findings.copies]}
            rank = (template.fixed, number[template])
            later = [t for t in sieve.neighbours(template) if findings[t].born > finding.since and (t.fixed, number[t]) > rank]
            if later:
                rows, _ = sort_by_template((text for text, _ in rows[template]), [template, *sorted(later, key=number.__getitem__)], self._texts.budget.spent)
            for best, its in rows.items():
                kept.setdefault(best, []).extend(its)
        return {template: its for template, its in kept.items() if its}

    def _fill(self, rows: dict[Template, list[Placed]], findings: Mapping[Template, Finding], texts: Iterable[str]) -> list[str]:
        """Adds texts to the rows of the templates that they fit, and removes templates with too few calls. Returns the texts that fit none."""
        least = self._texts.options.min_group_size
        while True:
            more, rest = sort_by_template(texts, findings, self._texts.budget.spent)
            for template, placed_rows in more.items():
                rows.setdefault(template, []).extend(placed_rows)
            small = {t for t, its in rows.items() if not findings[t].supersedes and self._texts.count_rows(its[:least]) < least}
            if not small:
                return rest
            texts = rest + [text for t in small for text, _ in rows.pop(t)]
            findings = {t: findings[t] for t in findings if t in rows}

    def _examples_of(self, finding: Finding) -> list[str]:
        """The examples of the known templates that a template widens, oldest first."""
        return self._texts.by_age(text for text, _ in finding.rows if text in self._examples)

    def _is_static(self, text: str) -> bool:
        """Whether a text without a template is a template itself, with enough calls."""
        says = bool(text.replace(self._texts.options.barrier, " ").strip())
        return says and len(self._texts.calls[text]) >= self._texts.options.min_group_size
