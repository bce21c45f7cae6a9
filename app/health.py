"""Whether what we need is there: asked by `/readyz` and `promptlode doctor`."""

from dataclasses import dataclass

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import Engine, text

from app.config import Settings
from app.errors import DatabaseDownError
from app.store import heartbeats
from app.store.engine import transaction
from app.store.heartbeats import Heartbeat
from app.store.migrate import head_revision

# Somebody waits for the answer, and a load balancer asks again soon.
TIMEOUT = 1.0


@dataclass(frozen=True)
class Check:
    """One dependency: up or not, and what to say of it."""

    ok: bool
    detail: str


def checks(engine: Engine, settings: Settings) -> dict[str, Check]:
    """Every dependency of the product at work."""
    database, beats = _database(engine)
    return {
        "database": database,
        "redis": redis(settings.redis_url),
        "worker": _worker(beats, settings.grouping_stalled_after),
        "reconciler": _alive("reconciler", beats, "celery -A tasks reconcile"),
    }


def redis(url: str) -> Check:
    """Whether Redis answers."""
    try:
        with Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        return Check(False, f"Does not answer ({type(error).__name__}). Start it, or set REDIS_URL.")
    return Check(True, "Answers.")


def _database(engine: Engine) -> tuple[Check, list[Heartbeat] | None]:
    """PostgreSQL, and the signs of life that only it can tell."""
    try:
        with transaction(engine) as connection:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
            beats = heartbeats.seen(connection)
    except DatabaseDownError:
        return Check(False, "Does not answer. Start it, or set DATABASE_URL."), None
    except Exception as error:  # noqa: BLE001  a table that is missing, a wrong password: whatever it is, we are not ready
        return Check(False, f"Cannot be read ({type(error).__name__}). Run: alembic upgrade head."), None
    return _migrated(revision), beats


def _migrated(revision: str | None) -> Check:
    head = head_revision()
    if revision == head:
        return Check(True, f"Answers, at schema {revision}.")
    return Check(False, f"Is at schema {revision}, this version needs {head}. Run: alembic upgrade head.")


def _worker(beats: list[Heartbeat] | None, stalled_after: float) -> Check:
    """A worker that is alive and, as the reconcilers see it, takes the messages that wait."""
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
    seen = f"last seen {ours[0].age_s:.0f} s ago" if ours else "never seen"
    return Check(False, f"None alive ({seen}). Run: {start}.")
