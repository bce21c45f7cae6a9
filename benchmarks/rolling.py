"""Rolling releases: how long ingest waits for a migration, and whether the previous release's code runs on today's schema.

    python -m benchmarks.rolling locks [CALLS]        each revision since the first release, on a million stored calls, while calls come in
    python -m benchmarks.rolling release [COMMIT]     old and new processes on today's schema; COMMIT: the last one before the newest revision

A writer inserts a call every few milliseconds while a revision runs. Its waits for locks are read from pg_locks, so other work on
the machine does not count. Exit code 1 when a wait is longer than LOCK_MS, or when a call is refused or not grouped.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import migrations
from app.config import with_driver
from app.local.postgres import PostgresServer
from app.store import migrate
from app.store.ids import new_id
from benchmarks.ingest.load import Target
from benchmarks.ingest.tables import table
from benchmarks.ingest.world import ROOT, World, until, world
from benchmarks.threads import Threads

FIRST_RELEASE = "taking"
LOCK_MS = 200
"""Milliseconds: the longest wait for a lock that docs/operations.md promises."""

LOOK_EVERY = 0.005
CALLS, GROUPED = 1_000_000, 60

ADD = """
INSERT INTO trace (id, project_id, group_id, model, prompt_parts, settings, settings_digest, input, output, seen_at)
SELECT uuidv7(), :project, :group, 'm', ARRAY['', 'Mail number ' || n], '{}', '', '0', '"returns"', clock_timestamp()
  FROM generate_series(1, CAST(:calls AS int)) n
"""

WAITING = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0) FROM pg_locks WHERE NOT granted AND pid = ANY(:writers)"

WRITERS = 2


# --- locks


@contextmanager
def released(calls: int) -> Iterator[str]:
    """A database of the first release's schema with `calls` calls."""
    with tempfile.TemporaryDirectory(prefix="promptlode-bench-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "postgres", durable=False)
        server.start()
        try:
            url = with_driver(server.ensure_database())
            migrate.upgrade(url, FIRST_RELEASE)
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO project (id, name) VALUES (:project, 'p')"), IDS)
                connection.execute(
                    text("INSERT INTO grouping_key (id, project_id, path) VALUES (:group, :project, '/p')"), IDS
                )
            for _ in range(max(1, calls // 100_000)):
                with engine.begin() as connection:
                    connection.execute(text(ADD), IDS | {"calls": min(calls, 100_000)})
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            engine.dispose()
            yield url
        finally:
            server.stop(immediately=True)


IDS = {"project": new_id(), "group": new_id()}


class Writers(Threads):
    """Threads that insert one call after the other, as ingest does. `longest`: the longest seen wait for a lock, in seconds."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._engine = create_engine(url, pool_size=WRITERS + 1)
        self._pids = set[int]()
        self.longest, self.written = 0.0, 0
        for work in [self._write] * WRITERS + [self._watch]:
            self._add(work)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._engine.dispose()

    def _write(self) -> None:
        with self._engine.connect() as connection:
            self._pids.add(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            while not self._over.wait(0.002):
                connection.execute(text(ADD), IDS | {"calls": 1})
                connection.commit()
                self.written += 1

    def _watch(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not self._over.wait(LOOK_EVERY):
                waited = connection.scalar(text(WAITING), {"writers": list(self._pids)})
                self.longest = max(self.longest, float(waited or 0))


def locks(calls: int) -> int:
    scripts = ScriptDirectory(migrations.__path__[0])
    revisions = [script.revision for script in scripts.walk_revisions(FIRST_RELEASE, "head")][::-1][1:]
    rows: list[tuple[str, str, str, int]] = []
    with released(calls) as url:
        for revision in revisions:
            with Writers(url) as writers:
                until(lambda writers=writers: writers.written > WRITERS, 60, "calls come in")  # type: ignore[misc]
                start = time.perf_counter()
                migrate.upgrade(url, revision)
                seconds = time.perf_counter() - start
            rows.append((revision, f"{seconds:.1f}", f"{1000 * writers.longest:.0f}", writers.written))
    print(f"{calls:,} calls.\n")
    print(table(("revision", "seconds in all", "longest wait of ingest, ms", "calls that came meanwhile"), rows))
    return int(any(int(row[2]) > LOCK_MS for row in rows))


# --- the previous release


def before_the_newest() -> str:
    """The parent of the commit that added the newest revision."""
    scripts = ScriptDirectory(migrations.__path__[0])
    head = scripts.get_revision("head")
    assert head is not None
    return git("log", "-1", "--diff-filter=A", "--format=%H~1", "--", head.path)


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="promptlode-release-") as folder:
        tree = Path(folder) / "tree"
        git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


MIXES = {"all old": ("old", "old", "old"), "old web": ("old", "new", "new"), "old worker": ("new", "old", "new"), "old reconciler": ("new", "new", "old")}  # fmt: skip


def release(commit: str) -> int:
    """Tries each mix of old and new processes on a database of its own, at today's schema."""
    rows = []
    with checked_out(commit) as tree:
        for mix, (web, worker, reconciler) in MIXES.items():
            roots = {"old": tree, "new": ROOT}
            with world() as measured_world:
                target = measured_world.serve("app.front:create", root=roots[web])
                measured_world.celery(
                    "worker", "worker", "--concurrency=1", "--without-mingle", "--without-gossip", root=roots[worker]
                )
                measured_world.celery("reconciler", "reconcile", root=roots[reconciler])
                rows.append((mix, *grouped(measured_world, target)))
    print(f"The code of {git('show', '-s', '--format=%h', commit)}, on today's schema.\n")
    print(table(("processes", "calls accepted", "grouped", "owed", "refused", "failed runs"), rows))
    return int(any(row[1:] != (GROUPED, GROUPED, 0, 0, 0) for row in rows))


def grouped(measured_world: World, target: Target) -> tuple[int, int, int, int, int]:
    """Sends calls of two templates, singly and as a batch; then again, when the templates are known."""
    accepted = refused = 0
    numbers = itertools.count()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {target.key}"
        for _ in range(2):
            single = [call(next(numbers)) for _ in range(GROUPED // 4)]
            batch = {"traces": [call(next(numbers)) for _ in range(GROUPED // 4)]}
            answers = [session.post(url_of(target), json=single_call) for single_call in single]
            several = session.post(url_of(target), json=batch)
            statuses = [answer.status_code for answer in answers] + [row["status"] for row in several.json()["results"]]
            accepted += statuses.count(201)
            refused += len(statuses) - statuses.count(201)
            until(lambda: measured_world.owed() == 0, 120, "everything is read")
    of_template = measured_world.number("SELECT count(*) FROM trace WHERE implementation_id IS NOT NULL")
    failed = measured_world.number("SELECT count(*) FROM grouping_run WHERE outcome = 'failed'")
    return accepted, of_template, measured_world.owed(), refused, failed


def url_of(target: Target) -> str:
    return f"http://127.0.0.1:{target.port}{target.path}"


def call(number: int) -> dict[str, Any]:
    words = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove")
    value = f"{words[number % 7]} {number}"
    text = (
        f"Translate into French: {value}"
        if number % 2
        else f"You sort mails of a shop.\nMail: {value}\nAnswer with one word."
    )
    return {"model": "gpt-5-mini", "path": f"/rolling/{number % 2}", "input": text, "output": "x"}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rolling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["locks", "release"])
    parser.add_argument("of", nargs="?", help="calls, or the commit")
    options = parser.parse_args()
    return locks(int(options.of or CALLS)) if options.what == "locks" else release(options.of or before_the_newest())


if __name__ == "__main__":
    sys.exit(main())
