"""Scopes of keys: each route says who may call it."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.http.auth import Authenticator
from app.store import keys
from app.store.engine import transaction
from tests.app.api_helpers import assert_problem, client_with, new_key


def guarded(web: Flask) -> Iterator[tuple[str, str]]:
    """Every method and URL that is not open to all."""
    for rule in web.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/metrics")):
            url = re.sub(r"<uuid:\w+>", str(uuid4()), rule.rule)
            yield from ((method, url) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer wrong", "Bearer \udcff"])
def test_a_request_without_a_valid_key_is_refused(web: Flask, database_url: str, header: str | None) -> None:
    environ = {} if header is None else {"HTTP_AUTHORIZATION": header}
    for method, url in guarded(web):
        answer = web.test_client().open(url, method=method, environ_overrides=environ)
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("scope", "method", "url"),
    [("read", "POST", "/api/v1/traces"), ("ingest", "GET", "/api/v1/traces"), ("ingest", "GET", "/metrics")],
)
def test_a_key_without_the_scope_is_refused(web: Flask, engine: Engine, scope: str, method: str, url: str) -> None:
    refused = client_with(web, new_key(engine, "shop", scope)).open(url, method=method, json={})
    assert "promptlode keys create --project shop --scope" in assert_problem(refused, 403)["detail"]


def test_an_admin_key_may_do_everything(web: Flask, engine: Engine) -> None:
    client = client_with(web, new_key(engine, "shop", "admin"))
    assert client.post("/api/v1/traces", json={"model": "m", "path": "/p"}).status_code == 201
    assert client.get("/api/v1/traces").status_code == 200


def test_the_word_bearer_is_read_in_any_case(web: Flask, engine: Engine) -> None:
    key = new_key(engine, "shop")
    assert web.test_client().get("/api/v1/traces", headers={"Authorization": f"bearer {key}"}).status_code == 200


@pytest.mark.parametrize("url", ["/healthz", "/openapi.json"])
def test_some_routes_are_open(web: Flask, url: str) -> None:
    assert web.test_client().get(url).status_code == 200


def test_the_project_comes_from_the_key_and_never_from_the_body(client: FlaskClient, other_client: FlaskClient) -> None:
    client.post("/api/v1/traces", json={"model": "m", "path": "/p", "project": "another", "project_id": "another"})
    assert other_client.get("/api/v1/traces").json["items"] == []


def test_the_database_does_not_hold_the_key(engine: Engine) -> None:
    key = new_key(engine, "shop")
    with transaction(engine) as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM api_key").mappings()
    assert key not in str(dict(row))
    assert row["last4"] == key[-4:]


def revoke_all(engine: Engine) -> None:
    with transaction(engine) as connection:
        for summary in keys.summaries(connection):
            assert keys.revoke(connection, summary.id)


def test_a_revoked_key_is_refused_once_the_cache_is_over(engine: Engine) -> None:
    key = new_key(engine, "shop")
    without_cache, with_cache = Authenticator(engine, cache_seconds=0), Authenticator(engine, cache_seconds=60)
    assert without_cache.holder(key) is not None
    assert with_cache.holder(key) is not None
    revoke_all(engine)
    assert without_cache.holder(key) is None
    assert with_cache.holder(key) is not None


def test_a_revoked_key_writes_and_deletes_nothing(web: Flask, engine: Engine) -> None:
    client = client_with(web, new_key(engine, "shop", "admin"))
    assert client.post("/api/v1/traces", json={"model": "m", "path": "/p", "input": "x"}).status_code == 201
    assert client.get("/api/v1/traces").status_code == 200
    revoke_all(engine)
    assert client.post("/api/v1/traces", json={"model": "m", "path": "/p", "input": "x"}).status_code == 401
    assert client.post("/v1/traces", data=b"", content_type="application/x-protobuf").status_code == 401
    assert client.post("/api/v1/deletions", json={"path": "/p"}).status_code == 401


def test_a_key_that_was_refused_works_as_soon_as_it_exists(engine: Engine) -> None:
    authenticator = Authenticator(engine)
    assert authenticator.holder("not yet") is None
    assert authenticator.holder(new_key(engine, "shop")) is not None


def test_a_key_that_is_revoked_again_keeps_the_first_time(engine: Engine) -> None:
    new_key(engine, "shop")
    with transaction(engine) as connection:
        [key] = keys.summaries(connection)
        keys.revoke(connection, key.id)
        first = keys.summaries(connection)[0].revoked_at
        keys.revoke(connection, key.id)
        assert keys.summaries(connection)[0].revoked_at == first
