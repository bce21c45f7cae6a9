"""The feed of changes against a month of traffic with known changes: which are told, and how many false ones.

    python -m benchmarks.changes [--rule] [SEED ...]

Changes are looked for every hour, as the reconciler does. --rule: the rule alone, on hourly figures counted from the same calls, without a
database and without mining: some 5 s a seed.

Ten call sites from Monday, 2 March: days and nights, week-ends at a third, each day up to a quarter more or less; one per cent of the calls
fail; a chat without a template. A known change counts as told if the feed tells its kind of its path within its time; all other news is false.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import cos, exp, pi
from random import Random
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select

from app.reading import feed, prices
from app.reading.feed import ChangeFilter, FeedEntry
from app.reading.ranges import Range
from app.sample import material as m
from app.sample.values import several, spin, ticket
from app.store import changes, rollup
from app.store import prices as set_prices
from app.store.engine import transaction
from app.store.owed import IS_OWED
from app.store.tables import trace
from app.telling import hourly, rules
from app.telling.finding import AGAIN
from app.telling.pricing import price_changed
from app.telling.rules import Figures
from benchmarks.ingest.tables import table
from benchmarks.installation import Installation, installed

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAYS = 30

Values = Callable[[Random], dict[str, str]]


def _mail(r: Random) -> dict[str, str]:
    return {"mail": ticket(r)}


def _product(r: Random) -> dict[str, str]:
    return {"product": r.choice(m.PRODUCTS), "notes": " ".join(several(r, m.DETAILS, 2, 5))}


def _text(r: Random) -> dict[str, str]:
    return {
        "language": r.choice(["German", "French", "Spanish", "Japanese"]),
        "text": " ".join(several(r, m.DETAILS, 2, 4)),
    }


def _name(r: Random) -> dict[str, str]:
    return {"name": r.choice(m.NAMES), "order": spin(r, "{order}"), "wish": " ".join(several(r, m.ASKS, 1, 2))}


@dataclass(frozen=True)
class Site:
    """A call site. daily: calls of a working day."""

    path: str
    text: str
    values: Values
    daily: int
    model: str = "gpt-5-mini"


STYLE = " ".join(
    f"Rule {n}: say what the buyer can do with it, name no rival, and keep the words of rule {n} short."
    for n in range(1, 8)
)
EXAMPLES = " ".join(
    f"Example {n}: a good text names the material, the weight and one place where it was used." for n in range(1, 13)
)

SITES = [
    Site("/triage", "Sort the mail of an outdoor shop into billing, delivery, returns or other.\n\nMail: {mail}\n\nAnswer with one word.", _mail, 110),
    Site("/reply", "Write a friendly answer to the mail of a customer. Keep it under a hundred words.\n\n{mail}\n\nSign as the team.", _mail, 90),
    Site("/summary", "Summarise the complaint for the weekly report in two sentences.\n\nComplaint:\n{mail}\n", _mail, 80),
    Site("/describe", f"Write the shop text for a product. {STYLE}\nProduct: {{product}}\nNotes of the buyers: {{notes}}\nDo not promise anything.", _product, 90, "gpt-5"),
    Site("/translate", "Translate the product text into {language}, keep all figures as they are.\n\n{text}", _text, 100),
    Site("/label", "Label the feeling of this product review with one of: glad, neutral, cross.\nReview: {text}\nLabel:", _text, 120),
    Site("/refund", "Decide whether {name} may return the order {order}. What the customer wants: {wish}\nAnswer yes or no.", _name, 60),
    Site("/report", "List the three questions behind this mail, one a line, for the analysts.\n{mail}\n---", _mail, 70),
    Site("/letters", "Draft a letter to {name} about order {order}, in a formal tone. Subject of the letter: {wish}", _name, 9),
    Site("/audit", "Check the note of the warehouse for mistakes in grammar.\n<note>{notes}</note> about {product}", _product, 7, "gpt-5"),
]  # fmt: skip
BY_PATH = {site.path: site for site in SITES}


WORDS = sorted({word for text in (*m.DETAILS, *m.ASKS, *m.PROBLEMS) for word in text.split() if word.isalpha()})


class Event(NamedTuple):
    """A known change, and the time within which the feed must tell it. where: a path, or a model."""

    kind: str
    where: str
    at: datetime
    within: timedelta
    what: str


def day(number: int, hour: int = 0) -> datetime:
    return BEGIN + number * DAY + hour * HOUR


EVENTS = [
    *(Event("task.new", site.path, day(0), 4 * DAY, "the site begins") for site in SITES if site.path != "/refund"),
    Event("model.new", "/describe", day(0), 4 * DAY, "the site begins"),
    Event("version.new", "/triage", day(3, 10), DAY, "an edit"),
    Event("version.new", "/reply", day(7, 14), DAY, "an edit"),
    Event("version.back", "/reply", day(9, 9), DAY, "the edit is taken back"),
    Event(
        "slot.varies",
        "/summary",
        day(9, 12),
        2 * DAY,
        "a canary: another text in a twelfth of the calls, for three days",
    ),
    Event("task.new", "/refund", day(10, 11), DAY, "a new site"),
    Event("cost.jump", "gpt-5", day(14, 9), HOUR, "the price of gpt-5 is set to half as much again"),
    Event("error.jump", "/translate", day(15, 13), DAY, "two of five calls fail for four hours"),
    Event("version.new", "/label", day(16, 16), DAY, "another model"),
    Event("model.new", "/label", day(16, 16), DAY, "another model"),
    Event("slot.constant", "/translate", day(17), 2 * DAY, "the language is always German"),
    Event("task.quiet", "/report", day(21), 2 * DAY, "no call any more"),
    Event("unmatched.rate", "/refund", day(22, 10), DAY, "a third of the calls is free text for a day"),
    Event("version.new", "/describe", day(23, 10), DAY, "an edit: examples, twice the tokens"),
    Event("cost.jump", "/describe", day(23, 10), 2 * DAY, "an edit: examples, twice the tokens"),
    Event("slot.varies", "/translate", day(27), 2 * DAY, "the language varies again"),
]
QUIET_DAYS = {19, 20}
"""Days of the month with a bank holiday's traffic: 3 % of a working day's calls."""


@dataclass
class Month:
    """The calls, hour by hour."""

    seed: int
    r: Random = field(init=False)

    def __post_init__(self) -> None:
        self.r = Random(f"month {self.seed}")

    def hour(self, begin: datetime) -> Iterator[dict[str, Any]]:
        number = (begin - BEGIN) // DAY
        for site in SITES:
            mood = exp(Random(f"{self.seed} {site.path} {number}").gauss(0, 0.12))
            expected = site.daily * mood * _share(begin) * self._life(site, begin)
            for _ in range(_poisson(self.r, expected)):
                yield self._call(site, begin + HOUR * self.r.random())
        for _ in range(_poisson(self.r, 12 * _share(begin))):
            yield self._body("/chat", "gpt-5-mini", self._free(), begin + HOUR * self.r.random())

    def _free(self) -> str:
        """A text of no template."""
        return " ".join(self.r.choices(WORDS, k=self.r.randint(8, 40)))

    def _life(self, site: Site, moment: datetime) -> float:
        has_begun = site.path != "/refund" or moment >= day(10, 11)
        ended = site.path == "/report" and moment >= day(21)
        return float(has_begun and not ended)

    def _call(self, site: Site, moment: datetime) -> dict[str, Any]:
        values = site.values(self.r)
        text, model = site.text, site.model
        if site.path == "/triage" and moment >= day(3, 10):
            text = text.replace("Answer with", "When in doubt, choose other. Answer with")
        if site.path == "/reply" and day(7, 14) <= moment < day(9, 9):
            text = text.replace("mail of a customer.", "mail of a customer and name the next step first.")
        if site.path == "/summary" and day(9, 12) <= moment < day(12, 12) and self.r.random() < 1 / 12:
            text = text.replace("in two sentences", "in two sentences, the amount of money first")
        if site.path == "/label" and moment >= day(16, 16):
            model = "gpt-5-nano"
        if site.path == "/translate" and day(17) <= moment < day(27):
            values["language"] = "German"
        if site.path == "/describe" and moment >= day(23, 10):
            text = text.replace("for a product.", f"for a product. {EXAMPLES}")
        if site.path == "/refund" and day(22, 10) <= moment < day(23, 10) and self.r.random() < 1 / 3:
            return self._body(site.path, model, self._free(), moment)
        return self._body(site.path, model, text.format(**values), moment, outage=site.path == "/translate")

    def _body(self, path: str, model: str, prompt: str, moment: datetime, *, outage: bool = False) -> dict[str, Any]:
        failing = 0.4 if outage and day(15, 13) <= moment < day(15, 17) else 0.01
        answer: dict[str, Any] = {"error": {"message": "overloaded"}} if self.r.random() < failing else {"output": "ok"}
        usage = {"input_tokens": len(prompt) // 4 + 20, "output_tokens": self.r.randint(20, 60)}
        return {
            "path": path, "model": model, "input": prompt, "started_at": moment.isoformat(),
            "completed_at": (moment + timedelta(seconds=self.r.uniform(0.5, 3))).isoformat(), "usage": usage, **answer,
        }  # fmt: skip


def _share(moment: datetime) -> float:
    """The share of a day's calls in this hour: most at 15:00, a tenth of the most at night; a third of it all at week-ends."""
    daily = 0.03 if (moment - BEGIN) // DAY in QUIET_DAYS else 0.35 if moment.weekday() >= 5 else 1.0
    return daily * (1 + 0.82 * cos((moment.hour - 15) / 24 * 2 * pi)) / 24


def _poisson(r: Random, expected: float) -> int:
    """A Poisson number by Knuth's method: random numbers are multiplied until the product is below exp(-expected)."""
    count, product, threshold = 0, r.random(), exp(-expected)
    while product > threshold:
        count, product = count + 1, product * r.random()
    return count


def live_month(installation: Installation, seed: int) -> dict[Any, datetime]:
    """Lives the month hour by hour. Returns for each change of the feed when it was told."""
    month, times = Month(seed), dict[Any, datetime]()
    for number in range(DAYS * 24):
        now = BEGIN + (number + 1) * HOUR
        if calls := sorted(month.hour(now - HOUR), key=lambda call: call["started_at"]):
            installation.take(calls)
        if _is_owed(installation):
            installation.work()
        elif number % 24 == 0:
            installation.work()  # the reviews
        with transaction(installation.engine) as connection:
            rollup.add_up(connection)
            changes.note_versions(connection)
        with transaction(installation.engine) as connection:
            hourly.detect_changes(connection, installation.project.id, now)
            if now == day(14, 9):
                _set_price(connection, installation, now)
            fresh = {change.id: now for change in _changes_told(connection, installation) if change.id not in times}
        times |= fresh
        if fresh or number % 24 == 0:
            print(f"{now:%d %b %H:%M}: {len(times)} told", file=sys.stderr, flush=True)
    return times


def _is_owed(installation: Installation) -> bool:
    with installation.engine.connect() as connection:
        return connection.execute(select(trace.c.id).where(IS_OWED).limit(1)).first() is not None


def _set_price(connection: Any, installation: Installation, now: datetime) -> None:
    before = prices.of_project(connection, installation.project.id).of("gpt-5")
    assert before is not None
    set_prices.set_price(
        connection, installation.project.id, "gpt-5", input=before.input * 1.5, output=before.output * 1.5, cached=None
    )
    after = prices.of_project(connection, installation.project.id).of("gpt-5")
    price_changed(connection, installation.project.id, "gpt-5", before=before, after=after, now=now)


def _changes_told(connection: Any, installation: Installation) -> list[FeedEntry]:
    return feed.page(connection, ChangeFilter([installation.project.id], Range()), 1_000)


def compared(changes: Sequence[FeedEntry], when: dict[Any, datetime]) -> tuple[list[tuple[Any, ...]], list[FeedEntry]]:
    """(a row for each known change, the false changes)."""
    untaken, rows = list(changes), []
    for event in EVENTS:
        fitting = [change for change in untaken if _fits(change, event, when[change.id])]
        after = min(((when[change.id] - event.at) for change in fitting), default=None)
        untaken = [change for change in untaken if change not in fitting[:1]]
        if event.what != "the site begins":
            rows.append((event.kind, event.where, f"{event.at:%d %b %H:%M}", event.what, _hours(after)))
    return rows, untaken


def _fits(change: FeedEntry, event: Event, when: datetime) -> bool:
    where = change.path or change.details.get("model")
    return (change.kind, where) == (event.kind, event.where) and event.at <= when <= event.at + event.within


def _hours(after: timedelta | None) -> str:
    return "**not told**" if after is None else f"{after / HOUR:.0f} h"


# --- only the rule


@dataclass
class Hours:
    """Figures of the sites by hour: calls with a template, failures, dollars, and calls without a template."""

    figures: Mapping[str, np.ndarray[Any, Any]]

    @classmethod
    def of(cls, month: Month) -> "Hours":
        blocks = {site.path: np.zeros((4, DAYS * 24)) for site in SITES}
        for hour in range(DAYS * 24):
            for call in month.hour(BEGIN + hour * HOUR):
                if (site := BY_PATH.get(call["path"])) is not None:
                    blocks[site.path][:, hour] += _figures(call, call["input"].startswith(site.text[:6]))
        return cls(blocks)

    def blocks(self, path: str, hour: int) -> np.ndarray[Any, Any]:
        """The four figures of each block in the weeks before a full hour."""
        length = hourly.BLOCKS * 6
        before = np.zeros((4, length))
        before[:, max(0, length - hour) :] = self.figures[path][:, max(0, hour - length) : hour]
        return before.reshape(4, hourly.BLOCKS, 6).sum(axis=2)


def _figures(call: dict[str, Any], has_template: bool) -> tuple[float, ...]:
    price = prices.published(call["model"])
    assert price is not None
    usage = call["usage"]
    dollars = price.input * usage["input_tokens"] + price.output * usage["output_tokens"]
    return (1, "error" in call, dollars / prices.MILLION, 0) if has_template else (0, 0, 0, 1)


def by_rule(seed: int) -> list[tuple[str, str, datetime]]:
    """(kind, path, time) of each change that the rule tells; each kind of a path at most once a week."""
    hours, changes = Hours.of(Month(seed)), list[tuple[str, str, datetime]]()
    for hour in range(1, DAYS * 24 + 1):
        now, blocks = BEGIN + hour * HOUR, {site.path: hours.blocks(site.path, hour) for site in SITES}
        total = sum(block[0] for block in blocks.values())
        for path, blocks_of_path in blocks.items():
            for kind in _kinds(blocks_of_path, total):
                if not any((kind, path) == change[:2] and now - change[2] < AGAIN for change in changes):
                    changes.append((kind, path, now))
    return changes


def _kinds(blocks_of_path: np.ndarray[Any, Any], total: np.ndarray[Any, Any]) -> Iterator[str]:
    calls, failures, dollars, unmatched = blocks_of_path
    for kind, amounts, among, measure in (
        ("error.jump", failures, calls, rules.SHARE),
        ("cost.jump", dollars, calls, rules.COST),
        ("unmatched.rate", unmatched, calls + unmatched, rules.UNMATCHED),
    ):
        figures = [Figures(int(n), float(amount)) for n, amount in zip(among, amounts, strict=True)]
        if figures[-1].calls and rules.jump(figures, measure):
            yield kind
    if rules.quiet(calls.astype(int).tolist(), (total - calls).astype(int).tolist()):
        yield "task.quiet"


def rule_table(seeds: Sequence[int]) -> str:
    """A row a seed: when the four known changes of figures are told, and the number of false ones."""
    known_events = [
        event
        for event in EVENTS
        if event.kind.partition(".")[2] in {"jump", "quiet", "rate"} and event.where in BY_PATH
    ]
    rows = []
    for seed in seeds:
        untaken, after = by_rule(seed), list[str]()
        for event in known_events:
            fitting = next(
                (
                    e
                    for e in untaken
                    if e[:2] == (event.kind, event.where) and event.at <= e[2] <= event.at + event.within
                ),
                None,
            )
            untaken = [change for change in untaken if change != fitting]
            after.append(_hours(fitting[2] - event.at if fitting else None))
        rows.append((seed, *after, len(untaken)))
    return table(("seed", *(f"{event.kind} of {event.where}, after" for event in known_events), "false ones"), rows)


def main() -> None:
    seeds = [int(seed) for seed in sys.argv[1:] if seed != "--rule"] or [1]
    if "--rule" in sys.argv:
        print(rule_table(seeds))
        return
    summary = []
    for seed in seeds:
        with installed() as installation:
            when = live_month(installation, seed)
            with transaction(installation.engine) as connection:
                changes = _changes_told(connection, installation)
                calls = sum(row[0] for row in connection.exec_driver_sql("SELECT calls FROM call_count"))
        rows, false = compared(changes, when)
        days = [
            sum(BEGIN + n * DAY < moment <= BEGIN + (n + 1) * DAY for moment in when.values()) for n in range(1, DAYS)
        ]
        rows_with_event = [row for row in rows if "not" not in row[-1]]
        summary.append((seed, f"{calls:,}", f"{len(rows_with_event)} of {len(rows)}", len(false), max(days)))
        if seed == seeds[0]:
            print(table(("kind", "of", "when", "what happened", "told after"), rows), "\n")
        for change in false:
            print(
                f"false, seed {seed}: {change.kind} of {change.path}, told {when[change.id]:%d %b %H:%M}, {dict(change.details)}",
                file=sys.stderr,
            )
    print(
        table(
            ("seed", "calls with a template", "known changes told", "false ones", "most on a day after the first"),
            summary,
        )
    )


if __name__ == "__main__":
    main()
