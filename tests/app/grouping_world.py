"""A small world for tests of runs: a real PostgreSQL, calls that come in through the real ingest, one minute apart."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Engine, func, select, update

from app.config import Settings
from app.grouping import mining
from app.grouping import run as grouping
from app.grouping.run import RunOutcome
from app.intake.record import Ingest
from app.intake.trace import Incoming, read_trace
from app.store import groups, projects, traces
from app.store.shown import is_listed, is_shown
from app.store.tables import call_count, grouping_key, grouping_run, implementation, task, template, trace
from app.store.templates import from_parts, to_texts
from templating import BARRIER, Matcher, Mined, MiningResult, Options, Template, match

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TRIAGE = "Classify the support ticket below into one of: billing, delivery, other.\n\nTicket: {{ticket}}\nLabel:"
"""The template of `triage`, and of `triage_edited`."""
EDITED = TRIAGE.replace("other.", "other. When in doubt, say other.")
WORDS = ["amber", "basil", "cedar", "dune", "ember", "fjord", "grove", "heath", "inlet", "jade", "knoll", "lagoon"]


def words(number: int) -> str:
    """A value of three words. All values differ, and no word stands in all values."""
    return " ".join(WORDS[(number * step + offset) % len(WORDS)] for step, offset in ((1, 0), (5, 3), (7, 8))) + (
        f" {number}"
    )


def triage(number: int) -> str:
    return (
        f"Classify the support ticket below into one of: billing, delivery, other.\n\nTicket: {words(number)}\nLabel:"
    )


def triage_edited(number: int) -> str:
    return (
        "Classify the support ticket below into one of: billing, delivery, other. When in doubt, say other.\n\n"
        f"Ticket: {words(number)}\nLabel:"
    )


def summary(number: int) -> str:
    return f"Summarise the meeting notes for people who were not there.\n\n<notes>\n{words(number)}\n</notes>"


def miner_that_finds(
    *texts: str, supersedes: Mapping[str, str] | None = None
) -> Callable[[Sequence[str], Options, Sequence[Template]], MiningResult]:
    """A stand-in for the miner that finds exactly these templates of the user part, for tests of the rest of a run.

    supersedes: a new template's text -> the text of the known one that it widens.
    """

    def mine(
        prompts: Sequence[str], _: Options, known: Sequence[Template] = (), sessions: Sequence[str | None] = ()
    ) -> MiningResult:
        templates = [Template.parse(BARRIER + text) for text in texts]
        matcher = Matcher(templates)
        widened = {
            Template.parse(BARRIER + old): Template.parse(BARRIER + new) for new, old in (supersedes or {}).items()
        }
        known_templates = [template for template in known if template not in widened]
        hits = {index: hit for index, prompt in enumerate(prompts) if (hit := matcher.match(prompt)) is not None}
        hits = {
            index: hit
            for index, hit in hits.items()
            if all(match(known_template, prompts[index]) is None for known_template in known_templates)
        }
        groups = [
            Mined(
                template,
                members := [index for index, hit in hits.items() if hit.index == place],
                [hits[index].values for index in members],
                tuple(index for index, known_template in enumerate(known) if widened.get(known_template) == template),
            )
            for place, template in enumerate(templates)
        ]
        ungrouped = {index: "alone" for index in range(len(prompts)) if index not in hits}
        return MiningResult(tuple(group for group in groups if group.members), ungrouped)

    return mine


def report(day: int, number: int) -> str:
    """Calls of one day, which look like a template of their own."""
    return (
        f"Today is 2026-03-0{day}. Write the daily report of the lighthouse keeper.\n\nEvents: {words(number)}\nReport:"
    )


REPORT = "Today is 2026-03-0{{day}}. Write the daily report of the lighthouse keeper.\n\nEvents: {{events}}\nReport:"


def frozen(day: int) -> str:
    """The template of the reports of one day."""
    return REPORT.replace("{{day}}", str(day))


def reports_of_two_days(world: "World", monkeypatch: pytest.MonkeyPatch) -> "Group":
    """A task of two versions, which differ in the day, with six calls each."""
    group = world.group()
    for day in (1, 2):
        monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(frozen(day)))
        group.send(report(day, number) for number in range(6))
        group.run()
    return group


def tasks_of_two_days(world: "World", monkeypatch: pytest.MonkeyPatch) -> "Group":
    """Two tasks, which differ in the day, with five calls each."""
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(frozen(1), frozen(2)))
    group = world.group()
    for number in range(5):
        group.send([report(1, number), report(2, number)])
    group.run()
    return group


def during_mining(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Calls a function once between OPEN and SAVE of a run."""
    find = mining.find

    def find_after_act(*arguments: object) -> object:
        monkeypatch.setattr("app.grouping.mining.find", find)
        act()
        return find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("app.grouping.mining.find", find_after_act)


@dataclass(frozen=True)
class Version:
    """A version in the form of the pages."""

    number: int
    text: str
    calls: int
    model: str


@dataclass
class Group:
    """The calls of one path and the results of their grouping."""

    world: "World"
    id: UUID
    project_id: UUID
    path: str

    def send(self, prompts: Iterable[str], **fields: Any) -> list[UUID]:
        """Sends calls in one request."""
        bodies = [{"model": "gpt-5-mini", "path": self.path, "input": prompt} | fields for prompt in prompts]
        bodies = [{"started_at": self.world.tick().isoformat()} | body for body in bodies]
        return self.take(bodies)

    def take(self, bodies: Sequence[dict[str, Any]]) -> list[UUID]:
        """Sends bodies in one request."""
        incoming = [read_trace(body) for body in bodies]
        ids = [row.id for row in self.world.ingest.record(self.project_id, incoming)]
        self.world.sent |= dict(zip(ids, incoming, strict=True))
        return ids

    def run(
        self, should_stop: Callable[[], bool] = lambda: False, *, excused: bool = False, **settings: Any
    ) -> RunOutcome:
        changed = self.world.settings.model_copy(update=settings)
        return grouping.run(
            self.world.engine,
            self.id,
            reason="trace",
            should_stop=should_stop,
            is_excused=lambda: excused,
            settings=changed,
        )

    def want(self, wanted: groups.RegroupScope) -> None:
        with self.world.engine.begin() as connection:
            groups.note_wish(connection, self.id, wanted)

    def set(self, **values: Any) -> None:
        """Changes the group's row directly in the database."""
        with self.world.engine.begin() as connection:
            connection.execute(update(grouping_key).where(grouping_key.c.id == self.id).values(values))

    @property
    def row(self) -> Any:
        return self.world.rows(select(grouping_key).where(grouping_key.c.id == self.id))[0]

    @property
    def runs(self) -> list[Any]:
        return self.world.rows(
            select(grouping_run).where(grouping_run.c.group_id == self.id).order_by(grouping_run.c.id)
        )

    @property
    def tasks(self) -> list[Any]:
        """The tasks that lists show, in order of discovery."""
        shown = (task.c.group_id == self.id) & is_listed()
        return self.world.rows(select(task).where(shown).order_by(task.c.id))

    @property
    def versions_of_tasks(self) -> list[list[tuple[int, int]]]:
        """(version, calls) of every task that lists show."""
        return [[(version.number, version.calls) for version in self.versions(shown.id)] for shown in self.tasks]

    @property
    def templates(self) -> list[Any]:
        return self.world.rows(select(template).where(template.c.group_id == self.id).order_by(template.c.id))

    def versions(self, task_id: UUID) -> list[Version]:
        calls = select(func.count()).where(trace.c.implementation_id == implementation.c.id).scalar_subquery()
        rows = self.world.rows(
            select(implementation.c.version, template.c.parts, template.c.slots, calls.label("calls"), implementation)
            .join(template, template.c.id == implementation.c.template_id)
            .where(implementation.c.task_id == task_id, is_shown())
            .order_by(implementation.c.version)
        )
        return [
            Version(row.version, to_texts(from_parts(row.parts, row.slots))[-1]["text"], row.calls, row.model)
            for row in rows
        ]

    def calls_by_version(self) -> list[list[int]]:
        """Calls of version 1, 2, 3 ... of every task."""
        return [[version.calls for version in self.versions(task_row.id)] for task_row in self.tasks]

    def calls(self, ids: Sequence[UUID]) -> list[Any]:
        """The rows of these calls, in the given order."""
        row_of = {row.id: row for row in self.world.rows(select(trace).where(trace.c.id.in_(ids)))}
        return [row_of[call_id] for call_id in ids]

    @property
    def owed(self) -> int:
        open_calls = (trace.c.group_id == self.id) & trace.c.implementation_id.is_(None)
        return len(self.world.rows(select(trace.c.id).where(open_calls, trace.c.considered_run_id.is_(None))))

    @property
    def ungrouped(self) -> int:
        return len(
            self.world.rows(select(trace.c.id).where(trace.c.group_id == self.id, trace.c.implementation_id.is_(None)))
        )

    def assert_exact(self) -> None:
        """Asserts that every call reads back as sent, and that a grouped call's template is alive and the template of its version."""
        rows = self.world.rows(
            select(trace, template.c.retired_at, implementation.c.template_id.label("of_version"))
            .outerjoin(template, template.c.id == trace.c.template_id)
            .outerjoin(implementation, implementation.c.id == trace.c.implementation_id)
            .where(trace.c.group_id == self.id)
        )
        for row in rows:
            assert row.template_id is None or row.prompt_parts is None, "a grouped call keeps its text twice"
            assert row.retired_at is None
            assert row.template_id == row.of_version
        self.assert_texts([row.id for row in rows])
        self.assert_counted(Counter(row.implementation_id for row in rows if row.implementation_id))

    def assert_counted(self, calls: Counter[UUID]) -> None:
        """Asserts that stored numbers of calls equal the numbers of stored calls."""
        counted = self.world.rows(
            select(implementation.c.id, func.sum(call_count.c.calls))
            .join(task, task.c.id == implementation.c.task_id)
            .join(call_count, call_count.c.implementation_id == implementation.c.id)
            .where(task.c.group_id == self.id)
            .group_by(implementation.c.id)
        )
        assert {row[0]: row[1] for row in counted if row[1]} == calls

    def assert_texts(self, ids: Iterable[UUID]) -> None:
        """Asserts that calls read back byte for byte."""
        expected_ids = set(ids)
        with self.world.engine.connect() as connection:
            rows = traces.all_of(connection, self.project_id, list(expected_ids))
        assert {row.id for row in rows} == expected_ids
        for row in rows:
            body = self.world.sent[row.id]
            assert row.prompt_parts == body.columns["prompt_parts"]
            assert orjson.dumps(row.input) == orjson.dumps(body.columns["input"])


@dataclass(repr=False)
class World:
    """Projects and their groups. The clock moves one minute per call."""

    engine: Engine
    settings: Settings
    ingest: Ingest = field(init=False)
    minutes: Iterator[int] = field(default_factory=itertools.count)
    # Hypothesis writes arguments of failing tests out.
    sent: dict[UUID, Incoming] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.ingest = Ingest(self.engine, grouping_enabled=True)

    def tick(self) -> datetime:
        return BEGIN + timedelta(minutes=next(self.minutes))

    def group(self, path: str = "/chat", project: str = "shop") -> Group:
        with self.engine.begin() as connection:
            owner = projects.get_or_create(connection, project)
            return Group(self, groups.get_or_create(connection, owner.id, [path])[path].id, owner.id, path)

    def rows(self, query: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(query))
