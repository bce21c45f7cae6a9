"""The values of a slot with their numbers of calls, the calls with a value, and the values over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from app.reading.ranges import Range
from app.reading.template_calls import VERSIONS_COUNTED, TemplateCalls

MOST_CALLS_COUNTED = 20_000
"""Newest calls of the range whose values are counted: some 2 s where a value has 10 kB."""


ENOUGH_CALLS = 20
"""Least calls with one value before a slot is called constant."""


@dataclass(frozen=True)
class SlotPlace:
    """A slot of a template: the calls that count, and the place of the slot's value among those of a call."""

    calls: TemplateCalls
    number: int


@dataclass(frozen=True)
class Value:
    """A value, and the calls that have it."""

    text: str
    calls: int
    first_seen: datetime
    last_seen: datetime


_NEWEST_VALUES = f"""
    WITH newest AS MATERIALIZED (
           SELECT variables[:place] AS value, seen_at, id, template_id
             FROM (SELECT call.* FROM ({VERSIONS_COUNTED}) AS version
                    CROSS JOIN LATERAL (
                          SELECT variables, seen_at, id, template_id FROM trace
                           WHERE implementation_id = version.id AND project_id = :project
                             AND (CAST(:since AS timestamptz) IS NULL OR seen_at >= :since)
                             AND (CAST(:until AS timestamptz) IS NULL OR seen_at < :until)
                           ORDER BY seen_at DESC, id DESC LIMIT :most) AS call
                    ORDER BY call.seen_at DESC, call.id DESC LIMIT :most) AS call),
         slot_value AS (SELECT value, seen_at, id FROM newest WHERE template_id = :template AND value IS NOT NULL)
"""  # noqa: S608
"""A value is taken out of its call last: a sort of whole values would fill the disk."""


def _over_values(query: str) -> TextClause:
    """SQL over the values of the calls in a range."""
    return text(_NEWEST_VALUES + query)


_VALUES = _over_values(
    """
    SELECT min(value), count(*), min(seen_at), max(seen_at) FROM slot_value
     WHERE strpos(lower(value), lower(:text)) > 0 OR :text = ''
     GROUP BY md5(value) ORDER BY 2 DESC, max(seen_at) DESC, md5(value) LIMIT :limit OFFSET :skip
    """
)


def values(
    connection: Connection, place: SlotPlace, range: Range, *, holding: str = "", limit: int = 50, skip: int = 0
) -> list[Value]:
    """Values that contain a text, of the newest `MOST_CALLS_COUNTED` calls in a range, the most frequent first."""
    parameters = _parameters(place, range) | {"text": holding, "limit": limit, "skip": skip}
    return [Value(*row) for row in connection.execute(_VALUES, parameters)]


def _parameters(place: SlotPlace, range: Range) -> dict[str, Any]:
    bounds = {"since": range.since, "until": range.until, "most": MOST_CALLS_COUNTED}
    return {"place": place.number + 1} | bounds | place.calls.parameters


@dataclass(frozen=True)
class Summary:
    """The values of a slot in the calls that were read.

    alike: calls with the value of the call before; of calls of one moment the one stored first is before. lengths: calls by the length of
    their value, as (upper bound in characters, calls). days: by day, the number of calls and of their distinct values.
    """

    calls: int
    distinct: int
    empty: int
    longest: int
    mean: float
    alike: int
    lengths: Sequence[tuple[int, int]]
    days: Sequence[tuple[datetime, int, int]]


_SUMMARY = _over_values(
    """
    SELECT count(*) AS calls, count(DISTINCT md5(value)) AS distinct, count(*) FILTER (WHERE value = '') AS empty,
           coalesce(max(char_length(value)), 0) AS longest, coalesce(avg(char_length(value)), 0)::float8 AS mean,
           count(*) FILTER (WHERE md5(value) = digest_before) AS alike
      FROM (SELECT value, lag(md5(value)) OVER (ORDER BY seen_at, id) AS digest_before FROM slot_value) AS seen
    """
)
_LENGTHS = _over_values(
    """
    SELECT CASE WHEN value = '' THEN 0 ELSE ceil(log(2.0, char_length(value)::numeric))::int END AS power, count(*) FROM slot_value
     GROUP BY 1 ORDER BY 1
    """
)
_DAYS = _over_values(
    "SELECT date_trunc('day', seen_at, 'UTC'), count(*), count(DISTINCT md5(value)) FROM slot_value GROUP BY 1 ORDER BY 1"
)
_FRESH = _over_values(
    """
    SELECT count(*) FILTER (WHERE began >= now() - interval '7 days'), count(*) FILTER (WHERE began < now() - interval '7 days')
      FROM (SELECT min(seen_at) AS began FROM slot_value GROUP BY md5(value)) AS value
    """
)


def fresh(connection: Connection, place: SlotPlace) -> int | None:
    """The number of values among the newest calls that no call before the last seven days had; None without earlier calls."""
    row = connection.execute(_FRESH, _parameters(place, Range())).one()
    return row[0] if row[1] else None


def summary(connection: Connection, place: SlotPlace, range: Range) -> Summary:
    """The summary of a slot over the newest calls of a range."""
    parameters = _parameters(place, range)
    totals = connection.execute(_SUMMARY, parameters).one()
    lengths = [(2 ** row[0] if row[0] else 0, row[1]) for row in connection.execute(_LENGTHS, parameters)]
    days = [(row[0], row[1], row[2]) for row in connection.execute(_DAYS, parameters)]
    return Summary(**totals._mapping, lengths=lengths, days=days)


_BY_DAY = _over_values(
    """
    , ranked AS (SELECT md5(value) AS digest, row_number() OVER (ORDER BY count(*) DESC, md5(value)) AS rank FROM slot_value GROUP BY 1)
    SELECT CASE WHEN least(rank, :top + 1) <= :top THEN left(min(value), 200) END, date_trunc('day', seen_at, 'UTC') AS day, count(*)
      FROM slot_value JOIN ranked ON digest = md5(value) GROUP BY least(rank, :top + 1), 2
     ORDER BY least(rank, :top + 1), day
    """
)


def by_day(connection: Connection, place: SlotPlace, range: Range, top: int) -> list[tuple[str | None, datetime, int]]:
    """The number of calls with each of the most frequent values by day, and (None) with any other value."""
    rows = connection.execute(_BY_DAY, _parameters(place, range) | {"top": top})
    return [(row[0], row[1], row[2]) for row in rows]
