"""A real headless Chromium on the real pages, with stored calls.

Chromium is Debian's (`apt-get install chromium`), Google's or the program that CHROMIUM names. Without one these tests are skipped with a
message.
"""

import asyncio
import gzip
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.serving import make_server

from app.config import Settings, with_driver
from app.http.services import EXTENSION
from app.local.postgres import PostgresServer
from app.store import projects, rollup
from app.store.engine import make_engine, transaction
from app.store.projects import Project
from app.web import create_app
from tests.app.api_helpers import client_with, know, new_key

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
AXE = gzip.decompress((Path(__file__).parent / "axe.min.js.gz").read_bytes()).decode()
"""axe-core 4.14.1 (Deque, MPL-2.0), from npm."""

NOW = datetime.now(UTC)
SYSTEM = (
    "Sort the mail of {{shop}} into billing, returns or other.\n\nThe plan of the customer is {{plan}}.\n\n"
    + "A rule of the shop. " * 40
)


def chromium() -> str | None:
    candidates = (os.environ.get("CHROMIUM"), *map(shutil.which, NAMES))
    return next((path for path in candidates if path), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for one module: Playwright's event loop runs in this thread while it is started, so no other test could await."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: uv pip install playwright"
    )
    path = chromium()
    if path is None:
        pytest.skip("NO BROWSER: the pages are not tested. Install one: apt-get install chromium, or set CHROMIUM")
    with playwright.sync_playwright() as started:
        # Chromium has no sandbox of its own as root in a container.
        opened = started.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-software-rasterizer"],
        )
        yield opened
        opened.close()
    assert asyncio._get_running_loop() is None


@pytest.fixture(scope="module")
def site(postgres_server: PostgresServer, migrated_template: str, redis_url: str) -> Iterator["Site"]:
    """Pages with calls for all tests of a module that only look."""
    yield from _served(with_driver(postgres_server.ensure_database("looked_at", template=migrated_template)), redis_url)


@pytest.fixture
def own_site(environment: dict[str, str]) -> Iterator["Site"]:
    """Pages with calls for a test that changes something."""
    yield from _served(environment["DATABASE_URL"], environment["REDIS_URL"])


def _served(database_url: str, redis_url: str) -> Iterator["Site"]:
    """The web process in local mode on a free port, with calls of two tasks over three days."""
    settings = Settings(database_url=database_url, redis_url=redis_url, local_mode=True)
    app, engine = create_app(settings), make_engine(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, "shop")
    client = client_with(app, new_key(engine, "shop", "admin"))
    yield Site(f"http://127.0.0.1:{server.port}", engine, project, client).filled()
    server.shutdown()
    serving.join()
    server.server_close()
    engine.dispose()
    app.extensions[EXTENSION].engine.dispose()


@dataclass
class Site:
    """The address of the pages and the ids of the stored tasks and calls."""

    url: str
    engine: Engine
    project: Project
    client: FlaskClient
    ids: dict[str, Any] = field(default_factory=dict)

    def filled(self) -> "Site":
        self.ids["task"] = str(know(self.engine, self.project, "/mail", SYSTEM, "Mail: {{mail}}"))
        know(self.engine, self.project, "/<script>alert(1)</script>", "", "Say {{word}} twice & <b>loud</b>.")
        self.send([_mail(number) for number in range(48)])
        hostile = {
            "path": "/<script>alert(1)</script>",
            "model": '"><img src=x onerror=alert(1)>',
            "usage": {"input_tokens": 9},
        }
        self.send([hostile | {"input": f"Say </svg>{number} twice & <b>loud</b>."} for number in range(3)])
        away = _mail(1) | {"instructions": _mail(1)["instructions"].replace("returns or", "returns and")}
        self.ids["ungrouped"] = self.send([away])[0]
        self.ids["call"] = self.send([_mail(50) | {"conversation_id": "c1"}, _mail(51) | {"conversation_id": "c1"}])[0]
        return self

    def send(self, bodies: list[dict[str, Any]]) -> list[str]:
        answer = self.client.post("/api/v1/traces", json={"traces": bodies}).json
        with transaction(self.engine) as connection:
            rollup.add_up(connection)
        return [result["id"] for result in answer["results"]]


def _mail(number: int) -> dict[str, Any]:
    began = NOW - timedelta(hours=number * 1.5)
    plan = ("free", "free", "trade")[number % 3]
    body = {
        "model": "gpt-5" if number < 24 else "gpt-4o",
        "path": "/mail",
        "instructions": SYSTEM.replace("{{shop}}", "Fernhill").replace("{{plan}}", plan),
        "input": f"Mail: where is order {number}?",
        "output": "returns",
        "user_id": f"user {number % 4}",
        "usage": {"input_tokens": 1900 + number, "output_tokens": 40, "cached_tokens": 0},
        "started_at": began.isoformat(),
        "completed_at": (began + timedelta(seconds=1 + number % 5)).isoformat(),
    }
    return body | ({"error": "overloaded"} if number % 16 == 5 else {})
