"""The partitions of table `trace`: the calls of a month each, by the time that their ids hold.

`trace_before_2027_01` has what was stored in December 2026: its name says where it ends, the one before it where it begins.
`trace_later` takes what no partition is there for, so a call is stored also when nobody has made one for months; see `late_calls`.

A month goes in steps: it is no part of the table any more, what only its calls said is noted, and it is dropped.  Between two steps
it is a table of its own, whose comment says how far it was read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, bindparam, text

from app.store.expired import noting
from app.store.ids import first_id_of
from app.store.runs import FIRST_ID

_PREFIX_OF_PARTITIONS = "trace_before_"

MADE_AHEAD = timedelta(days=40)
"""Partitions are made so far ahead: a month without a reconciler leaves no calls to move."""

_DROP_LOCK_SECONDS = 2
"""Seconds to wait for the lock on the whole table that detaching takes; ingest waits behind it."""

_ATTACH_LOCK_MS = 200
"""Milliseconds to wait for the lock that attaching takes; weeks are left for the next try."""

_ADVISORY_LOCK = (
    0x70726F6D70746D6F  # any number, the same in every process; whoever makes or drops partitions holds this lock
)


@dataclass(frozen=True)
class Partition:
    """A month of calls.  until: the first moment that is not in it."""

    name: str
    until: datetime


def partitions(connection: Connection) -> list[Partition]:
    """Those with a bound, the oldest first."""
    names = connection.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'trace'::regclass")
    )
    return sorted(
        (named(name) for name in names if name.startswith(_PREFIX_OF_PARTITIONS)), key=lambda partition: partition.until
    )


def named(name: str) -> Partition:
    """The partition of this name."""
    year, month = name.removeprefix(_PREFIX_OF_PARTITIONS).split("_")
    return Partition(name, datetime(int(year), int(month), 1, tzinfo=UTC))


def before(until: datetime) -> Partition:
    """The partition that ends at this beginning of a month."""
    return Partition(f"{_PREFIX_OF_PARTITIONS}{until:%Y_%m}", until)


def month_after(moment: datetime) -> datetime:
    """The beginning of the month after this moment."""
    return (moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)


def end(connection: Connection) -> datetime:
    """The first moment that is in none of them."""
    return partitions(connection)[-1].until


# Making


def hold(connection: Connection) -> None:
    """Nobody else makes or drops partitions until the transaction ends, and what is in use is not waited for.

    A lock that is asked for and not granted holds up whoever comes after it, ingest too.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_ATTACH_LOCK_MS}ms'"))


def make_missing(connection: Connection, enough: datetime) -> list[Partition]:
    """Make the partitions that are missing up to a moment; those made.  `trace_later` has no calls that belong to them.

    Raises OperationalError, with nothing done, when a dump or a long transaction is in the way: whatever reads calls would
    wait behind us, and so would ingest.
    """
    made: list[Partition] = []
    if end(connection) < enough:
        hold(connection)
        while (begin := end(connection)) < enough:
            made.append(_make(connection, begin))
    return made


def _make(connection: Connection, begin: datetime) -> Partition:
    month = before(month_after(begin))
    for statement in _MAKING:
        connection.execute(text(statement.format(month.name, first_id_of(begin), first_id_of(month.until))))
    return month


# Names of partitions are ours.  Attached rather than created in its place, which would lock the whole table.
_MAKING = (
    "CREATE TABLE {0} (LIKE trace INCLUDING DEFAULTS INCLUDING COMMENTS)",
    "ALTER TABLE trace ATTACH PARTITION {0} FOR VALUES FROM ('{1}') TO ('{2}')",
)


# Dropping

NOTED_CALLS = 10_000
"""Calls of a month that goes whose traces are removed in one transaction, in some 100 ms."""


def has_calls_of(connection: Connection, partition: Partition, projects: Collection[UUID]) -> bool:
    """Whether the partition holds a call of one of these projects."""
    query = text(f"SELECT EXISTS (SELECT FROM {partition.name} WHERE project_id = ANY(:projects))")  # noqa: S608  ours
    asked = query.bindparams(bindparam("projects", type_=ARRAY(Uuid)))
    return bool(projects) and connection.execute(asked, {"projects": list(projects)}).scalar_one()


def detach(connection: Connection, partition: Partition) -> None:
    """Take a month of calls out of the table; runs that have read some of them begin anew.

    Raises OperationalError, with nothing done, when the table is in use for longer than ingest may wait behind this.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if partition in partitions(connection):
        # Groups before their calls, as runs and deletions lock them; then nobody assigns calls of the month any more.
        connection.execute(text(_RAISING.format(partition.name)))
        connection.execute(text(f"SET LOCAL lock_timeout = '{_DROP_LOCK_SECONDS}s'"))
        connection.execute(text(f"ALTER TABLE trace DETACH PARTITION {partition.name}"))
        connection.execute(text(f"COMMENT ON TABLE {partition.name} IS '{FIRST_ID}'"))


# OFFSET 0: an entry of the index for each group instead of the whole month.
_RAISING = """
UPDATE grouping_key SET fence = fence + 1
 WHERE EXISTS (SELECT FROM {0} AS call WHERE call.group_id = grouping_key.id OFFSET 0)
"""


def leaving(connection: Connection) -> list[Partition]:
    """Months that were taken out and are still there."""
    names = text("SELECT relname FROM pg_class WHERE relname LIKE :names AND relkind = 'r' AND NOT relispartition")
    names_found = connection.scalars(names, {"names": _PREFIX_OF_PARTITIONS.replace("_", r"\_") + "%"})
    return sorted(map(named, names_found), key=lambda partition: partition.until)


def note_gone(connection: Connection, partition: Partition, limit: int = NOTED_CALLS) -> int | None:
    """Note what only the next calls of a month that leaves say, and free their external ids; how many there were, None at the end.

    What versions show of their calls stays, as when calls go one by one.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if partition not in leaving(connection):
        return None
    row = connection.execute(
        text(_NOTING.format(partition.name, noting("batch"))), {"name": partition.name, "limit": limit}
    ).one()
    if row.last is None:
        return None
    connection.execute(text(f"COMMENT ON TABLE {partition.name} IS '{row.last}'"))
    return row.calls


# An external id may be another call's by now, since they are given up before the month is gone.
_NOTING = """
WITH batch AS (SELECT id, project_id, external_id, implementation_id, seen_at FROM {0}
               WHERE id > CAST(obj_description(CAST(:name AS regclass), 'pg_class') AS uuid) ORDER BY id LIMIT :limit),
     expired AS ({1}),
     counted AS (
       INSERT INTO call_count (implementation_id, calls)
       SELECT implementation_id, -count(*) FROM batch WHERE implementation_id IS NOT NULL GROUP BY implementation_id),
     marked AS (
       INSERT INTO usage_mark (implementation_id, hour)
       SELECT DISTINCT implementation_id, full_hour(seen_at) FROM batch WHERE implementation_id IS NOT NULL),
     freed AS (
       DELETE FROM trace_external_id USING batch WHERE trace_external_id.project_id = batch.project_id
          AND trace_external_id.external_id = batch.external_id AND trace_external_id.trace_id = batch.id)
SELECT count(*) AS calls, (SELECT id FROM batch ORDER BY id DESC LIMIT 1) AS last FROM batch
"""


def drop(connection: Connection, partition: Partition) -> None:
    """Drop a month that leaves, all of which is noted.

    Raises OperationalError, with nothing done, when the tables that its calls refer to are in use for long.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_DROP_LOCK_SECONDS}s'"))
    connection.execute(text(f"DROP TABLE IF EXISTS {partition.name}"))
