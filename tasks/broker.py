"""The broker as a producer sees it: send a message, and count those that wait."""

from typing import Any

from celery import Task
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

from app.config import Settings
from app.servers import redis_server
from tasks.celery import app as celery_app
from tasks.connections import PRODUCER_TIMEOUT
from tasks.queues import FIRST, RERUN

#: One more try at once, in case the pooled connection was one that a restart of the broker closed.
PRODUCER_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class Broker:
    """Sends messages of one Celery task, and counts those that wait."""

    def __init__(self, connection: Connection, task: Task) -> None:
        self._connection = connection
        self._task = task

    def send(self, queue: str, message: dict[str, Any]) -> None:
        """Publish one message; `group` in it is its deduplication key."""
        with producers[self._connection].acquire(block=True, timeout=PRODUCER_TIMEOUT) as producer:
            self._task.apply_async(
                kwargs=message,
                queue=queue,
                producer=producer,
                retry=True,
                retry_policy=PRODUCER_RETRY,
                time_limit=None,  # the worker's own limits hold, not those that the publisher knows
                soft_time_limit=None,
            )

    def depth(self) -> int:
        """Messages that wait in both queues."""
        try:
            return self._depth()
        except self._connection.connection_errors:
            return self._depth()  # the pooled connection was one that a restart of the broker closed

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What it looks like when Redis or this kind of broker is away."""
        return (RedisError, OperationalError, OSError, *self._connection.connection_errors)

    def ping(self) -> None:
        """Raises when the broker is away."""
        with self._connection.clone() as connection:
            connection.connect()

    def _depth(self) -> int:
        with producers[self._connection].acquire(block=True, timeout=PRODUCER_TIMEOUT) as producer:
            return sum(_length(producer.channel, queue) for queue in (FIRST, RERUN))


def _length(channel: Any, queue: str) -> int:
    """Declares the queue, as every publication does: RabbitMQ closes the channel of who only looks for one that is not there."""
    return int(celery_app.amqp.queues[queue].bind(channel).queue_declare().message_count)


def publishing_connection(settings: Settings, timeout: float) -> Connection:
    """A connection to publish over that gives up after `timeout` seconds, whichever broker it is."""
    options = {
        "master_name": redis_server.master_of(settings.broker),
        # Redis
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # RabbitMQ
        "read_timeout": timeout,
        "write_timeout": timeout,
        "confirm_publish": True,  # sent is what RabbitMQ has on its disk
        # Both: kombu's own way of taking a connection out of its pool is to try for ever, two seconds apart.
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
    return celery_app.connection_for_write(
        redis_server.broker_url(settings),
        ssl=redis_server.tls(settings, settings.broker) or None,
        connect_timeout=timeout,
        heartbeat=0,  # nobody would send them between two publications, and RabbitMQ would hang up
        transport_options=celery_app.conf.broker_transport_options | options,
    )
