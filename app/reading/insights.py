"""Statistics for the pages: the size of a project, its ungrouped and its newest calls, the tasks that use most tokens, the calls that declare
their template, the values of a slot, and the text around a prompt.

Each reads a bounded number of calls: a page of a task with ten million calls costs as much as one with two thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    Select,
    Subquery,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
)

from app.reading.browse import tokens_of
from app.reading.template_calls import TemplateCalls, sampled_calls
from app.reading.usage import Range
from app.store.owed import IS_OWED, IS_RESIDUE
from app.store.planned import planned_once
from app.store.shown import is_listed, is_shown
from app.store.tables import call_count, change, grouping_key, implementation, task, template, trace

SAMPLE = 2_000
"""Newest calls from which statistics are computed. At 10 kB a prompt these are 20 MB and some 0.2 s, whatever the size of the task."""

MOST_COUNTED = 100_000
"""Calls of a project that a page counts; for more, it shows "100,000+"."""

MOST_UNGROUPED = 5_000
"""Newest calls without a template whose times a list reads, some 5 ms."""

VALUES_SHOWN = 5
"""Most frequent values shown of a place."""

CHARACTERS_OF_A_VALUE = 200
"""Characters of a value that are read."""


@dataclass(frozen=True)
class Totals:
    """The size of a project; the numbers of ungrouped calls stop at `MOST_COUNTED`, which is then part of `calls` too."""

    tasks: int
    calls: int
    owed: int
    considered: int


def totals(connection: Connection, project_id: UUID) -> Totals:
    """The counts of a project, each from an index."""
    return Totals(*connection.execute(_totals(), {"project_id": project_id}).one())


_PROJECT = bindparam("project_id", type_=Uuid)


@cache
def _totals() -> Select[Any]:
    groups = select(grouping_key.c.id).where(grouping_key.c.project_id == _PROJECT).scalar_subquery()
    counts = select(
        select(func.count()).select_from(task).where(task.c.project_id == _PROJECT, is_listed()).scalar_subquery(),
        _grouped_calls() + _bounded_count(trace.c.project_id == _PROJECT, trace.c.implementation_id.is_(None)),
        _bounded_count(trace.c.group_id.in_(groups), IS_OWED),
        _bounded_count(trace.c.group_id.in_(groups), IS_RESIDUE),
    )
    return planned_once(counts)


def _grouped_calls() -> ColumnElement[int]:
    """The number of grouped calls by the triggers' counts: to count in the index would cost a page 20 ms."""
    counts_of_project = call_count.join(implementation, implementation.c.id == call_count.c.implementation_id).join(
        task
    )
    query = select(func.sum(call_count.c.calls)).select_from(counts_of_project).where(task.c.project_id == _PROJECT)
    return func.coalesce(cast(query.scalar_subquery(), BigInteger), 0)


def _bounded_count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    bounded = select(literal_column("1")).select_from(trace).where(*conditions).limit(MOST_COUNTED).subquery()
    return select(func.count()).select_from(bounded).scalar_subquery()


def ungrouped(connection: Connection, project_id: UUID, within: Range) -> int:
    """The number of calls of a range without a template, among the newest `MOST_UNGROUPED` of the project; that many stand for more."""
    bounds = {"project_id": project_id, "since": within.since, "until": within.until}
    return int(connection.execute(_ungrouped(), bounds).scalar_one())


@cache
def _ungrouped() -> Select[int]:
    newest = (
        select(trace.c.seen_at)
        .where(trace.c.project_id == _PROJECT, trace.c.implementation_id.is_(None))
        .order_by(trace.c.id.desc())
        .limit(MOST_UNGROUPED)
        .subquery()
    )
    since, until = (cast(bindparam(name), DateTime(timezone=True)) for name in ("since", "until"))
    return planned_once(
        select(func.count()).where(
            or_(since.is_(None), newest.c.seen_at >= since), or_(until.is_(None), newest.c.seen_at < until)
        )
    )


@dataclass(frozen=True)
class Fresh:
    """Tasks and versions that are new in the feed of changes since the beginning of yesterday, in UTC: by their first calls, not by when they were found."""

    tasks: int
    versions: int


def fresh(connection: Connection, project_id: UUID) -> Fresh:
    """Tasks and versions that the feed of changes tells since the beginning of yesterday, as `since=yesterday` does."""
    return Fresh(*connection.execute(_fresh(), {"project_id": project_id}).one())


@cache
def _fresh() -> Select[int, int]:
    since = func.date_trunc("day", func.now(), "UTC") - func.make_interval(0, 0, 0, 1)
    changes = change.join(implementation, implementation.c.id == change.c.implementation_id)
    counts = (
        select(
            func.count().filter(change.c.kind == "task.new").label("tasks"),
            func.count().filter(change.c.kind == "version.new").label("versions"),
        )
        .select_from(changes)
        .where(change.c.project_id == _PROJECT, change.c.at >= since, is_shown())
    )
    return planned_once(counts)


def token_shares(connection: Connection, project_id: UUID) -> dict[UUID, float]:
    """Each task's share of the tokens of the newest `SAMPLE` calls of the project; {} where no call has a count."""
    newest = (
        select(trace.c.implementation_id, tokens_of(trace.c.usage).label("tokens"))
        .where(trace.c.project_id == project_id)
        .order_by(trace.c.id.desc())
        .limit(SAMPLE)
        .subquery()
    )
    query = (
        select(implementation.c.task_id, cast(func.coalesce(func.sum(newest.c.tokens), 0), BigInteger).label("spent"))
        .outerjoin_from(newest, implementation, implementation.c.id == newest.c.implementation_id)
        .group_by(implementation.c.task_id)
    )
    tokens: dict[UUID | None, int] = {row.task_id: row.spent for row in connection.execute(query)}
    total = sum(tokens.values())
    return {
        task_id: tokens_of_task / total for task_id, tokens_of_task in tokens.items() if task_id is not None and total
    }


_DECLARED_TEXT = "llm.prompt_template.template"
_DECLARED_NAMES = ("gen_ai.prompt.name", "langfuse.prompt_name")
_DECLARED_VERSIONS = ("gen_ai.prompt.version", "llm.prompt_template.version", "langfuse.prompt_version")


def declared_calls(connection: Connection, task_id: UUID) -> Sequence[Any]:
    """The declared templates of the newest `SAMPLE` calls of a task's path beside their mined templates, counted."""
    return connection.execute(_declared_calls(), {"task": task_id}).all()


@cache
def _declared_calls() -> Select[Any]:
    group_id = select(task.c.group_id).where(task.c.id == bindparam("task")).scalar_subquery()
    newest = (
        select(trace.c.template_id, trace.c.metadata)
        .where(trace.c.group_id == group_id)
        .order_by(trace.c.id.desc())
        .limit(SAMPLE)
        .subquery()
    )
    metadata = newest.c.metadata
    declared = (
        select(
            newest.c.template_id,
            metadata.op("->>")(_DECLARED_TEXT).label("text"),
            func.coalesce(*(metadata.op("->>")(name) for name in _DECLARED_NAMES)).label("name"),
            func.coalesce(*(metadata.op("->>")(name) for name in _DECLARED_VERSIONS)).label("version"),
        )
        .where(metadata.is_not(None))
        .subquery()
    )
    columns = (declared.c.text, declared.c.name, declared.c.version)
    return (
        select(template.c.id.label("template_id"), template.c.parts, *columns, func.count().label("calls"))
        .outerjoin_from(declared, template, template.c.id == declared.c.template_id)
        .where(or_(declared.c.text.is_not(None), declared.c.name.is_not(None)))
        .group_by(template.c.id, *columns)
    )


@dataclass(frozen=True)
class CountedValue:
    """A value of a slot: its beginning, its length, and the number of sampled calls that have it."""

    text: str
    characters: int
    calls: int


@dataclass(frozen=True)
class PlaceStatistics:
    """The values at one place of a template in the sampled calls; `values` are the most frequent ones."""

    calls: int
    distinct: int
    characters: int
    longest: int
    values: list[CountedValue]


def place_statistics(connection: Connection, calls: TemplateCalls) -> dict[int, PlaceStatistics]:
    """Statistics by place (0, 1, ...) over the newest `SAMPLE` calls; {} when there are none.

    Values are compared by their MD5, so that sorting a column of 10 kB texts stays cheap; a caller who forges a collision miscounts only
    its own values.
    """
    places: dict[int, PlaceStatistics] = {}
    for row in connection.execute(_most_frequent_values(calls.of_all_versions), calls.parameters):
        of_place = (row.all_calls, row.distinct_values, row.all_characters, row.longest)
        statistics = places.setdefault(row.place - 1, PlaceStatistics(*of_place, values=[]))
        statistics.values.append(CountedValue(row.text, row.length, row.calls))
    return places


@cache
def _most_frequent_values(of_all_versions: bool) -> Select[Any]:
    counts = _counted_values(of_all_versions)
    place = counts.c.place
    sums = select(
        counts,
        cast(func.sum(counts.c.calls).over(partition_by=place), BigInteger).label("all_calls"),
        func.count().over(partition_by=place).label("distinct_values"),
        cast(func.sum(counts.c.calls * counts.c.length).over(partition_by=place), BigInteger).label("all_characters"),
        func.max(counts.c.length).over(partition_by=place).label("longest"),
        func.row_number().over(partition_by=place, order_by=(counts.c.calls.desc(), counts.c.digest)).label("rank"),
    ).subquery()
    return select(sums).where(sums.c.rank <= VALUES_SHOWN).order_by(sums.c.place, sums.c.rank)


def _counted_values(of_all_versions: bool) -> Subquery:
    """Every distinct value at every place of the sample, with its number of calls.

    The newest calls are taken by version or template alone, which is what the indexes know; with a further condition beside the limit
    PostgreSQL reads all calls and sorts them. Calls whose values still follow an older template fall out of the sample afterwards.
    """
    columns = (trace.c.variables, trace.c.template_id, trace.c.project_id, trace.c.seen_at, trace.c.id)
    newest = sampled_calls(columns, SAMPLE, of_all_versions=of_all_versions)
    sample = (
        select(newest.c.variables)
        .where(newest.c.template_id == bindparam("template", type_=Uuid), newest.c.project_id == bindparam("project"))
        .subquery()
    )
    element = (
        func.unnest(sample.c.variables).table_valued("value", with_ordinality="place", name="one").render_derived()
    )
    value = cast(element.c.value, Text)
    return (
        select(
            element.c.place,
            func.md5(value).label("digest"),
            func.min(func.left(value, CHARACTERS_OF_A_VALUE)).label("text"),
            func.max(func.char_length(value)).label("length"),
            func.count().label("calls"),
        )
        .select_from(sample)
        .join(element, true())
        .group_by(element.c.place, func.md5(value))
        .subquery()
    )


def around_prompt(connection: Connection, calls: TemplateCalls) -> float:
    """Average characters around the prompt in the newest calls: later turns and tools.

    `input` is a number where it consists of the prompt alone (`app.store.inputs`).
    """
    return float(connection.execute(_around_prompt(calls.of_all_versions), calls.parameters).scalar_one())


@cache
def _around_prompt(of_all_versions: bool) -> Select[Any]:
    columns = (trace.c.input, trace.c.tools, trace.c.project_id, trace.c.seen_at, trace.c.id)
    newest = sampled_calls(columns, SAMPLE, of_all_versions=of_all_versions)
    beside = case((func.json_typeof(newest.c.input) == "number", 0), else_=func.char_length(cast(newest.c.input, Text)))
    tools = func.coalesce(func.char_length(cast(newest.c.tools, Text)), 0)
    mean = cast(func.coalesce(func.avg(beside + tools), 0), Double)
    return select(mean).where(newest.c.project_id == bindparam("project", type_=Uuid))
