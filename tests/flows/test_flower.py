"""The Grouping tab and our metrics in the real Flower; neither needs a worker."""

import re
from pathlib import Path

import pytest
import requests

from app.local.processes import free_port
from app.store import heartbeats
from app.store.engine import transaction
from tests.flows.conftest import Shop
from tests.flows.containers import ROOT, flower_container


@pytest.fixture
def flower(shop: Shop, flow_environment: dict[str, str], tmp_path: Path):  # type: ignore[no-untyped-def]
    port = free_port()
    container = flower_container(flow_environment, tmp_path, port)
    with requests.Session() as session:
        session.auth = ("anna", "secret")
        yield lambda path, **options: session.get(f"http://127.0.0.1:{port}{path}", timeout=60, **options)
    container.teardown()


def test_flower_shows_the_pipeline_although_no_worker_is_alive(flower, shop: Shop) -> None:  # type: ignore[no-untyped-def]
    shop.send("/chat", "oak", "pine")
    page = flower("/grouping").text
    assert "<th>owed</th><td>2</td><td>calls that no run has read" in page
    assert "<th>requests</th><td>2</td>" in page
    assert "No worker is alive" in page

    with transaction(shop.engine) as connection:
        heartbeats.beat(connection, "celery@here", "worker")
    assert "No worker is alive" not in flower("/grouping").text

    assert ">Grouping</a>" in flower("/workers").text
    metrics = flower("/metrics").text
    assert "promptlode_owed 2.0" in metrics
    assert "flower_" in metrics
    assert flower("/grouping", auth=("anna", "wrong")).status_code == 401
    assert_is_guarded(flower)


OPEN = {"/healthcheck", "/logout", "/metrics"}
"""The pages that Flower shows without a login, besides assets under /static/; docs/security.md names the same."""


def assert_is_guarded(flower) -> None:  # type: ignore[no-untyped-def]
    """Without a login only the documented paths are open; with a login, no path changes anything."""
    from flower.urls import handlers

    patterns = {(getattr(handler, "regex", None) and handler.regex.pattern) or handler[0] for handler in handlers}
    paths = {re.sub(r"/\?|\$$|\(.*\)", "", path) if path != "/" else path for path in patterns} - {"", ".*"}
    statuses = {
        path: flower(path, auth=("anna", "wrong")).status_code for path in paths if not path.startswith("/static")
    }
    assert len(statuses) > 20
    assert {path for path, status in statuses.items() if status == 200} == OPEN
    for path in ("/api/worker/shutdown/x", "/api/worker/pool/grow/x", "/api/task/revoke/x"):
        address = flower("/workers").url.removesuffix("/workers") + path
        assert requests.post(address, auth=("anna", "secret"), timeout=60).status_code == 403


def test_the_document_names_what_flower_shows_without_a_login() -> None:
    document = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert {path for path in OPEN | {"/static/"} if f"`{path}" not in document} == set()
