"""The four processes of Promptlode as commands: the same as in the Procfile, with local addresses."""

import sys
from pathlib import Path

import app
from app.front.command import web_command
from app.local.supervision import Program

HOST = "127.0.0.1"
ROOT = Path(app.__file__).parent.parent
"""Where `celery -A tasks` is run: celeryconfig.py and flowerconfig.py are here."""


def programs(port: int, flower_port: int) -> list[Program]:
    """Web, worker, reconciler and Flower; the rest they take from the environment."""
    return [
        _web(port),
        _celery("worker", "worker", "--concurrency=1", "-E"),
        _celery("reconciler", "reconcile"),
        _celery("flower", "flower", "--conf=flowerconfig.py", f"--address={HOST}", f"--port={flower_port}"),
    ]


def _web(port: int) -> Program:
    """One worker process: the machine is a laptop, and the embedded PostgreSQL wants the other core."""
    return Program("web", web_command(HOST, str(port), "app.local.web:create"), ROOT)


def _celery(name: str, *command: str) -> Program:
    return Program(name, [sys.executable, "-m", "celery", "-A", "tasks", *command], ROOT)
