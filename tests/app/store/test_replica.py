"""Pages and lists read a standby while the standby keeps up, and the primary otherwise."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app.config import Settings, with_driver
from app.http.services import EXTENSION
from app.local.postgres import PostgresServer
from app.web import create_app
from tests.app.api_helpers import client_with, new_key, wait_for
from tests.standby import Standby, standby_of


@pytest.fixture
def standby(own_postgres: PostgresServer) -> Iterator[Standby]:
    with standby_of(own_postgres) as standby:
        yield standby


@pytest.fixture
def app(own_postgres: PostgresServer, standby: Standby, redis_url: str) -> Iterator[Flask]:
    urls = {"database_url": with_driver(own_postgres.url()), "database_read_url": standby.url, "redis_url": redis_url}
    web = create_app(Settings(**urls, database_read_lag=1.0))
    yield web
    web.extensions[EXTENSION].engine.dispose()


def test_lists_follow_a_standby_and_leave_one_that_lags_or_is_gone(app: Flask, standby: Standby) -> None:
    reader = app.extensions[EXTENSION].reader
    engine: Engine = app.extensions[EXTENSION].engine
    client = client_with(app, new_key(engine, "shop"))

    def listed() -> int:
        return len(client.get("/api/v1/traces").json["items"])

    def is_read() -> bool:
        with reader.reading() as connection:
            return bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar())

    def send() -> None:
        assert client.post("/api/v1/traces", json={"model": "m", "path": "/p"}).status_code == 201

    # Given a standby that follows, I expect lists to read the standby
    send()
    wait_for(lambda: is_read() and listed() == 1)
    wait_for(lambda: app.test_client().get("/readyz").json["standby"]["ok"])

    # If the standby stands still, I expect lists to read the primary once the standby is too far behind
    standby.tell("SELECT pg_wal_replay_pause()")
    send()
    wait_for(lambda: listed() == 2)
    assert not is_read()
    assert "behind" in app.test_client().get("/readyz").json["standby"]["detail"]
    assert (
        "promptlode_standby_used 0.0"
        in client_with(app, new_key(engine, "shop", "admin", "operator")).get("/metrics").text
    )

    # If the standby goes on, I expect lists to read the standby again
    standby.tell("SELECT pg_wal_replay_resume()")
    wait_for(is_read)

    # If the standby is gone, I expect no list to fail for long and lists to read the primary
    standby.stop()
    wait_for(lambda: client.get("/api/v1/traces").status_code == 200 and not is_read())
    assert listed() == 2
    assert "primary is read" in app.test_client().get("/readyz").json["standby"]["detail"]


def test_a_server_that_is_no_standby_is_not_read(settings: Settings, engine: Engine, database_url: str) -> None:
    app = create_app(settings.model_copy(update={"database_read_url": database_url}))
    reader = app.extensions[EXTENSION].reader
    with reader.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    standing = reader.standing()
    assert not standing.is_used
    assert "no standby" in standing.detail
    app.extensions[EXTENSION].engine.dispose()


def test_without_one_nothing_is_said_of_it(web: Flask) -> None:
    assert "standby" not in web.test_client().get("/readyz").json
