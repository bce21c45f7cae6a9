"""The broker from a producer's side: send a message, and count the waiting ones."""

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

PRODUCER_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""One immediate retry, in case a restart of the broker closed the pooled connection."""


class Broker:
    """Sends messages of one Celery task, and counts the waiting ones."""

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
        """The number of waiting messages in both queues."""
        try:
            return self._depth()
        except self._connection.connection_errors:
            return self._depth()  # a restart of the broker had closed the pooled connection

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """The errors raised when Redis or this kind of broker is down."""
        return (RedisError, OperationalError, OSError, *self._connection.connection_errors)

    def ping(self) -> None:
        """Raises an error when the broker is down."""
        with self._connection.clone() as connection:
            connection.connect()

    def _depth(self) -> int:
        with producers[self._connection].acquire(block=True, timeout=PRODUCER_TIMEOUT) as producer:
            return sum(_length(producer.channel, queue) for queue in (FIRST, RERUN))


def _length(channel: Any, queue: str) -> int:
    """The length of a queue. The queue is declared, as in every publication: RabbitMQ closes a channel that asks about a missing queue."""
    return int(celery_app.amqp.queues[queue].bind(channel).queue_declare().message_count)


def publishing_connection(settings: Settings, timeout: float) -> Connection:
    """A connection for publishing that gives up after `timeout` seconds, for any broker."""
    options = {
        "master_name": redis_server.master_of(settings.broker),
        # Redis
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # RabbitMQ
        "read_timeout": timeout,
        "write_timeout": timeout,
        "confirm_publish": True,  # RabbitMQ confirms a message when it is on its disk
        # Both: kombu by itself tries for ever to take a connection out of its pool, every two seconds.
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
    return celery_app.connection_for_write(
        redis_server.broker_url(settings),
        ssl=redis_server.tls(settings, settings.broker) or None,
        connect_timeout=timeout,
        heartbeat=0,  # no thread would send heartbeats between two publications, and RabbitMQ would close the connection
        transport_options=celery_app.conf.broker_transport_options | options,
    )
