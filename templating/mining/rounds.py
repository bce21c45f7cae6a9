"""Rounds of search over bounded samples; then every text to the most specific template that fits it.

A round looks at a sample of what no template fits yet, and at a few texts of every template that there is: so a value
that was the same by chance in one round becomes a slot in the next.  Templates whose values begin or end alike are
looked at again with more of their own texts: a sample that holds two members of one template and four of another can
make one of both.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from templating.matching import fit
from templating.mining import known as before
from templating.mining.budget import Budget
from templating.mining.pool import Pool
from templating.mining.result import Options
from templating.mining.sampling import sample_of, spread
from templating.mining.search import search
from templating.mining.sieve import Sieve
from templating.mining.skeleton import WITNESSES, Skeleton, skeleton
from templating.mining.widening import Row, may_widen, swallows
from templating.template import Template

SHOWN = 5  # texts of a template that later rounds see again
OFTEN = 64  # texts after which the caller is asked whether to stop: milliseconds
LOOK = 64  # texts of a template at the second look
PEEK, ALIKE = 32, 12  # texts, and characters at either end of their values, that decide whether it is needed
PARTS, EXPLAINED = 6, 0.95  # a template falls apart into so many at most, which fit so many of its texts


@dataclass
class Finding:
    """A template on its way: some of the texts that it fits, the known templates that it widens, bits per call.

    looked: how many texts the round that found it had of it.
    """

    texts: list[str]
    supersedes: set[int] = field(default_factory=set)
    bits: float = 0.0
    looked: int = 0


@dataclass(frozen=True)
class Group:
    """A template, its texts with their values, the known templates that it widens, bits per call that it saves."""

    template: Template
    rows: list[tuple[str, tuple[str, ...]]]
    supersedes: frozenset[int] = frozenset()
    bits: float = 0.0


class Rounds:
    """The search in texts that all have the same number of barriers."""

    def __init__(
        self,
        calls: Mapping[str, Sequence[int]],
        known: Iterable[tuple[int, Template]],
        options: Options,
        budget: Budget,
    ) -> None:
        self._calls, self._options, self._budget = dict(calls), options, budget
        self._known = list(known)
        self._size = max((number for number, _ in self._known), default=0) + 1
        self._found: dict[Template, Finding] = {}
        self._old: set[Template] = set()

    def run(self, texts: Sequence[str]) -> None:
        """Search these texts, a sample at a time, until all were looked at."""
        left, tried = list(texts), set[str]()
        self._show_known(left)
        while not self._budget.spent():
            sample = sample_of([t for t in left if t not in tried], self._calls)
            if not sample:
                break
            tried.update(sample)
            new = self._round(sample)
            left = self._place(left, new)
            for template in new:
                left += self._second_look(template)

    def groups(self, fresh: Sequence[str], hits: Mapping[str, int]) -> list[Group]:
        """What was found, with its texts.  hits: texts that a known template matches; it keeps them or is superseded."""
        new = {t: f for t, f in self._found.items() if t not in self._old}
        gone = {number for f in new.values() for number in f.supersedes}
        texts = [*fresh, *(t for t, number in hits.items() if number in gone)]
        least = self._options.min_group_size
        while True:
            rows, left = _sorted(texts, new, self._budget.spent)
            small = {t for t, its in rows.items() if not new[t].supersedes and self._count(its) < least}
            if not small:
                break
            new = {t: f for t, f in new.items() if t in rows and t not in small}
        groups = [Group(t, its, frozenset(new[t].supersedes), new[t].bits) for t, its in rows.items()]
        return groups + [Group(Template((t,)), [(t, ())]) for t in left if self._is_static(t)]

    def _count(self, rows: Iterable[tuple[str, tuple[str, ...]]]) -> int:
        return sum(len(self._calls[text]) for text, _ in rows)

    def _is_static(self, text: str) -> bool:
        says = bool(text.replace(self._options.barrier, " ").strip())
        return says and len(self._calls[text]) >= self._options.min_group_size

    def _show_known(self, texts: Iterable[str]) -> None:
        for template, numbers in before.near(self._known, texts).items():
            texts = before.shown(template)
            self._calls |= dict.fromkeys(texts, before.times(max(numbers), self._size))
            self._found[template] = Finding(texts, numbers)
            self._old.add(template)

    def _round(self, sample: list[str]) -> list[Template]:
        """Templates that were not there, or that widen some that were; those are forgotten."""
        shown = {t: spread(f.texts, SHOWN) for t, f in self._found.items() if f.texts}
        pool = self._pool([*sample, *(text for texts in shown.values() for text in texts)])
        fresh = set(sample)

        def accepts(one: Skeleton) -> bool:
            return self._may_replace(one, _rows(pool, one), shown, fresh)

        found = search(pool, self._options.min_group_size, self._budget.spent, accepts)
        return [t for one in found for t in self._add(one, set(_rows(pool, one)), fresh, shown)]

    def _may_replace(
        self, one: Skeleton, rows: Mapping[str, Row], shown: Mapping[Template, list[str]], fresh: set[str]
    ) -> bool:
        """Whether a template leaves the known ones alone, or widens them in values only."""
        gone = [t for t in self._old if rows.keys() >= set(shown[t])]
        if swallows(one.template, (shown[t][0] for t in self._old if t not in gone)):
            return False
        new = [row for text, row in rows.items() if text in fresh]
        return all(may_widen(t, one.template, [rows[text] for text in shown[t]], new) for t in gone)

    def _add(
        self, one: Skeleton, texts: set[str], fresh: set[str], shown: Mapping[Template, list[str]]
    ) -> list[Template]:
        if not texts & fresh:
            return []
        old = [t for t in self._found if t in shown and texts.issuperset(shown[t])]
        best = self._widened(texts, old) if old else one
        if best is None:
            return []
        gone = [self._found.pop(t) for t in old]
        self._old.difference_update(old)
        numbers = {number for f in gone for number in f.supersedes}
        self._found[best.template] = Finding([t for f in gone for t in f.texts], numbers, best.bits, len(texts))
        return [best.template]

    def _widened(self, texts: set[str], old: Iterable[Template]) -> Skeleton | None:
        """One template for these texts and those of the templates that it replaces."""
        pool = self._pool(texts.union(*(spread(self._found[t].texts, WITNESSES) for t in old)))
        best = skeleton(pool, range(len(pool.texts)))
        return best if best is not None and len(best.members) == len(pool.texts) else None

    def _second_look(self, template: Template) -> list[str]:
        """Texts that fit no template any more, since this one fell apart."""
        finding = self._found.get(template)
        if finding is None or finding.supersedes or finding.looked >= min(LOOK, len(finding.texts)):
            return []
        if not _doubtful(template, finding.texts):
            return []
        pool = self._pool(spread(finding.texts, LOOK))
        parts = {s.template: s for s in search(pool, self._options.min_group_size, self._budget.spent)}
        explained = sum(len(s.members) for s in parts.values())
        if not 1 < len(parts) <= PARTS or template in parts or explained < EXPLAINED * len(pool.texts):
            return []
        del self._found[template]
        self._found |= {t: Finding([], bits=s.bits) for t, s in parts.items()}
        return self._place(finding.texts, parts)

    def _place(self, texts: Iterable[str], templates: Iterable[Template]) -> list[str]:
        """Gives the texts to the templates that they fit; the others are returned."""
        rows, left = _sorted(texts, templates, self._budget.spent)
        for template, its in rows.items():
            self._found[template].texts += [text for text, _ in its]
        return left

    def _pool(self, texts: Iterable[str]) -> Pool:
        ordered = sorted(texts, key=lambda t: (self._calls[t][0], t))
        return Pool.of(ordered, [list(self._calls[t]) for t in ordered], self._options.barrier, self._budget.spent)


def _rows(pool: Pool, one: Skeleton) -> dict[str, Row]:
    """text -> its values."""
    return dict(zip((pool.texts[m] for m in one.members), one.values, strict=True))


def _sorted(
    texts: Iterable[str], templates: Iterable[Template], tick: Callable[[], object]
) -> tuple[dict[Template, list[tuple[str, tuple[str, ...]]]], list[str]]:
    """(the texts of each template with their values, the texts that fit none)"""
    sieve = Sieve(templates)
    rows: dict[Template, list[tuple[str, tuple[str, ...]]]] = {}
    left = []
    for number, text in enumerate(texts):
        if number % OFTEN == 0:
            tick()
        hit = sieve.fit(text)
        if hit is None:
            left.append(text)
        else:
            rows.setdefault(hit[0], []).append((text, hit[1]))
    return rows, left


def _doubtful(template: Template, texts: Sequence[str]) -> bool:
    """Whether many values of a slot begin or end alike, so that they may be templates of their own."""
    rows = [fit(template.literals, text) for text in spread(texts, PEEK)]
    for column in zip(*[r for r in rows if r is not None], strict=True):
        for edges in ([v[:ALIKE] for v in column], [v[-ALIKE:] for v in column]):
            common = Counter(e for e in edges if len(e) == ALIKE).most_common(4)
            if sum(n for _, n in common if n >= 3) >= PEEK // 3:
                return True
    return False
