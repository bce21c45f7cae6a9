"""The partitions of table `trace`: the calls of a month each, by the time that their ids hold.

`trace_before_2027_01` has what was stored in December 2026: its name says where it ends, the one before it where it begins.
`trace_later` takes what no partition is there for, so a call is stored also when nobody has made one for months.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, bindparam, text

from app.store.ids import first_id_of

_PREFIX = "trace_before_"

AHEAD = timedelta(days=40)
"""How far ahead partitions are made: a month in which no reconciler runs needs no moving of calls."""

_PATIENCE = 2
"""Seconds: to drop a part of a table that is read takes a lock on all of it, and whoever comes meanwhile waits too."""

_PATIENCE_AHEAD = 200
"""Milliseconds: there are weeks left for the next try."""

_LOCK = (
    0x70726F6D70746D6F  # any number, the same in every process: who makes or drops partitions holds this advisory lock
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
    bounded = [name for name in names if name.startswith(_PREFIX)]
    return sorted((Partition(name, _until(name)) for name in bounded), key=lambda one: one.until)


def make_ahead(connection: Connection, now: datetime | None = None) -> list[Partition]:
    """Make the partitions that are missing for the time to come, and move into them what `trace_later` took; those made.

    Safe to call from several processes at once.  Raises OperationalError, with nothing done, when a dump or a long
    transaction is in the way: whatever reads calls would wait behind us, and so would ingest.
    """
    made = []
    if _end(connection) < (enough := (now or datetime.now(UTC)) + AHEAD):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE_AHEAD}ms'"))
        while (begin := _end(connection)) < enough:
            made.append(_make(connection, begin))
    return made


def _end(connection: Connection) -> datetime:
    return partitions(connection)[-1].until


def _make(connection: Connection, begin: datetime) -> Partition:
    until = (begin + timedelta(days=31)).replace(day=1)
    one = Partition(f"{_PREFIX}{until:%Y_%m}", until)
    for statement in _MAKING:
        connection.execute(text(statement.format(one.name, first_id_of(begin), first_id_of(until))))
    return one


# Names of partitions are ours.
_COUNT = "SELECT count(*) FROM {0}"
_HAS_CALLS_OF = "SELECT EXISTS (SELECT FROM {0} WHERE project_id = ANY(:projects))"

# Attached rather than created in its place, which would lock the whole table.
_MAKING = (
    "LOCK TABLE trace_later IN ACCESS EXCLUSIVE MODE",
    "CREATE TABLE {0} (LIKE trace INCLUDING DEFAULTS INCLUDING COMMENTS)",
    "INSERT INTO {0} SELECT * FROM trace_later WHERE id >= '{1}' AND id < '{2}'",
    "DELETE FROM trace_later WHERE id >= '{1}' AND id < '{2}'",
    "ALTER TABLE trace ATTACH PARTITION {0} FOR VALUES FROM ('{1}') TO ('{2}')",
)


def has_calls_of(connection: Connection, one: Partition, projects: Collection[UUID]) -> bool:
    """Whether the partition holds a call of one of these projects."""
    query = text(_HAS_CALLS_OF.format(one.name))
    asked = query.bindparams(bindparam("projects", type_=ARRAY(Uuid)))
    return bool(projects) and connection.execute(asked, {"projects": list(projects)}).scalar_one()


def drop(connection: Connection, one: Partition) -> int:
    """Drop a month of calls, with what only they said; how many there were.

    What versions show of their calls is noted, as when calls go one by one, and a run that has read some of them begins anew.
    Raises OperationalError, with nothing done, when the table is in use for longer than ingest may wait behind this.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    for statement in _BEFORE_DROPPING:
        connection.execute(text(statement.format(one.name)))
    calls = connection.execute(text(_COUNT.format(one.name))).scalar_one()
    connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}s'"))
    connection.execute(text(f"DROP TABLE {one.name}"))
    return calls


_BEFORE_DROPPING = (
    # Groups before their calls, as runs and deletions lock them; then nobody assigns calls of the month any more.
    "UPDATE grouping_key SET fence = fence + 1 WHERE id IN (SELECT DISTINCT group_id FROM {0})",
    "LOCK TABLE {0} IN SHARE MODE",
    """
    INSERT INTO expired_calls (implementation_id, calls, first_seen, last_seen)
    SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM {0}
     WHERE implementation_id IS NOT NULL GROUP BY implementation_id ORDER BY implementation_id
    ON CONFLICT (implementation_id) DO UPDATE SET
      calls = expired_calls.calls + excluded.calls,
      first_seen = least(expired_calls.first_seen, excluded.first_seen),
      last_seen = greatest(expired_calls.last_seen, excluded.last_seen)
    """,
    """
    INSERT INTO call_count (implementation_id, calls)
    SELECT implementation_id, -count(*) FROM {0} WHERE implementation_id IS NOT NULL GROUP BY implementation_id
    """,
    """
    DELETE FROM trace_external_id USING {0} AS gone WHERE gone.external_id IS NOT NULL
       AND trace_external_id.project_id = gone.project_id AND trace_external_id.external_id = gone.external_id
    """,
)


def _until(name: str) -> datetime:
    year, month = name.removeprefix(_PREFIX).split("_")
    return datetime(int(year), int(month), 1, tzinfo=UTC)
