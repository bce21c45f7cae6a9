"""Redis clients for producers and for workers."""

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from app.config import Settings
from app.servers import redis_server

PRODUCER_TIMEOUT = 0.5
"""Seconds that a web request waits for Redis, once."""

WORKER_TIMEOUT = 5.0
"""Seconds that a worker waits for Redis in one try; its lease outlives several tries."""


def producer_redis(settings: Settings) -> Redis:
    """For processes that accept traces: gives up at once."""
    return redis_server.client(
        settings,
        socket_timeout=PRODUCER_TIMEOUT,
        socket_connect_timeout=PRODUCER_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


def worker_redis(settings: Settings) -> Redis:
    """For workers and the reconciler: retries for a few seconds, so that a restart of Redis goes unnoticed."""
    return redis_server.client(
        settings,
        socket_timeout=WORKER_TIMEOUT,
        socket_connect_timeout=WORKER_TIMEOUT,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.1), 4),
        health_check_interval=10,
    )
