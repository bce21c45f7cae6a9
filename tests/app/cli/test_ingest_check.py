"""`promptlode doctor --ingest` against a web process that listens."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.cli.ingest_check import PATH, checks
from app.cli.remote.access import Access
from app.cli.remote.api import Api
from app.config import Settings
from app.http.services import EXTENSION
from app.web import create_app
from tests.app.api_helpers import new_key
from tests.app.otlp_helpers import CALL, CHAT, send, span, traces


@pytest.fixture
def web(settings: Settings) -> Iterator[Flask]:
    """An application with counters at zero, since the check tells of everything that a process was sent."""
    app = create_app(settings)
    yield app
    app.extensions[EXTENSION].engine.dispose()


def test_a_span_and_a_post_are_sent_and_found_and_deleted(url: str, client: FlaskClient, engine: Engine) -> None:
    api = Api(Access(url, new_key(engine, "shop", "admin")))
    for _ in range(2):
        findings = dict(checks(api))
        assert findings["test span"].ok, findings["test span"].detail
        assert findings["test POST"].ok, findings["test POST"].detail
        assert PATH in findings["test span"].detail
        assert findings["test calls"].detail == "Deleted."
    assert traces(client) == []


def test_refused_and_odd_spans_of_others_are_told_with_the_reasons(
    url: str, client: FlaskClient, engine: Engine
) -> None:
    wrong = CALL | {"gen_ai.request.model": ""}
    odd = CALL | {"gen_ai.request.max_tokens": -1}
    send(client, span(CHAT), span(wrong, 2), span({"gen_ai.operation.name": "embeddings"}, 3), span(odd, 4))
    findings = dict(checks(Api(Access(url, new_key(engine, "shop", "admin", "operator")))))
    assert "no messages" in findings["without content"].detail
    assert "capture" in findings["without content"].detail
    assert "model (1)" in findings["rejected"].detail
    assert "embeddings (1)" in findings["ignored"].detail
    assert "max_output_tokens (1)" in findings["odd fields"].detail


def test_a_key_that_may_only_send_is_enough_to_try(url: str, client: FlaskClient, engine: Engine) -> None:
    findings = dict(checks(Api(Access(url, new_key(engine, "shop", "ingest")))))
    assert findings["test span"].ok
    assert "operator" in findings["counters"].detail
    assert "scope admin" in findings["test calls"].detail
    assert len(traces(client)) == 2


def test_a_wrong_key_and_a_wrong_address_are_said(url: str, client: FlaskClient) -> None:
    findings = dict(checks(Api(Access(url, "pl_wrong"))))
    assert {name: check.ok for name, check in findings.items()} == {"test span": False, "test POST": False}
    assert not dict(checks(Api(Access(f"{url}/nowhere", "pl_wrong"))))["test POST"].ok
