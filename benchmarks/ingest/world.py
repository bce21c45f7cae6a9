"""The measured servers and processes: a durable PostgreSQL, Valkey, granian, and the product's own processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson
import psutil
from sqlalchemy import Engine, insert, text, update

from app.config import Settings, with_driver
from app.front.command import CELERY
from app.local.postgres import PostgresServer
from app.local.processes import end, free_port, wait_until
from app.local.valkey import ValkeyServer
from app.store import groups, keys, migrate, projects, tasks, template_changes
from app.store.engine import make_engine, transaction
from app.store.ids import new_id
from app.store.tables import grouping_key, grouping_run
from benchmarks.ingest.apps import bare_trace
from benchmarks.ingest.load import Target
from templating import Template

ROOT = Path(__file__).parents[2]
RSGI = "rsgi --backpressure 16384 --http1-buffer-size 65536"
WSGI = "wsgi --blocking-threads 8"
_SERVERS = ("postgres", "valkey-server")
"""Granian's options for the product, and for a plain WSGI application."""

_OLDER_CELERY = (sys.executable, "-m", "celery", "-A", "tasks")
"""Beginning of the command of releases without `python -m tasks`."""

RUNNING = "SELECT count(*) FROM grouping_run WHERE outcome = 'running'"

T = TypeVar("T")


class Processes:
    """The product's processes on some servers, with their logs in a folder."""

    def __init__(self, home: Path, urls: Mapping[str, str]) -> None:
        self._home, self._urls = home, urls
        self._processes: dict[str, psutil.Process] = {}

    @classmethod
    @contextmanager
    def running(cls, home: Path, urls: Mapping[str, str]) -> Iterator["Processes"]:
        """Yields without running processes; ends all started processes at the end of the block."""
        processes = cls(home, urls)
        try:
            yield processes
        finally:
            processes.end_all()

    def serve(
        self, app: str, interface: str = RSGI, key: str = "", root: Path = ROOT, name: str = "", **settings: str
    ) -> Target:
        """A granian server of an application, as the Procfile starts it; answers once it takes requests. name: of the process, if not the app's."""
        port = free_port()
        options = f"--interface {interface} --factory --no-ws --host 127.0.0.1 --port {port}"
        name = name or app
        self._launch(name, [sys.executable, "-m", "granian", *options.split(), app], root, **settings)
        wait_until(lambda: _answers(port), 180, lambda: f"{name} does not answer; its log:\n{self.log(name)}")
        return Target(port, key)

    def celery(self, name: str, *command: str, root: Path = ROOT) -> None:
        """Starts one of the product's other processes. root: the folder of the code, which may be another release's."""
        is_older = not (root / "tasks" / "__main__.py").exists()
        self._launch(name, [*(_OLDER_CELERY if is_older else CELERY), *command], root)

    @property
    def names(self) -> set[str]:
        """The names of the running processes."""
        return set(self._processes)

    def end(self, name: str) -> None:
        end([self._processes.pop(name)])

    def end_all(self) -> None:
        end(list(self._processes.values()))

    def kill_all(self) -> None:
        """SIGKILL at once to all processes, servers included, and to their children."""
        end([member for process in self._started() for member in family(process)], signal.SIGKILL)
        self._processes.clear()

    def log(self, name: str) -> str:
        return (self._home / f"{name}.log").read_text(errors="replace")[-2000:]

    def memory(self) -> dict[str, float]:
        """MB of each process and server with its children (PSS: a shared page counts in part for each of its processes)."""
        servers = {name: process for process in self._started() if (name := process.name()) in _SERVERS}
        families = {**self._processes, **servers}
        return {name: sum(map(_megabytes, family(process))) for name, process in families.items()}

    def cpu(self, *, with_servers: bool = True) -> float:
        """Seconds of CPU time of all started processes, with those of their ended children; without PostgreSQL's and Valkey's if told."""
        started = self._started() if with_servers else list(self._processes.values())
        return sum(cpu_seconds(member) for process in started for member in family(process))

    def _started(self) -> list[psutil.Process]:
        """The servers and the product's processes: the children of this one but the load generator."""
        children = psutil.Process().children()
        return [child for child in children if child in self._processes.values() or child.name() in _SERVERS]

    def _launch(self, name: str, command: list[str], root: Path, **settings: str) -> None:
        environment = os.environ | {key.upper(): value for key, value in self._urls.items()}
        environment |= {"PROMPTLODE_DATA_DIR": str(self._home), "LOG_FORMAT": "json", "PYTHONPATH": str(root)}
        environment |= {f"RATE_{name}": str(10**9) for name in ("ADDRESS", "INGEST", "TRACES", "READ")} | settings
        # A process that compiles what it imports holds 10 to 30 MB more.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with (self._home / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(
                command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._processes[name] = psutil.Process(started.pid)


class World(Processes):
    """The servers, processes and project of one benchmark, in one temporary folder."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, {})
        self.postgres = PostgresServer(home / "postgres", durable=True)
        self.valkey = ValkeyServer(home / "valkey")
        self.engine: Engine
        self.key = ""
        self.project_id: UUID

    # --- life

    def start(self) -> None:
        """The servers, the database, which is empty at the first start, a project and a new key."""
        self.postgres.start()
        self.valkey.start()
        redis = self.valkey.url()
        self._urls = {"database_url": self.postgres.url(), "redis_url": redis, "broker_url": redis}
        migrate.upgrade(with_driver(self.postgres.ensure_database()))
        self.engine = make_engine(Settings.model_validate(self._urls))
        with transaction(self.engine) as connection:
            bare_trace.create(connection, checkfirst=True)
            self.project_id = projects.get_or_create(connection, "shop").id
            self.key = keys.create(connection, self.project_id, "benchmark").key

    def stop(self) -> None:
        self.end_all()
        self.engine.dispose()
        self.valkey.stop()
        self.postgres.stop()

    def serve(
        self, app: str, interface: str = RSGI, key: str = "", root: Path = ROOT, name: str = "", **settings: str
    ) -> Target:
        """`Processes.serve` with the project's key."""
        return super().serve(app, interface, key or self.key, root, name, **settings)

    def start_the_rest(self) -> None:
        """Starts worker, reconciler and Flower as the Procfile does."""
        self.celery("worker", "worker", "--concurrency=1", "-E")
        self.celery("reconciler", "reconcile")
        self.celery("flower", "flower", "--conf=flowerconfig.py", "--address=127.0.0.1", f"--port={free_port()}")
        alive = "SELECT count(DISTINCT kind) FROM heartbeat"
        until(lambda: self.number(alive) == 2, 60, "a sign of life of worker and reconciler")

    # --- what it holds

    def know(self, path: str, templates: list[Template]) -> None:
        """Stores templates as if a run had found them at this path, each with a task of its own."""
        with transaction(self.engine) as connection:
            group = groups.get_or_create(connection, self.project_id, [path])[path]
            run_id = connection.scalar(
                insert(grouping_run)
                .values(id=new_id(), group_id=group.id, fence=1, reason="trace", miner_version="1", outcome="committed")
                .returning(grouping_run.c.id)
            )
            for number, template in enumerate(templates):
                task_id = tasks.create_task(connection, self.project_id, group.id, f"Task {number}")
                template_changes.add_template(
                    connection,
                    group.id,
                    task_id,
                    task_id,
                    template,
                    named_places=(),
                    kinds=[],
                    evidence={},
                    review_at_calls=10**9,
                    run_id=run_id,
                )
            connection.execute(update(grouping_key).where(grouping_key.c.id == group.id).values(templates_version=1))

    def new_key(self, project: str, scopes: tuple[str, ...] = keys.DEFAULT_SCOPES) -> str:
        """A key of another project."""
        with transaction(self.engine) as connection:
            return keys.create(connection, projects.get_or_create(connection, project).id, "benchmark", scopes).key

    def number(self, query: str, **values: Any) -> int:
        """The number that a query returns."""
        with transaction(self.engine) as connection:
            return int(connection.scalar(text(query), values) or 0)

    def owed(self) -> int:
        return self.number(
            "SELECT count(*) FROM trace WHERE implementation_id IS NULL AND considered_run_id IS NULL"
            " AND prompt_parts IS NOT NULL"
        )

    def is_settled(self) -> bool:
        """Whether every call is grouped and no run is under way."""
        return not self.owed() and not self.number(RUNNING)

    def forget_owed(self) -> None:
        """Deletes the owed traces of a measurement without a worker, so that the next one starts with none."""
        with transaction(self.engine) as connection:
            connection.execute(text("DELETE FROM trace WHERE implementation_id IS NULL"))

    def runs(self, path: str, outcome: str) -> int:
        return self.number(
            "SELECT count(*) FROM grouping_run r JOIN grouping_key g ON g.id = r.group_id"
            " WHERE g.path = :path AND r.outcome = :outcome",
            path=path,
            outcome=outcome,
        )

    def counters(self, target: Target) -> dict[str, Any]:
        """`GET /api/v1/pipeline`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{target.port}/api/v1/pipeline", headers={"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return orjson.loads(answer.read())


@contextmanager
def world() -> Iterator[World]:
    """A started world, which is removed at the end of the block."""
    home = Path(tempfile.mkdtemp(prefix="promptlode-bench-"))
    home.chmod(0o711)  # the account that PostgreSQL runs under, when root starts it, must pass
    new_world = World(home)
    try:
        new_world.start()
        yield new_world
    finally:
        new_world.stop()
        shutil.rmtree(home, ignore_errors=True)


def until(condition: Callable[[], object], seconds: float, event: str) -> None:
    """Waits until the condition is true; fails after `seconds`."""
    wait_until(lambda: bool(condition()), seconds, lambda: f"not within {seconds} s: {event}", pause=0.01)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
    except urllib.error.HTTPError:
        return True  # the bare view has no such page
    except OSError:
        return False
    return True


def family(process: psutil.Process) -> list[psutil.Process]:
    """The process and all its descendants, the process first."""
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    """Seconds of CPU time of a process; 0 for one that has just ended, since its parent counts its time."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def _megabytes(process: psutil.Process) -> float:
    return process.memory_full_info().pss / 2**20
