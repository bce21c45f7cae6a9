"""Threads of repeated work, when their process ends."""

import threading

from tasks.background import Ticker, stop_all
from tests.app.api_helpers import wait_for

SECONDS_OF_LOOK = 0.01


def has_ended(name: str) -> bool:
    return name not in {thread.name for thread in threading.enumerate()}


def test_a_hanging_action_does_not_keep_the_other_threads_at_work() -> None:
    others_ended = threading.Event()

    def hang() -> None:
        wait_for(lambda: has_ended("other"), 60)
        others_ended.set()

    tickers = [Ticker("hanging", 60, hang), Ticker("other", SECONDS_OF_LOOK, bool)]
    for ticker in tickers:
        ticker.start()
    stop_all(tickers, timeout=90)
    assert others_ended.is_set()


class Recorded(Ticker):
    """Keeps the times for which it was waited for."""

    def __init__(self, waits: list[float], until: threading.Event) -> None:
        super().__init__("hanging", 60, until.wait)
        self._waits = waits

    def stop(self, timeout: float = 5.0) -> None:
        self._waits.append(timeout)
        super().stop(timeout)


def test_hanging_actions_are_waited_for_together_no_longer_than_for_one() -> None:
    waits: list[float] = []
    release = threading.Event()
    tickers = [Recorded(waits, release) for _ in range(3)]
    for ticker in tickers:
        ticker.start()
    stop_all(tickers, timeout=0.01)
    release.set()
    assert max(waits[1:]) < waits[0]
