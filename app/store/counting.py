"""How many calls versions have, without reading the calls.

Triggers of `trace` add a row to `call_count` in every transaction that stores, moves or removes calls, so the sum of the rows
of a version is exact in every snapshot and nobody waits for a counter.  The reconciler makes one row of many.
"""

from sqlalchemy import ColumnElement, Connection, func, select, text

from app.store.tables import call_count, implementation

_FOLD = text(
    """
    WITH many AS (SELECT implementation_id FROM call_count GROUP BY implementation_id
                   HAVING count(*) > :most OR implementation_id NOT IN (SELECT id FROM implementation)),
         gone AS (DELETE FROM call_count c USING many WHERE c.implementation_id = many.implementation_id RETURNING c.*)
    INSERT INTO call_count (implementation_id, calls)
    SELECT gone.implementation_id, sum(calls) FROM gone JOIN implementation ON implementation.id = gone.implementation_id
     GROUP BY gone.implementation_id
    """
)


def fold(connection: Connection, most: int = 20) -> None:
    """One row in place of many, for each version with more than `most`; none for versions that are gone.

    Two at once do no harm: who comes second finds the rows deleted and adds nothing for them.
    """
    connection.execute(_FOLD, {"most": most})


def calls_of_version() -> ColumnElement[int]:
    """The calls of an implementation, inside a query about it."""
    counted = select(func.sum(call_count.c.calls)).where(call_count.c.implementation_id == implementation.c.id)
    return func.coalesce(counted.correlate(implementation).scalar_subquery(), 0)
