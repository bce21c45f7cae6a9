"""The waiting times of traces for the run that read them, as a histogram of each group.

Its buckets are rows among the group's counters, written in the transaction of that run: they are exact, whichever process dies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Double, Select, cast, func, select
from sqlalchemy.dialects.postgresql import array, insert

from app.store.tables import grouping_counter, trace

ENDS = (1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Upper bounds in seconds: from a cold group to one that waited until a person started a worker."""

_SUM = "lag_ms"
_NAMES = [f"lag_{number}" for number in range(len(ENDS) + 1)]


@dataclass(frozen=True)
class Lags:
    """`until`: the number of traces that waited at most as long, by upper bound (infinity last); `seconds`: the sum of all waits."""

    until: dict[float, int]
    seconds: float


def observe(connection: Connection, group_id: UUID, call_ids: Sequence[UUID]) -> None:
    """Add the calls that a committing run of the group has read."""
    rows = connection.execute(_waited(call_ids)).all()
    increments = {_NAMES[row.bucket]: row.calls for row in rows}
    increments[_SUM] = round(1000 * sum(row.seconds for row in rows))
    values = [{"group_id": group_id, "name": name, "value": value} for name, value in sorted(increments.items())]
    statement = insert(grouping_counter).values(values)
    incremented = grouping_counter.c.value + statement.excluded.value
    connection.execute(
        statement.on_conflict_do_update(index_elements=["group_id", "name"], set_={"value": incremented})
    )


def of(calls_by_bucket: Mapping[str, int]) -> Lags:
    """The histogram among counters by name, as `counters.totals` answers them."""
    reached = accumulate(calls_by_bucket.get(name, 0) for name in _NAMES)
    return Lags(dict(zip((*ENDS, float("inf")), reached, strict=True)), calls_by_bucket.get(_SUM, 0) / 1000)


def _waited(call_ids: Sequence[UUID]) -> Select[tuple[int, int, float]]:
    seconds = cast(func.extract("epoch", func.clock_timestamp() - trace.c.created_at), Double)
    bucket = func.width_bucket(seconds, cast(array(ENDS), ARRAY(Double))).label("bucket")
    columns = (bucket, func.count().label("calls"), func.sum(seconds).label("seconds"))
    return select(*columns).where(trace.c.id.in_(call_ids)).group_by(bucket)
