"""A soak test: a local installation under steady and bursty traffic, deletions, retention, deploys and a full disk for logs.

    python -m benchmarks.soak [--minutes 60] [--seed N]      exit code 1 where a figure grows or a guarantee does not hold

The installation is `make run`'s, with the times, traffic and audit of `benchmarks/chaos`. Every tenth of the time all processes restart,
one after the other, as at a deploy. The calls of a second project are deleted: half by its user, half by retention, whose clock is two
days ahead. For a tenth of the time the disk of the logs is full: a small file system, which only root can mount. A figure is flat when
its maximum in the last quarter is near its maximum in the second quarter; in the first quarter caches fill.
"""

import argparse
import contextlib
import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import requests
from redis import Redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from app.config import Settings
from app.errors import DatabaseDownError
from app.keeping.retention import expire
from app.local.errors import LocalError
from app.local.instance import leftovers
from app.local.processes import end, free_port, wait_until
from app.local.supervision import LOG_BYTES
from app.store import keys, projects, retention
from app.store.engine import make_engine, transaction
from benchmarks.chaos import audit
from benchmarks.chaos.audit import Findings
from benchmarks.chaos.plan import TIMES, Plan
from benchmarks.chaos.traffic import Sent, Traffic, trace
from benchmarks.ingest.tables import table
from tasks.snapshot import pipeline

ROOT = Path(__file__).parents[1]
STEADY_A_SECOND, BURST, BURST_EVERY = 40, 400, 20.0
"""Calls a second; calls of a burst, all at once; seconds between two bursts."""

PASSING = 100
"""Calls of the second project every ten seconds; its user deletes one half, retention the other."""

LEAST_BETWEEN_DEPLOYS = 45.0
"""Seconds: in this time four processes restart one after the other."""

LOGS_MB = 32
"""Megabytes of the logs' file system: three logs of 10 MB fit."""

SETTLE_SECONDS = 240

READ_AGAIN = """
    SELECT (SELECT coalesce(sum(owed), 0) FROM grouping_run run JOIN grouping_key g ON g.id = run.group_id
              JOIN project ON project.id = g.project_id WHERE outcome = 'committed' AND project.name <> 'passing')
         - (SELECT count(*) FROM trace JOIN project ON project.id = project_id
             WHERE considered_run_id IS NOT NULL AND project.name <> 'passing')"""
"""The audit's query, without calls that were deleted."""

WAITING_ROWS = "SELECT sum(n_dead_tup) FROM pg_stat_user_tables"
SMALL_TABLES = """
SELECT sum(pg_total_relation_size(relid)) / 1048576.0 FROM pg_stat_user_tables
 WHERE relname IN ('usage_mark', 'call_count', 'grouping_key', 'project', 'template', 'implementation', 'task')"""
"""MB of the tables that are written all the time, without those of calls."""


# --- the installation


class Local:
    """`make run` in a process of its own, with its addresses and processes."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.environment = os.environ | {name: str(value) for name, value in TIMES.items()} | {
            "PROMPTLODE_DATA_DIR": str(home), "PORT": str(self.port), "FLOWER_PORT": str(free_port()), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.environment.pop("DATABASE_URL", None)
        self.environment.pop("REDIS_URL", None)

    def start(self) -> None:
        output = (self.home / "soak.log").open("wb")
        command = [sys.executable, "-m", "app.local", "run"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output)
        wait_until(self.is_ready, 240, lambda: (self.home / "soak.log").read_text()[-2000:], pause=0.5)
        self.settings = Settings(promptlode_data_dir=self.home)
        self.engine = make_engine(self.settings)

    def stop(self) -> None:
        with contextlib.suppress(AttributeError):
            self.engine.dispose()
        end([psutil.Process(self.process.pid)], signal.SIGTERM, 90)

    def is_ready(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Web, worker, reconciler and Flower, each before its children."""
        by_name: dict[str, list[psutil.Process]] = {}
        for process in leftovers(self.home):
            with contextlib.suppress(psutil.Error):
                name = _name_of(process)
                if name and name != _name_of(process.parent()):
                    by_name[name] = [process, *process.children(recursive=True)]
        return by_name


MARKS = {"granian": "web", "worker": "worker", "reconcile": "reconciler", "flower": "flower"}


def _name_of(process: psutil.Process | None) -> str | None:
    """The name of a process by the words of its command line; None for supervisord's own process for logs."""
    words = {word.rpartition("/")[2] for word in process.cmdline()} if process else set[str]()
    return next((name for mark, name in MARKS.items() if mark in words), None)


@contextlib.contextmanager
def installed() -> Iterator[Local]:
    home = Path(tempfile.mkdtemp(prefix="promptlode-soak-"))
    home.chmod(0o711)  # PostgreSQL runs as another user when we are root
    local = Local(home)
    with logs_of_their_own(home / "logs"):
        try:
            local.start()
            yield local
        finally:
            local.stop()
    shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def logs_of_their_own(folder: Path) -> Iterator[None]:
    """A small file system for the logs, with a log of the reconciler just below rotation. Prints a line where it cannot be mounted."""
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={LOGS_MB}m,mode=700", "tmpfs", str(folder)], check=False, capture_output=True
    ).returncode  # fmt: skip
    if not mounted:
        print("The folder of the logs is not filled: only root can mount a file system.", file=sys.stderr)
    (folder / "reconciler.log").write_bytes(b"an old line of a log\n" * (LOG_BYTES // 21))
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


# --- the events


class Life:
    """All events beside the steady traffic, each kind in a thread, until `end`."""

    def __init__(self, local: Local, minutes: float, seed: int) -> None:
        self._local, self._seconds = local, minutes * 60
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self.accepted: set[str] = set()
        self.deploys = self.bursts = self.deleted = self.expired = 0
        with transaction(local.engine) as connection:
            passing = projects.get_or_create(connection, "passing")
            retention.set_days(connection, passing.id, 1)
            self._passing = keys.create(connection, passing.id, scopes=keys.SCOPES).key
            self._bursty = keys.create(connection, projects.get_or_create(connection, "bursty").id).key
        chores = (
            (self._burst, BURST_EVERY),
            (self._pass, 10.0),
            (self._expire, 30.0),
            (self._deploy, max(LEAST_BETWEEN_DEPLOYS, self._seconds / 10)),
        )
        self._threads = [threading.Thread(target=self._repeat, args=chore, daemon=True) for chore in chores]
        self._threads.append(threading.Thread(target=self._fill_logs, daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(120)

    def _repeat(self, work: Callable[[], None], seconds: float) -> None:
        while not self._over.wait(seconds):
            work()

    def _burst(self) -> None:
        self.bursts += 1
        calls = [trace(self._dice, place % 5, f"burst-{self.bursts}-{place}") for place in range(BURST)]
        self.accepted |= self._send_all(self._bursty, calls)

    def _pass(self) -> None:
        number = time.monotonic_ns()
        calls = [
            trace(self._dice, place % 3, f"passing-{number}-{place}") | {"user_id": f"u{place % 2}"}
            for place in range(PASSING)
        ]
        self._send_all(self._passing, calls)
        answer = self._post("/api/v1/deletions", self._passing, {"user_id": "u0"})
        self.deleted += answer.json()["traces"] if answer is not None and answer.ok else 0

    def _send_all(self, key: str, calls: list[dict]) -> set[str]:
        """Sends the calls until all are stored, as a client does that repeats by external id."""
        unsent = {call["external_id"]: call for call in calls}
        while unsent and not self._over.is_set():
            answer = self._post("/api/v1/traces", key, {"traces": list(unsent.values())})
            if answer is None or answer.status_code != 207:
                self._over.wait(0.5)
                continue
            stored = list(unsent)
            for row in answer.json()["results"]:
                if row["status"] in (200, 201):
                    unsent.pop(stored[row["index"]])
        return {call["external_id"] for call in calls} - unsent.keys()

    def _post(self, path: str, key: str, body: dict) -> requests.Response | None:
        try:
            return requests.post(
                f"{self._local.url}{path}", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60
            )
        except requests.RequestException:
            return None

    def _expire(self) -> None:
        """Retention, as the reconciler does it: where a row is locked for long, the next pass removes the calls."""
        with contextlib.suppress(DatabaseDownError, OperationalError):
            self.expired += expire(self._local.engine, 0, now=datetime.now(UTC) + timedelta(days=2))

    def _deploy(self) -> None:
        """Restarts each process; the next one ends when the last one is back."""
        self.deploys += 1
        for name in MARKS.values():
            parents = self._local.processes().get(name, [])[:1]
            with contextlib.suppress(psutil.Error):
                end(parents, signal.SIGTERM, 40)
            with contextlib.suppress(LocalError):
                wait_until(self._local.is_ready, 60, lambda: "not ready", pause=0.5)

    def _fill_logs(self) -> None:
        """Fills the disk of the logs from the middle on, for a tenth of the time."""
        folder = self._local.home / "logs"
        if not os.path.ismount(folder) or self._over.wait(self._seconds / 2):
            return
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        self._over.wait(self._seconds / 10)
        filler.unlink()


# --- the figures


@dataclasses.dataclass
class Watch:
    """Figures over time, by name."""

    local: Local
    seen: dict[str, list[tuple[float, float]]] = dataclasses.field(default_factory=dict)

    def run(self, is_over: threading.Event) -> None:
        started_at = time.monotonic()
        with Redis.from_url(self.local.settings.redis_url) as redis:
            while not is_over.wait(2.0):
                for name, value in self._figures(redis):
                    self.seen.setdefault(name, []).append((time.monotonic() - started_at, value))

    def _figures(self, redis: Redis) -> Iterator[tuple[str, float]]:
        for name, family in self.local.processes().items():
            with contextlib.suppress(psutil.Error):
                yield f"MB of {name}", sum(process.memory_full_info().pss for process in family) / 2**20
        with contextlib.suppress(Exception):  # a server that restarts has no figures at this moment
            yield "keys in Redis", float(redis.dbsize())
        with contextlib.suppress(Exception), transaction(self.local.engine) as connection:
            for name, query in DATABASE.items():
                yield name, float(connection.scalar(text(query)) or 0)

    def quarters(self, name: str) -> tuple[float, float]:
        """(the maximum in the second quarter of the time, in the last quarter)."""
        measurements = self.seen[name]
        last = measurements[-1][0]
        second = [value for second_of, value in measurements if last / 4 <= second_of < last / 2]
        final = [value for second_of, value in measurements if second_of >= 3 * last / 4]
        return max(second or [measurements[0][1]]), max(final)


DATABASE = {
    "connections to PostgreSQL": "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'promptlode'",
    "partitions of trace": "SELECT count(*) FROM pg_inherits WHERE inhparent = 'trace'::regclass",
    "dead rows": WAITING_ROWS,
    "MB of tables without calls": SMALL_TABLES,
    "usage marks that wait": "SELECT count(*) FROM usage_mark",
}

MORE = {"MB of": (1.10, 8), "keys": (1.2, 50), "connections": (1.2, 3), "partitions": (1.0, 0), "dead": (1.5, 20_000), "usage": (1.5, 2_000), "MB of tables": (1.5, 4)}  # fmt: skip
"""(factor, summand) of the last quarter's bound over the second quarter: vacuum comes and goes, and new groups keep coming."""


def allowed(name: str, before: float) -> float:
    share, growth_allowed = max(
        (entry for entry in MORE.items() if name.startswith(entry[0])), key=lambda entry: len(entry[0])
    )[1]
    return before * share + growth_allowed


# --- the whole test


@dataclasses.dataclass(frozen=True)
class Result:
    watch: Watch
    findings: Findings
    sent: Sent
    life: Life
    settled_in: float
    logs_mb: float
    rotated: int

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        for name in self.watch.seen:
            before, after = self.watch.quarters(name)
            yield name, f"{before:,.0f}", f"{after:,.0f}", f"<= {allowed(name, before):,.0f}"
        yield "largest log, MB", "", f"{self.logs_mb:.1f}", "<= 11"
        yield "logs that were rotated", "", str(self.rotated), ">= 1"
        names = "missing", "owed", "shared", "read_again", "overlapping_commits", "overlapping_runs", "leaked_keys"
        yield from ((name.replace("_", " "), "", str(getattr(self.findings, name)), "0") for name in names)
        yield "stuck groups", "", str(len(self.findings.stuck_groups)), "0"
        yield "settled after the last call in", "", f"{self.settled_in:.0f} s", f"<= {SETTLE_SECONDS} s"

    @property
    def broken(self) -> list[str]:
        grown_names = [
            name
            for name in self.watch.seen
            if self.watch.quarters(name)[1] > allowed(name, self.watch.quarters(name)[0])
        ]
        logs = ["a log is not rotated"] if self.logs_mb > 11 or not self.rotated else []
        return [*grown_names, *logs, *self.findings.broken(faults=10_000)]


def soak(local: Local, minutes: float, seed: int) -> Result:
    with transaction(local.engine) as connection:
        key = keys.create(connection, projects.get_or_create(connection, "steady").id).key
    plan = Plan(traces=int(STEADY_A_SECOND * minutes * 60), groups=300, seconds=minutes * 60, seed=seed)
    traffic, life, is_over = Traffic(plan, [local.url], key), Life(local, minutes, seed), threading.Event()
    watch = Watch(local)
    watching = threading.Thread(target=watch.run, args=(is_over,), daemon=True)
    watching.start()
    life.start()
    traffic.send_all()
    life.end()
    is_over.set()
    watching.join()
    settled_in = settle(local)
    findings = audited(local, traffic.sent.accepted | life.accepted)
    logs = list((local.home / "logs").glob("*.log*"))
    return Result(
        watch, findings, traffic.sent, life, settled_in,
        max(log.stat().st_size for log in logs) / 10**6, sum(log.suffix == ".1" for log in logs),
    )  # fmt: skip


def settle(local: Local) -> float:
    started_at = time.monotonic()
    while (waited := time.monotonic() - started_at) < SETTLE_SECONDS:
        with contextlib.suppress(DatabaseDownError):
            now = pipeline(local.engine, None, local.settings)
            if not now["owed"] and not now["queue_depth"] and audit.at_rest(local.settings.redis_url):
                break
        time.sleep(0.5)
    return waited


def audited(local: Local, accepted: set[str]) -> Findings:
    counts = pipeline(local.engine, None, local.settings)
    findings = audit.audit(local.engine, local.settings.redis_url, accepted, counts, [])
    return dataclasses.replace(findings, read_again=number(local.engine, READ_AGAIN))


def number(engine: Engine, query: str) -> int:
    with transaction(engine) as connection:
        return int(connection.scalar(text(query)))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with installed() as local:
        result = soak(local, options.minutes, options.seed)
    life = result.life
    print(
        f"{options.minutes:g} minutes, seed {options.seed}: {len(result.sent.accepted) + len(life.accepted):,} calls accepted, {life.bursts} bursts of "
        f"{BURST}, {life.deploys} deploys, {life.deleted:,} calls deleted, {life.expired:,} removed by retention.\n"
    )
    print(table(("figure", "second quarter", "last quarter", "held to"), result.rows()))
    if result.broken:
        print("\nBROKEN: " + "; ".join(result.broken), file=sys.stderr)
    return int(bool(result.broken))


if __name__ == "__main__":
    sys.exit(main())
