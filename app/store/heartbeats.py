"""Signs of life of workers and reconcilers.  The database's clock decides, so hosts need not agree on the time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Double, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.store.tables import heartbeat

Kind = Literal["worker", "reconciler"]

# A process beats every BEAT_SECONDS; one beat may be late or lost before it counts as dead (right within 10 s of a death).
BEAT_SECONDS = 3.0
ALIVE_SECONDS = 8.0

# Dead ones are listed this long, so that a person sees what died; then they are forgotten.
KEPT_SECONDS = 3600.0


@dataclass(frozen=True)
class Heartbeat:
    """A process and when it was last seen."""

    name: str
    kind: str
    started_at: datetime
    last_seen: datetime
    age_s: float

    @property
    def alive(self) -> bool:
        """Whether it beat lately."""
        return self.age_s <= ALIVE_SECONDS


def beat(connection: Connection, name: str, kind: Kind) -> None:
    """Say that the process is alive."""
    now = func.clock_timestamp()
    statement = insert(heartbeat).values(name=name, kind=kind, started_at=now, last_seen=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"last_seen": now, "kind": kind}))


def seen(connection: Connection) -> list[Heartbeat]:
    """Every process seen within the last hour, last seen first."""
    age = cast(func.extract("epoch", func.clock_timestamp() - heartbeat.c.last_seen), Double)
    query = select(
        heartbeat.c.name, heartbeat.c.kind, heartbeat.c.started_at, heartbeat.c.last_seen, age.label("age")
    ).where(age < KEPT_SECONDS)
    return [Heartbeat(*row) for row in connection.execute(query.order_by(age))]


def forget(connection: Connection, name: str) -> None:
    """A process that ends on purpose takes its name away."""
    connection.execute(delete(heartbeat).where(heartbeat.c.name == name))


def forget_old(connection: Connection) -> None:
    """Remove what was not seen for an hour."""
    age = cast(func.extract("epoch", func.clock_timestamp() - heartbeat.c.last_seen), Double)
    connection.execute(delete(heartbeat).where(age >= KEPT_SECONDS))
