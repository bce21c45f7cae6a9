"""Use case: remove calls that a project no longer keeps; templates, versions and their counts stay.

A month that no project keeps is dropped at once, with its partition; other calls go in batches. A batch has calls of one group and is one
transaction, which holds the group and raises its fence: a run that has read the calls begins anew without them.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, exc

from app.keeping import months
from app.logs import describe, logger
from app.store import partitions, retention, runs
from app.store.engine import transaction
from app.store.partitions import Partition
from app.store.sqlstates import is_busy

log = logger(__name__)

EXPIRED_CALLS = 1000
"""Calls selected at once; those of one group are removed in one transaction, in some 50 ms."""


def expire(engine: Engine, default_days: int, *, seconds: float = 60.0, now: datetime | None = None) -> int:
    """Remove calls that are due, the oldest first, for at most about `seconds` seconds; answers how many were removed."""
    end = time.monotonic() + seconds
    with transaction(engine) as connection:
        expiries = retention.starts_of_keeping(connection, default_days, now or datetime.now(UTC))
        leaving_months = [*partitions.leaving(connection), *retention.months_over(connection, expiries)]
    dropped = sum(_drop(engine, month, end) for month in leaving_months)
    return dropped + sum(_expire(engine, project_id, since, end) for project_id, since in expiries.items())


def _expire(engine: Engine, project_id: UUID, since: datetime, end: float) -> int:
    """Remove the due calls of a project; those of a group that a transaction holds come last, and once more only."""
    busy_group_ids: set[UUID] = set()
    removed = _expire_but(engine, project_id, since, end, busy_group_ids)
    return removed + (_expire_but(engine, project_id, since, end, set()) if busy_group_ids else 0)


def _expire_but(engine: Engine, project_id: UUID, since: datetime, end: float, busy_group_ids: set[UUID]) -> int:
    """Remove calls of groups but the busy ones, to which it adds those whose lock took too long."""
    removed = 0
    while time.monotonic() < end and (batch := _next_expired(engine, project_id, since, busy_group_ids)):
        for group_id, call_ids in batch.items():
            try:
                removed += _remove(engine, group_id, call_ids)
            except exc.OperationalError as error:
                if not is_busy(error):
                    raise
                log.info("retention.busy", group=str(group_id), **describe(error))
                busy_group_ids.add(group_id)
    return removed


def _drop(engine: Engine, month: Partition, end: float) -> int:
    """Drop a month; answers how many calls were removed. When the table is busy or time is over, the next call continues."""
    rows_dropped = 0
    try:
        for calls in months.drop(engine, month, end):
            rows_dropped += calls
    except exc.OperationalError as error:
        log.info("retention.busy", month=month.name, **describe(error))
    return rows_dropped


def _next_expired(
    engine: Engine, project_id: UUID, since: datetime, busy_group_ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    with transaction(engine) as connection:
        overdue = retention.overdue(connection, project_id, since, EXPIRED_CALLS, without=busy_group_ids)
    by_group: dict[UUID, list[UUID]] = defaultdict(list)
    for call_id, group_id in overdue:
        by_group[group_id].append(call_id)
    return by_group


def _remove(engine: Engine, group_id: UUID, call_ids: Sequence[UUID]) -> int:
    with transaction(engine) as connection:
        if runs.hold(connection, group_id) is None:
            return 0  # the group was deleted meanwhile, with its calls
        runs.raise_fence(connection, group_id)
        return retention.remove(connection, call_ids)
