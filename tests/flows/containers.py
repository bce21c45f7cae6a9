"""pytest-celery's containers, with plain processes behind them instead of Docker.

pytest-celery calls a running program a container: tests can kill and restart it and read its log.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import psutil
from pytest_celery import CeleryTestContainer

from app.local.valkey import ValkeyServer
from tests.rabbitmq import RabbitServer

ROOT = Path(__file__).parents[2]


def wait_until(condition: Callable[[], Any], seconds: float = 180, event: str = "") -> Any:
    """Waits until `condition` is true and returns its result; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {event or condition}")


class ProcessContainer(CeleryTestContainer):
    """A command of ours as a process of its own, with its log in a file."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path, prompt: str) -> None:
        self._name = name
        self._command = command
        self._environment = environment
        self._log = log
        self._prompt = prompt
        self._start()

    @property
    def name(self) -> str:
        return self._name

    @property
    def id(self) -> str:
        return str(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> str:
        return "running" if self._process.poll() is None else "exited"

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    @property
    def ready_prompt(self) -> str:
        return self._prompt

    @property
    def celeryconfig(self) -> dict:
        return {}

    def ready(self) -> bool:
        return bool(wait_until(lambda: self._prompt in self.logs() or self._ended(), event=f"{self._name} is ready"))

    def logs(self, **_: Any) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Kills the process and its children, as a dying machine does."""
        if _number(signal) == _number("SIGKILL"):
            self._kill_family()
        else:
            self._process.send_signal(_number(signal))

    def kill_child(self) -> None:
        """Kills the child that does the work; its parent lives."""
        _kill(psutil.Process(self.pid).children())

    def wait_for_exit(self, seconds: float = 180) -> int:
        return self._process.wait(seconds)

    def reload(self) -> None:
        """Nothing to do: Docker's container objects are snapshots, this one is not."""

    def restart(self, timeout: float = 30, **_: Any) -> None:
        self.teardown()
        self._start()
        self.ready()

    def teardown(self) -> None:
        """A warm shutdown takes seconds and has a test of its own."""
        if self.status == "running":
            self._kill_family()

    def remove(self, **_: Any) -> None:
        self.teardown()

    def _start(self) -> None:
        log = self._log.open("wb")
        self._process = subprocess.Popen(
            tied("SIGKILL", self._command),
            cwd=ROOT,
            env=self._environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()

    def _ended(self) -> bool:
        assert self.status == "running", f"{self._name} ended:\n{self.logs()}"
        return False

    def _kill_family(self) -> None:
        parent = psutil.Process(self.pid)
        _kill([parent, *parent.children(recursive=True)])
        self._process.wait(180)


class BrokerContainer(CeleryTestContainer):
    """A broker of this test: a server that the test's own fixture starts and stops."""

    def __init__(self, name: str, server: ValkeyServer | RabbitServer, url: str) -> None:
        self.server = server
        self._name = name
        self._url = url

    @property
    def name(self) -> str:
        return self._name

    @property
    def id(self) -> str:
        return self._name

    @property
    def status(self) -> str:
        return "running" if self.server.is_running else "exited"

    @property
    def celeryconfig(self) -> dict:
        return {"url": self._url, "host_url": self._url}

    def ready(self) -> bool:
        return self.server.is_running

    def logs(self, **_: Any) -> str:
        return ""

    def kill(self, signal: str | int = "SIGKILL") -> None:
        self.server.kill()

    def reload(self) -> None:
        """Nothing to do: no state is kept."""

    def restart(self, timeout: float = 60, **_: Any) -> None:
        """A Valkey comes back empty: it keeps nothing on disk."""
        self.server.restart()

    def teardown(self) -> None:
        """Nothing to do: the server's own fixture stops it."""


def tied(ending: str, command: list[str]) -> list[str]:
    """The command, run so that it gets this signal when we end: an interrupted pytest gives its workers no time to stop processes."""
    return [sys.executable, "-I", str(ROOT / "app" / "local" / "child.py"), ending, "--", *command]


def celery(*arguments: str) -> list[str]:
    """A `celery -A tasks` command of this Python."""
    return [sys.executable, "-m", "celery", "-A", "tasks", *arguments]


def _kill(processes: Iterable[psutil.Process]) -> None:
    """The living ones of these processes: a child ends by itself as soon as its parent is gone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _number(name: str | int) -> int:
    return name if isinstance(name, int) else getattr(signal, name)


def quick_environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Settings of times: short enough for a test, in the same order as in production."""
    return os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "GROUPING_QUIET": "0.2",
        "GROUPING_GAP_FACTOR": "1",
        "GROUPING_MAX_WAIT": "1",
        "GROUPING_LEASE": "2",
        "GROUPING_TICKET": "3",
        "GROUPING_GRACE": "1",
        "GROUPING_STALLED_AFTER": "3",
        "RECONCILE_PERIOD": "0.5",
        "GROUPING_MAX_ATTEMPTS": "3",
        "DATABASE_LOCK_TIMEOUT": "300",  # longer than a test holds a run, however slow the machine is
        "DATABASE_STATEMENT_TIMEOUT": "300",
        "LOG_FORMAT": "json",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",  # Celery warns of root, the user of tests in a container
    }


def worker_container(environment: dict[str, str], folder: Path) -> ProcessContainer:
    """A worker that is ready."""
    return _ready(worker_started(environment, folder))


def worker_started(environment: dict[str, str], folder: Path) -> ProcessContainer:
    """A worker that is not ready yet."""
    command = celery("worker", "--concurrency=1", "-E", "--without-mingle", "--without-gossip")
    return ProcessContainer("worker", command, environment, folder / "worker.log", prompt="ready.")


def reconciler_container(environment: dict[str, str], folder: Path) -> ProcessContainer:
    """A reconciler that is ready."""
    return _ready(reconciler_started(environment, folder))


def reconciler_started(environment: dict[str, str], folder: Path) -> ProcessContainer:
    """A reconciler that is not ready yet."""
    log = folder / "reconciler.log"
    return ProcessContainer("reconciler", celery("reconcile"), environment, log, prompt="reconciler_ready")


def flower_container(environment: dict[str, str], folder: Path, port: int) -> ProcessContainer:
    """Flower that is ready, with our configuration."""
    command = celery("flower", "--conf=flowerconfig.py", f"--port={port}", "--basic-auth=anna:secret")
    return _ready(ProcessContainer("flower", command, environment, folder / "flower.log", prompt="Visit me at"))


def installed(folder: Path) -> str:
    """A PYTHONPATH on which the product is installed: its commands are found by the entry points of pyproject.toml."""
    metadata = folder / "promptlode-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: promptlode\nVersion: 0\n", encoding="utf-8")
    commands = [f"{name} = {place}" for name, place in _places_of_commands().items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[celery.commands]", *commands, ""]), encoding="utf-8")
    return f"{folder}{os.pathsep}{ROOT}"


def added_command(name: str) -> click.Command:
    """A command that we add to Celery's, found by its entry point as Celery finds it."""
    return EntryPoint(name, _places_of_commands()[name], "celery.commands").load()


def _places_of_commands() -> dict[str, str]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][
        "celery.commands"
    ]


def _ready(container: ProcessContainer) -> ProcessContainer:
    """Starts a container. One that does not get ready is stopped, so that its end does not fail other tests."""
    try:
        container.ready()
    except BaseException:
        container.teardown()
        raise
    return container
