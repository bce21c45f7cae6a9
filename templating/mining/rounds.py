"""Rounds of search over bounded samples; in the end every text goes to the most specific template that fits.

1. A round searches a sample of the texts that fit no template yet, with a few texts of every template so far: a value that was
   the same by chance in one round becomes a slot in the next.
2. A template whose values begin or end alike gets a second look with more of its texts: a sample with two members of one
   template and four of another may merge the two.
3. A sample has one or no text of a template with few calls. So the remaining texts are filed by shared grams (`filing`), and
   further rounds search them family by family.
4. When all texts are placed, each template is examined with all its texts for rules that need many: whether the template was
   edited, and which marks separate its values.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import log2
from typing import NamedTuple

import numpy as np

from templating.matching import fit
from templating.mining.budget import Budget, SpentError
from templating.mining.families import Held, edits, without_data
from templating.mining.filing import Families, are_near, families, held_alike
from templating.mining.forest import Forest
from templating.mining.frames import BITS_A_FRAME_SAVES, FEWEST_FRAME_CALLS, HELD_SHARE, frames
from templating.mining.hidden import alike_in_many_ways, bounded
from templating.mining.known import remembered
from templating.mining.mixture import is_mixture, is_open
from templating.mining.pool import Pool
from templating.mining.repeats import repeated
from templating.mining.result import Options
from templating.mining.sampling import TEXTS_PER_ROUND, Samples, spread
from templating.mining.search import BITS_OF_A_TEMPLATE, BITS_SHARED_BY_CALLS, search
from templating.mining.separators import parted
from templating.mining.siblings import FEWEST_OWN_GRAMS, Places
from templating.mining.sieve import Neighbours, Sieve
from templating.mining.skeleton import ALIGNED_TEXTS, MOST_MENDS, Skeleton, skeleton, template_of
from templating.mining.units import Splits
from templating.mining.witnesses import Witnesses
from templating.template import Template

TEXTS_OF_A_SHORT_TEMPLATE = 64  # most texts of a short template in which a search looks for several templates
MOST_SHOWN = 24  # most examples of known templates in a template that widens several: as many as three templates have
SHOWN_TEXTS = 5  # most texts of a template that later rounds see again
TEXTS_PER_TICK = 64  # texts (milliseconds of work) between two questions to the caller whether to stop
TEXTS_OF_A_SECOND_LOOK = 40  # texts of a template at the second look; a template with as many at the first look gets none
PEEKED_TEXTS = 32  # texts whose values decide whether a second look is needed
PEEKED_CHARACTERS = 12  # characters of these values' beginnings and ends
SIBLING_SHARE = 0.7  # least share of peeked values whose beginning (or end) occurs at least 3 times
LONG_SIBLING_SHARE = 0.3  # least share of peeked values with such a beginning (or end) of full PEEKED_CHARACTERS
BORN_LAST = 1 << 30  # birth of a part of a divided template: only texts of the divided template were matched against the part
THIN_SHARE = 0.25  # least share of texts that fit no template but begin or end alike, where many templates have too few calls for random samples
STALE_SHARE = 0.5  # least share of texts that a round over random samples leaves, where another such round is useless
BITS_OF_A_FILED_TEMPLATE = 80.0  # least bits of fixed text of a family: twice those of other sets, since the texts were chosen as similar
BITS_SHARED_BY_FILED_CALLS = 160.0  # bits more, divided by the number of calls
FILED_FIXED_SHARE = 0.5  # least fixed share of a family's text that begins with a value: free texts that end in one quotation share less
MOST_WEAK_CHARACTERS = 80  # most characters of fixed text of a known template that a shorter one may replace; longer templates are left to rounds
MOST_ENDING_CHARACTERS = 12  # most characters with which values may begin or end alike: less than two words
MOST_WEAK_TEXTS = 8  # most texts of a template that a shorter one may take over
TOLD_FACTOR = 2  # least texts of templates that a round told apart, as a multiple of the texts that later rounds see
NO_END = 1 << 30  # rounds: no limit
KEPT_SHARE = 0.75  # least share of the texts in versions with enough calls
MOST_PARTS = 6  # most templates into which one is divided
EXPLAINED_SHARE = 0.95  # least share of a divided template's texts that fit the parts

Row = tuple[str, ...]  # the values of a text
Placed = tuple[str, Row]


@dataclass(eq=False, repr=False)
class Finding:
    """A template during the search: its texts with their values, the known templates that it widens, its bits per call.

    looked: the number of its texts in the round that found it.
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


class Group(NamedTuple):
    """A template, its texts with their values, the known templates that it widens, its bits per call, the known templates' examples."""

    template: Template
    rows: list[Placed]
    supersedes: frozenset[int] = frozenset()
    bits: float = 0.0
    examples: Sequence[str] = ()


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
        self._calls, self._options, self._budget, self._run_of = dict(calls), options, budget, dict(enumerate(runs))
        self._witnesses, self._held = Witnesses(), Held()
        self._known = list(known)
        self._size = max((number for number, _ in self._known), default=0) + 1
        self._found: dict[Template, Finding] = {}
        self._old: set[Template] = set()
        self._copies: set[str] = set()
        self._time, self._splits = 0, Splits()
        self._examples = set[str]()

    def run(self, texts: Sequence[str]) -> None:
        """Search these texts, one sample after the other, until all were looked at."""
        if self._known:
            self._show_known(texts)
        rest = dict.fromkeys(self._budget.over(texts))
        chance = Samples(texts, self._calls)
        before = len(rest)
        rest, rounds = self._look_at(chance, rest, most=1)
        while max(TEXTS_PER_ROUND, THIN_SHARE * len(texts)) < len(rest) < STALE_SHARE * before and not self._budget.spent():
            before = len(rest)
            rest, more = self._look_at(chance, rest, most=1)
            rounds += more
        if len(rest) > max(TEXTS_PER_ROUND, THIN_SHARE * len(texts)) and len(self._held_alike(rest)) > THIN_SHARE * len(texts):
            rest = self._look_at_families(rest)
        rest, more = self._look_at(chance, rest)
        if rounds + more > 1 or len(texts) > TEXTS_PER_ROUND:
            rest |= dict.fromkeys(text for template in list(self._found) for text in self._hidden(template))
            rest = self._look_at_families(rest)
        rest = self._look_again(rest, len(texts))
        self._look_at_ends(rest)
        self._ask_again()

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
            new, lost = self._round(sample, filed=filed)
            if new:
                rest = dict.fromkeys(self._place([*rest, *lost], new))
                fallen = [text for template in new for text in self._second_look(template)]
                rest |= dict.fromkeys(fallen)
                samples.add(lost + fallen)
        return rest, most

    def _look_again(self, rest: dict[str, None], most: int) -> dict[str, None]:
        """Rounds over the remaining texts alone, if fewer than `most`, until a pass finds nothing: texts with a template no longer hide others."""
        while len(rest) < most and not self._budget.spent():
            most = len(rest)
            ordered = sorted(rest, key=lambda text: self._calls[text][0])
            rest, _ = self._look_at(Samples(ordered, self._calls), rest)
        return rest

    def _look_at_ends(self, rest: Iterable[str]) -> None:
        """Looks for short templates among texts that fit no template, or only a template of few texts."""
        weak = {
            t: f
            for t, f in self._found.items()
            if (t.fixed <= MOST_WEAK_CHARACTERS if t in self._old else 0 < len(f.rows) < MOST_WEAK_TEXTS and not f.supersedes)
        }
        rest = [text for text in rest if text not in self._copies]
        texts = list(dict.fromkeys([*rest, *(text for finding in weak.values() for text, _ in finding.rows)]))
        texts.sort(key=lambda text: self._calls[text][0])
        try:
            sets = frames(texts, [len(self._calls[text]) for text in texts], self._splits, self._go_on)
        except SpentError:
            return
        new, lost = dict[Template, Finding](), list[str]()
        for members in sets:
            its = [texts[member] for member in members]
            best = None if self._copies.issuperset(its) else self._short(its)
            if best is None or best.template in self._found:
                continue
            if best.template.fixed > MOST_WEAK_CHARACTERS and self._old:
                lost += self._replace_known(best, its, new)
            else:
                new[best.template] = Finding([], bits=best.bits, born=self._time, looked=len(members))
        if not new:
            return
        self._found |= new
        sieve, texts = Sieve(new), [*rest, *lost]
        for template, finding in weak.items():
            around = self._around(template, finding, sieve) if template in self._found else None
            if around:
                texts += [text for text, _ in self._found.pop(template).rows if text not in self._copies]
                around.supersedes |= finding.supersedes
                self._old.discard(template)
        self._place(texts, new)
        for template, finding in new.items():
            if len(finding.rows) < HELD_SHARE * finding.looked and not finding.supersedes:
                del self._found[template]

    def _replace_known(self, best: Skeleton, texts: Sequence[str], new: dict[Template, Finding]) -> list[str]:
        """Adds the template to `new`, unless it fits known templates that lose more than short values. Returns the texts that these lose."""
        shown = {t: self._some(finding) for t, finding in self._found.items() if t in self._old}
        taken = self._without_others(best, texts, shown, set(texts))
        if taken is None:
            return []
        owner = {text: template for template, its in shown.items() for text in its}
        wide, lost = self._add(taken[0], set(taken[1]), set(texts), shown, owner)
        new |= {template: self._found[template] for template in wide}
        return lost

    def _short(self, texts: Sequence[str]) -> Skeleton | None:
        """The template of texts that begin and end alike; None if it is long enough for `search`, and `search` finds several templates."""
        best = self._template_of(texts)
        if best is None or is_mixture(best):
            return None
        if not self._are_enough(
            best.template,
            {
                text: values
                for text in texts
                if text not in self._copies and (values := fit(best.template.literals, text)) is not None
            },
        ):
            return None
        some = spread(texts, TEXTS_OF_A_SHORT_TEMPLATE)
        if best.bits < BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / self._calls_of(texts):
            pool = self._pool(some)
            return None if Forest(pool, self._options.min_group_size, self._go_on).parts(range(len(some)), FEWEST_OWN_GRAMS, HELD_SHARE) else best
        return best if self._is_one(some) else None

    def _around(self, template: Template, finding: Finding, shorter: Sieve) -> Finding | None:
        """The shorter template that fits all texts of a template, if the longer template's additional fixed text is a value."""
        fits = [hit for text, _ in finding.rows if (hit := shorter.fit(text))]
        if len(fits) < len(finding.rows):
            return None
        around = self._found[fits[0][0]]
        if template in self._old:
            is_value = not template.slots or template.fixed <= fits[0][0].fixed + MOST_ENDING_CHARACTERS
        elif len({wide for wide, _ in fits}) > 1 or len({values for _, values in fits}) < len(fits):
            is_value = True
        else:
            calls, more = self._count(finding.rows), finding.bits - around.bits
            is_value = (
                more < BITS_OF_A_TEMPLATE + BITS_SHARED_BY_CALLS / calls
                if calls < FEWEST_FRAME_CALLS
                else calls * (more - log2(max(1, around.looked / calls))) - finding.bits < BITS_A_FRAME_SAVES
            )
        return around if is_value else None

    def _held_alike(self, texts: Iterable[str]) -> list[str]:
        """The texts that a template of few calls may fit; none when time is up."""
        if self._budget.spent():
            return []
        return held_alike(self._budget.over(texts), self._calls, self._options.barrier, self._options.min_group_size)

    def _look_at_families(self, rest: dict[str, None]) -> dict[str, None]:
        """The texts that fit no template after rounds over families, the texts that templates of few calls may fit."""
        barrier, least = self._options.barrier, self._options.min_group_size
        try:
            filed = Families(families(self._held_alike(rest), self._calls, barrier, least, self._go_on))
        except SpentError:
            return rest
        return self._look_at(filed, rest, filed=True)[0]

    def _go_on(self) -> None:
        if self._budget.spent():
            raise SpentError

    def _ask_again(self) -> None:
        """Examines each template with all its texts, while there is time."""
        to_part = list(self._found)
        while to_part and not self._budget.spent():
            to_part += self._part_by_edits(to_part.pop())
        for template in list(self._found):
            if not self._budget.spent():
                self._separate(template)

    def groups(self, fresh: Sequence[str], hits: Mapping[str, int]) -> list[Group]:
        """The groups. hits: texts that a known template matches, which keeps these texts unless it is superseded."""
        new = {t: f for t, f in self._found.items() if t not in self._old}
        gone = {number for f in new.values() for number in f.supersedes}
        rows = self._kept(new)
        placed = {text for placed_rows in rows.values() for text, _ in placed_rows}
        texts = [t for t in fresh if t not in placed] + [t for t, number in hits.items() if number in gone]
        least = self._options.min_group_size
        while True:
            more, rest = _sorted(texts, new, self._budget.spent)
            for template, placed_rows in more.items():
                rows.setdefault(template, []).extend(placed_rows)
            small = {t for t, placed_rows in rows.items() if not new[t].supersedes and self._count(placed_rows) < least}
            if not small:
                break
            texts = rest + [text for t in small for text, _ in rows.pop(t)]
            new = {t: new[t] for t in new if t in rows}
        groups = [Group(t, its, frozenset(new[t].supersedes), new[t].bits, self._examples_of(new[t])) for t, its in rows.items()]
        return groups + [Group(Template((t,)), [(t, ())]) for t in rest if self._is_static(t)]

    def _examples_of(self, finding: Finding) -> list[str]:
        """The examples of the known templates that a template widens, oldest first."""
        return sorted((text for text, _ in finding.rows if text in self._examples), key=lambda text: self._calls[text][0])

    def _kept(self, findings: Mapping[Template, Finding]) -> dict[Template, list[Placed]]:
        """The texts of each template: a text stays where it was placed, or moves to a later template that fits better."""
        kept: dict[Template, list[Placed]] = {}
        neighbours, number = Neighbours(findings), {template: place for place, template in enumerate(findings)}
        for template, finding in findings.items():
            self._budget.spent()
            rows = {template: [row for row in finding.rows if row[0] not in self._copies]}
            rank = (template.fixed, number[template])
            later = [
                t for t in neighbours.of(template) if findings[t].born > finding.since and (t.fixed, number[t]) > rank
            ]
            if later:
                rows, _ = _sorted((text for text, _ in rows[template]), [template, *later], self._budget.spent)
            for best, its in rows.items():
                kept.setdefault(best, []).extend(its)
        return {template: its for template, its in kept.items() if its}

    def _count(self, rows: Iterable[Placed]) -> int:
        return self._calls_of(text for text, _ in rows)

    def _calls_of(self, texts: Iterable[str]) -> int:
        return sum(len(self._calls[text]) for text in texts)

    def _is_static(self, text: str) -> bool:
        says = bool(text.replace(self._options.barrier, " ").strip())
        return says and len(self._calls[text]) >= self._options.min_group_size

    def _show_known(self, texts: Iterable[str]) -> None:
        from templating.mining import known as before

        for template, numbers in before.near(self._known, texts).items():
            probes, number = before.shown(template), max(numbers)
            examples = before.remembered(template)
            shown = examples or list(dict.fromkeys(probes))
            for text, times in before.times(template, number, self._size, [*shown, *probes]).items():
                self._calls.setdefault(text, times)
                if self._run_of:
                    self._run_of |= dict.fromkeys(times, number - self._size)
            self._found[template] = Finding([(text, ()) for text in shown], numbers, probes=[(template, probes)])
            self._old.add(template)
            self._copies.update(shown)
            self._examples.update(examples)

    def _round(self, sample: list[str], *, filed: bool = False) -> tuple[list[Template], list[str]]:
        """(new templates, among them those that replace narrower ones; texts that the replaced templates lost)"""
        shown = self._shown(sample)
        pool = self._pool([*sample, *(text for texts in shown.values() for text in texts)])
        fresh, number = set(sample), {text: index for index, text in enumerate(pool.texts)}
        owner = {text: template for template, texts in shown.items() for text in texts}
        settled = {template: frozenset(number[text] for text in texts) for template, texts in shown.items()}
        known = [texts for template, texts in settled.items() if template in self._old]

        accepted = dict[Template, tuple[Skeleton, list[str]]]()

        def accepts(candidate: Skeleton) -> bool:
            rows = _rows(pool, candidate)
            if filed and not self._is_clear(candidate, pool):
                return False
            if not self._are_enough(candidate.template, {text: its for text, its in rows.items() if text in fresh or text in self._copies}):
                return False
            best = None if self._joins(candidate, pool, shown) else self._without_others(candidate, rows, shown, fresh)
            if best:
                accepted[candidate.template] = best
            return best is not None

        least, stop = self._options.min_group_size, self._budget.spent
        candidates = search(pool, least, stop, accepts=accepts, settled={*settled.values()}, known=known, held=self._held)
        new, misfits = [], list[str]()
        for candidate in candidates:
            best, texts = accepted[candidate.template]
            wide, lost = self._add(best, set(texts), fresh, shown, owner)
            new += wide
            misfits += lost
        return new, misfits

    def _joins(self, candidate: Skeleton, pool: Pool, shown: Mapping[Template, list[str]]) -> bool:
        """Whether a template joins templates that one earlier round told apart with many more texts, and not only in a value."""
        number = {pool.texts[member]: position for position, member in enumerate(candidate.members)}
        told = [
            (self._found[t].born, np.array([number[text] for text in texts]))
            for t, texts in shown.items()
            if t in self._found and not self._found[t].supersedes and self._found[t].looked >= TOLD_FACTOR * len(texts) and number.keys() >= set(texts)
        ]
        if len(told) < 2:
            return False
        places = Places(candidate, self._options.barrier)
        born = Counter(when for when, kind in told if places.are_own(kind))
        return max(born.values(), default=0) > 1

    def _are_enough(self, template: Template, rows: Mapping[str, Row]) -> bool:
        """Whether texts without a template come from enough runs for a template, where runs are known."""
        return (
            not self._run_of
            or not rows
            or self._witnesses.are_enough(
                rows, [place for place in range(len(template.slots)) if is_open(template, place)], self._runs
            )
        )

    def _is_clear(self, candidate: Skeleton, pool: Pool) -> bool:
        """Whether texts of a family share more than a value or a turn of phrase, by which they may have been filed together."""
        calls = int(pool.calls[candidate.members].sum())
        if not candidate.held or candidate.bits < BITS_OF_A_FILED_TEMPLATE + BITS_SHARED_BY_FILED_CALLS / calls:
            return False
        size = sum(len(pool.texts[member]) for member in candidate.members)
        return bool(candidate.template.literals[0].strip()) or candidate.template.fixed * len(candidate.members) >= FILED_FIXED_SHARE * size

    def _shown(self, sample: Sequence[str]) -> dict[Template, list[str]]:
        """Texts of the known templates, and of the found templates that begin or end as a text of the sample does."""
        findings = {template: finding for template, finding in self._found.items() if finding.rows}
        near = are_near(findings, sample)
        return {template: self._some(finding) for template, finding in findings.items() if template in self._old or template in near}

    def _some(self, finding: Finding) -> list[str]:
        """Some texts of a template, first the examples of known templates that it widens."""
        copies = [text for text, _ in finding.rows if text in self._copies][:MOST_SHOWN] if self._copies else []
        return copies + [text for text in finding.some(SHOWN_TEXTS) if text not in self._copies][: max(0, SHOWN_TEXTS - len(copies))]

    def _touched(self, candidate: Skeleton, texts: Iterable[str], shown: Mapping[Template, list[str]]) -> list[str]:
        """The texts of a candidate, and the shown texts of known templates that the candidate fits."""
        others = (text for t, its in shown.items() if t in self._old for text in its)
        return list(dict.fromkeys([*texts, *(text for text in others if fit(candidate.template.literals, text) is not None)]))

    def _without_others(
        self, candidate: Skeleton, texts: Iterable[str], shown: Mapping[Template, list[str]], fresh: set[str]
    ) -> tuple[Skeleton, list[str]] | None:
        """The template and its texts, without those of known templates that would lose more than values; None when that leaves no template.

        What remains must widen a known template: new texts alone are a set of their own in the search.
        """
        joined = dict.fromkeys(texts)
        touched = self._touched(candidate, joined, shown)
        most = candidate.template.fixed + MOST_WEAK_CHARACTERS
        if any(t.fixed > most and not joined.keys() >= set(touched).intersection(its) for t, its in shown.items()):
            return None  # the search did not join these known templates, which have more text of their own than a short value
        refused = self._refused(candidate, touched, shown, fresh)
        if refused is None or not refused:
            return None if refused is None else (candidate, touched)
        others = {text for t in refused for text in shown[t]}
        rest = [text for text in touched if text not in others]
        wider = [t for t in shown if t in self._old and set(rest).issuperset(shown[t])]
        best = self._widened(set(rest), wider) if wider else None
        if best is None or not others.isdisjoint(again := self._touched(best, rest, shown)):
            return None
        return None if self._refused(best, again, shown, fresh) != [] else (best, again)

    def _refused(self, candidate: Skeleton, touched: Sequence[str], shown: Mapping[Template, list[str]], fresh: set[str]) -> list[Template] | None:
        """The known templates among these texts that one template of all texts must not replace; None where there is no such template."""
        texts = set(touched)
        met = [t for t in shown if (t in self._old or self._found[t].supersedes) and not texts.isdisjoint(shown[t])]
        gone = [t for t in met if texts.issuperset(shown[t])]
        if not gone:
            return met
        from templating.mining.widening import may_widen, values_of  # imported here: a first search knows no template

        best = self._widened(texts, [t for t in shown if texts.issuperset(shown[t])], candidate)
        if best is None:
            return None
        wide = best.template.literals
        new = values_of(wide, (text for text in touched if text in fresh))
        own = {known: values_of(wide, its) or values_of(wide, remembered(known)) for t in gone for known, its in self._found[t].probes}
        fixed = {
            known
            for known, its in own.items()
            if not may_widen(known, best.template, its, new, [values for other, values in own.items() if other is not known])
        }
        return [t for t in met if t not in gone or any(known in fixed for known, _ in self._found[t].probes)]

    def _add(
        self,
        candidate: Skeleton,
        texts: set[str],
        fresh: set[str],
        shown: Mapping[Template, list[str]],
        owner: Mapping[str, Template],
    ) -> tuple[list[Template], list[str]]:
        if not texts & fresh:
            return [], []
        met = {owner[text] for text in texts if text in owner}
        old = [t for t in shown if t in met and t in self._found and texts.issuperset(shown[t])]
        best = self._widened(texts, old, candidate) if old else candidate
        if best is None:
            return [], []
        gone = [self._found.pop(t) for t in old]
        self._old.difference_update(old)
        numbers = {number for f in gone for number in f.supersedes}
        rows, misfits = _sorted((text for f in gone for text, _ in f.rows), [best.template], self._budget.spent)
        probes = [its for f in gone for its in f.probes]
        since = min((f.since for f in gone), default=self._time)
        kept = rows.get(best.template, [])
        self._found[best.template] = Finding(kept, numbers, best.bits, len(texts), self._time, since, probes)
        return [best.template], misfits

    def _widened(self, texts: set[str], old: Iterable[Template], candidate: Skeleton | None = None) -> Skeleton | None:
        """One template for these texts and for the texts of the replaced templates: for examples, or else for probes.

        The candidate, if it fits them all: it was aligned among other texts, which show what each unit is worth.
        """
        old = list(old)
        probes = [text for t in old for known, texts in self._found[t].probes if not known.examples for text in texts]
        every = texts.union(probes, *(self._found[t].some(ALIGNED_TEXTS) for t in old))
        if candidate and all(fit(candidate.template.literals, text) is not None for text in every):
            return candidate
        pool = self._pool(every)
        try:
            best = skeleton(pool, range(len(pool.texts)))
        except SpentError:
            return None
        return best if best is not None and len(best.members) == len(pool.texts) else None

    def _second_look(self, template: Template) -> list[str]:
        """Divides a template into several, if it is several. Returns its texts that then fit no template."""
        finding = self._found.get(template)
        if finding is None or finding.supersedes or finding.looked >= min(TEXTS_OF_A_SECOND_LOOK, len(finding.rows)):
            return []
        if not _doubtful(finding.rows):
            return []
        rows = dict(spread(finding.rows, TEXTS_OF_A_SECOND_LOOK))
        pool = self._pool(rows)
        whole = Skeleton(template, list(range(len(rows))), [rows[text] for text in pool.texts], finding.bits, True)
        parts = {s.template: s for s in search(pool, self._options.min_group_size, self._budget.spent, whole=whole)}
        explained = sum(len(s.members) for s in parts.values())
        if not 1 < len(parts) <= MOST_PARTS or template in parts or explained < EXPLAINED_SHARE * len(pool.texts):
            return []
        del self._found[template]
        self._found |= {t: Finding([], bits=s.bits, born=BORN_LAST, since=finding.since) for t, s in parts.items()}
        return self._place([text for text, _ in finding.rows], parts)

    def _hidden(self, template: Template) -> list[str]:
        """Drops a template that is the preamble of hidden templates of few calls. Returns its texts, else nothing."""
        finding = self._found[template]
        if finding.supersedes or template in self._old or len(finding.rows) <= finding.looked:
            return []
        places = [place for place in range(len(template.slots)) if is_open(template, place)]
        if not places or self._budget.spent():
            return []
        rows = bounded(finding.rows)
        if not any(self._are_several(template, finding, rows, place) for place in places):
            return []
        return [text for text, _ in self._found.pop(template).rows]

    def _are_several(self, template: Template, finding: Finding, rows: Sequence[Placed], place: int) -> bool:
        """Whether most of the texts whose values in a slot begin, or end, alike have templates of their own."""
        some = alike_in_many_ways([(text, values[place]) for text, values in rows], self._budget.spent)
        if not some:
            return False
        pool, values = self._pool(some), dict(rows)
        whole = Skeleton(template, list(range(len(some))), [values[text] for text in pool.texts], finding.bits, True)
        parts = search(pool, self._options.min_group_size, self._budget.spent, whole=whole)
        return len(parts) > MOST_PARTS and sum(len(s.members) for s in parts) >= SIBLING_SHARE * len(some)

    def _is_one(self, texts: Iterable[str]) -> bool:
        """Whether a search among these texts finds one template."""
        pool = self._pool(texts)
        skeletons = search(pool, self._options.min_group_size, self._budget.spent, narrowest=len(pool.texts))
        return len(skeletons) == 1 and len(skeletons[0].members) == len(pool.texts)

    def _part_by_edits(self, template: Template) -> list[Template]:
        """Divides a template by its edits, with all its texts. Returns the new templates, one for each version.

        A round has a thousand texts, one or two of a version with few calls, which look like a rare value or an optional part.
        Only all texts together show whether the calls of one version follow those of another in time.
        """
        finding = self._found[template]
        if not finding.rows or finding.supersedes or template in self._old:
            return []
        kinds = self._by_edit(template, finding.rows)
        if not kinds or not KEPT_SHARE * len(finding.rows) <= sum(map(len, kinds)) or len(kinds[0]) == len(finding.rows):
            return []
        parts = [part for texts in kinds if (part := self._template_of(texts))]
        if len(parts) < len(kinds):
            return []
        del self._found[template]
        self._found |= {s.template: Finding([], bits=s.bits, born=BORN_LAST, since=finding.since) for s in parts}
        new = [s.template for s in parts]
        self._place([text for text, _ in finding.rows], new)
        return new

    def _by_edit(self, template: Template, rows: Sequence[Placed]) -> list[list[str]]:
        """The texts of each version with enough calls; empty when nothing was edited."""
        ages = [self._calls[text][0] for text, _ in rows]
        rows = [rows[index] for index in sorted(range(len(rows)), key=ages.__getitem__)]
        columns = without_data(template, [values for _, values in rows], self._options.barrier)
        texts = [text for text, _ in rows]
        keys = edits(texts, columns, self._runs, tick=self._budget.spent, held=self._held, all_calls=True)
        if not any(keys):
            return []
        kinds: dict[tuple[str, ...], list[Placed]] = {}
        for key, row in zip(keys, rows, strict=True):
            kinds.setdefault(key, []).append(row)
        least = self._options.min_group_size
        return [[text for text, _ in its] for its in kinds.values() if self._count(its) >= least]

    def _template_of(self, texts: Sequence[str]) -> Skeleton | None:
        """The template of all these texts, made from some of them; None when there is none, or time is up."""
        some = spread(texts, TEXTS_OF_A_SECOND_LOOK)
        with suppress(SpentError):
            for _ in range(MOST_MENDS):
                pool = self._pool(some)
                best = skeleton(pool, range(len(pool.texts)))
                misfits = [t for t in texts if best is None or fit(best.template.literals, t) is None]
                if not misfits:
                    return best
                some += spread(misfits, TEXTS_OF_A_SECOND_LOOK)
        return None

    def _separate(self, template: Template) -> None:
        """Makes fixed text of the marks that separate the values of a slot in every text."""
        finding = self._found[template]
        if template in self._old:
            return
        its_values = [values for _, values in finding.rows]
        literals = repeated(template.literals, its_values, self._budget.spent)
        if literals == template.literals:
            literals = parted(literals, its_values, self._budget.spent)
        if literals == template.literals:
            return
        new = template_of(literals)
        rows = [(text, its) for text, _ in finding.rows if (its := fit(new.literals, text)) is not None]
        if new not in self._found and len(rows) == len(finding.rows):
            self._found[new] = replace(self._found.pop(template), rows=rows)

    def _place(self, texts: Iterable[str], templates: Iterable[Template]) -> list[str]:
        """Adds the texts to the templates that they fit. Returns the texts that fit none."""
        self._time += 1
        rows, misfits = _sorted(texts, templates, self._budget.spent)
        for template, its in rows.items():
            self._found[template].rows += its
        return misfits

    def _pool(self, texts: Iterable[str]) -> Pool:
        ordered = sorted(texts, key=lambda t: (self._calls[t][0], t))
        runs = [self._runs(t) for t in ordered] if self._run_of else None
        return Pool.of(
            ordered,
            [list(self._calls[t]) for t in ordered],
            self._options.barrier,
            self._budget.spent,
            runs=runs,
            splits=self._splits,
        )

    def _runs(self, text: str) -> Sequence[int]:
        """The start of the run of each call of a text; texts of known templates belong to no run."""
        if not self._run_of:
            return self._calls[text]
        return [self._run_of.get(call, call) for call in self._calls[text]]


def _rows(pool: Pool, candidate: Skeleton) -> dict[str, Row]:
    """text -> its values."""
    return dict(zip((pool.texts[m] for m in candidate.members), candidate.values, strict=True))


def _sorted(
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


def _doubtful(rows: Sequence[Placed]) -> bool:
    """Whether the values of a slot have only a few beginnings or ends, so that the template may be several.

    Siblings divide nearly all texts; in a slot only some values begin alike.
    """
    peeked = spread(rows, PEEKED_TEXTS)
    for column in zip(*(values for _, values in peeked), strict=True):
        for ends in ([v[:PEEKED_CHARACTERS] for v in column], [v[-PEEKED_CHARACTERS:] for v in column]):
            common = [(edge, n) for edge, n in Counter(ends).most_common(MOST_PARTS) if n >= 3]
            long = sum(n for edge, n in common if len(edge) == PEEKED_CHARACTERS)
            if long >= LONG_SIBLING_SHARE * len(peeked) and sum(n for _, n in common) >= SIBLING_SHARE * len(peeked):
                return True
    return False
