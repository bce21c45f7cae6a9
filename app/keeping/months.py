"""Use case: make partitions of table `trace` ahead, and drop months that no project keeps. Every transaction is short.

Any number of processes may do it at once, and each continues where another was killed.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, exc

from app.store import late_calls, partitions
from app.store.engine import transaction
from app.store.late_calls import Moving
from app.store.partitions import Partition
from app.store.runs import FIRST_ID

COPY_TRIES = 20
"""Tries of a step that copies calls: each gives up after a moment when a run is holding one of them."""


def make_ahead(engine: Engine, now: datetime | None = None, *, step: int = late_calls.COPIED_CALLS) -> list[Partition]:
    """Make the missing partitions of the coming months, and move the calls of `trace_later` into them; answers the new partitions.

    Raises OperationalError when a dump or a long transaction is in the way; completed steps stay done.
    """
    now = now or datetime.now(UTC)
    enough = now + partitions.MADE_AHEAD
    with transaction(engine) as connection:
        if partitions.end(connection) >= enough:
            return []
        moving = late_calls.begin(connection, now, enough)
    partitions_made = [] if moving is None else _move(engine, moving, step)
    with transaction(engine) as connection:
        return partitions_made + partitions.make_missing(connection, enough)


def _move(engine: Engine, moving: Moving, step: int) -> list[Partition]:
    after: UUID | None = FIRST_ID
    while after is not None:
        after = _copy(engine, moving, after, step)
    with transaction(engine) as connection:
        return late_calls.take_in(connection, moving)


def _copy(engine: Engine, moving: Moving, after: UUID, step: int) -> UUID | None:
    for _ in range(COPY_TRIES - 1):
        try:
            with transaction(engine) as connection:
                return late_calls.copy(connection, moving, after, step)
        except exc.OperationalError:
            continue
    with transaction(engine) as connection:
        return late_calls.copy(connection, moving, after, step)


def drop(engine: Engine, month: Partition, end: float, *, step: int = partitions.NOTED_CALLS) -> Iterator[int]:
    """Drop a month of calls; yields the number of calls, step by step. Stops when the clock (`time.monotonic`) is at `end`.

    Raises OperationalError when the table is in use for longer than ingest may wait behind this; completed steps stay done, and
    `partitions.leaving` lists the month until it is dropped.
    """
    with transaction(engine) as connection:
        partitions.detach(connection, month)
    while time.monotonic() < end:
        with transaction(engine) as connection:
            calls = partitions.note_gone(connection, month, step)
        if calls is None:
            with transaction(engine) as connection:
                partitions.drop(connection, month)
            return
        yield calls
