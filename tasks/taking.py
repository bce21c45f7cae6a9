"""Whether this worker takes messages: the condition of its heartbeat, and the remedies when it does not.

A worker that is connected, whose threads run and whose children live may still take no message any more. kombu keeps a message whose
acknowledgement failed as one under way, swallows the error, and with a prefetch count of 1 has no credit for another (celery/celery 3328,
8030, 10205 and 10302 report such silent workers). And an event loop may hang in a socket.

Three checks find this:

- the event loop itself, once a second (`Step`): a turning loop proves that it works. Without credit and without a message in hand its
  acknowledgement was lost, and the consumer restarts, which gives the message back to the queue;
- a thread beside it (`ConsumerWatch`), for any cause: messages wait, none is being processed, and none came for GROUPING_STALLED_AFTER. The
  consumer restarts; if that does not help, or the loop hangs, the process restarts;
- the reconciler, over all workers (`tasks/stall.py`): its result is in `/readyz` and the metrics.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from celery import bootsteps
from celery.signals import task_received
from celery.worker import state

from app.logs import logger
from tasks.queues import FIRST, RERUN

CREDIT_SECONDS = 1.0
"""Seconds between two looks of the event loop at itself."""

REPLACE_FACTOR = 3
"""Multiple of GROUPING_STALLED_AFTER without a message after which the process is replaced: by then its consumer was restarted long ago, or
its loop has hung for longer than kombu waits for a broker that does not answer (15 s, celeryconfig.py).
"""

TURN_SECONDS = 10.0
"""A heartbeat needs a turn of the loop this recent; on a busy machine the loop is late by seconds, not by ten."""

CHECKS_WITHOUT_CREDIT = 2
"""Checks without credit in a row: at one check, a message may be arriving."""

_log = logger(__name__)

Verdict = Literal["takes", "waits", "restart", "replace"]


class DeafError(ConnectionError):
    """This consumer takes no messages; it restarts."""


@dataclass
class Proof:
    """The last report of the event loop. The loop writes, threads read; times are those of time.monotonic."""

    clock: Callable[[], float] = time.monotonic
    turned_at: float = -float("inf")
    messages_taken: int = 0
    in_hand: int = 0
    consumes: bool = True
    restart: str = ""

    def turn(self, in_hand: int, *, consumes: bool) -> None:
        """The loop turned, with `in_hand` messages; `consumes`: from both queues, unless a remote command cancelled one."""
        self.turned_at = self.clock()
        self.in_hand = in_hand
        self.consumes = consumes

    def take(self) -> None:
        """A message came."""
        self.messages_taken += 1

    @property
    def turns(self) -> bool:
        """Whether the loop turned recently."""
        return self.clock() - self.turned_at <= TURN_SECONDS


#: The proof of this process; a worker has one consumer.
proof = Proof()


@task_received.connect
def _note_taken(**_: Any) -> None:
    proof.take()


class Step(bootsteps.StartStopStep):
    """The look of the event loop, inside the consumer."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._without_credit = 0

    def start(self, consumer: Any) -> None:
        self._without_credit = 0
        proof.restart = ""

    def register_with_event_loop(self, consumer: Any, hub: Any) -> None:
        self._check_credit(consumer)
        hub.call_repeatedly(CREDIT_SECONDS, self._check_credit, consumer)

    def _check_credit(self, consumer: Any) -> None:
        """Raises DeafError, an error of the connection to Celery, which then starts the consumer anew."""
        in_hand = len(state.reserved_requests)
        proof.turn(in_hand, consumes=set(consumer.app.amqp.queues.consume_from) >= {FIRST, RERUN})
        self._without_credit = 0 if in_hand or _has_credit(consumer) else self._without_credit + 1
        if self._without_credit >= CHECKS_WITHOUT_CREDIT:
            raise DeafError("an acknowledgement was lost, and with it the credit for another message")
        if proof.restart:
            raise DeafError(proof.restart)


def _has_credit(consumer: Any) -> bool:
    """Whether the consumer may take another message, by kombu's count; RabbitMQ counts by itself."""
    qos = getattr(consumer.task_consumer.channel, "qos", None) if consumer.task_consumer else None
    return qos is None or qos.can_consume()


class ConsumerWatch:
    """Notices, from a thread, waiting messages that this worker does not take.

    depth: the number of messages that wait in the queues of this worker; it raises an error when the broker is down, and then there is no
    verdict. patience: seconds; a working consumer takes a message within milliseconds.
    """

    def __init__(self, proof: Proof, depth: Callable[[], int], patience: float) -> None:
        self._proof = proof
        self._depth = depth
        self._patience = patience
        self._taken = -1
        self._since = proof.clock()
        self._silent = 0.0
        self._restarted = False

    @property
    def is_deaf(self) -> bool:
        """Whether this worker takes no message although some wait."""
        return self._silent >= self._patience

    def verdict(self) -> Verdict:
        """The verdict at this moment. `waits`: no message was taken, but not for long enough for another verdict."""
        depth = self._depth()
        now = self._proof.clock()
        if not self._is_silent(depth):
            self._taken, self._since, self._silent, self._restarted = self._proof.messages_taken, now, 0.0, False
            return "takes"
        self._silent = now - self._since
        if self._silent >= REPLACE_FACTOR * self._patience:
            return "replace"
        if self.is_deaf and not self._restarted:
            self._restarted = True
            return "restart"
        return "waits"

    def _is_silent(self, depth: int) -> bool:
        if not depth or not self._proof.consumes or self._taken != self._proof.messages_taken:
            return False
        return self._proof.in_hand == 0 or not self._proof.turns


def restart_consumer(silent: str) -> None:
    """Ask the loop to restart the consumer; a hanging loop does not hear it, and its process is replaced in the end."""
    _log.error("worker_deaf", why=silent, remedy="the consumer restarts")
    proof.restart = silent


def replace_process(children: Iterable[int]) -> None:
    """Restart this process under the same number: its supervisor sees no death.

    Its children are killed first. The run of a child is taken up again, as after any death of a worker.
    """
    _log.error("worker_deaf", why="restarting the consumer did not help", remedy="the process restarts")
    for child in children:
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, range(1, signal.NSIG))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the command that this process began with
