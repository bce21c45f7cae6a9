"""A state of a server is no fault of the request: the answer is 503 with Retry-After, nothing is half written, and
/readyz names the state.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from psycopg2 import sql
from sqlalchemy import Engine, make_url

from app.config import Settings
from app.local.valkey import ValkeyServer
from app.otlp import wire
from app.store.sqlstates import STATES
from app.web import create_app
from tests.app.api_helpers import assert_problem, stored, wait_for
from tests.app.otlp_helpers import CALL, export, span

URL = "/api/v1/traces"
BODY = {"model": "m", "path": "/p", "input": "Hi"}
CODES = [*sorted(STATES.keys() - {"57P01"}), "58030", "53000"]


@pytest.fixture
def admin(database_url: str) -> Iterator[Any]:
    """A connection beside the product's."""
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(plain, options="-c default_transaction_read_only=off")) as connection:
        connection.autocommit = True
        yield connection.cursor()


@contextmanager
def failing(admin: Any, code: str) -> Iterator[None]:
    """In the block PostgreSQL answers every new trace with this SQLSTATE, after the row was written."""
    admin.execute(
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'a state of the server' USING ERRCODE = '{code}'; END $$"
    )
    admin.execute("CREATE TRIGGER fails AFTER INSERT ON trace FOR EACH ROW EXECUTE FUNCTION fails()")
    try:
        yield
    finally:
        admin.execute("DROP FUNCTION fails CASCADE")


@contextmanager
def read_only(admin: Any) -> Iterator[None]:
    """In the block every new connection but this one is read-only, as on a standby."""
    admin.execute("SELECT current_database()")
    name = sql.Identifier(admin.fetchone()[0])
    end_other_sessions = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    admin.execute(end_other_sessions)
    try:
        yield
    finally:
        admin.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
        admin.execute(end_other_sessions)


@pytest.mark.parametrize("code", CODES)
def test_a_state_of_postgresql_asks_the_caller_to_come_back(
    client: FlaskClient, engine: Engine, admin: Any, code: str
) -> None:
    client.post(URL, json=BODY)  # the cached group makes the next POST a single statement
    with failing(admin, code):
        answers = [client.post(URL, json=BODY), client.post(URL, json={"traces": [BODY] * 30})]
    for answer in answers:
        assert_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
    assert stored(engine) == 1
    assert client.post(URL, json=BODY).status_code == 201


def test_an_exporter_is_told_to_come_back_in_its_own_language(client: FlaskClient, engine: Engine, admin: Any) -> None:
    with failing(admin, "53100"):
        answer = client.post("/v1/traces", data=export(span(CALL)).SerializeToString(), content_type=wire.PROTOBUF)
    assert (answer.status_code, answer.mimetype) == (503, wire.PROTOBUF)
    assert int(answer.headers["Retry-After"]) > 0
    assert wire.Status.FromString(answer.data).message
    assert stored(engine) == 0


def test_an_error_of_the_statement_stays_a_fault_of_ours(client: FlaskClient, admin: Any) -> None:
    with failing(admin, "22012"):
        assert client.post(URL, json=BODY).status_code == 500


def test_a_read_only_database_refuses_with_503_and_is_named(client: FlaskClient, engine: Engine, admin: Any) -> None:
    client.post(URL, json=BODY)
    with read_only(admin):
        assert [client.post(URL, json=BODY).status_code for _ in range(3)] == [503] * 3
        assert client.get(URL).status_code == 200
        database = client.get("/readyz").json["database"]
    assert (database["ok"], database["detail"]) == (False, STATES["25006"])
    wait_for(lambda: client.post(URL, json=BODY).status_code == 201)
    wait_for(lambda: client.get("/readyz").json["database"]["ok"])


def test_after_a_failover_no_connection_to_the_old_primary_is_kept(client: FlaskClient, admin: Any) -> None:
    client.post(URL, json=BODY)
    with read_only(admin):
        assert client.post(URL, json=BODY).status_code == 503
        admin.execute("SELECT current_database()")
        name = sql.Identifier(admin.fetchone()[0])
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = off").format(name))
        assert client.post(URL, json=BODY).status_code == 201


@pytest.fixture
def own_redis(own_valkey: ValkeyServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(own_valkey.url()) as client:
        yield client


def test_a_redis_that_takes_no_writes_is_named_and_traces_are_stored(
    settings: Settings, client: FlaskClient, own_valkey: ValkeyServer, own_redis: redis.Redis
) -> None:
    app = create_app(settings.model_copy(update={"redis_url": own_valkey.url()}))
    own_redis.replicaof("127.0.0.1", "1")
    assert "read-only" in line_of_redis(app)
    answer = app.test_client().post(
        URL, json=BODY, headers={"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    )
    assert (answer.status_code, answer.json["grouping"]) == (201, "deferred")
    own_redis.replicaof("NO", "ONE")
    own_redis.config_set("maxmemory-policy", "noeviction")
    own_redis.config_set("maxmemory", 1)
    assert "full" in line_of_redis(app)
    own_redis.config_set("maxmemory", 0)
    assert "Answers" in line_of_redis(app)


def line_of_redis(app: Flask) -> str:
    return str(app.test_client().get("/readyz").json["redis"]["detail"])
