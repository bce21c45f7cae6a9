"""Rounds of search over bounded samples; in the end every text goes to the most specific template that fits.

1. A round (`one_round`) searches a sample of the texts that fit no template yet, with a few texts of every template so far: a value
   that was the same by chance in one round becomes a slot in the next (`replacing`).
2. A template whose values begin or end alike gets a second look with more of its texts (`second_look`).
3. A sample has one or no text of a template with few calls. So the remaining texts are filed by shared grams (`filing`), and
   further rounds search them family by family.
4. Short templates are looked for among the texts that remain (`short_templates`).
5. When all texts are placed, each template is examined with all its texts for rules that need many (`revising`).
"""

from collections.abc import Iterable, Mapping, Sequence

from templating.mining.answer import Answer, Group
from templating.mining.budget import Budget, SpentError
from templating.mining.filing import Families, families, held_alike
from templating.mining.findings import Findings
from templating.mining.known import add_known
from templating.mining.one_round import Round
from templating.mining.result import Options
from templating.mining.revising import revise
from templating.mining.sampling import TEXTS_PER_ROUND, Samples
from templating.mining.second_look import look_again
from templating.mining.short_templates import ShortTemplates
from templating.mining.texts import Texts
from templating.template import Template

THIN_SHARE = 0.25  # least share of texts that fit no template but begin or end alike, where many templates have too few calls for random samples
STALE_SHARE = 0.5  # least share of texts that a round over random samples leaves, where another such round is useless
NO_END = 1 << 30  # rounds: no limit


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
        revise(self._texts, self._findings)

    def groups(self, fresh: Sequence[str], hits: Mapping[str, int]) -> list[Group]:
        """The groups. hits: texts that a known template matches, which keeps these texts unless it is superseded."""
        return Answer(self._texts, self._findings, self._examples).groups(fresh, hits)

    def _look_at_samples(self, texts: Sequence[str]) -> dict[str, None]:
        """The texts that fit no template after rounds over random samples, and over families where these are needed."""
        rest, many = dict.fromkeys(self._budget.over(texts)), max(TEXTS_PER_ROUND, THIN_SHARE * len(texts))
        chance = Samples(texts, self._texts.calls)
        before = len(rest)
        rest, rounds = self._look_at(chance, rest, most=1)
        while many < len(rest) < STALE_SHARE * before and not self._budget.spent():
            before = len(rest)
            rest, more = self._look_at(chance, rest, most=1)
            rounds += more
        if len(rest) > many and len(self._held_alike(rest)) > THIN_SHARE * len(texts):
            rest = self._look_at_families(rest)
        rest, more = self._look_at(chance, rest)
        if rounds + more > 1 or len(texts) > TEXTS_PER_ROUND:
            rest = self._look_at_families(rest)
        return rest

    def _look_at(
        self,
        samples: Samples | Families,
        rest: dict[str, None],
        *,
        most: int = NO_END,
        filed: bool = False,
    ) -> tuple[dict[str, None], int]:
        """(texts that fit no template after rounds over all samples, or over `most` samples; the number of rounds)"""
        for rounds in range(most):
            sample = [] if self._budget.spent() else samples.deal(rest)
            if not sample:
                return rest, rounds
            new, lost = Round(self._texts, self._findings, sample, filed=filed).run()
            if new:
                rest = dict.fromkeys(self._findings.place([*rest, *lost], new))
                fallen = [text for template in new for text in look_again(self._texts, self._findings, template)]
                rest |= dict.fromkeys(fallen)
                samples.add(lost + fallen)
        return rest, most

    def _look_at_families(self, rest: dict[str, None]) -> dict[str, None]:
        """The texts that fit no template after rounds over families, the texts that templates of few calls may fit."""
        options = self._texts.options
        try:
            filed = Families(families(self._held_alike(rest), self._texts.calls, options.barrier, options.min_group_size, self._texts.go_on))
        except SpentError:
            return rest
        return self._look_at(filed, rest, filed=True)[0]

    def _held_alike(self, texts: Iterable[str]) -> list[str]:
        """The texts that a template of few calls may fit; none when time is up."""
        if self._budget.spent():
            return []
        options = self._texts.options
        return held_alike(self._budget.over(texts), self._texts.calls, options.barrier, options.min_group_size)

    def _look_without_others(self, rest: dict[str, None], most: int) -> dict[str, None]:
        """Rounds over the remaining texts alone, if fewer than `most`, until a pass finds nothing: texts with a template no longer hide others."""
        while len(rest) < most and not self._budget.spent():
            most = len(rest)
            rest, _ = self._look_at(Samples(self._texts.by_age(rest), self._texts.calls), rest)
        return rest
