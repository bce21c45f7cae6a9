"""The plain scheme in the place of ours: a message for each trace, and skip when a newer trace id is stored.

The audit must find the traces that this scheme loses: an audit that cannot fail proves nothing. Web is `create_app`, the worker's app
is `app`.
"""

from typing import Any
from uuid import UUID

from celery import Celery
from flask import Flask
from redis import Redis

from app import web
from app.config import settings
from app.grouping import run as grouping
from app.store.engine import make_engine
from tasks import accept

LOCK_SECONDS = 30

app = Celery("plain")
app.config_from_object("celeryconfig")
app.conf.task_routes = {}


def create_app() -> Flask:
    """The product's web process with the plain `request_grouping`."""
    accept.request_grouping = request_grouping  # type: ignore[assignment]
    return web.create_app()


def request_grouping(group_id: UUID, project: str, path: str, trace_id: UUID, **_: Any) -> str:
    """Stores the newest trace id, then sends a message with the trace's own id."""
    with Redis.from_url(settings().redis_url, decode_responses=True) as redis:
        latest = max(redis.get(f"latest:{group_id}") or "", str(trace_id))
        redis.set(f"latest:{group_id}", latest, ex=3600)
    group_plainly.apply_async(kwargs={"group": str(group_id), "trace": str(trace_id)})
    return "requested"


@app.task(name="plain.group")
def group_plainly(group: str, trace: str) -> None:
    """Skips when a newer id is stored or another worker has the lock; else groups all owed traces."""
    with Redis.from_url(settings().redis_url, decode_responses=True) as redis:
        if (redis.get(f"latest:{group}") or "") > trace or not redis.set(f"lock:{group}", 1, nx=True, ex=LOCK_SECONDS):
            return
        engine = make_engine(settings())
        try:
            grouping.run(engine, UUID(group), reason="plain", should_stop=lambda: False, settings=settings())
        finally:
            engine.dispose()
            redis.delete(f"lock:{group}")
