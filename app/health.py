"""Checks of all dependencies, for `/readyz` and `promptlode doctor`."""

from dataclasses import dataclass

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import text

from app.config import Settings
from app.errors import DatabaseDownError
from app.servers import reasons, redis_server
from app.store import heartbeats
from app.store.engine import make_probe_engine, transaction
from app.store.heartbeats import Heartbeat
from app.store.migrate import head_revision

TIMEOUT = 1.0
"""A client waits for the answer, and a load balancer asks again soon."""

READY_KEY, READY_SECONDS = "promptlode:ready", 10
"""Written by every check, and expires after these seconds: a Redis that is read-only or full answers a PING."""


@dataclass(frozen=True)
class Check:
    """One dependency: up or not, and the text about it."""

    ok: bool
    detail: str


def checks(settings: Settings) -> dict[str, Check]:
    """Every dependency of the product, each tested with a write as the product makes it."""
    database, beats = _database(settings)
    return {
        "database": database,
        "redis": redis(settings),
        "worker": _worker(beats, settings.grouping_stalled_after),
        "reconciler": _alive("reconciler", beats, "celery -A tasks reconcile"),
    }


def redis(settings: Settings) -> Check:
    """Whether Redis accepts a write."""
    try:
        with redis_server.client(
            settings, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.set(READY_KEY, 1, ex=READY_SECONDS)
    except (RedisError, OSError, ValueError) as error:
        return Check(False, reasons.of_redis(error))
    return Check(True, "Answers.")


def _database(settings: Settings) -> tuple[Check, list[Heartbeat] | None]:
    """PostgreSQL, and the heartbeats, which only it has."""
    engine = make_probe_engine(settings, TIMEOUT)
    beats = None
    try:
        with transaction(engine) as connection:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
            beats = heartbeats.recent_processes(connection)
        with transaction(engine) as connection:
            heartbeats.try_a_write(connection)
    except DatabaseDownError as error:
        return Check(False, error.why), beats
    except Exception as error:  # noqa: BLE001  a table or a column that is missing, a lock: whatever it is, we are not ready
        return Check(False, f"Cannot be used ({type(error).__name__}). Run: alembic upgrade head."), beats
    finally:
        engine.dispose()
    return _migrated(revision), beats


def _migrated(revision: str | None) -> Check:
    head = head_revision()
    if revision == head:
        return Check(True, f"Answers; its schema is of revision {revision}.")
    return Check(False, f"Its schema is of revision {revision}, this version needs {head}. Run: alembic upgrade head.")


def _worker(beats: list[Heartbeat] | None, stalled_after: float) -> Check:
    """Whether a worker is alive and, by the reconcilers' reports, takes the waiting messages."""
    stalled = max((beat.stalled_s or 0.0 for beat in beats or () if beat.alive), default=0.0)
    check = _alive("worker", beats, "celery -A tasks worker")
    if check.ok and stalled >= stalled_after:
        detail = f"{check.detail} But messages wait, and none was taken for {stalled:.0f} s. Restart the workers."
        return Check(False, detail)
    return check


def _alive(kind: str, beats: list[Heartbeat] | None, start: str) -> Check:
    if beats is None:
        return Check(False, "Unknown while the database does not answer.")
    ours = [beat for beat in beats if beat.kind == kind]
    alive = [beat for beat in ours if beat.alive]
    if alive:
        return Check(True, f"{len(alive)} alive.")
    detail = f"last seen {ours[0].age_s:.0f} s ago" if ours else "never seen"
    return Check(False, f"None alive ({detail}). Run: {start}.")
