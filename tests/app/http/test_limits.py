"""A request over a rate is refused with 429 and a time to come back, and leaves nothing half done."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.config import Settings
from app.http.services import EXTENSION
from app.otlp import wire
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key, stored

URL = "/api/v1/traces"
BODY = {"model": "m", "path": "/p", "input": "Hi"}
OFF = {f"rate_{name}": 0 for name in ("address", "ingest", "traces", "read", "failures")}
TEN_SECONDS = 10
NOW = 1_800_000_003.0

Limited = Callable[..., Flask]


@pytest.fixture
def limited(settings: Settings) -> Iterator[Limited]:
    """An application with these settings and no other rate, for which no time passes, however long a test takes."""
    apps: list[Flask] = []

    def make(**rates: Any) -> Flask:
        apps.append(create_app(settings.model_copy(update=OFF | rates)))
        apps[-1].extensions[EXTENSION].limiter._rates._clock = lambda: NOW
        return apps[-1]

    yield make
    for app in apps:
        app.extensions[EXTENSION].engine.dispose()


def refused(answer: Any) -> Any:
    assert 1 <= int(answer.headers["Retry-After"]) <= 2 * TEN_SECONDS
    return assert_problem(answer, 429)


def test_a_key_that_sends_too_many_requests_is_refused_and_other_keys_are_not(limited: Limited, engine: Engine) -> None:
    app = limited(rate_ingest=1)
    flood, other_client = client_with(app, new_key(engine, "shop")), client_with(app, new_key(engine, "shop"))
    assert [flood.post(URL, json=BODY).status_code for _ in range(11)] == [201] * 10 + [429]
    assert "API key" in refused(flood.post(URL, json=BODY))["detail"]
    assert other_client.post(URL, json=BODY).status_code == 201
    assert flood.get(URL).status_code == 200
    assert stored(engine) == 11


def test_the_traces_of_a_batch_count_one_each_and_a_refused_batch_is_stored_not_at_all(
    limited: Limited, engine: Engine
) -> None:
    client = client_with(limited(rate_traces=5), new_key(engine, "shop"))
    assert client.post(URL, json={"traces": [BODY] * 40}).status_code == 207
    assert "Nothing was stored" in refused(client.post(URL, json={"traces": [BODY] * 11}))["detail"]
    assert client.post(URL, json={"traces": [BODY] * 9}).status_code == 207
    assert client.post(URL, json=BODY).status_code == 201
    refused(client.post(URL, json=BODY))
    assert stored(engine) == 50


def test_an_exporter_is_told_in_its_own_language_when_to_come_back(limited: Limited, engine: Engine) -> None:
    client = client_with(limited(rate_ingest=1), new_key(engine, "shop"))
    answers = [client.post("/v1/traces", data=b"", content_type=wire.PROTOBUF) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert wire.Status.FromString(answers[-1].data).message


def test_a_key_that_reads_too_much_may_still_send(limited: Limited, engine: Engine) -> None:
    client = client_with(limited(rate_read=1), new_key(engine, "shop"))
    assert [client.get(URL).status_code for _ in range(11)] == [200] * 10 + [429]
    assert client.post(URL, json=BODY).status_code == 201


def test_a_project_that_asks_too_often_for_grouping_may_still_send(limited: Limited, engine: Engine) -> None:
    app = limited(rate_regroup=1)
    client, other_client = client_with(app, new_key(engine, "shop")), client_with(app, new_key(engine, "shop"))
    client.post(URL, json=BODY)
    wish = {"path": BODY["path"]}
    answers = [caller.post("/api/v1/groups/regroup", json=wish) for caller in (client, other_client) * 6]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 2
    assert client.post(URL, json=BODY).status_code == 201


def test_an_address_is_limited_on_every_route_but_the_sign_of_life(limited: Limited) -> None:
    client = limited(rate_address=1).test_client()
    assert [client.get("/openapi.json").status_code for _ in range(10)] == [200] * 10
    refused(client.get("/openapi.json"))
    refused(client.get("/nowhere"))
    assert client.get("/login").status_code == 429
    assert client.get("/healthz").status_code == 200


def test_the_address_is_that_of_the_caller_and_nothing_that_the_caller_says(limited: Limited) -> None:
    def ask(app: Flask, claimed: str) -> int:
        return app.test_client().get("/openapi.json", headers={"X-Forwarded-For": claimed}).status_code

    app = limited(rate_address=1)
    assert [ask(app, f"192.0.2.{number}") for number in range(11)][-1] == 429
    behind_a_proxy = limited(rate_address=1, trusted_proxies=1)
    assert [ask(behind_a_proxy, f"192.0.2.{number}, 198.51.100.1") for number in range(11)][-1] == 429
    assert ask(behind_a_proxy, "192.0.2.1, 198.51.100.2") == 200


def test_an_address_that_tries_wrong_keys_is_stopped_and_known_keys_are_not(limited: Limited, engine: Engine) -> None:
    app = limited(rate_failures=1)
    known = client_with(app, new_key(engine, "shop"))
    assert known.get(URL).status_code == 200
    answers = [client_with(app, f"wrong {number}").get(URL) for number in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    refused(client_with(app, new_key(engine, "shop")).get(URL))
    assert known.get(URL).status_code == 200


def test_the_login_counts_wrong_keys_too(limited: Limited, engine: Engine) -> None:
    app = limited(rate_failures=1, secret_key="s")
    browser = app.test_client()
    browser.get("/login", base_url="https://localhost")
    with browser.session_transaction(base_url="https://localhost") as session:
        token = session["form_token"]

    def try_key(key: str) -> int:
        form = {"form_token": token, "key": key}
        return browser.post("/login", data=form, base_url="https://localhost").status_code

    assert [try_key(f"wrong {number}") for number in range(11)] == [403] * 10 + [429]
    assert try_key(new_key(engine, "shop")) == 429


def test_local_mode_has_no_rate_but_those_that_are_set(environment: dict[str, str], monkeypatch: Any) -> None:
    from app.http.limiting import RateLimits

    for name in OFF:
        monkeypatch.delenv(name.upper(), raising=False)
    assert RateLimits.of(Settings(local_mode=True)).read.per_second == 0
    assert RateLimits.of(Settings(local_mode=True, rate_read=7)).read.per_second == 7
    assert RateLimits.of(Settings()).read.per_second > 0
