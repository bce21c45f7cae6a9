"""The cost of usage figures: ingest with and without usage marks, the adding up of calls, and pages over 90 days.

    python -m benchmarks.usage [CALLS [TASKS]]                     all of it
    python -m benchmarks.usage --part NAME [CALLS [TASKS]]         NAME is ingest or pages: only this part
    python -m benchmarks.usage --hold FOLDER [CALLS [TASKS]]       fills a database, holds it until Ctrl-C, and measures nothing
    python -m benchmarks.usage --part pages --held FOLDER          the pages, on the held database

The calls are spread over 90 days. Ingest with and without marks is measured in turns; a ratio is the median of its rounds.

A web process, started as in the Procfile, answers over one kept connection from the same machine. The first request of each address has
a column of its own, since it compiles templates and queries. The other figures are of later requests: once while the installation
rests, once while calls come in and the reconciler adds them up. The processor time of a request, which other work beside the benchmark
changes less than its duration, is an average of the requests while the installation rests.
"""

import argparse
import http.client
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import UUID

import orjson
import psutil
from redis import Redis
from sqlalchemy import Connection, text

from app.config import Settings
from app.reading import tasks
from app.store import keys, projects, rollup
from app.store.engine import make_engine, transaction
from benchmarks.fairness import valkey
from benchmarks.ingest.load import Target
from benchmarks.ingest.tables import table
from benchmarks.ingest.world import Processes
from benchmarks.installation import Installation, installed
from tests.app.api_helpers import know

CALLS, TASKS, DAYS, ROUNDS, BATCHES = 300_000, 300, 90, 15, 6

ASKED = 200
"""Requests of each address after the first, so that p99 is not the slowest of all."""

ASKED_BESIDE = 100
"""Requests of each address beside traffic."""

SENT_EVERY = 0.5
"""Seconds between two batches of ten calls in the traffic beside."""

UNMARKED = """
CREATE OR REPLACE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO call_count (implementation_id, calls, first_seen, last_seen)
  SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM came
   WHERE implementation_id IS NOT NULL GROUP BY implementation_id;
  RETURN NULL;
END $$
"""
"""The trigger of new calls without usage marks: it only counts them."""


def body(number: int) -> dict[str, object]:
    return {
        "model": "gpt-5",
        "path": "/known",
        "input": f"Mail: where is order {number}?" + " A sentence of the mail." * 40,
        "output": "returns",
        "usage": {"input_tokens": 300, "output_tokens": 2, "cached_tokens": 0},
    }


def trigger(connection: Connection) -> str:
    """The definition of the trigger of new calls."""
    return str(connection.execute(text("SELECT pg_get_functiondef('count_new_calls'::regproc)")).scalar_one())


def seconds_of_ingest(installation: Installation, batches: list[list[dict[str, object]]]) -> float:
    start = time.perf_counter()
    for batch in batches:
        installation.take(batch)
    return time.perf_counter() - start


def ingest(installation: Installation) -> list[tuple[str, str]]:
    """The ratio of ingest's time with marks to its time without, for single calls and for batches."""
    know(installation.engine, installation.project, "/known", "", "Mail: {{mail}}")
    installation.take([body(0)])
    with transaction(installation.engine) as connection:
        definitions = {True: trigger(connection), False: UNMARKED}
    rows = []
    for name, size, number in (("one call", 1, 200), ("100 calls", 100, BATCHES)):
        batches = [[body(n * size + place) for place in range(size)] for n in range(number)]
        ratios = []
        for turn in range(ROUNDS):
            times = {}
            for is_marked in (True, False) if turn % 2 else (False, True):
                with transaction(installation.engine) as connection:
                    connection.exec_driver_sql(definitions[is_marked])
                times[is_marked] = seconds_of_ingest(installation, batches)
            ratios.append(times[True] / times[False])
        rows.append((f"ingest of {name}, with marks : without", f"{statistics.median(ratios):.3f}"))
    with transaction(installation.engine) as connection:
        connection.exec_driver_sql(definitions[True])
        connection.execute(text("TRUNCATE usage_mark"))
    return rows


FILL = """
INSERT INTO trace (id, project_id, group_id, model, settings, settings_digest, input, output, usage, started_at, completed_at,
                   seen_at, implementation_id, template_id, variables)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || substr(md5(n::text), 1, 16))::uuid,
       :project, version.group_id, 'gpt-5', '{}', '', '0', '"returns"',
       '{"input_tokens": 300, "output_tokens": 2, "cached_tokens": 0}', at, at + interval '2 s', at, version.id,
       version.template_id, ARRAY['where is it?']
  FROM generate_series(1, :calls) AS n,
       LATERAL (SELECT now() - :days * random() * interval '1 day' + n * interval '0' AS at) AS moment,
       LATERAL (SELECT * FROM version WHERE number = n % :tasks) AS version
"""
"""A row of trace as ingest writes it, spread evenly over tasks and days."""

VERSIONS = """
CREATE TEMPORARY TABLE version AS
SELECT i.id, i.template_id, t.group_id, row_number() OVER (ORDER BY i.id) - 1 AS number
  FROM implementation i JOIN template t ON t.id = i.template_id
"""
MAKE = """
INSERT INTO implementation (id, task_id, template_id, version, model, settings, settings_digest)
SELECT gen_random_uuid(), task_id, id, 1, 'gpt-5', '{}', 'bench' FROM template
"""


def fill(installation: Installation, calls: int, tasks: int) -> None:
    for number in range(tasks):
        know(installation.engine, installation.project, f"/path/{number}", "", f"Task {number}: {{{{mail}}}}")
    with transaction(installation.engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("DELETE FROM implementation"))
        connection.execute(text(MAKE))
        connection.execute(text(VERSIONS))
        facts = {"project": installation.project.id, "calls": calls, "days": DAYS, "tasks": tasks}
        connection.execute(text(FILL), facts)
    with installation.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def added_up(installation: Installation) -> float:
    start, marks = time.perf_counter(), 1
    while marks:
        with transaction(installation.engine) as connection:
            marks = rollup.add_up(connection)
    with installation.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE call_usage"))
    return time.perf_counter() - start


class Processor(NamedTuple):
    """Seconds of processor time."""

    web: float
    postgres: float

    @classmethod
    def now(cls, installation: Installation, processes: Processes) -> "Processor":
        """Of the web process, and of all connections to the database."""
        with installation.engine.connect() as connection:
            pids = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"))
            backends = [psutil.Process(pid).cpu_times() for pid in pids.scalars()]
        return cls(processes.cpu(with_servers=False), sum(times.user + times.system for times in backends))


class AddressTimes(NamedTuple):
    """Seconds of the requests of one address; processor: of an average request while the installation rests."""

    first: float
    rested: Sequence[float]
    beside: Sequence[float]
    processor: Processor

    @property
    def figures(self) -> list[str]:
        quantiles = (_ms(seconds) for durations in (self.rested, self.beside) for seconds in _quantiles(durations))
        return [_ms(self.first), *quantiles, *map(_ms, self.processor)]


def _quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    return statistics.median(seconds), sorted(seconds)[int(len(seconds) * 0.99) - 1]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"


def pages(installation: Installation, home: Path, words: Sequence[str]) -> list[list[str]]:
    """A row per address: times of whole answers (HTML or JSON) of one web process."""
    with ExitStack() as stack:
        redis = stack.enter_context(valkey())
        urls = {"database_url": installation.settings.database_url, "redis_url": _url(redis), "broker_url": _url(redis)}
        processes = stack.enter_context(Processes.running(home, urls))
        ask, target = client(installation, processes)
        addresses_asked = {
            name: path for name, path in addresses(installation).items() if any(word in name for word in words or [""])
        }
        first = {name: ask(path) for name, path in addresses_asked.items()}
        rested, processor = {}, {}
        for name, path in addresses_asked.items():
            before = Processor.now(installation, processes)
            rested[name] = [ask(path) for _ in range(ASKED)]
            after = Processor.now(installation, processes)
            processor[name] = Processor(*((end - start) / ASKED for start, end in zip(before, after, strict=True)))
        processes.celery("reconciler", "reconcile")
        with traffic(target):
            beside = {name: [ask(path) for _ in range(ASKED_BESIDE)] for name, path in addresses_asked.items()}
    return [
        [name, *AddressTimes(first[name], rested[name], beside[name], processor[name]).figures]
        for name in addresses_asked
    ]


def _url(redis: Redis) -> str:
    connection = redis.connection_pool.connection_kwargs
    return f"redis://{connection['host']}:{connection['port']}/0"


def addresses(installation: Installation) -> dict[str, str]:
    first = _first_task(installation)
    with installation.engine.connect() as connection:
        version = tasks.implementations(connection, installation.project.id, first, limit=1)[0].id
    now = datetime.now(UTC)
    since = f"since={now - timedelta(days=DAYS - 1):%Y-%m-%d}"
    days = f"{since}&until={now:%Y-%m-%d}"
    return {
        "tasks, page as it opens": "/",
        "tasks, page of 90 days by cost": f"/?{days}&sort=cost",
        "tasks, page of 90 days by p95": f"/?{days}&sort=p95",
        "a task, page as it opens": f"/tasks/{first}",
        "a task, page of 90 days": f"/tasks/{first}?{days}",
        "tasks, API": "/api/v1/tasks?limit=50",
        "tasks, API, 90 days by cost": f"/api/v1/tasks?limit=50&{since}&sort=cost",
        "usage of a task by day, API": f"/api/v1/tasks/{first}/usage?by=day&{since}",
        "bill of a version, API": f"/api/v1/implementations/{version}/cost?{since}",
        "a version as Jinja2": f"/api/v1/implementations/{version}/export?format=jinja2",
        "calls of a version as JSONL": f"/api/v1/implementations/{version}/dataset?format=jsonl",
    }


def client(installation: Installation, processes: Processes) -> tuple[Callable[[str], float], Target]:
    """(a function that gives the seconds of a GET over one connection, of a page or of JSON with a key; the web process)."""
    with transaction(installation.engine) as connection:
        key = keys.create(connection, installation.project.id).key
    target = processes.serve("app.front:create", key=key, LOCAL_MODE="true")
    connected = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)

    def ask(path: str) -> float:
        start = time.perf_counter()
        connected.request("GET", path, headers={"Authorization": f"Bearer {key}"} if path.startswith("/api") else {})
        answer = connected.getresponse()
        text = answer.read()
        seconds = time.perf_counter() - start
        assert answer.status == 200, text[:300]
        return seconds

    return ask, target


@contextmanager
def traffic(target: Target) -> Iterator[None]:
    """Batches of ten calls of a known template, until the block ends."""
    is_over = threading.Event()

    def send() -> None:
        connected = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
        number = 0
        while not is_over.wait(SENT_EVERY):
            number += 1
            calls = [
                body(number * 10 + sender) | {"path": f"/path/{number % 50}", "input": f"Task {number % 50}: {sender}"}
                for sender in range(10)
            ]
            head = {"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"}
            connected.request("POST", target.path, orjson.dumps({"traces": calls}), head)
            connected.getresponse().read()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _first_task(installation: Installation) -> UUID:
    with installation.engine.connect() as connection:
        task: UUID = tasks.page(connection, installation.project.id, path=None, limit=1, before=None)[0].id
    return task


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.usage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("calls", nargs="?", type=int, default=CALLS)
    parser.add_argument("tasks", nargs="?", type=int, default=TASKS)
    parser.add_argument("--part", choices=["ingest", "pages"])
    parser.add_argument("--only", action="append", metavar="WORD", help="answers whose names hold it")
    parser.add_argument("--hold", type=Path, metavar="FOLDER")
    parser.add_argument("--held", type=Path, metavar="FOLDER")
    return parser.parse_args()


@contextmanager
def held_installation(folder: Path) -> Iterator[Installation]:
    """The installation that another process holds (`--hold`)."""
    settings = Settings(database_url=(folder / "database_url").read_text(), redis_url="redis://127.0.0.1:1/0")
    engine = make_engine(settings)
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, "bench")
    yield Installation(engine, settings, project)
    engine.dispose()


def hold(installation: Installation, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "database_url").write_text(installation.settings.database_url)
    print("Held until Ctrl-C.", flush=True)
    signal.sigwait([signal.SIGINT, signal.SIGTERM])


def filled(installation: Installation, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    fill(installation, arguments.calls, arguments.tasks)
    return [(f"adding up {arguments.calls:,} calls, a backlog all at once", f"{added_up(installation):.0f} s")]


def main() -> None:
    arguments = options()
    with (
        TemporaryDirectory(prefix="promptlode-bench-") as home,
        held_installation(arguments.held) if arguments.held else installed() as installation,
    ):
        rows = [] if arguments.held or arguments.hold or arguments.part == "pages" else ingest(installation)
        rows += [] if arguments.held or arguments.part == "ingest" else filled(installation, arguments)
        if arguments.hold:
            return hold(installation, arguments.hold)
        if rows:
            print(table(("what", "figure"), rows))
        if arguments.part != "ingest":
            print(f"\n{arguments.calls:,} calls of {arguments.tasks} tasks over {DAYS} days; ms.\n")
            print(table(HEAD, pages(installation, Path(home), arguments.only)))


HEAD = (
    "answer",
    "first",
    "p50",
    "p99",
    "p50 beside traffic",
    "p99 beside traffic",
    "processor, web",
    "processor, PostgreSQL",
)


if __name__ == "__main__":
    main()
