"""The faults, named as in the plan."""

import random
import threading
import time
from collections.abc import Callable

import psutil
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.chaos.fleet import Fleet
from benchmarks.chaos.plan import TIMES, Plan
from tasks.queues import FIRST, RERUN

LASTING = {"stop a worker for a while", "deploy", "block Redis", "cut connections", "make Redis read-only"}
"""Faults that take seconds; the schedule goes on while they last."""


def method_of(name: str) -> str:
    """The name of the method that carries out a fault of the plan."""
    return "_" + name.lower().replace(" ", "_").replace("-", "_")


class Faults:
    """Carries the schedule out in a thread of its own.

    That thread lives until `end`: the kernel ends a server when the thread that started it ends.
    """

    def __init__(self, fleet: Fleet, plan: Plan) -> None:
        self._fleet, self._plan = fleet, plan
        self._dice = random.Random(plan.seed)
        self._over, self._end = threading.Event(), threading.Event()
        self._lasting: list[threading.Thread] = []

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self) -> None:
        """Waits until the last fault is over."""
        self._over.wait()
        for thread in self._lasting:
            thread.join()

    def end(self) -> None:
        self._end.set()

    def _run(self) -> None:
        started_at = time.monotonic()
        for second, name in self._plan.schedule():
            time.sleep(max(0.0, started_at + second - time.monotonic()))
            self._perform(name)
        self._over.set()
        self._end.wait()

    def _perform(self, name: str) -> None:
        fault: Callable[[], None] = getattr(self, method_of(name))
        if self._lasts(name):
            thread = threading.Thread(target=fault, daemon=True)
            thread.start()
            self._lasting.append(thread)
        else:
            fault()

    def _lasts(self, name: str) -> bool:
        return name in LASTING

    def _kill_a_child(self) -> None:
        for process in self._fleet.family(self._worker())[:-1]:
            _quietly(process.kill)

    def _kill_a_worker(self) -> None:
        self._kill(self._worker())

    def _kill_a_reconciler(self) -> None:
        self._kill(self._dice.choice(self._fleet.reconcilers))

    def _kill_every_reconciler(self) -> None:
        for name in self._fleet.reconcilers:
            self._kill(name)

    def _kill(self, name: str) -> None:
        for process in self._fleet.family(name):
            _quietly(process.kill)

    def _stop_a_worker_for_a_while(self) -> None:
        """Stops a worker for longer than its lease: another worker takes the group, and the stopped worker wakes with stale work."""
        family = self._fleet.family(self._worker())
        for process in family:
            _quietly(process.suspend)
        time.sleep(2 * TIMES["GROUPING_LEASE"])
        for process in family:
            _quietly(process.resume)

    def _deploy(self) -> None:
        self._fleet.terminate(self._worker())

    def _restart_redis(self) -> None:
        self._fleet.valkey.kill()
        time.sleep(1)
        self._fleet.valkey.start()

    def _flush_redis(self) -> None:
        self._redis(lambda client: client.flushall())

    def _purge_the_queue(self) -> None:
        self._redis(lambda client: client.delete(FIRST, RERUN))

    def _block_redis(self) -> None:
        self._fleet.valkey.pause()
        time.sleep(5)
        self._fleet.valkey.resume()

    def _cut_connections(self) -> None:
        """Cuts connections again and again, as a restarting proxy does: workers once stopped receiving messages after this."""
        end = time.monotonic() + 4
        while time.monotonic() < end:
            self._redis(lambda client: client.client_kill_filter(_type="normal", skipme=True))
            time.sleep(0.05)

    def _make_redis_read_only(self) -> None:
        """Makes Redis refuse every write, as the old primary does after a failover."""
        self._redis(lambda client: client.replicaof("127.0.0.1", "1"))
        time.sleep(3)
        self._redis(lambda client: client.replicaof("NO", "ONE"))

    def _restart_postgresql(self) -> None:
        self._fleet.postgres.restart(immediately=True)

    def _worker(self) -> str:
        return self._dice.choice(self._fleet.workers)

    def _redis(self, action: Callable[[Redis], object]) -> None:
        try:
            with Redis.from_url(self._fleet.valkey.url(), socket_timeout=2) as client:
                action(client)
        except RedisError:
            return  # a server that is down is as good as empty


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except psutil.Error:
        return  # another thread was quicker
