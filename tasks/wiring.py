"""Makes the protocol and the publisher with the connections of each kind of process.

The Celery task is passed in: the task itself publishes follow-ups, so this module cannot import it.
"""

from celery import Task

from app.config import Settings
from tasks.breaker import Breaker
from tasks.broker import Broker, publishing_connection
from tasks.coalescing.protocol import RedisCoalescing, Terms
from tasks.coalescing.turns import Turns
from tasks.connections import PRODUCER_TIMEOUT, WORKER_TIMEOUT, producer_redis, worker_redis
from tasks.publish import Publisher
from tasks.waiting import Waiting


def impatient_coalescing(settings: Settings) -> RedisCoalescing:
    """The protocol for processes that accept traces or answer pages."""
    return RedisCoalescing(producer_redis(settings), Terms.of(settings))


def impatient_publisher(settings: Settings, task: Task) -> Publisher:
    """The publisher for processes that accept traces."""
    coalescing, broker = impatient_coalescing(settings), Broker(publishing_connection(settings, PRODUCER_TIMEOUT), task)

    def probe() -> None:
        coalescing.parked()
        broker.ping()

    return _publisher(settings, coalescing, broker, Breaker(probe))


def patient_coalescing(settings: Settings) -> RedisCoalescing:
    """The protocol for workers and the reconciler."""
    return RedisCoalescing(worker_redis(settings), Terms.of(settings))


def patient_publisher(settings: Settings, coalescing: RedisCoalescing, task: Task) -> Publisher:
    """The publisher for workers and the reconciler, which can wait."""
    broker = Broker(publishing_connection(settings, WORKER_TIMEOUT), task)
    return _publisher(settings, coalescing, broker, Breaker(broker.ping))


def _publisher(settings: Settings, coalescing: RedisCoalescing, broker: Broker, breaker: Breaker) -> Publisher:
    turns = Turns(coalescing.redis, settings.grouping_project_share, Terms.of(settings).ttl)
    waiting = Waiting(
        settings.task_grouping_queue_size,
        settings.grouping_project_share,
        parked=coalescing.parked,
        lines=turns.lines,
        messages=broker.depth,
    )
    return Publisher(coalescing, turns, broker, waiting=waiting, ticket=settings.grouping_ticket, breaker=breaker)
