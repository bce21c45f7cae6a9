"""Usage per version and hour, kept by the reconciler: table `call_usage`.

Triggers of `trace` write a mark (`usage_mark`) in every transaction that stores, moves, changes or removes calls: the version, the hour,
and the new calls. `add_up` reads the marks and updates `call_usage`. New calls are added; where calls were removed, the hour is computed
again. Marks and calls are read in one snapshot, so a cell equals a query over the calls:

- a call of a version and hour that is new since the last snapshot has a mark with its id, and is read by its id;
- a call that left since then has a mark without ids, and all calls of that hour are read.

A day is the sum of its hours, a week that of its days. Ungrouped calls have no version, so they are in no cell.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, TextClause, func, select, text

from app.store.call_facts import ALL, BUCKETS, SUMS, SUMS_OF_FACTS, TOGETHER, Usage, facts

_LOCK_OF_ADDING_UP = 0x70726F6D70746D75
"""An arbitrary number, the same in every process: the process that adds up holds this advisory lock."""

MARKS_AT_ONCE = 5_000
"""Marks whose hours are added up in one transaction: some 0.5 s. They are taken in the order of versions and hours, so a backlog adds up
each day and each week once.
"""

_PATIENCE = "10min"
"""A busy hour may have millions of calls, at some 10 µs each, and must still finish."""

_CAME = """
    (SELECT found.* FROM came CROSS JOIN LATERAL (
            SELECT * FROM trace WHERE id = came.id AND implementation_id = came.implementation_id OFFSET 0) AS found)
"""
"""OFFSET 0 keeps PostgreSQL from reading whole tables into a hash table: it cannot estimate how few rows are marked."""

_ANEW = """
    (SELECT found.* FROM marked CROSS JOIN LATERAL (
            SELECT * FROM trace WHERE implementation_id = marked.implementation_id
               AND seen_at >= marked.hour AND seen_at < marked.hour + interval '1 hour' OFFSET 0) AS found WHERE marked.anew)
"""
_MARKS_OF_CELLS = """
    SELECT found.ctid FROM cell CROSS JOIN LATERAL (
           SELECT ctid FROM usage_mark WHERE implementation_id = cell.implementation_id AND hour = cell.hour OFFSET 0) AS found
"""


def _stored(columns: str, span: str, version: str, start: str) -> str:
    """SQL for the stored cell of a version and span."""
    return (
        f"SELECT {columns} FROM call_usage AS stored WHERE stored.span = '{span}' AND stored.implementation_id = {version}"  # noqa: S608
        f" AND stored.start = {start} OFFSET 0"
    )


def _written(cells: str) -> str:
    """SQL that writes cells, in place of the stored ones."""
    return f"""
    INSERT INTO call_usage (implementation_id, span, start, project_id, {", ".join(ALL)}) {cells}
    ON CONFLICT (implementation_id, span, start) DO UPDATE SET {
        ", ".join(f"{name} = excluded.{name}" for name in ("project_id", *ALL))
    }
    """


_HOURS = f"""
    SELECT added.implementation_id, 'hour', added.start, added.project_id, {
    ", ".join(f"added.{name} + coalesce(old.{name}, 0)" for name in SUMS)
}, least(added.fastest_ms, old.fastest_ms), greatest(added.slowest_ms, old.slowest_ms),
           CASE WHEN old.latency IS NULL THEN added.latency ELSE ARRAY[{
    ", ".join(f"added.latency[{place}] + old.latency[{place}]" for place in range(1, BUCKETS + 1))
}] END
      FROM added JOIN marked ON marked.implementation_id = added.implementation_id AND marked.hour = added.start
      LEFT JOIN LATERAL ({
    _stored(", ".join(ALL), "hour", "marked.implementation_id", "marked.hour")
}) AS old ON NOT marked.anew
     ORDER BY 1, 3
"""  # noqa: S608  ours
_ADD_UP = text(
    f"""
    WITH cell AS (SELECT DISTINCT implementation_id, hour
                    FROM (SELECT implementation_id, hour FROM usage_mark ORDER BY 1, 2 LIMIT :most) AS first),
         mark AS (DELETE FROM usage_mark WHERE ctid = ANY(ARRAY({_MARKS_OF_CELLS})) RETURNING *),
         marked AS (SELECT implementation_id, hour, bool_or(came IS NULL) AS anew, count(*) AS marks FROM mark GROUP BY 1, 2),
         came AS (SELECT DISTINCT mark.implementation_id, unnest(mark.came) AS id FROM mark JOIN marked USING (implementation_id, hour)
                   WHERE NOT marked.anew),
         fact AS ({facts(_CAME)}
                  UNION ALL
                  {facts(_ANEW)}),
         added AS (SELECT implementation_id, full_hour(seen_at) AS start,
                          (array_agg(project_id))[1] AS project_id, {SUMS_OF_FACTS} FROM fact GROUP BY 1, 2),
         gone AS (SELECT old.ctid FROM marked CROSS JOIN LATERAL (
                         {_stored("ctid", "hour", "marked.implementation_id", "marked.hour")}) AS old
                   WHERE marked.anew AND NOT EXISTS (SELECT FROM added WHERE added.implementation_id = marked.implementation_id
                                                        AND added.start = marked.hour)),
         emptied AS (DELETE FROM call_usage WHERE ctid = ANY(ARRAY(SELECT ctid FROM gone))),
         written AS ({_written(_HOURS)})
    SELECT implementation_id, date_trunc('day', hour, 'UTC') AS day, sum(marks) FROM marked GROUP BY 1, 2
    """  # noqa: S608  ours
)


def _summed(small: str, large: str, length: str) -> TextClause:
    """SQL that writes large spans as the sums of their small ones, for given versions and moments."""
    return text(
        f"""
    WITH asked AS (SELECT DISTINCT version, date_trunc('{large}', moment, 'UTC') AS start
                     FROM unnest(CAST(:versions AS uuid[]), CAST(:moments AS timestamptz[])) AS asked (version, moment)),
         summed AS (SELECT version, asked.start, (array_agg(project_id))[1] AS project_id, {TOGETHER}
                      FROM asked CROSS JOIN LATERAL (
                           SELECT project_id, {", ".join(ALL)} FROM call_usage AS small
                            WHERE small.implementation_id = version AND small.span = '{small}'
                              AND small.start >= asked.start AND small.start < asked.start + interval '{length}' OFFSET 0) AS part
                     GROUP BY 1, 2),
         gone AS (SELECT old.ctid FROM asked CROSS JOIN LATERAL ({_stored("ctid", large, "version", "asked.start")}) AS old
                   WHERE NOT EXISTS (SELECT FROM summed WHERE summed.version = asked.version AND summed.start = asked.start)),
         emptied AS (DELETE FROM call_usage WHERE ctid = ANY(ARRAY(SELECT ctid FROM gone)))
    {_written(f"SELECT version, '{large}', start, project_id, {', '.join(ALL)} FROM summed ORDER BY 1, 3")}
    """  # noqa: S608  ours
    )


_ADD_UP_LONGER = (_summed("hour", "day", "24 hours"), _summed("day", "week", "168 hours"))


def add_up(connection: Connection, limit: int = MARKS_AT_ONCE) -> int:
    """Update the hours that have marks, their days and weeks, for the first `limit` marks and those of the same hour; answers their number.

    Does nothing while another process does it.
    """
    if not connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK_OF_ADDING_UP))).scalar_one():
        return 0
    connection.execute(text(f"SET LOCAL statement_timeout = '{_PATIENCE}'"))
    days = connection.execute(_ADD_UP, {"most": limit}).all()
    for statement in _ADD_UP_LONGER if days else ():
        connection.execute(statement, {"versions": [row[0] for row in days], "moments": [row[1] for row in days]})
    return int(sum(row[2] for row in days))


def recounted(connection: Connection, span: str) -> Mapping[tuple[UUID, datetime], Usage]:
    """Usage computed from the calls themselves, of all projects; for tests and for checking `call_usage`."""
    statement = (
        f"SELECT implementation_id, date_trunc('{span}', seen_at, 'UTC'), {SUMS_OF_FACTS} FROM ({facts('trace')}) AS fact"  # noqa: S608
        " WHERE implementation_id IS NOT NULL GROUP BY 1, 2"
    )
    rows = connection.execute(text(statement))
    return {(row[0], row[1]): Usage.of(row[2:]) for row in rows}


def stored_cells(connection: Connection, span: str) -> Mapping[tuple[UUID, datetime], Usage]:
    """The cells of `call_usage`, of all projects."""
    names = ", ".join(ALL)
    rows = connection.execute(
        text(f"SELECT implementation_id, start, {names} FROM call_usage WHERE span = :span"),  # noqa: S608
        {"span": span},
    )
    return {(row[0], row[1]): Usage.of(row[2:]) for row in rows}
