"""The Procfile as a platform runs it: release first, then the processes with PORT from outside, SIGTERM at the end."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil

import app
from app.local.postgres import PostgresServer
from app.local.processes import free_port, is_over, wait_until
from app.local.valkey import ValkeyServer
from tests.flows.containers import tied

ROOT = Path(app.__file__).parent.parent
PATIENCE = 180
"""Seconds. Heroku kills what has not ended after 30, which a machine that is not busy keeps with ease."""


def test_the_procfile_runs_under_honcho_and_ends_at_sigterm_in_time(
    postgres_server: PostgresServer, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": postgres_server.ensure_database("procfile"),
        "REDIS_URL": valkey_server.url(1),
        "PORT": str(port),
        "FLOWER_PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    honcho = [sys.executable, "-m", "honcho"]
    subprocess.run([*honcho, "run", "alembic", "upgrade", "head"], cwd=ROOT, env=environment, check=True, timeout=300)
    log = (tmp_path / "honcho.log").open("w+")
    with (
        log,
        subprocess.Popen(
            tied("SIGTERM", [*honcho, "start", "web", "worker", "reconciler", "flower"]),
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        ) as running,
    ):
        try:
            wait_until(
                lambda: answers(port, "/readyz"), PATIENCE, lambda: Path(log.name).read_text()[-4000:], pause=0.2
            )
            family = psutil.Process(running.pid).children(recursive=True)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(PATIENCE)
    wait_until(lambda: all(map(is_over, family)), PATIENCE, lambda: f"still there: {family}")


def answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60):
            return True
    except (urllib.error.URLError, OSError):
        return False
