"""A circuit breaker: the first request finds that Redis is down, later ones fail at once."""

import threading
from collections.abc import Callable


class Breaker:
    """Closed while Redis and the broker work. `trip` opens it; a thread then probes, and closes it again.

    The thread probes so that no request waits for a Redis that is still down.
    """

    def __init__(self, probe: Callable[[], object], seconds_between_tries: float = 1.0) -> None:
        self._probe = probe
        self._every = seconds_between_tries
        self._open = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def trip(self) -> None:
        """Open after a failure, and probe until Redis answers."""
        with self._lock:
            if self._open.is_set():
                return
            self._open.set()
        threading.Thread(target=self._probe_until_it_works, name="redis-probe", daemon=True).start()

    def _probe_until_it_works(self) -> None:
        pause = threading.Event()
        while not self._works():
            pause.wait(self._every)
        self._open.clear()

    def _works(self) -> bool:
        try:
            self._probe()
        except Exception:  # noqa: BLE001 - whatever it is, it does not work yet
            return False
        return True
