"""PostgreSQL or Redis is gone: callers get a clear answer, and the service comes back without a restart of ours."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.config import Settings, with_driver
from app.http.services import EXTENSION
from app.intake import record as ingest
from app.local.postgres import PostgresServer
from app.local.valkey import ValkeyServer
from app.store.engine import make_engine
from app.web import create_app
from tasks.connections import PRODUCER_TIMEOUT
from tests.app.api_helpers import assert_problem, client_with, new_key, stored, wait_for

URL = "/api/v1/traces"
BODY = {"model": "m", "path": "/p", "input": "Hi"}


@pytest.fixture
def own_engine(own_postgres: PostgresServer, redis_url: str) -> Iterator[Engine]:
    engine = make_engine(Settings(database_url=with_driver(own_postgres.url()), redis_url=redis_url))
    yield engine
    engine.dispose()


@pytest.fixture
def fragile(own_postgres: PostgresServer, redis_url: str) -> Iterator[Flask]:
    """A web process whose PostgreSQL a test may kill."""
    app = create_app(Settings(database_url=with_driver(own_postgres.url()), redis_url=redis_url))
    yield app
    app.extensions[EXTENSION].engine.dispose()


def test_while_postgresql_is_down_callers_are_told_to_come_back_and_then_served(
    fragile: Flask, own_engine: Engine, own_postgres: PostgresServer
) -> None:
    client = client_with(fragile, new_key(own_engine, "shop"))
    assert client.post(URL, json=BODY).status_code == 201
    own_postgres.kill()
    for answer in (client.post(URL, json=BODY), client.post(URL, json={"traces": [BODY] * 3}), client.get(URL)):
        assert_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/readyz").json["database"]["ok"] is False
    own_postgres.restart()
    wait_for(lambda: client.post(URL, json=BODY).status_code == 201)
    assert stored(own_engine) == 2


def test_a_restart_of_postgresql_between_two_requests_goes_unnoticed(
    fragile: Flask, own_engine: Engine, own_postgres: PostgresServer
) -> None:
    client = client_with(fragile, new_key(own_engine, "shop"))
    for _ in range(3):
        assert client.post(URL, json=BODY).status_code == 201
        own_postgres.restart(immediately=True)
    assert client.post(URL, json={"traces": [BODY] * 30}).status_code == 207
    assert stored(own_engine) == 33


def test_a_connection_that_dies_within_a_transaction_leaves_nothing_behind(
    web: Flask, client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = ingest.new_traces.insert_new

    def insert_then_die(connection, rows):  # type: ignore[no-untyped-def]
        insert(connection, rows)
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(ingest.new_traces, "insert_new", insert_then_die)
    assert_problem(client.post(URL, json={"traces": [BODY] * 3}), 503)
    monkeypatch.undo()
    assert stored(engine) == 0
    assert client.post(URL, json=BODY).status_code == 201


@pytest.mark.parametrize(("deadlocks", "status"), [(ingest.RECORD_TRIES - 1, 201), (ingest.RECORD_TRIES, 503)])
def test_a_deadlock_is_tried_again_a_few_times(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch, deadlocks: int, status: int
) -> None:
    insert, deadlocks_left = ingest.new_traces.insert_new, iter(range(deadlocks))

    def insert_or_deadlock(connection, rows):  # type: ignore[no-untyped-def]
        if next(deadlocks_left, None) is not None:
            connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40P01'; END $$")
        return insert(connection, rows)

    monkeypatch.setattr(ingest.new_traces, "insert_new", insert_or_deadlock)
    assert client.post(URL, json=BODY).status_code == status
    assert stored(engine) == (1 if status == 201 else 0)


def test_while_redis_is_down_traces_are_taken_and_deferred(
    settings: Settings, engine: Engine, own_valkey: ValkeyServer
) -> None:
    app = create_app(settings.model_copy(update={"redis_url": own_valkey.url()}))
    client = client_with(app, new_key(engine, "shop"))
    assert client.post(URL, json=BODY).json["grouping"] == "requested"
    own_valkey.kill()
    assert [client.post(URL, json=BODY).json["grouping"] for _ in range(3)] == ["deferred"] * 3
    assert stored(engine) == 4
    own_valkey.restart()
    wait_for(lambda: client.post(URL, json=BODY).json["grouping"] != "deferred")


def test_a_redis_that_hangs_costs_the_first_caller_about_a_second_and_the_next_nothing(
    settings: Settings, engine: Engine, own_valkey: ValkeyServer
) -> None:
    app = create_app(settings.model_copy(update={"redis_url": own_valkey.url()}))
    client = client_with(app, new_key(engine, "shop"))
    client.post(URL, json=BODY)
    own_valkey.pause()
    seconds = []
    for _ in range(10):
        began = time.monotonic()
        assert client.post(URL, json=BODY).json["grouping"] == "deferred"
        seconds.append(time.monotonic() - began)
    own_valkey.resume()
    assert seconds[0] < 10 * PRODUCER_TIMEOUT
    assert min(seconds[1:]) < PRODUCER_TIMEOUT, "one of the next callers, at least, was not held up by the machine"
