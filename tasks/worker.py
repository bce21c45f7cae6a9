"""The state of a worker process: its connections, its heartbeat, and the shutdown flag."""

import contextlib
import multiprocessing
import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

from celery import Task, bootsteps
from celery.signals import task_rejected, task_unknown, worker_process_init, worker_shutting_down
from kombu import pools
from sqlalchemy import Engine

from app.config import Settings, settings
from app.errors import DatabaseDownError
from app.store import counters, heartbeats
from app.store.counters import RefusalReason
from app.store.engine import make_engine, transaction
from app.store.heartbeats import Taking
from tasks.background import Ticker, stop_all
from tasks.coalescing.protocol import RedisCoalescing
from tasks.names import forget_ended, name_of
from tasks.pacer import TICK_SECONDS, Pacer
from tasks.publish import Publisher
from tasks.taking import ConsumerWatch, proof, replace_process, restart_consumer
from tasks.wiring import patient_coalescing, patient_publisher

STOP_RUNS_AFTER = 12.0
"""Seconds after SIGTERM that a run may go on; then it stops and its group is sent again. Platforms kill after 30 s, and FINISH and the last
transaction need some of them.
"""

_shutting_down_at = multiprocessing.RawValue("d", 0.0)  # shared with the children: they are forked from this process


@dataclass(frozen=True)
class Resources:
    """The connections of one process."""

    settings: Settings
    engine: Engine
    coalescing: RedisCoalescing
    publisher: Publisher


@cache
def resources(task: Task) -> Resources:
    """The connections, made at first use, so after the fork."""
    config = settings()
    coalescing = patient_coalescing(config)
    return Resources(config, make_engine(config), coalescing, patient_publisher(config, coalescing, task))


def new_owner() -> str:
    """A unique name for one delivery of a message: host, process, random."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def should_end() -> bool:
    """Whether the worker was told to end so long ago that runs must stop."""
    asked_at = _shutting_down_at.value
    return bool(asked_at) and time.monotonic() - asked_at >= STOP_RUNS_AFTER


@worker_process_init.connect
def _forget_the_parents_connections(**_: Any) -> None:
    """Drop the parent's connections: a child that replaces a dead one is forked from a parent with open ones, and two processes on one
    socket mix answers.
    """
    resources.cache_clear()
    pools.producers.clear()
    pools.connections.clear()


@worker_shutting_down.connect
def _tell_the_children(**_: Any) -> None:
    _shutting_down_at.value = time.monotonic()


def count_refusal(engine: Engine, why: RefusalReason) -> None:
    """Count a refused message; while PostgreSQL is away, only the log tells of it."""
    with contextlib.suppress(DatabaseDownError), transaction(engine) as connection:
        counters.refuse(connection, why)


@task_unknown.connect
def _count_unknown(**_: Any) -> None:
    """Count a message for a Celery task that this code does not have: another version or another program sent it."""
    _count_in_the_parent("unknown")


@task_rejected.connect
def _count_rejected(**_: Any) -> None:
    """Count a message that Celery could not read."""
    _count_in_the_parent("malformed")


def _count_in_the_parent(why: RefusalReason) -> None:
    """On a connection of its own: the parent forks children, who must not inherit one that is then thrown away."""
    engine = make_engine(settings())
    count_refusal(engine, why)
    engine.dispose()


class Presence(bootsteps.StartStopStep):
    """In the worker's parent process: a sign of life in PostgreSQL, a watch over what it is worth, and a pacer.

    The parent, because it lives while its children work, die and are replaced.
    """

    requires = ("celery.worker.components:Pool",)  # fork first, then start threads

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._tickers: list[Ticker] = []
        self._name = name_of(parent.hostname)
        self._parent = parent

    def start(self, parent: Any) -> None:
        config = settings().require("database_url", "redis_url")
        coalescing = patient_coalescing(config)
        publisher = patient_publisher(config, coalescing, parent.app.tasks["tasks.group_traces"])
        self._engine = make_engine(config)
        with contextlib.suppress(DatabaseDownError), transaction(self._engine) as connection:
            forget_ended(connection, "worker", parent.hostname)
        self._watch = ConsumerWatch(proof, publisher.in_broker, config.grouping_stalled_after)
        self._tickers = [
            Ticker("heartbeat", heartbeats.BEAT_SECONDS, self._beat),
            Ticker("watch", heartbeats.BEAT_SECONDS, self._check_consumer),
            Ticker("pacer", TICK_SECONDS, Pacer(coalescing, publisher).tick),
        ]
        for ticker in self._tickers:
            ticker.start()

    def stop(self, parent: Any) -> None:
        stop_all(self._tickers)
        with contextlib.suppress(DatabaseDownError), transaction(self._engine) as connection:
            heartbeats.forget(connection, self._name)

    def terminate(self, parent: Any) -> None:
        self.stop(parent)

    def _beat(self) -> None:
        """Only when messages are taken: the loop of the consumer turns, and does not leave what waits."""
        if proof.turns and not self._watch.is_deaf:
            with transaction(self._engine) as connection:
                heartbeats.beat(connection, self._name, "worker", Taking(proof.in_hand, proof.messages_taken))

    def _check_consumer(self) -> None:
        verdict = self._watch.verdict()
        if verdict == "restart":
            restart_consumer("messages wait and none comes")
        elif verdict == "replace":
            replace_process(self._parent.pool.info.get("processes", ()))
