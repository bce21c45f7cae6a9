"""Reads that may be a moment old use a standby (DATABASE_READ_URL) while it keeps up, and the primary otherwise.

Its lag is measured by positions in the write-ahead log and our own clock, so the clocks of hosts need not agree: the standby is as old as
the newest position of the primary that it has not reached.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, event, exc, text

from app.config import Settings
from app.errors import DatabaseDownError
from app.servers import reasons
from app.store.engine import make_engine, make_probe_engine, outages_named, transaction
from app.store.sqlstates import state_of

LAG_SECONDS = 1.0
"""Seconds between two measurements of the lag: two short queries a process."""

GIVEN_UP_SECONDS = 5.0
"""Seconds for which a failed standby is not tried: connecting to a host that does not answer takes two seconds."""


@dataclass(frozen=True)
class Standing:
    """Whether the standby is used. behind: its lag in seconds, None where unknown."""

    is_used: bool
    behind: float | None
    detail: str


class ReadRouter:
    """Chooses the database to read from. Safe to share between threads."""

    def __init__(self, settings: Settings, primary: Engine) -> None:
        self._primary = primary.execution_options(postgresql_readonly=True)
        self._most_behind = settings.database_read_lag
        self._standby: Engine | None = None
        if settings.database_read_url:
            replica_settings = settings.model_copy(update={"database_url": settings.database_read_url})
            self._standby = make_engine(replica_settings)
            self._probe = make_probe_engine(replica_settings, LAG_SECONDS)
            event.listen(primary, "engine_disposed", lambda _: self._dispose())
        self._seen: deque[tuple[float, int]] = deque(maxlen=1000)
        self._standing = Standing(False, None, "Not measured yet.")
        self._measure_again_at = 0.0
        self._measuring = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises DatabaseDownError."""
        connection = self._connected()
        if connection is None:
            with transaction(self._primary) as connection:
                yield connection
            return
        try:
            with outages_named(), connection, connection.begin():
                yield connection
        except DatabaseDownError as error:
            self._give_up(error.why)
            raise

    def standing(self) -> Standing | None:
        """The state of the standby; None without one."""
        if self._standby is None:
            return None
        self._measure_lag_if_due()
        return self._standing

    def _connected(self) -> Connection | None:
        """A connection to the standby; None when the primary has to be used."""
        if self._standby is None:
            return None
        self._measure_lag_if_due()
        if not self._standing.is_used:
            return None
        try:
            return self._standby.connect()
        except (exc.DBAPIError, exc.TimeoutError) as error:
            self._give_up(_why(error))
            return None

    def _measure_lag_if_due(self) -> None:
        """Measure the lag; the first caller after LOOK_SECONDS does it, the others use the last result."""
        if time.monotonic() >= self._measure_again_at and self._measuring.acquire(blocking=False):
            try:
                self._measure_lag()
            finally:
                self._measuring.release()

    def _measure_lag(self) -> None:
        with suppress(exc.SQLAlchemyError, DatabaseDownError):  # while the primary is down, the last result stays
            self._seen.append((time.monotonic(), _position(self._primary, "pg_current_wal_lsn()")))
        try:
            reached = _position(self._probe, "pg_last_wal_replay_lsn()")
        except (exc.SQLAlchemyError, DatabaseDownError, ValueError) as error:
            self._give_up(getattr(error, "why", None) or _why(error))
            return
        behind = self._behind(reached)
        is_used = behind <= self._most_behind
        detail = f"{behind:.1f} s behind" + (
            "." if is_used else f", more than {self._most_behind:g} s: the primary is read."
        )
        self._standing = Standing(is_used, behind, detail)
        self._measure_again_at = time.monotonic() + LAG_SECONDS

    def _behind(self, reached: int) -> float:
        while self._seen and self._seen[0][1] <= reached:
            self._seen.popleft()
        return time.monotonic() - self._seen[0][0] if self._seen else 0.0

    def _give_up(self, why: str) -> None:
        self._standing = Standing(False, None, f"Not used, the primary is read. {why}")
        self._measure_again_at = time.monotonic() + GIVEN_UP_SECONDS

    def _dispose(self) -> None:
        for engine in (self._standby, self._probe):
            if engine is not None:
                engine.dispose()


def _position(engine: Engine, function: str) -> int:
    """A position in the write-ahead log, in bytes. Raises ValueError where the server is no standby."""
    with transaction(engine) as connection:
        position = connection.execute(text(f"SELECT pg_wal_lsn_diff({function}, '0/0')::bigint")).scalar()
    if position is None:
        raise ValueError("It is no standby.")
    return int(position)


def _why(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "It is no standby: let DATABASE_READ_URL name one of DATABASE_URL."
    reason = state_of(error) or reasons.of_postgres(error)
    return reason.replace("DATABASE_URL", "DATABASE_READ_URL")
