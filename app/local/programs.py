"""The four processes of Promptlode as commands: the same as in the Procfile, with local addresses."""

from pathlib import Path

import app
from app.front.command import CELERY, web_command
from app.local.supervision import Program

HOST = "127.0.0.1"
ROOT = Path(app.__file__).parent.parent
"""The folder in which `celery -A tasks` runs, with celeryconfig.py and flowerconfig.py."""


def programs(port: int, flower_port: int) -> list[Program]:
    """Web, worker, reconciler and Flower; their other settings come from the environment."""
    return [
        _web(port),
        _celery("worker", "worker", "--concurrency=1", "-E"),
        _celery("reconciler", "reconcile"),
        _celery("flower", "flower", "--conf=flowerconfig.py", f"--address={HOST}", f"--port={flower_port}"),
    ]


def _web(port: int) -> Program:
    """One worker process: the machine is a laptop, and the embedded PostgreSQL needs the other core."""
    return Program("web", web_command(HOST, str(port), "app.local.web:create"), ROOT)


def _celery(name: str, *command: str) -> Program:
    return Program(name, [*CELERY, *command], ROOT)
