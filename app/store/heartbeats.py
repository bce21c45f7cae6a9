"""Signs of life of workers and reconcilers.  The database's clock decides, so hosts need not agree on the time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, ColumnElement, Connection, Double, cast, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.store.tables import heartbeat

Kind = Literal["worker", "reconciler"]

# Seconds between two beats of a process.
BEAT_SECONDS = 3.0

# Seconds after the last beat that a process counts as alive: one beat may be late or lost, and a death is seen within 10 s.
ALIVE_SECONDS = 8.0

# The name under which `/readyz` tries a write.
_PROBE = "readyz"

# Seconds that a dead process stays listed, so that a person sees what died.
KEPT_SECONDS = 3600.0


@dataclass(frozen=True)
class Taking:
    """What a worker says of messages: how many it has in hand, and how many it took since it began."""

    in_hand: int
    taken: int


@dataclass(frozen=True)
class Heartbeat:
    """A process, when it was last seen, and what it said then.

    in_hand, taken: of a worker; taken is None where a version beats that does not say.
    stalled_s: of a reconciler; seconds for which messages wait that no worker takes, None while they are taken.
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
        """Whether it beat lately."""
        return self.age_s <= ALIVE_SECONDS


def beat(
    connection: Connection, name: str, kind: Kind, taking: Taking | None = None, *, stalled_s: float = 0.0
) -> None:
    """Say that the process is alive; a worker says what it takes, a reconciler for how long nobody has."""
    now = func.clock_timestamp()
    said = {
        "last_seen": now,
        "kind": kind,
        "in_hand": taking.in_hand if taking else 0,
        "taken": taking.taken if taking else None,
        "stalled_since": _before(stalled_s) if stalled_s else None,
    }
    statement = insert(heartbeat).values(name=name, started_at=now, **said)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=said))


def _before(seconds: float) -> ColumnElement[datetime]:
    return func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _age(column: Column) -> ColumnElement[float]:
    return cast(func.extract("epoch", func.clock_timestamp() - column), Double)


def seen(connection: Connection) -> list[Heartbeat]:
    """Every process seen within the last hour, last seen first."""
    said = heartbeat.c
    age = _age(said.last_seen)
    query = select(
        said.name,
        said.kind,
        said.started_at,
        said.last_seen,
        age.label("age"),
        said.in_hand,
        said.taken,
        _age(said.stalled_since).label("stalled"),
    ).where(age < KEPT_SECONDS)
    return [Heartbeat(*row) for row in connection.execute(query.order_by(age))]


def try_a_write(connection: Connection) -> None:
    """Write what nobody reads: a database that is read-only, or whose disk is full, answers every query."""
    statement = insert(heartbeat).values(name=_PROBE, kind="probe")
    now = {"last_seen": func.clock_timestamp()}
    connection.execute(
        text("SET LOCAL synchronous_commit = off")
    )  # whoever asks every second shall not sync every second
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=now))


def forget(connection: Connection, name: str) -> None:
    """Remove a process that ends on purpose."""
    connection.execute(delete(heartbeat).where(heartbeat.c.name == name))


def forget_old(connection: Connection) -> None:
    """Remove processes that were not seen for an hour."""
    connection.execute(delete(heartbeat).where(_age(heartbeat.c.last_seen) >= KEPT_SECONDS))
