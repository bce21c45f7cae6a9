"""Threads that work until a block ends."""

import threading
from collections.abc import Callable
from typing import Any, Self

JOIN_SECONDS = 60
"""Seconds that a thread may take to end: it finishes its last request first."""


class Threads:
    """Daemon threads, one for each function; `_over` is set when the block ends, and each function watches it."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def _add(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
