"""Counts the calls of versions, with the times of the first and the last, without reading the calls.

Triggers of `trace` add a row to `call_count` in every transaction that stores, moves or removes calls: the sum of the rows of a version is
exact in every snapshot, and no transaction waits for a counter. A row of new calls has their times; a row of removed calls has none, so
readers look at the calls. The reconciler folds many rows into one with times.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, DateTime, case, func, select, text
from sqlalchemy.sql.selectable import LateralFromClause

from app.store.tables import call_count, implementation

_LOCK_OF_FOLDING = 0x70726F6D70746D63
"""An arbitrary number, the same in every process: the process that folds holds this advisory lock."""

_FOLD = text(
    """
    WITH many AS (SELECT implementation_id FROM call_count GROUP BY implementation_id
                   HAVING count(*) > :most OR bool_or(first_seen IS NULL)
                       OR implementation_id NOT IN (SELECT id FROM implementation)),
         gone AS (DELETE FROM call_count c USING many WHERE c.implementation_id = many.implementation_id RETURNING c.*),
         summed AS (SELECT gone.implementation_id, sum(calls) AS calls, bool_or(first_seen IS NULL) AS looking,
                           min(first_seen) AS first_seen, max(last_seen) AS last_seen
                      FROM gone JOIN implementation ON implementation.id = gone.implementation_id
                     GROUP BY gone.implementation_id HAVING sum(calls) <> 0)
    INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
    SELECT implementation_id, calls, CASE WHEN looking THEN first_call(implementation_id) ELSE first_seen END,
           CASE WHEN looking THEN last_call(implementation_id) ELSE last_seen END
      FROM summed
    """
)
"""One snapshot: the rows of calls that come, move or go meanwhile stay."""


def fold(connection: Connection, limit: int = 20) -> None:
    """Fold the rows of each version with more than `limit` rows or without times into one; delete those of deleted versions.

    Does nothing while another process does it.
    """
    if connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK_OF_FOLDING))).scalar_one():
        connection.execute(_FOLD, {"most": limit})


def calls_of_version() -> ColumnElement[int]:
    """The calls of an implementation, inside a query about it."""
    total = select(func.sum(call_count.c.calls)).where(call_count.c.implementation_id == implementation.c.id)
    return func.coalesce(total.correlate(implementation).scalar_subquery(), 0)


def counted_calls_of() -> LateralFromClause:
    """The calls of an implementation, the first and the last, beside it: `calls`, `first_seen`, `last_seen`; one row."""
    looking = func.bool_or(call_count.c.first_seen.is_(None))
    return (
        select(
            func.coalesce(func.sum(call_count.c.calls), 0).label("calls"),
            case((looking, looked_up("first_call")), else_=func.min(call_count.c.first_seen)).label("first_seen"),
            case((looking, looked_up("last_call")), else_=func.max(call_count.c.last_seen)).label("last_seen"),
        )
        .where(call_count.c.implementation_id == implementation.c.id)
        .correlate(implementation)
        .lateral("counted")
    )


def looked_up(function: str) -> ColumnElement[datetime]:
    """The result of a database function over the calls of an implementation, inside a query about it."""
    return getattr(func, function)(implementation.c.id, type_=DateTime(timezone=True))
