"""Rounds of search over bounded samples; in the end every text goes to the most specific template that fits.

1. A round (`one_round`) searches a sample of the texts that fit no template yet, with a few texts of every template so far: a value
   that was the same by chance in one round becomes a slot in the next (`replacing`).
2. A template that was found in few of its texts gets a second look with more of them (`revising`).
3. A sample has one or no text of a template with few calls. So the remaining texts are filed by shared grams (`filing`), and
   further rounds search them family by family.
4. Short templates are looked for among the texts that remain (`short_templates`).
5. Short templates that differ in a few words are joined (`short_templates`).
6. When all texts are placed, each template is examined with all its texts for rules that need many (`revising`).
"""

from collections.abc import Iterable, Mapping, Sequence

from templating.mining.answer import Answer, Group
from templating.mining.budget import Budget, SpentError
from templating.mining.filing import families
from templating.mining.findings import Findings
from templating.mining.known import add_known
from templating.mining.one_round import Round
from templating.mining.result import Options
from templating.mining.revising import look_again, revise
from templating.mining.sampling import TEXTS_PER_ROUND, Deck, Samples
from templating.mining.short_templates import ShortTemplates, join
from templating.mining.texts import Texts
from templating.template import Template


class Rounds:
    """The search in texts with the same number of barriers."""

    def __init__(
        self,
        calls: Mapping[str, Sequence[int]],
        known: Iterable[tuple[int, Template]],
        options: Options,
        budget: Budget,
        runs: Sequence[int] = (),
    ) -> None:
        """calls: text -> the times of its calls. runs: per call the start of its run; empty where no run is known."""
        self._budget, self._known = budget, list(known)
        self._texts = Texts(calls, options, budget, runs)
        self._findings = Findings(budget.spent)
        self._examples: set[str] = set()

    def run(self, texts: Sequence[str]) -> None:
        """Search these texts, one sample after the other, until all were looked at."""
        self._examples = add_known(self._known, texts, self._texts, self._findings)
        rest = self._look_at_samples(texts)
        rest = self._look_without_others(rest, len(texts))
        ShortTemplates(self._texts, self._findings).look(list(rest))
        join(self._texts, self._findings)
        revise(self._texts, self._findings)

    def groups(self, fresh: Sequence[str], hits: Mapping[str, int]) -> list[Group]:
        """The groups. hits: texts that a known template matches, which keeps these texts unless it is superseded."""
        return Answer(self._texts, self._findings, self._examples).groups(fresh, hits)

    def _look_at_samples(self, texts: Sequence[str]) -> dict[str, None]:
        """The texts that fit no template after rounds over random samples, and over families where one sample is not all."""
        rest = dict.fromkeys(self._budget.over(texts))
        rest, rounds = self._look_at(Samples(texts, self._texts.calls), rest)
        return self._look_at_families(rest) if rounds > 1 or len(texts) > TEXTS_PER_ROUND else rest

    def _look_at(self, samples: Deck, rest: dict[str, None], *, filed: bool = False) -> tuple[dict[str, None], int]:
        """(texts that fit no template after rounds over all samples, the number of rounds)"""
        rounds = 0
        while not self._budget.spent() and (sample := samples.deal(rest)):
            rounds += 1
            new, lost = Round(self._texts, self._findings, sample, filed=filed).run()
            if new:
                rest = dict.fromkeys(self._findings.place([*rest, *lost], new))
                fallen = [text for template in new for text in look_again(self._texts, self._findings, template)]
                rest |= dict.fromkeys(fallen)
                samples.add(lost + fallen)
        return rest, rounds

    def _look_at_families(self, rest: dict[str, None]) -> dict[str, None]:
        """The texts that fit no template after rounds over families."""
        if self._budget.spent():
            return rest
        options, calls = self._texts.options, self._texts.calls
        try:
            filed = Deck(families(list(rest), calls, options.barrier, options.min_group_size, self._texts.go_on))
        except SpentError:
            return rest
        return self._look_at(filed, rest, filed=True)[0]

    def _look_without_others(self, rest: dict[str, None], most: int) -> dict[str, None]:
        """Rounds over the remaining texts alone, if fewer than `most`, until a pass finds nothing: texts with a template no longer hide others."""
        while len(rest) < most and not self._budget.spent():
            most = len(rest)
            rest, _ = self._look_at(Samples(self._texts.by_age(rest), self._texts.calls), rest)
        return rest
