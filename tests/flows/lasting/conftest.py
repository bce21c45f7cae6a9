"""One Valkey, one worker and one reconciler for all tests of a module that imports these fixtures.

A test that ends one of these restarts it, or is the last test of its module.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from pytest_celery import CeleryTestBroker, CeleryTestWorker, RedisTestBroker
from sqlalchemy import Engine

from app.config import with_driver
from app.http.services import EXTENSION
from app.local.valkey import ValkeyServer
from app.store.engine import make_engine
from app.web import create_app
from tests.conftest import empty
from tests.flows.conftest import Shop, assert_no_immortal_key, settings_of, shop_of
from tests.flows.containers import (
    BrokerContainer,
    ProcessContainer,
    quick_environment,
    reconciler_started,
    worker_started,
)


@pytest.fixture(scope="module")
def valkey(servers_dir: Path, request: pytest.FixtureRequest) -> Iterator[ValkeyServer]:
    server = ValkeyServer(servers_dir / f"valkey-of-{request.path.stem}")
    server.start()
    yield server
    assert_no_immortal_key(server)
    server.stop()


@pytest.fixture(scope="module")
def flow_environment(session_database: str, valkey: ValkeyServer) -> Iterator[dict[str, str]]:
    yield quick_environment(with_driver(session_database), valkey.url())
    empty(session_database)


@pytest.fixture(scope="module")
def web_and_engine(flow_environment: dict[str, str]) -> Iterator[tuple[Flask, Engine]]:
    """The application and the connections of all shops of a module."""
    settings = settings_of(flow_environment)
    web, engine = create_app(settings), make_engine(settings)
    yield web, engine
    engine.dispose()
    web.extensions[EXTENSION].engine.dispose()


@pytest.fixture
def shop(web_and_engine: tuple[Flask, Engine]) -> Shop:
    return shop_of(*web_and_engine)


@pytest.fixture(scope="module")
def celery_broker(valkey: ValkeyServer) -> CeleryTestBroker:
    return RedisTestBroker(BrokerContainer("valkey", valkey, valkey.url()))


@pytest.fixture(scope="module")
def processes(
    flow_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ProcessContainer, ProcessContainer]]:
    """The worker and the reconciler, started at the same time."""
    folder = tmp_path_factory.mktemp("logs")
    containers = worker_started(flow_environment, folder), reconciler_started(flow_environment, folder)
    try:
        for container in containers:
            container.ready()
        yield containers
    finally:
        for container in containers:
            container.teardown()


@pytest.fixture(scope="module")
def celery_worker(processes: tuple[ProcessContainer, ProcessContainer]) -> CeleryTestWorker:
    return CeleryTestWorker(processes[0], app=None)


@pytest.fixture(scope="module")
def reconciler(processes: tuple[ProcessContainer, ProcessContainer]) -> ProcessContainer:
    return processes[1]
