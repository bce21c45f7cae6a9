"""`promptlode process NAME`: one process of the Procfile, from the installed package, for images and service managers."""

import os
import sys
from pathlib import Path

import rich_click as click

import app
from app.front.command import CELERY, web_command

ROOT = Path(app.__file__).parent.parent
"""The folder of the package, where Celery finds its configuration."""


def commands(environment: dict[str, str]) -> dict[str, list[str]]:
    """The command of each process, as in the Procfile; `release` without alembic.ini, which no package has."""
    port, flower_port = environment.get("PORT") or "8000", environment.get("FLOWER_PORT") or "5555"
    return {
        "release": [sys.executable, "-m", "app.cli", "migrate"],
        "web": web_command("::", port, "app.front:create"),
        "worker": [*CELERY, "worker", "--concurrency=1", "-E"],
        "reconciler": [*CELERY, "reconcile"],
        "flower": [*CELERY, "flower", "--conf=flowerconfig.py", "--address=127.0.0.1", f"--port={flower_port}"],
    }


@click.command()
@click.argument("name", type=click.Choice(["release", "web", "worker", "reconciler", "flower"]))
def process(name: str) -> None:
    """Become one process of the Procfile: release brings the database to this version, then start the others."""
    os.chdir(ROOT)
    command = commands(dict(os.environ))[name]
    os.execv(command[0], command)  # noqa: S606 - a process manager wants its signals to reach the process itself


@click.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    from app.cli.context import settings_of_command
    from app.store import migrate as schema

    schema.upgrade(settings_of_command().require("database_url").database_url)
