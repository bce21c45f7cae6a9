"""Real workers, a real reconciler, a real broker: pytest-celery with processes instead of containers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from pytest_celery import CeleryTestBroker, CeleryTestWorker, RedisTestBroker
from sqlalchemy import Engine, text

from app.config import Settings
from app.http.services import EXTENSION
from app.local.valkey import ValkeyServer
from app.store import keys, projects
from app.store.engine import make_engine, transaction
from app.web import create_app
from tests.conftest import immortal_keys
from tests.flows.containers import (
    BrokerContainer,
    ProcessContainer,
    quick_environment,
    reconciler_container,
    wait_until,
    worker_container,
)

PROJECT = "shop"


@pytest.fixture
def flow_environment(database_url: str, own_valkey: ValkeyServer) -> dict[str, str]:
    return quick_environment(database_url, own_valkey.url())


@pytest.fixture
def settings(flow_environment: dict[str, str]) -> Settings:
    return settings_of(flow_environment)


def settings_of(flow_environment: dict[str, str]) -> Settings:
    known = {name: flow_environment.get(name.upper()) for name in Settings.model_fields}
    return Settings(**{name: value for name, value in known.items() if value is not None})


# pytest-celery: its fixtures, with our processes behind them. A test that breaks nothing shares them (test_calm_flows.py).


@pytest.fixture
def celery_broker(own_valkey: ValkeyServer) -> Iterator[CeleryTestBroker]:
    yield RedisTestBroker(BrokerContainer("valkey", own_valkey, own_valkey.url()))
    assert_no_immortal_key(own_valkey)


@pytest.fixture
def celery_worker(
    celery_broker: CeleryTestBroker, flow_environment: dict, tmp_path: Path
) -> Iterator[CeleryTestWorker]:
    worker = CeleryTestWorker(worker_container(flow_environment, tmp_path), app=None)
    yield worker
    worker.teardown()


@pytest.fixture
def reconciler(celery_broker: CeleryTestBroker, flow_environment: dict, tmp_path: Path) -> Iterator[ProcessContainer]:
    container = reconciler_container(flow_environment, tmp_path)
    yield container
    container.teardown()


def assert_no_immortal_key(valkey: ValkeyServer) -> None:
    if valkey.is_running:
        with redis.Redis.from_url(valkey.url(), decode_responses=True) as client:
            assert immortal_keys(client) == []


# The team of a test


@dataclass
class Shop:
    """A team with one project: it sends traces and reads their grouping."""

    client: FlaskClient
    engine: Engine

    def send(self, path: str, *words: str) -> list[str]:
        """Sends one call per word, all of one template. Returns the API's answer about grouping."""
        return [self.send_prompt(path, prompt_about(word)) for word in words]

    def send_prompt(self, path: str, prompt: str) -> str:
        body = {"model": "gpt-5-mini", "path": path, "messages": [{"role": "user", "content": prompt}]}
        answer = self.client.post("/api/v1/traces", json=body)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return answer.json["grouping"]

    def send_batch(self, path: str, *words: str) -> None:
        traces = [
            {"model": "gpt-5-mini", "path": path, "messages": [{"role": "user", "content": prompt_about(word)}]}
            for word in words
        ]
        assert self.client.post("/api/v1/traces", json={"traces": traces}).status_code == 207

    def number(self, query: str, **values: Any) -> int:
        with transaction(self.engine) as connection:
            return int(connection.scalar(text(query), values) or 0)

    def owed(self, path: str) -> int:
        return self.number(
            "SELECT count(*) FROM trace t JOIN grouping_key g ON g.id = t.group_id WHERE g.path = :path"
            " AND t.implementation_id IS NULL AND t.considered_run_id IS NULL",
            path=path,
        )

    def grouped(self, path: str) -> int:
        return self.number(
            "SELECT count(*) FROM trace t JOIN grouping_key g ON g.id = t.group_id"
            " WHERE g.path = :path AND t.implementation_id IS NOT NULL",
            path=path,
        )

    def runs(self, path: str, *outcomes: str) -> int:
        return self.number(
            "SELECT count(*) FROM grouping_run r JOIN grouping_key g ON g.id = r.group_id"
            " WHERE g.path = :path AND r.outcome = ANY(:outcomes)",
            path=path,
            outcomes=list(outcomes or ("committed", "empty", "fenced", "failed", "stopped", "running")),
        )

    def tasks(self, path: str) -> list[dict]:
        return self.client.get("/api/v1/tasks", query_string={"path": path}).json["items"]

    def wait_until_grouped(self, path: str, calls: int, seconds: float = 180) -> None:
        wait_until(lambda: self.grouped(path) == calls, seconds, f"{calls} calls of {path} grouped")

    def run_is_held(self, path: str) -> AbstractContextManager[None]:
        """In the block a run of the path has read its window and cannot save: the run waits for a lock of this test."""
        return _held(self, path)

    @contextmanager
    def no_run_begins(self) -> Iterator[None]:
        """In the block no run can read its window, however long the test takes."""
        with self.engine.connect() as connection:
            connection.execute(text("LOCK TABLE grouping_run IN SHARE MODE"))
            yield
            connection.rollback()


def prompt_about(word: str) -> str:
    return f"Translate the following word into French and answer with nothing else.\n\nWord: {word}\nAnswer:"


@contextmanager
def _held(shop: Shop, path: str) -> Iterator[None]:
    before = shop.runs(path)
    with shop.engine.connect() as connection:
        connection.execute(text("LOCK TABLE task IN SHARE MODE"))  # a run can read tasks, and not add one
        shop.send_batch(path, "ash", "birch", "cedar")  # in one request, so that the first run reads all
        wait_until(lambda: shop.runs(path, "running") and shop.runs(path) > before, event="a run has begun")
        yield
        connection.rollback()


@pytest.fixture
def shop(settings: Settings) -> Iterator[Shop]:
    web = create_app(settings)
    engine = make_engine(settings)
    yield shop_of(web, engine)
    engine.dispose()
    web.extensions[EXTENSION].engine.dispose()


def shop_of(web: Flask, engine: Engine) -> Shop:
    """The project with a new key."""
    with transaction(engine) as connection:
        project = projects.get_or_create(connection, PROJECT)
        key = keys.create(connection, project.id).key
    client = web.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return Shop(client, engine)
