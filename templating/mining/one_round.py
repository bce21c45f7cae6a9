"""One round: the search in a sample, with some texts of the templates so far."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from templating.mining.findings import Findings
from templating.mining.quantities import MUCH_MORE
from templating.mining.replacing import Replacing
from templating.mining.search import BITS_OF_A_TEMPLATE, BITS_SHARED_BY_CALLS, Search
from templating.mining.siblings import Places
from templating.mining.skeleton import Skeleton
from templating.mining.texts import Texts
from templating.template import Template


class Round:
    """The search in one sample. filed: whether its texts were chosen as similar (`filing`)."""

    def __init__(self, texts: Texts, findings: Findings, sample: Sequence[str], *, filed: bool) -> None:
        self._texts, self._findings, self._filed = texts, findings, filed
        self._shown = findings.shown(sample)
        self._pool = texts.pool([*sample, *(text for its in self._shown.values() for text in its)])
        self._fresh = set(sample)
        self._replacing = Replacing(texts, findings, self._shown, self._fresh)
        self._touched: dict[Template, list[str]] = {}

    def run(self) -> tuple[list[Template], list[str]]:
        """(new templates, among them those that replace narrower ones; texts that the replaced templates lost)"""
        number = {text: index for index, text in enumerate(self._pool.texts)}
        settled = {template: frozenset(number[text] for text in its) for template, its in self._shown.items()}
        candidates = Search(
            self._pool,
            self._texts.options.min_group_size,
            self._texts.budget.spent,
            accepts=self._accepts,
            settled={*settled.values()},
            known=[its for template, its in settled.items() if template in self._findings.known],
            held=self._texts.held,
        ).run()
        new, lost = list[Template](), list[str]()
        for candidate in candidates:
            templates, misfits = self._replacing.add(candidate, set(self._touched[candidate.template]))
            new += templates
            lost += misfits
        return new, lost

    def _accepts(self, candidate: Skeleton) -> bool:
        """Whether a candidate of the search is a template of the whole search."""
        rows = dict(zip((self._pool.texts[member] for member in candidate.members), candidate.values, strict=True))
        if self._filed and not self._is_clear(candidate):
            return False
        if self._texts.are_of_one_run(self._new(rows)) or self._joins(candidate):
            return False
        self._touched[candidate.template] = self._replacing.touched(candidate, rows)
        return bool(self._touched[candidate.template])

    def _new(self, texts: Iterable[str]) -> list[str]:
        """The texts that have no template of this call yet."""
        return [text for text in texts if text in self._fresh or text in self._findings.copies]

    def _is_clear(self, candidate: Skeleton) -> bool:
        """Whether texts of a family share more than a value or a turn of phrase, by which they may have been filed together."""
        calls = int(self._pool.calls[candidate.members].sum())
        return candidate.bits >= MUCH_MORE * (BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / calls)

    def _joins(self, candidate: Skeleton) -> bool:
        """Whether a template joins templates that one earlier round, or search, told apart with many more texts, and not only in a value."""
        number = {self._pool.texts[member]: position for position, member in enumerate(candidate.members)}
        parts_told_apart = [
            (self._findings[t].born, np.array([number[text] for text in its]))
            for t, its in self._shown.items()
            if self._is_told(t, len(its)) and number.keys() >= set(its)
        ]
        if len(parts_told_apart) < 2:
            return False
        places = Places(candidate, self._texts.options.barrier)
        born = Counter(when for when, kind in parts_told_apart if places.are_own(kind))
        return max(born.values(), default=0) > 1

    def _is_told(self, template: Template, texts_shown: int) -> bool:
        """Whether an earlier round of this call, or the last search of all known templates, saw many more texts of a template than this round."""
        finding = self._findings.get(template)
        if finding is None or (finding.supersedes and template not in self._findings.known):
            return False
        return finding.looked >= MUCH_MORE * texts_shown
