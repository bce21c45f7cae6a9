"""The real server on a port, and a client of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from promptlode_client import Client, Settings
from sqlalchemy import Engine

from tests.app.api_helpers import client_with, new_key
from tests.client.serving import Serving, standin


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine, "shop")


@pytest.fixture
def server(web: Flask) -> Iterator[Serving]:
    with Serving(web) as serving:
        yield serving


@pytest.fixture
def stored(web: Flask, key: str) -> Callable[[], list[Any]]:
    """All calls of the server in full, oldest first."""
    reader: FlaskClient = client_with(web, key)

    def read() -> list[Any]:
        items = reader.get("/api/v1/traces?limit=200").json["items"]
        return [reader.get(f"/api/v1/traces/{item['id']}").json for item in reversed(items)]

    return read


@pytest.fixture
def client(server: Serving, key: str) -> Iterator[Client]:
    client_ = Client(Settings(url=server.url, api_key=key, flush_seconds=0.01, exit_seconds=1.0))
    yield client_
    client_.close()


@pytest.fixture
def openai_url() -> Iterator[str]:
    with Serving(standin) as serving:
        yield f"{serving.url}/v1"
