"""Findings: the templates of a search so far, each with its texts."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from templating.mining.sampling import spread
from templating.mining.sieve import Placed, are_near, sort_by_template
from templating.mining.skeleton import Skeleton
from templating.template import Template

MOST_SHOWN = 24  # most examples of known templates in a template that widens several: as many as three templates have
SHOWN_TEXTS = 5  # most texts of a template that later rounds see again
BORN_LAST = 1 << 30  # birth of a part of a divided template: only texts of the divided template were matched against the part


@dataclass(eq=False, repr=False)
class Finding:
    """A template during the search: its texts with their values, the known templates that it widens, its bits per call.

    looked: the number of its texts in the round that found it; of a known template, in the last search of all known templates.
    born: the step at which texts were first matched against it. since: the step of its first own texts; later templates may fit better.
    probes: the known templates that it is or widens, each with texts whose values are unlike any other.
    """

    rows: list[Placed]
    supersedes: set[int] = field(default_factory=set)
    bits: float = 0.0
    looked: int = 0
    born: int = 0
    since: int = 0
    probes: list[tuple[Template, list[str]]] = field(default_factory=list)

    def some(self, count: int) -> list[str]:
        """At most `count` of the texts, evenly over all."""
        return [text for text, _ in spread(self.rows, count)]


class Findings(dict[Template, Finding]):
    """Template -> its finding, in the order in which the templates were found.

    known: templates of earlier calls that no other template replaced. copies: texts that stand for known templates.
    step: the number of times that texts were matched.
    """

    def __init__(self, tick: Callable[[], object]) -> None:
        super().__init__()
        self.known: set[Template] = set()
        self.copies: set[str] = set()
        self.step = 0
        self._tick = tick

    def add_known(self, template: Template, finding: Finding) -> None:
        """Adds a template of an earlier call with the texts that stand for it."""
        self[template] = finding
        self.known.add(template)
        self.copies.update(text for text, _ in finding.rows)

    def drop(self, template: Template) -> Finding:
        """Removes a template and returns its finding."""
        self.known.discard(template)
        return self.pop(template)

    def divide(self, template: Template, parts: Collection[Skeleton]) -> list[str]:
        """Puts several templates in the place of one. Returns its texts that fit none of these."""
        whole = self.drop(template)
        self |= {part.template: Finding([], bits=part.bits, born=BORN_LAST, since=whole.since) for part in parts}
        return self.place([text for text, _ in whole.rows], [part.template for part in parts])

    def place(self, texts: Iterable[str], templates: Iterable[Template]) -> list[str]:
        """Adds the texts to those of the templates that they fit. Returns the texts that fit none."""
        self.step += 1
        rows, misfits = sort_by_template(texts, templates, self._tick)
        for template, its in rows.items():
            self[template].rows += its
        return misfits

    def shown(self, sample: Sequence[str]) -> dict[Template, list[str]]:
        """Some texts of the known templates, and of the other templates that begin or end as a text of the sample does."""
        findings = {template: finding for template, finding in self.items() if finding.rows}
        near = are_near(findings, sample)
        return {template: self.some(finding) for template, finding in findings.items() if template in self.known or template in near}

    def some(self, finding: Finding) -> list[str]:
        """Some texts of a template, first the texts of known templates that it widens."""
        copies = [text for text, _ in finding.rows if text in self.copies][:MOST_SHOWN] if self.copies else []
        return copies + self.prompts(finding.some(SHOWN_TEXTS))[: max(0, SHOWN_TEXTS - len(copies))]

    def prompts(self, texts: Iterable[str]) -> list[str]:
        """The texts without those that stand for known templates."""
        return [text for text in texts if text not in self.copies]
