"""Statistics of the newest calls of a template: the values of its slots, and the text around its prompt.

Each reads a bounded number of calls: a page of a task with ten million calls costs as much as one with two thousand.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    select,
    true,
)

from app.reading.template_calls import TemplateCalls, sampled_calls
from app.store.inputs import REFERENCE
from app.store.tables import trace

SAMPLE = 2_000
"""Newest calls from which statistics are computed. At 10 kB a prompt these are 20 MB and some 0.2 s, whatever the size of the task."""

MOST_VALUES = 200_000
"""Values in all places of the sampled calls: PostgreSQL counts a million in some 3 s, and a template of 10,000 slots has 20 million in 2,000 calls."""

FEWEST_SAMPLED = 20
"""Calls that are sampled whatever they hold: fewer say nothing about a slot."""

VALUES_SHOWN = 5
"""Most frequent values shown of a place."""

CHARACTERS_OF_A_FRAME = len('{"role":"assistant","content":""}')
"""Characters of a message without a text, as it is stored."""

_READABLE_REFERENCE = "\\ue000"
"""Takes the place of `REFERENCE`, since PostgreSQL reads no field of JSON with a NUL. JSON that we store escapes no other character so."""

CHARACTERS_OF_A_VALUE = 200
"""Characters of a value that are read."""


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


def sample_of(places: int) -> int:
    """Newest calls of a template with so many places that are sampled: `SAMPLE`, or fewer with many places."""
    return min(SAMPLE, max(FEWEST_SAMPLED, MOST_VALUES // max(places, 1)))


def place_statistics(connection: Connection, calls: TemplateCalls, places: int) -> dict[int, PlaceStatistics]:
    """Statistics by place (0, 1, ...) over the newest `sample_of` calls; {} when there are none. places: of the template.

    Values are compared by their MD5, so that sorting a column of 10 kB texts stays cheap; a caller who forges a collision miscounts only
    its own values.
    """
    parameters = calls.parameters | {"sample": sample_of(places)}
    statistics_by_place: dict[int, PlaceStatistics] = {}
    for row in connection.execute(_most_frequent_values(calls.of_all_versions), parameters):
        of_place = (row.all_calls, row.distinct_values, row.all_characters, row.longest)
        statistics = statistics_by_place.setdefault(row.place - 1, PlaceStatistics(*of_place, values=[]))
        statistics.values.append(CountedValue(row.text, row.length, row.calls))
    return statistics_by_place


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
    newest = sampled_calls(columns, bindparam("sample", type_=Integer), of_all_versions=of_all_versions)
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

    `input` is a number where it consists of the prompt alone, and a list of what comes after the prompt; in an object the messages of the
    prompt refer to it (`app.store.inputs`).
    """
    return float(connection.execute(_around_prompt(calls.of_all_versions), calls.parameters).scalar_one())


@cache
def _around_prompt(of_all_versions: bool) -> Select[Any]:
    columns = (trace.c.input, trace.c.tools, trace.c.project_id, trace.c.seen_at, trace.c.id)
    newest = sampled_calls(columns, SAMPLE, of_all_versions=of_all_versions)
    kind = func.json_typeof(newest.c.input)
    characters = func.char_length(cast(newest.c.input, Text))
    beside = case((kind == "number", 0), (kind == "object", _beside_references(newest)), else_=characters)
    tools = func.coalesce(func.char_length(cast(newest.c.tools, Text)), 0)
    mean = cast(func.coalesce(func.avg(beside + tools), 0), Double)
    return select(mean).where(newest.c.project_id == bindparam("project", type_=Uuid))


def _beside_references(newest: Subquery) -> ColumnElement[int]:
    """Characters of the messages that do not refer to the prompt, in inputs that are stored as objects."""
    readable = cast(func.replace(cast(newest.c.input, Text), REFERENCE, _READABLE_REFERENCE), JSON)
    # OFFSET 0: PostgreSQL parses it once, and not at each place that names it.
    fields = select(readable.label("json")).correlate(newest).offset(0).lateral("fields")
    either = func.coalesce(fields.c.json["messages"], fields.c.json["input"])
    messages = select(either.label("json")).correlate(fields).offset(0).lateral("messages")
    listed = case((func.json_typeof(messages.c.json) == "array", messages.c.json))
    items = func.json_array_elements(listed).table_valued("value", name="message")
    message = cast(items.c.value, Text)
    characters = func.greatest(func.char_length(message) - CHARACTERS_OF_A_FRAME, 0)
    is_beside = func.strpos(message, _READABLE_REFERENCE) == 0
    beside = select(func.coalesce(func.sum(characters), 0)).where(is_beside)
    unnested = fields.join(messages, true()).join(items, true())
    return beside.select_from(unnested).correlate(newest).scalar_subquery()
