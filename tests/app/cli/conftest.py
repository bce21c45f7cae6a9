"""Fixtures of the tests of commands."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.serving import make_server

from app.config import Settings
from app.store.projects import Project
from benchmarks.installation import Installation
from tests.app.api_helpers import new_key
from tests.app.cli_helpers import Cli
from tests.app.grouping_world import triage, triage_edited


@pytest.fixture
def url(web: Flask) -> Iterator[str]:
    """The address of a listening web process."""
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def remote(cli: Cli, url: str, engine: Engine, project: Project, tmp_path: Path) -> Cli:
    """Commands of a user who has the address and a key, but no server."""
    hidden = {"DATABASE_URL": None, "REDIS_URL": None, "PROMPTLODE_DATA_DIR": str(tmp_path)}
    cli.environment |= hidden | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PROMPTLODE_URL": url}
    cli.environment["PROMPTLODE_API_KEY"] = new_key(engine, project.name)
    return cli


@pytest.fixture
def grouped(remote: Cli, engine: Engine, settings: Settings, project: Project) -> Cli:
    """A task with two versions."""
    installation = Installation(engine, settings, project)
    for make in (triage, triage_edited):
        calls = [
            {"model": "gpt-5", "path": "/mail", "instructions": "You sort the mail.", "input": make(n)}
            for n in range(12)
        ]
        installation.take(calls)
        installation.work()
    return remote
