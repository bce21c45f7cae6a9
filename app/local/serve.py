"""Starts an instance, prints its addresses, and serves until Ctrl-C; the demo first sends a week of sample traffic."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType

from rich.console import Console

from app.errors import PromptlodeError
from app.local import demo as sample_demo
from app.local.instance import Instance, running
from app.local.supervision import ProgramWatch

_LOOK_EVERY = 1.0
"""Seconds between two checks for programs that died."""

_FILE_WIDTH = 140
"""Columns of the table in a pipe or a file, which have no width."""


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM, the orderly end."""


def run() -> None:
    """Start everything and serve until Ctrl-C. Ends the process."""
    _until_interrupted(_run)


def demo() -> None:
    """Send sample traffic to a new project, show the tasks found, and serve until Ctrl-C (DEMO_EXIT=1: stop then). Ends the process."""
    _until_interrupted(_demo)


def _run(console: Console) -> int:
    with running() as instance:
        _wait_ready(instance, console)
        _show(instance, console)
        _serve(instance, console)
    return 0


def _demo(console: Console) -> int:
    project = f"demo-{datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005 - read by the person at this machine
    with running(project) as instance:
        _wait_ready(instance, console)
        missing_parts = sample_demo.play(instance, console)
        for task in missing_parts:
            _complain(
                console, f"Not found as expected: {task.path} ({len(task.versions)} versions, {task.calls} calls)"
            )
        _show(instance, console)
        if os.environ.get("DEMO_EXIT") != "1":
            _serve(instance, console)
    return 1 if missing_parts else 0


def _wait_ready(instance: Instance, console: Console) -> None:
    with console.status("Waiting for worker and reconciler"):
        instance.wait_ready()


def _show(instance: Instance, console: Console) -> None:
    """Print the URLs, the key, and a call to copy."""
    lines = {
        "Pages": instance.url,
        "Flower": instance.flower_url,
        "API key": f"{instance.key}  (project {instance.project}; also in {instance.home / 'api_key'})",
        "Logs": str(instance.home / "logs"),
    }
    for name, value in lines.items():
        _say(console, f"{name:8} {value}")
    if instance.other_projects:
        _say(console, f"{'Others':8} {', '.join(instance.other_projects)} (their keys: {instance.home / 'keys'})")
    _say(console, f"\ncurl -H 'Authorization: Bearer {instance.key}' {instance.url}/api/v1/tasks")


def _serve(instance: Instance, console: Console) -> None:
    """Print deaths and restarts of programs, until the end."""
    _say(console, "\nServing. Ctrl-C stops everything.")
    watch = ProgramWatch(instance.supervisor)
    while not _asked_to_end.is_set():
        for line in watch.new_deaths():
            _complain(console, line)
        time.sleep(_LOOK_EVERY)
    raise Interrupted


def _until_interrupted(work: Callable[[Console], int]) -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:  # nohup asks it to stay
            signal.signal(name, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    try:
        sys.exit(work(console))
    except Interrupted:
        _say(console, "Stopped.")
    except PromptlodeError as error:
        _complain(console, str(error))
        sys.exit(1)


def _say(console: Console, line: str, style: str = "") -> None:
    """Print a line unchanged: brackets are no markup, and a long line stays one line that can be copied."""
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _complain(console: Console, line: str) -> None:
    _say(console, line, style="red")


_asked_to_end = threading.Event()
"""Set by a signal, whose exception Python drops where it arrives inside a finalizer or a callback of a fork."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    _asked_to_end.set()
    raise Interrupted
