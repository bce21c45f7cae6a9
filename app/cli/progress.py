"""The progress of an import: traces, rate and time left, as a bar on a terminal and as a line now and then in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

_EVERY = 10.0
"""Seconds between two lines without a terminal."""

Show = Callable[[int, int], None]
"""Takes the bytes read and the number of traces that were stored or known."""


@contextmanager
def progress_bar(console: Console, name: str, total: int | None) -> Iterator[Show]:
    """A bar on a terminal, else lines."""
    if not console.is_terminal:
        yield ProgressLines(console, total)
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), _ImportRate(), TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task(name, total=total, traces=0)
        yield lambda bytes_read, traces: bar.update(task, completed=bytes_read, traces=traces)


class _ImportRate(ProgressColumn):
    """The number of traces and their rate."""

    def render(self, task: Any) -> Text:
        return Text(_rate(task.fields["traces"], task.elapsed or 0))


class ProgressLines:
    """A line every ten seconds."""

    def __init__(self, console: Console, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._total, self._clock = console, total, clock
        self._began = self._said = clock()

    def __call__(self, bytes_read: int, traces: int) -> None:
        now = self._clock()
        if now - self._said >= _EVERY:
            self._said = now
            seconds = now - self._began
            self._console.print(f"{_rate(traces, seconds)}{self._time_left(bytes_read, seconds)}")

    def _time_left(self, bytes_read: int, seconds: float) -> str:
        if self._total is None or bytes_read <= 0:
            return ""
        return f", about {max(self._total - bytes_read, 0) / bytes_read * seconds:,.0f} s left"


def _rate(traces: int, seconds: float) -> str:
    return f"{traces:,} traces, {traces / seconds if seconds > 0 else 0:,.0f}/s"
