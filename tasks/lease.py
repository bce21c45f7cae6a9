"""The lease of a run, renewed by a thread while the main thread mines."""

import time
from types import TracebackType
from typing import Self
from uuid import UUID

from tasks.background import Ticker
from tasks.coalescing.protocol import Coalescing


class Lease:
    """Renews the lease inside a `with` block, and notices when it is lost.

    A lease is also lost when Redis did not answer for its whole duration: another worker may have the group. Mining on would be harmless,
    since the fence in PostgreSQL refuses the SAVE, but wasted.
    """

    def __init__(self, coalescing: Coalescing, group: UUID, owner: str, seconds: float) -> None:
        self._coalescing = coalescing
        self._group = group
        self._owner = owner
        self._seconds = seconds
        self._held_at = time.monotonic()
        self._taken = False
        self._ticker = Ticker("lease", seconds / 3, self._beat)

    @property
    def lost(self) -> bool:
        return self._taken or time.monotonic() - self._held_at >= self._seconds

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ticker.stop()

    def _beat(self) -> None:
        asked_at = time.monotonic()
        if self._taken or self._coalescing.heartbeat(self._group, self._owner).word == "lost":
            self._taken = True
        else:
            self._held_at = asked_at
