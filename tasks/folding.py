"""Folds the counters of groups from Redis into PostgreSQL, where they stay when Redis loses its data."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Engine

from app.store import counters
from app.store.counters import GroupCounts
from app.store.engine import transaction
from tasks.coalescing.protocol import RedisCoalescing, Snapshot

BATCH = 500
"""Hashes read in one round trip."""


class CounterFolder:
    """Folds counters from Redis into PostgreSQL: those that changed since this object last looked."""

    def __init__(self, engine: Engine, coalescing: RedisCoalescing) -> None:
        self._engine = engine
        self._coalescing = coalescing
        self._known: dict[UUID, Snapshot] = {}

    def fold(self) -> None:
        """Look at every group in Redis once."""
        groups_seen = list(self._coalescing.groups())
        for start in range(0, len(groups_seen), BATCH):
            self._fold(groups_seen[start : start + BATCH])
        known_counts = self._known  # another thread may put another dict in its place meanwhile
        self._known = {group: known_counts[group] for group in groups_seen if group in known_counts}

    def _fold(self, batch: Sequence[UUID]) -> None:
        snapshots = self._coalescing.snapshots(batch)
        changed = {group: now for group, now in snapshots.items() if self._known.get(group) != now}
        if changed:
            with transaction(self._engine) as connection:
                counters.fold(
                    connection, [GroupCounts(group, now.born, now.counters) for group, now in changed.items()]
                )
            self._known = self._known | changed
