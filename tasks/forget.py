"""Use case: delete calls, and the Redis keys of deleted groups. The API and the command call this."""

from contextlib import suppress
from uuid import UUID

from redis.exceptions import RedisError
from sqlalchemy import Engine

from app.config import Settings
from app.keeping import deletion
from app.keeping.deletion import Deleted
from app.store.deletion import Selector
from tasks.coalescing.protocol import DUE_KEY, key_of
from tasks.connections import producer_redis


def delete(
    engine: Engine, settings: Settings, project_id: UUID, selector: Selector, *, delete_all: bool = False
) -> Deleted:
    """Delete the selected calls, as `app.keeping.deletion.delete` does.

    Redis keeps ids and counts of a group for an hour: if it does not answer, they expire.
    """
    deleted = deletion.delete(engine, project_id, selector, delete_all=delete_all)
    if deleted.groups:
        _forget(settings, deleted.groups)
    return deleted


def _forget(settings: Settings, groups: list[UUID]) -> None:
    with suppress(RedisError), producer_redis(settings) as redis, redis.pipeline(transaction=False) as pipeline:
        pipeline.zrem(DUE_KEY, *map(str, groups))
        for group in groups:
            pipeline.delete(key_of(group))
        pipeline.execute()
