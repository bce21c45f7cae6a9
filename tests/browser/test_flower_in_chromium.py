"""Flower's pages, ours among them, as axe-core sees them in a real Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.local.processes import free_port
from app.store import groups, heartbeats, projects
from app.store.engine import transaction
from tests.browser.test_pages_in_chromium import Window
from tests.flows.containers import flower_container

PAGES = ("/grouping", "/workers", "/tasks", "/broker")


@pytest.fixture
def flower(browser: Any, environment: dict[str, str], engine: Engine, tmp_path: Path) -> Iterator[Window]:
    """A window on Flower, of a database with a worker that lives and a group."""
    with transaction(engine) as connection:
        groups.get_or_create(connection, projects.get_or_create(connection, "shop").id, ["/chat"])
        heartbeats.beat(connection, "celery@here:7", "worker")
    port = free_port()
    container = flower_container(environment, tmp_path, port)
    login = {"username": "anna", "password": "secret"}
    with Window(browser, f"http://127.0.0.1:{port}", http_credentials=login) as window:
        yield window
    container.teardown()


def test_pages_of_flower_break_no_rule_of_axe_on_a_desk_and_a_phone(flower: Window) -> None:
    assert {path: flower.faults(path) for path in PAGES} == {path: [] for path in PAGES}
