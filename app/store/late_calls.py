"""Move the calls of `trace_later` into a partition, while they are read and written.

PostgreSQL attaches a partition only while `trace_later` has no calls in its range. So calls are copied in batches to a separate table
(`trace_moving`), and a trigger applies every change of a call to its copy; at the end that table becomes the partition and `trace_later`
begins anew. In the moment in which the table is locked, nothing is moved or checked: indexes, keys and bounds exist already.

A killed process loses nothing: until that moment the calls are in their old place. The next one starts with the first call again, and
finds most of the copies.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from app.store import partitions
from app.store.ids import first_id_of, moment_of
from app.store.partitions import Partition

COPIED_CALLS = 200
"""Calls copied in one transaction: one of them may have 32 MB."""


@dataclass(frozen=True)
class Moving:
    """A copy in progress. oid: the id of its table, which distinguishes it from a later copy."""

    oid: int
    month: Partition
    first: UUID
    end: UUID


def begin(connection: Connection, now: datetime, enough: datetime) -> Moving | None:
    """Make the table for the copies, if it does not exist; None when no call is late.

    Late are calls of the months that are missing up to `enough`. All of them become one partition, however many months they are. Raises
    OperationalError, with nothing done, when the table is in use for long.
    """
    partitions.hold(connection)
    return _under_way(connection) or _begin(connection, now, partitions.month_after(enough))


def _begin(connection: Connection, now: datetime, enough: datetime) -> Moving | None:
    start = partitions.end(connection)
    newest = connection.scalar(text(_NEWEST), {"first": first_id_of(start), "end": first_id_of(enough)})
    if newest is None:
        return None
    month = partitions.partition_before(partitions.month_after(max(now, moment_of(newest))))
    keys = connection.scalars(text(_FOREIGN_KEYS)).all()
    for statement in (*_PREPARING, *(f"ALTER TABLE trace_moving ADD {key}" for key in keys), *_COPYING):
        connection.execute(text(statement.format(month.name, first_id_of(start), first_id_of(month.until))))
    return _under_way(connection)


_NEWEST = "SELECT id FROM trace_later WHERE id >= :first AND id < :end ORDER BY id DESC LIMIT 1"

_FOREIGN_KEYS = """
SELECT format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
 WHERE conrelid = 'trace'::regclass AND contype = 'f'
"""

_PREPARING = (
    "CREATE TABLE trace_moving (LIKE trace INCLUDING DEFAULTS INCLUDING COMMENTS INCLUDING INDEXES,"
    " CONSTRAINT of_month CHECK (id >= '{1}' AND id < '{2}'))",
    partitions.unsampled("trace_moving"),
    "COMMENT ON TABLE trace_moving IS '{0} {1} {2}'",
)

_COPYING = (
    "CREATE TRIGGER copy_late_call AFTER INSERT OR UPDATE OR DELETE ON trace_later"
    " FOR EACH ROW EXECUTE FUNCTION copy_late_call('{1}', '{2}')",
)


def _under_way(connection: Connection) -> Moving | None:
    query = "SELECT oid, obj_description(oid, 'pg_class') FROM pg_class WHERE oid = to_regclass('trace_moving')"
    row = connection.execute(text(query)).one_or_none()
    if row is None:
        return None
    name, first, end = row[1].split()
    return Moving(row[0], partitions.partition_named(name), UUID(first), UUID(end))


def copy(connection: Connection, moving: Moving, after: UUID, limit: int = COPIED_CALLS) -> UUID | None:
    """Copy the next calls; answers the last of them, None at the end.

    The calls are locked while they are copied; raises OperationalError when another transaction is changing one.
    """
    partitions.hold(connection)
    if _under_way(connection) != moving:
        return None
    return connection.scalar(text(_COPY), {"after": after, "first": moving.first, "end": moving.end, "limit": limit})


_COPY = """
WITH batch AS (SELECT * FROM trace_later WHERE id > :after AND id >= :first AND id < :end
               ORDER BY id LIMIT :limit FOR NO KEY UPDATE),
     copied AS (INSERT INTO trace_moving SELECT * FROM batch ON CONFLICT (id) DO NOTHING)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def take_in(connection: Connection, moving: Moving) -> list[Partition]:
    """Put the copies in place of the calls; answers the new partition.

    Raises OperationalError, with nothing done, when the table is in use for long.
    """
    partitions.hold(connection)
    if _under_way(connection) != moving:
        return []
    for statement in _TAKING_IN:
        connection.execute(text(statement.format(moving.month.name, moving.first, moving.end)))
    return [moving.month]


_TAKING_IN = (
    "LOCK TABLE trace IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE trace DETACH PARTITION trace_later",
    "ALTER TABLE trace_later RENAME TO trace_moved",
    "ALTER TABLE trace_moving RENAME TO {0}",
    "ALTER TABLE trace ATTACH PARTITION {0} FOR VALUES FROM ('{1}') TO ('{2}')",
    "ALTER TABLE {0} DROP CONSTRAINT of_month",
    "COMMENT ON TABLE {0} IS NULL",
    "CREATE TABLE trace_later PARTITION OF trace DEFAULT",
    partitions.unsampled("trace_later"),
    "INSERT INTO trace_later SELECT * FROM trace_moved WHERE id < '{1}' OR id >= '{2}'",
    "DROP TABLE trace_moved",
)
"""Calls from far away times are few: a clock was wrong."""
