"""Replacing: which of the templates so far give way to a template that a search found around their texts.

A template that is found around the texts of others is their value-free form: it widens a known template, or joins what a round
told apart by a value that was the same by chance. A known template gives way only if it loses values, such as the day on which it was
found, else the template around it is refused: an edit makes a template of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from templating.matching import fit
from templating.mining.borders import with_short_moments
from templating.mining.budget import SpentError
from templating.mining.data import are_varied
from templating.mining.findings import Finding, Findings
from templating.mining.known import example_prompts, fixed_pieces
from templating.mining.quantities import CLEAR_MAJORITY, FEWEST_ALIKE, FEWEST_EDIT_WORDS, MOST_WEAK_CHARACTERS
from templating.mining.sieve import sort_by_template, values_of
from templating.mining.skeleton import ALIGNED_TEXTS, Skeleton, skeleton
from templating.mining.texts import Texts
from templating.mining.units import unit_begins
from templating.template import Template


class Replacing:
    """The step from the candidates of one search to templates of the whole search.

    texts_shown: the texts of each template so far that took part. fresh: the other texts.
    """

    def __init__(self, texts: Texts, findings: Findings, texts_shown: Mapping[Template, list[str]], fresh: set[str]) -> None:
        self._texts, self._findings, self._shown, self._fresh = texts, findings, texts_shown, fresh

    def touched(self, candidate: Skeleton, texts: Iterable[str]) -> list[str]:
        """The texts of a candidate, and the shown texts of known templates that it fits; none when a known template would lose more than values."""
        joined = dict.fromkeys(texts)
        others = (text for t, its in self._shown.items() if t in self._findings.known for text in its)
        touched = list(dict.fromkeys([*joined, *(text for text in others if fit(candidate.template.literals, text) is not None)]))
        most = candidate.template.fixed + MOST_WEAK_CHARACTERS
        if any(t.fixed > most and not joined.keys() >= set(touched).intersection(its) for t, its in self._shown.items()):
            return []  # the search did not join these known templates, which have more text of their own than a short value
        return touched if self._loses_values_only(candidate, touched) else []

    def _loses_values_only(self, candidate: Skeleton, touched: Sequence[str]) -> bool:
        """Whether one template of all these texts exists, and the known templates among them lose no more than values to it."""
        texts, findings = set(touched), self._findings
        met = [t for t, its in self._shown.items() if (t in findings.known or findings[t].supersedes) and not texts.isdisjoint(its)]
        gone = [t for t in met if texts.issuperset(self._shown[t])]
        if not gone or len(gone) < len(met):
            return not met
        best = self._widened(texts, [t for t, its in self._shown.items() if texts.issuperset(its)], candidate)
        return best is not None and self._may_widen(best.template, gone, [text for text in touched if text in self._fresh])

    def _may_widen(self, wide: Template, narrow: Iterable[Template], fresh: Sequence[str]) -> bool:
        """Whether the known templates in some templates lose no more than values to a wider template."""
        new = values_of(wide.literals, fresh)
        probes = {known: its for t in narrow for known, its in self._findings[t].probes}
        own = {known: values_of(wide.literals, its) or values_of(wide.literals, example_prompts(known)) for known, its in probes.items()}
        return all(_may_widen(wide, its, new, [row for other, rows in own.items() if other is not known for row in rows]) for known, its in own.items())

    def add(self, candidate: Skeleton, texts: set[str]) -> tuple[list[Template], list[str]]:
        """Adds a template in the place of those that gave all their shown texts to it. Returns the template, if any, and texts that it does not fit."""
        if not texts & self._fresh:
            return [], []
        old = [t for t, its in self._shown.items() if t in self._findings and texts.issuperset(its)]
        best = self._widened(texts, old, candidate) if old else candidate
        if best is None:
            return [], []
        gone = [self._findings.drop(t) for t in old]
        rows, misfits = sort_by_template((text for f in gone for text, _ in f.rows), [best.template], self._texts.budget.spent)
        self._findings[best.template] = Finding(
            rows.get(best.template, []),
            {number for f in gone for number in f.supersedes},
            best.bits,
            looked=len(texts),
            born=self._findings.step,
            since=min((f.since for f in gone), default=self._findings.step),
            probes=[its for f in gone for its in f.probes],
        )
        return [best.template], misfits

    def _widened(self, texts: set[str], old: Sequence[Template], candidate: Skeleton) -> Skeleton | None:
        """One template for these texts and for the texts of the replaced templates: for examples, or else for probes.

        The candidate, if it fits them all: it was aligned among other texts, which show what each unit is worth.
        """
        findings = [self._findings[t] for t in old]
        probes = [text for finding in findings for known, its in finding.probes if not known.examples for text in its]
        every = texts.union(probes, *(finding.some(ALIGNED_TEXTS) for finding in findings))
        if all(fit(candidate.template.literals, text) is not None for text in every):
            return candidate
        pool = self._texts.pool(every)
        try:
            best = skeleton(pool, range(len(pool.texts)))
        except SpentError:
            return None
        return best if best is not None and len(best.members) == len(pool.texts) else None


def _may_widen(wide: Template, own: Sequence[Sequence[str]], new: Sequence[Sequence[str]], others: Sequence[Sequence[str]] = ()) -> bool:
    """Whether a known template loses only values to a wider one.

    own: values, in the wide template, of texts of the known template. new: of prompts that the known template did not match.
    others: of texts of the other known templates that are widened together with it; they differ where one of these has a slot.
    """
    columns = [list(zip(*rows, strict=True)) or [()] * len(wide.slots) for rows in (own, new, others)]
    places = [(own, new) for own, new, others in zip(*columns, strict=True) if len(set(own)) != 1 or not are_varied(chain(own, new, others))]
    renamed = {(own[0], *sorted(set(new))) for own, new in places if _is_renamed(own, new)}
    return len(renamed) < 2 and all(_is_value(own, new) for own, new in places)  # one variable may stand at two places


def _is_renamed(own: Sequence[str], new: Sequence[str]) -> bool:
    """Whether one text replaces another without digits: one such place may hold a value, two that change together show a sibling.

    Texts with digits do not count: a date may stand in a prompt twice.
    """
    texts = {*own, *new}
    return len(texts) == 2 and len(set(own)) == 1 and not any(map(str.isdecimal, "".join(texts)))


def _is_value(own: Sequence[str], new: Sequence[str]) -> bool:
    """Whether what the known template's texts have at a place is a value. own, new: as in `_may_widen`."""
    if len(set(own)) > 1:  # a slot of the known template, perhaps with text around: it may be an edit until its third call comes
        words = [_words(piece) for piece in fixed_pieces(own[0]) if all(piece in text for text in own)]
        return max(words, default=0) < FEWEST_EDIT_WORDS or len(new) >= FEWEST_ALIKE
    changed = [text for text in new if text != own[0]]
    is_short = max(map(_units, [*own, *new]), default=0) < FEWEST_EDIT_WORDS
    if is_short or not changed:
        return True
    kinds = len(set(changed))
    return kinds > 1 and kinds >= CLEAR_MAJORITY * len(changed)


def _units(text: str) -> int:
    return len(unit_begins(with_short_moments(text)))


def _words(text: str) -> int:
    """The number of words, without marks: JSON of one shape, which a few calls share by chance, is mostly marks."""
    return sum(text[begin].isalnum() for begin in unit_begins(text))
