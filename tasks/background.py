"""Repeated work in a thread: heartbeats, the pacer, the duties of the reconciler."""

import threading
import time
from collections.abc import Callable, Iterable

from redis.exceptions import RedisError

from app.errors import DatabaseDownError
from app.logs import describe, logger
from app.servers import reasons

STOP_SECONDS = 5.0
"""Seconds for which an action in progress may go on when its thread is stopped: systemd and Heroku kill 30 s after SIGTERM."""

_log = logger(__name__)


class Ticker:
    """Calls `action` every `seconds` in a thread of its own until it is stopped.

    An action that fails is tried again at the next tick: an outage of the database or of Redis must not need a restart of ours. The first
    failure in a row is logged, and the recovery.
    """

    def __init__(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        self._name = name
        self._seconds = seconds
        self._action = action
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop the thread, and wait for the action in progress."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def begin_stop(self) -> None:
        """Let no further action begin; the one in progress goes on."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._once()
            self._stop.wait(self._seconds)

    def _once(self) -> None:
        try:
            self._action()
        except Exception as error:  # noqa: BLE001 - a thread that dies is a heart that stops
            self._report(error)
        else:
            self._report(None)

    def _report(self, error: Exception | None) -> None:
        if error is not None and not self._failing:
            _log.warning("background_failing", what=self._name, **_why(error), **describe(error))
        if error is None and self._failing:
            _log.info("background_recovered", what=self._name)
        self._failing = error is not None


def stop_all(tickers: Iterable[Ticker], timeout: float = STOP_SECONDS) -> None:
    """Stop threads, and wait for their actions in progress: for all together no longer than for one."""
    stopped = list(tickers)
    for ticker in stopped:
        ticker.begin_stop()
    deadline = time.monotonic() + timeout
    for ticker in stopped:
        ticker.stop(max(0.0, deadline - time.monotonic()))


def _why(error: Exception) -> dict[str, str]:
    if isinstance(error, DatabaseDownError):
        return {"why": error.why}
    return {"why": reasons.of_redis(error)} if isinstance(error, RedisError) else {}
