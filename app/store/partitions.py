"""The partitions of table `trace`: the calls of one month each, by the time in their ids.

`trace_before_2027_01` holds calls stored in December 2026: its name gives its end, the name of the one before it its beginning.
`trace_later` takes calls for which there is no partition, so a call is stored even if none was made for months; see `late_calls`.

A month is dropped in steps: it is detached from the table, the facts that only its calls hold are noted, and it is dropped. Between two
steps it is a table of its own, whose comment says how far it was read.
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
"""Time for which partitions are made ahead: a month without a reconciler leaves no calls to move."""

_DROP_LOCK_SECONDS = 2
"""Seconds to wait for the lock on the whole table that detaching takes; ingest waits behind it."""

_ATTACH_LOCK_MS = 200
"""Milliseconds to wait for the lock that attaching takes; there are weeks for further tries."""

_ADVISORY_LOCK = 0x70726F6D70746D6F
"""An arbitrary number, the same in every process; a process that makes or drops partitions holds this lock."""


@dataclass(frozen=True)
class Partition:
    """A month of calls. until: the first moment that is not in it."""

    name: str
    until: datetime


def partitions(connection: Connection) -> list[Partition]:
    """The partitions with an upper bound, the oldest first."""
    names = connection.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'trace'::regclass")
    )
    return sorted(
        (partition_named(name) for name in names if name.startswith(_PREFIX_OF_PARTITIONS)),
        key=lambda partition: partition.until,
    )


def partition_named(name: str) -> Partition:
    """The partition of this name."""
    year, month = name.removeprefix(_PREFIX_OF_PARTITIONS).split("_")
    return Partition(name, datetime(int(year), int(month), 1, tzinfo=UTC))


def partition_before(until: datetime) -> Partition:
    """The partition that ends at this beginning of a month."""
    return Partition(f"{_PREFIX_OF_PARTITIONS}{until:%Y_%m}", until)


def month_after(moment: datetime) -> datetime:
    """The beginning of the month after this moment."""
    return (moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)


def end(connection: Connection) -> datetime:
    """The end of the last partition."""
    return partitions(connection)[-1].until


# Making


def hold(connection: Connection) -> None:
    """Lock out other processes that make or drop partitions, and do not wait for tables in use.

    A waiting lock request blocks every later transaction, ingest included.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_ATTACH_LOCK_MS}ms'"))


def make_missing(connection: Connection, enough: datetime) -> list[Partition]:
    """Make the missing partitions up to a moment; answers them. `trace_later` must have no calls in their range.

    Raises OperationalError, with nothing done, when a dump or a long transaction holds the table: later readers, and so ingest, would wait
    behind us.
    """
    months_made: list[Partition] = []
    if end(connection) < enough:
        hold(connection)
        while (begin := end(connection)) < enough:
            months_made.append(_make(connection, begin))
    return months_made


def _make(connection: Connection, begin: datetime) -> Partition:
    month = partition_before(month_after(begin))
    for statement in _MAKING:
        connection.execute(text(statement.format(month.name, first_id_of(begin), first_id_of(month.until))))
    return month


_UNSAMPLED_COLUMNS = ("external_id", "model", "prompt_parts", "conversation_id", "user_id", "variables")
"""Columns of texts and ids. ANALYZE copies frequent values into pg_statistic, where no deletion reaches them; no query needs these."""


def unsampled(table: str) -> str:
    """The statement by which ANALYZE never samples the texts of this partition: PostgreSQL copies no such setting to a new table."""
    return f"ALTER TABLE {table} " + ", ".join(f"ALTER {column} SET STATISTICS 0" for column in _UNSAMPLED_COLUMNS)


_MAKING = (
    "CREATE TABLE {0} (LIKE trace INCLUDING DEFAULTS INCLUDING COMMENTS)",
    unsampled("{0}"),
    "ALTER TABLE trace ATTACH PARTITION {0} FOR VALUES FROM ('{1}') TO ('{2}')",
)
"""Names of partitions are ours. The table is attached instead of created in place, which would lock the whole table."""


# Dropping

NOTED_CALLS = 10_000
"""Calls of a detached month whose traces are removed in one transaction, in some 100 ms."""


def has_calls_of(connection: Connection, partition: Partition, projects: Collection[UUID]) -> bool:
    """Whether the partition holds a call of one of these projects."""
    query = text(f"SELECT EXISTS (SELECT FROM {partition.name} WHERE project_id = ANY(:projects))")  # noqa: S608  ours
    bound_query = query.bindparams(bindparam("projects", type_=ARRAY(Uuid)))
    return bool(projects) and connection.execute(bound_query, {"projects": list(projects)}).scalar_one()


def detach(connection: Connection, partition: Partition) -> None:
    """Detach a month of calls; runs that have read some of them begin anew.

    Raises OperationalError, with nothing done, when the table is in use for longer than ingest may wait behind this.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if partition in partitions(connection):
        # Groups are locked before their calls, in the order of runs and deletions; then no transaction can assign calls of the month.
        connection.execute(text(_RAISING.format(partition.name)))
        connection.execute(text(f"SET LOCAL lock_timeout = '{_DROP_LOCK_SECONDS}s'"))
        connection.execute(text(f"ALTER TABLE trace DETACH PARTITION {partition.name}"))
        connection.execute(text(f"COMMENT ON TABLE {partition.name} IS '{FIRST_ID}'"))


_RAISING = """
UPDATE grouping_key SET fence = fence + 1
 WHERE EXISTS (SELECT FROM {0} AS call WHERE call.group_id = grouping_key.id OFFSET 0)
"""
"""OFFSET 0: one index entry for each group instead of the whole month."""


def leaving(connection: Connection) -> list[Partition]:
    """Months that were detached and not yet dropped."""
    names = text("SELECT relname FROM pg_class WHERE relname LIKE :names AND relkind = 'r' AND NOT relispartition")
    names_found = connection.scalars(names, {"names": _PREFIX_OF_PARTITIONS.replace("_", r"\_") + "%"})
    return sorted(map(partition_named, names_found), key=lambda partition: partition.until)


def note_gone(connection: Connection, partition: Partition, limit: int = NOTED_CALLS) -> int | None:
    """Note the facts that only the next calls of a detached month hold, and free their external ids; answers their number, None at the end.

    The counts that versions show stay, as when calls are removed one by one.
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
"""An external id may belong to another call by now, since ids are freed before the month is dropped."""


def drop(connection: Connection, partition: Partition) -> None:
    """Drop a detached month whose calls are all noted.

    Raises OperationalError, with nothing done, when the tables that its calls refer to are in use for long.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_DROP_LOCK_SECONDS}s'"))
    connection.execute(text(f"DROP TABLE IF EXISTS {partition.name}"))
