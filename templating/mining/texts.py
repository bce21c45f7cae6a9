"""The texts of one search with what is known of their calls: times, runs (sessions), values that stay while a prompt is edited."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from templating.matching import fit
from templating.mining.budget import Budget, SpentError
from templating.mining.families import Held
from templating.mining.pool import Pool
from templating.mining.result import Options
from templating.mining.sampling import spread
from templating.mining.sieve import Placed
from templating.mining.skeleton import Skeleton, skeleton
from templating.mining.units import Splits

TEXTS_OF_A_SECOND_LOOK = 40  # texts of a template at the second look; a template with as many at the first look gets none


class Texts:
    """Texts with the same number of barriers; among them the examples of known templates.

    calls: text -> the times of its calls. held: the values that the search has found to stay across versions.
    """

    def __init__(self, calls: Mapping[str, Sequence[int]], options: Options, budget: Budget, runs: Sequence[int] = ()) -> None:
        """runs: per call the start of its run; empty where no run is known."""
        self.calls, self.options, self.budget = dict(calls), options, budget
        self.splits, self.held = Splits(), Held()
        self._run_of = dict(enumerate(runs))

    def add(self, text: str, times: Sequence[int], run: int) -> None:
        """Adds a text that stands for a known template, unless a prompt says the same. run: a run of the template's own."""
        self.calls.setdefault(text, times)
        if self._run_of:
            self._run_of |= dict.fromkeys(times, run)

    def go_on(self) -> None:
        """Raises SpentError when time is up."""
        if self.budget.spent():
            raise SpentError

    def count(self, texts: Iterable[str]) -> int:
        """The number of calls of these texts."""
        return sum(len(self.calls[text]) for text in texts)

    def count_rows(self, rows: Iterable[Placed]) -> int:
        """The number of calls of the texts in these rows."""
        return self.count(text for text, _ in rows)

    def by_age(self, texts: Iterable[str]) -> list[str]:
        """The texts, oldest first."""
        return sorted(texts, key=lambda text: self.calls[text][0])

    def runs(self, text: str) -> Sequence[int]:
        """The start of the run of each call of a text; texts of known templates have runs of their own."""
        if not self._run_of:
            return self.calls[text]
        return [self._run_of.get(call, call) for call in self.calls[text]]

    def are_of_one_run(self, texts: Iterable[str]) -> bool:
        """Whether all calls of these texts are of one run, where runs are known: text that only one run holds is no fixed text."""
        return bool(self._run_of) and len({run for text in texts for run in self.runs(text)}) == 1

    def pool(self, texts: Iterable[str]) -> Pool:
        """These texts as a pool of one search."""
        ordered = sorted(texts, key=lambda text: (self.calls[text][0], text))
        times = [list(self.calls[text]) for text in ordered]
        runs = [self.runs(text) for text in ordered] if self._run_of else None
        return Pool.of(ordered, times, self.options.barrier, self.budget.spent, runs=runs, splits=self.splits)

    def template_of(self, texts: Sequence[str]) -> Skeleton | None:
        """The template of some of these texts, if it fits all; None when there is none, or time is up."""
        with suppress(SpentError):
            pool = self.pool(spread(texts, TEXTS_OF_A_SECOND_LOOK))
            best = skeleton(pool, range(len(pool.texts)))
            if best is not None and all(fit(best.template.literals, text) is not None for text in texts):
                return best
        return None
