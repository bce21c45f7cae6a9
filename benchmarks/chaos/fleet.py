"""The processes of one installation, and how to start, kill and read them."""

import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

from app.config import Settings, with_driver
from app.local.postgres import PostgresServer
from app.local.processes import Child, free_port
from app.local.valkey import ValkeyServer
from app.store import keys, migrate, projects
from app.store.engine import make_engine, transaction
from benchmarks.chaos.plan import TIMES

ROOT = Path(__file__).parents[2]
PROJECT = "chaos"


class Fleet:
    """Web, two workers, two reconcilers, Valkey without persistence, PostgreSQL. A process that dies is started again."""

    def __init__(self, folder: Path, scheme: str) -> None:
        self.folder = folder
        self.postgres = PostgresServer(folder / "postgres", durable=True)
        self.valkey = ValkeyServer(folder / "valkey", port=free_port())
        self.port = free_port()
        self._commands = _commands(scheme, self.port)
        self._children: dict[str, Child] = {}
        self._lives = itertools.count(1)
        self._lock = threading.RLock()
        self._serving = threading.Event()

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()
        url = with_driver(self.postgres.ensure_database())
        migrate.upgrade(url)
        self.environment = os.environ | {name: str(value) for name, value in TIMES.items()} | {
            "DATABASE_URL": url, "REDIS_URL": self.valkey.url(), "LOG_FORMAT": "json", "LOG_LEVEL": "INFO",
            "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        settings = {name: self.environment.get(name.upper()) for name in Settings.model_fields}
        self.settings = Settings(**{name: value for name, value in settings.items() if value is not None})
        self.engine = make_engine(self.settings)
        with transaction(self.engine) as connection:
            self.key = keys.create(connection, projects.get_or_create(connection, PROJECT).id).key
        self.before_processes()
        self._serving.set()
        for name in self._commands:
            self._launch(name)
        threading.Thread(target=self._keep, daemon=True).start()
        self._wait_for_web()

    def stop(self) -> None:
        self._serving.clear()
        with self._lock:
            for child in self._children.values():
                child.end(signal.SIGKILL)
        self.engine.dispose()
        self.valkey.stop()
        self.postgres.stop(immediately=True)

    def logged(self, event: str) -> Iterator[dict[str, Any]]:
        """The lines of an event in the logs of every process, dead or alive, unordered."""
        for log in self.folder.glob("*, life *.log"):
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                if f'"{event}"' in line and line.startswith("{") and line.endswith("}"):
                    yield json.loads(line)

    @property
    def urls(self) -> list[str]:
        """The addresses of web."""
        return [f"http://127.0.0.1:{self.port}"]

    def command_of(self, name: str) -> list[str]:
        return self._commands[name]

    def environment_of(self, name: str) -> dict[str, str]:
        return self.environment

    def before_processes(self) -> None:
        """A hook for subclasses: called when the servers run and before the processes start."""

    @property
    def workers(self) -> list[str]:
        return [name for name in self._commands if name.startswith("worker")]

    @property
    def reconcilers(self) -> list[str]:
        return [name for name in self._commands if name.startswith("reconciler")]

    def family(self, name: str) -> list[psutil.Process]:
        """The process and its children, children first; empty while it is down."""
        try:
            parent = psutil.Process(self._children[name].pid or 0)
            return [*parent.children(recursive=True), parent]
        except psutil.Error:
            return []

    def terminate(self, name: str) -> None:
        """A deploy: sends SIGTERM to the process and starts the next one."""
        child = self._children[name]
        child.end(signal.SIGTERM, seconds=30)

    def _keep(self) -> None:
        while self._serving.is_set():
            with self._lock:
                for name, child in self._children.items():
                    if self._serving.is_set() and not child.is_running:
                        self._launch(name)
            time.sleep(0.2)

    def _launch(self, name: str) -> None:
        """Starts a process with a new log: the audit also reads the logs of killed processes."""
        child = Child(signal.SIGTERM)
        life = next(self._lives)
        log = self.folder / f"{name}, life {life}.log"
        child.launch(self.command_of(name), log, env=self.environment_of(name))
        self._children[name] = child

    def _wait_for_web(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if all(requests.get(f"{url}/healthz", timeout=1).ok for url in self.urls):
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise RuntimeError(f"web did not start: see the logs in {self.folder}")


def _commands(scheme: str, port: int) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    wsgi = ["--interface", "wsgi", "--blocking-threads", "8", "benchmarks.chaos.plain:create_app"]
    web = ["--interface", "rsgi", "app.front:create"] if scheme == "ours" else wsgi
    app = "tasks" if scheme == "ours" else "benchmarks.chaos.plain:app"
    worker = [*python, "celery", "-A", app, "worker", "--concurrency=1", "--without-mingle", "--without-gossip", "-n"]
    granian = ["granian", "--factory", "--no-ws"]
    commands = {
        "web": [*python, *granian, "--host", "127.0.0.1", "--port", str(port), *web],
        "worker 1": [*worker, "one@%h"],
        "worker 2": [*worker, "two@%h"],
    }
    if scheme == "ours":
        reconcile = [sys.executable, "-c", "from tasks.commands import reconcile; reconcile()"]
        commands |= {"reconciler 1": reconcile, "reconciler 2": reconcile}
    return commands
