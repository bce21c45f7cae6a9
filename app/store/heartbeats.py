"""Heartbeats of workers and reconcilers. The database's clock decides, so the clocks of hosts need not agree."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, ColumnElement, Connection, Double, cast, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.store.tables import heartbeat

ProcessKind = Literal["worker", "reconciler"]

BEAT_SECONDS = 3.0
"""Seconds between two beats of a process."""

ALIVE_SECONDS = 8.0
"""Seconds after the last beat that a process counts as alive: one beat may be late or lost, and a death is seen within 10 s."""

_PROBE = "readyz"
"""The name of the row that `/readyz` writes to test the database."""

KEPT_SECONDS = 3600.0
"""Seconds that a dead process stays listed, so that a person sees what died."""


@dataclass(frozen=True)
class Taking:
    """A worker's report about messages: how many it holds, and how many it has taken since its start."""

    in_hand: int
    taken: int


@dataclass(frozen=True)
class Heartbeat:
    """A process, the time of its last beat, and its report.

    in_hand, taken: of a worker; taken is None for an older version, which does not report it. stalled_s: of a reconciler; seconds for which
    messages wait and no worker takes one, None while they are taken.
    """

    name: str
    kind: str
    started_at: datetime
    last_seen: datetime
    age_s: float
    in_hand: int = 0
    taken: int | None = None
    stalled_s: float | None = None

    @property
    def alive(self) -> bool:
        """Whether the last beat is recent."""
        return self.age_s <= ALIVE_SECONDS


def beat(
    connection: Connection, name: str, kind: ProcessKind, taking: Taking | None = None, *, stalled_s: float = 0.0
) -> None:
    """Write a heartbeat; a worker reports its messages, a reconciler for how long no worker has taken any."""
    now = func.clock_timestamp()
    values = {
        "last_seen": now,
        "kind": kind,
        "in_hand": taking.in_hand if taking else 0,
        "taken": taking.taken if taking else None,
        "stalled_since": _seconds_ago(stalled_s) if stalled_s else None,
    }
    statement = insert(heartbeat).values(name=name, started_at=now, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def _seconds_ago(seconds: float) -> ColumnElement[datetime]:
    return func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _age(column: Column) -> ColumnElement[float]:
    return cast(func.extract("epoch", func.clock_timestamp() - column), Double)


def recent_processes(connection: Connection) -> list[Heartbeat]:
    """Every process seen within the last hour, last seen first."""
    columns = heartbeat.c
    age = _age(columns.last_seen)
    query = select(
        columns.name,
        columns.kind,
        columns.started_at,
        columns.last_seen,
        age.label("age"),
        columns.in_hand,
        columns.taken,
        _age(columns.stalled_since).label("stalled"),
    ).where(age < KEPT_SECONDS)
    return [Heartbeat(*row) for row in connection.execute(query.order_by(age))]


def try_a_write(connection: Connection) -> None:
    """Write a row that is never read: a database that is read-only, or whose disk is full, still answers queries."""
    statement = insert(heartbeat).values(name=_PROBE, kind="probe")
    now = {"last_seen": func.clock_timestamp()}
    # A client that asks every second must not force a sync every second.
    connection.execute(text("SET LOCAL synchronous_commit = off"))
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=now))


def forget(connection: Connection, name: str) -> None:
    """Remove the row of a process that ends on purpose."""
    connection.execute(delete(heartbeat).where(heartbeat.c.name == name))


def forget_old(connection: Connection) -> None:
    """Remove processes that were not seen for an hour."""
    connection.execute(delete(heartbeat).where(_age(heartbeat.c.last_seen) >= KEPT_SECONDS))
