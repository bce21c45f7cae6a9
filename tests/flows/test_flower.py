"""The Grouping tab and our metrics in the real Flower, which needs no worker to be right."""

from pathlib import Path

import pytest
import requests

from app.local.processes import free_port
from app.store import heartbeats
from app.store.engine import transaction
from tests.flows.conftest import Shop
from tests.flows.containers import flower_container


@pytest.fixture
def flower(shop: Shop, flow_environment: dict[str, str], tmp_path: Path):  # type: ignore[no-untyped-def]
    port = free_port()
    container = flower_container(flow_environment, tmp_path, port)
    with requests.Session() as session:
        session.auth = ("anna", "secret")
        yield lambda path, **options: session.get(f"http://127.0.0.1:{port}{path}", timeout=10, **options)
    container.teardown()


def test_flower_shows_the_pipeline_although_no_worker_is_alive(flower, shop: Shop) -> None:  # type: ignore[no-untyped-def]
    shop.send("/chat", "oak", "pine")
    page = flower("/grouping").text
    assert "<th>Owed traces</th><td>2</td>" in page
    assert "<th>Requests</th><td>2</td>" in page
    assert "No worker is alive" in page

    with transaction(shop.engine) as connection:
        heartbeats.beat(connection, "celery@here", "worker")
    assert "No worker is alive" not in flower("/grouping").text

    assert ">Grouping</a>" in flower("/workers").text
    metrics = flower("/metrics").text
    assert "promptlode_owed 2.0" in metrics
    assert "flower_" in metrics
    assert flower("/grouping", auth=("anna", "wrong")).status_code == 401
