"""Use case: remove the calls that a project keeps no longer, in batches; templates, versions and their counts stay.

A batch is calls of one group and one transaction, in which the group is held and its fence raised: a run that has read the
calls begins anew without them.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Engine

from app.store import retention, runs
from app.store.engine import transaction

BATCH = 1000
"""Calls looked for at once; those of one group are removed in one transaction, in some 50 ms."""


def expire(engine: Engine, default_days: int, *, seconds: float = 60.0) -> int:
    """Remove what is due, the oldest first, for at most about so many seconds; how many calls were removed."""
    end = time.monotonic() + seconds
    with transaction(engine) as connection:
        due = retention.limits(connection, default_days)
    return sum(_expire(engine, project_id, days, end) for project_id, days in due.items())


def _expire(engine: Engine, project_id: UUID, days: int, end: float) -> int:
    removed = 0
    while time.monotonic() < end and (batch := _next(engine, project_id, days)):
        removed += sum(_remove(engine, group_id, call_ids) for group_id, call_ids in batch.items())
    return removed


def _next(engine: Engine, project_id: UUID, days: int) -> dict[UUID, list[UUID]]:
    with transaction(engine) as connection:
        found = retention.overdue(connection, project_id, days, BATCH)
    by_group: dict[UUID, list[UUID]] = defaultdict(list)
    for call_id, group_id in found:
        by_group[group_id].append(call_id)
    return by_group


def _remove(engine: Engine, group_id: UUID, call_ids: Sequence[UUID]) -> int:
    with transaction(engine) as connection:
        if runs.hold(connection, group_id) is None:
            return 0  # deleted meanwhile, with its calls
        runs.raise_fence(connection, group_id)
        return retention.remove(connection, call_ids)
