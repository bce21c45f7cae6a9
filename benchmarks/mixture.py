"""The cost of one project's requests for another project: the lag alone, beside each kind of request, and beside all kinds.

    python -m benchmarks.mixture [--seconds 30] [WORD ...]     exit code 1 when lag p99 is more than BOUND times the lag p99 alone

Each line has its own servers, web process (with the rates of production), worker and reconciler. A little project sends a call of a new
path every SENT_EVERY seconds. Lag: from the storing of a call to the end of the run that reads it; a call that is unread at the end
counts with its waiting time until then. `benchmarks/fairness.py` simulates longer floods.
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from sqlalchemy import text

from app.store.engine import transaction
from benchmarks.chaos.audit import quantile
from benchmarks.ingest.load import Target
from benchmarks.ingest.tables import table
from benchmarks.ingest.world import World, until, world
from benchmarks.threads import Threads

BOUND = 3.0
SENT_EVERY = 0.3
CONNECTIONS = 4
"""Connections of the flooding project, per kind of request."""

RATES = {"RATE_ADDRESS": "2000", "RATE_INGEST": "1000", "RATE_TRACES": "10000", "RATE_READ": "100"}
"""The rates of production, since rates are a part of the isolation of projects."""

LAGS = """
SELECT extract(epoch FROM coalesce(run.finished_at, clock_timestamp()) - trace.created_at)
  FROM trace JOIN project ON project.id = trace.project_id LEFT JOIN grouping_run run ON run.id = trace.considered_run_id
 WHERE project.name = 'little' AND trace.created_at > to_timestamp(:since)
"""

Send = Callable[[requests.Session, int], requests.Response]


def call(path: str, number: int) -> dict[str, Any]:
    words = " ".join(str(number * factor % 97) for factor in range(3, 40))
    return {"model": "gpt-5-mini", "path": path, "user_id": f"u{number % 50}", "input": f"{words} {number}"}


@dataclass(frozen=True)
class Flood:
    """The kinds of request of the flooding project, by name. Each request has a number of its own."""

    url: str

    def post(self, session: requests.Session, number: int) -> requests.Response:
        """A call of a new path."""
        return session.post(f"{self.url}/api/v1/traces", json=call(f"/new/{number}", number))

    def regroup(self, session: requests.Session, number: int) -> requests.Response:
        return session.post(f"{self.url}/api/v1/groups/regroup", json={"path": f"/old/{number % 60}", "all": True})

    def bring_in(self, session: requests.Session, number: int) -> requests.Response:
        """A thousand calls of sixty paths, as `promptlode import` sends them."""
        calls = [call(f"/old/{place % 60}", number * 1000 + place) for place in range(1000)]
        return session.post(f"{self.url}/api/v1/traces", json={"traces": calls})

    def delete(self, session: requests.Session, number: int) -> requests.Response:
        return session.post(f"{self.url}/api/v1/deletions", json={"user_id": f"u{number % 50}"})

    def read(self, session: requests.Session, number: int) -> requests.Response:
        """Lists, with the parameters of pages and tools."""
        lists = (
            "tasks?limit=50&sort=cost",
            "traces?limit=200",
            "traces?limit=200&ungrouped=true",
            "changes",
            "usage?by=hour",
        )
        return session.get(f"{self.url}/api/v1/{lists[number % len(lists)]}")


KINDS = {"POST": "post", "regroup": "regroup", "import": "bring_in", "deletion": "delete", "reads": "read"}


@dataclass(frozen=True)
class Line:
    """A line of the table: the kinds of request, the little project's lags in seconds, the flood's answers by status."""

    beside: str
    lags: list[float]
    answers: Counter[str]

    @property
    def p99(self) -> float:
        return quantile(self.lags, 0.99)


class Beside(Threads):
    """Threads that send the flood's requests until the block ends."""

    def __init__(self, target: Target, key: str, kinds: list[str]) -> None:
        super().__init__()
        self._key, self._numbers = key, itertools.count()
        self.answers: Counter[str] = Counter()
        flood = Flood(f"http://127.0.0.1:{target.port}")
        senders = [(kind, getattr(flood, KINDS[kind])) for kind in kinds for _ in range(CONNECTIONS)]
        for kind, send in senders:
            self._add(self._send, kind, send)

    def _send(self, kind: str, send: Send) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self._key}"
            while not self._over.is_set():
                status = send(session, next(self._numbers)).status_code
                self.answers[f"{kind} {status}"] += 1
                self._over.wait(1.0 if status in (429, 503) else 0)  # Retry-After says one second


def measured(kinds: list[str], seconds: float) -> Line:
    """A line of the table, measured on servers of its own."""
    with world() as measured_world:
        target = measured_world.serve("app.front:create", **RATES)
        measured_world.celery("worker", "worker", "--concurrency=1", "--without-mingle", "--without-gossip")
        measured_world.celery("reconciler", "reconcile")
        flood = measured_world.new_key("flood", ("ingest", "read", "admin"))
        stock(target, flood)
        until(lambda: measured_world.owed() == 0, 180, "the worker reads what is there at first")
        with Beside(target, flood, kinds) as beside:
            since = measured_world.number("SELECT extract(epoch FROM clock_timestamp())::bigint")
            send_little(target, measured_world.new_key("little"), seconds)
            time.sleep(5)  # the last calls wait at most this long when no flood runs
            return Line(" + ".join(kinds) or "nothing", lags(measured_world, since), Counter(beside.answers))


def stock(target: Target, key: str) -> None:
    """Stores calls, so that the flood can regroup, delete and read."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        for number in range(3):
            Flood(f"http://127.0.0.1:{target.port}").bring_in(session, number).raise_for_status()


def send_little(target: Target, key: str, seconds: float) -> None:
    started_at = time.monotonic()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        for number in range(int(seconds / SENT_EVERY)):
            time.sleep(max(0.0, started_at + number * SENT_EVERY - time.monotonic()))
            url = f"http://127.0.0.1:{target.port}/api/v1/traces"
            session.post(url, json=call(f"/little/{number}", number)).raise_for_status()


def lags(measured_world: World, since: int) -> list[float]:
    with transaction(measured_world.engine) as connection:
        return [float(seconds) for seconds in connection.scalars(text(LAGS), {"since": since})]


def lines(words: list[str], seconds: float) -> Iterator[Line]:
    """The line without a flood, then a line per word; without words, a line per kind and one for all kinds."""
    words_of_kind = {kind: [kind] for kind in KINDS} | {"all": list(KINDS)}
    combinations: list[list[str]] = [[], *(words_of_kind[word] for word in words or words_of_kind)]
    for kinds in combinations:
        yield measured(kinds, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mixture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS, "all"], metavar="WORD")
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    baseline, *further_lines = measured_lines = list(lines(options.kinds, options.seconds))
    head = ("beside", "calls", "lag p50", "lag p99", "x alone", "the flood was answered")
    rows = [
        (
            line.beside,
            len(line.lags),
            f"{quantile(line.lags, 0.5):.2f} s",
            f"{line.p99:.2f} s",
            f"{line.p99 / baseline.p99:.2f}",
            ", ".join(f"{count:,} {status}" for status, count in sorted(line.answers.items())),
        )
        for line in measured_lines
    ]
    print(table(head, rows))
    return int(any(line.p99 > BOUND * baseline.p99 for line in further_lines))


if __name__ == "__main__":
    sys.exit(main())
