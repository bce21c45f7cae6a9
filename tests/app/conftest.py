"""The API on a real PostgreSQL and a real Valkey."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.config import Settings, with_driver
from app.store import projects
from app.store.engine import make_engine, transaction
from app.store.projects import Project
from tests.app.api_helpers import client_with, new_key
from tests.app.cli_helpers import Cli
from tests.app.grouping_world import World


@pytest.fixture
def untouched_engine(settings: Settings, untouched_database: str) -> Iterator[Engine]:
    """An engine on a database in which no test writes, for plans of queries."""
    engine = make_engine(settings.model_copy(update={"database_url": with_driver(untouched_database)}))
    yield engine
    engine.dispose()


@pytest.fixture
def project(engine: Engine) -> Project:
    with transaction(engine) as connection:
        return projects.get_or_create(connection, "shop")


@pytest.fixture
def client(web: Flask, engine: Engine, project: Project) -> FlaskClient:
    """A client of the project `shop` that may ingest and read."""
    return client_with(web, new_key(engine, project.name))


@pytest.fixture
def other_client(web: Flask, engine: Engine) -> FlaskClient:
    """A client of another project."""
    return client_with(web, new_key(engine, "another"))


@pytest.fixture
def admin(web: Flask, engine: Engine) -> FlaskClient:
    """A client of the project `shop` with all scopes, which sees all projects' pipeline."""
    return client_with(web, new_key(engine, "shop", "admin", "operator"))


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def cli(environment: dict[str, str]) -> Cli:
    return Cli(environment)
