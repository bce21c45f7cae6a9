"""No text, variable or key of a caller leaks: every field holds a marker, and every error path is driven."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import orjson
import pytest
import redis
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import logs
from app.config import Settings
from app.grouping import mining
from app.intake import record as ingest
from app.intake.trace_fields import TraceIn
from app.local.postgres import PostgresServer
from app.store.engine import transaction
from app.web import create_app
from tests.app.api_helpers import client_with, new_key
from tests.app.grouping_world import World, triage
from tests.app.otlp_helpers import CHAT, send, send_bytes, span

MARK = "mxqz7marker"
FIELDS = [*TraceIn.model_fields, "unknown"]
URL = "/api/v1/traces"


class Caller:
    """A client that keeps every answer that has left the process."""

    def __init__(self, settings: Settings, key: str) -> None:
        self._settings, self._key = settings, key
        self.answers: list[bytes] = []

    @cached_property
    def client(self) -> FlaskClient:
        """The client is made within the test: logs go to the stderr of that moment."""
        app = create_app(self._settings.model_copy(update={"log_format": "json", "log_level": "DEBUG"}))
        return client_with(app, self._key)

    def __call__(self, method: str, url: str, **arguments: Any) -> int:
        answer = self.client.open(url, method=method, **arguments)
        self.answers += [answer.data, str(answer.headers).encode()]
        return answer.status_code


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine, "shop", "admin")


@pytest.fixture
def caller(settings: Settings, key: str) -> Iterator[Caller]:
    yield Caller(settings, key)
    logs.configure(Settings())


def whole(**fields: Any) -> dict[str, Any]:
    """A good call with the marker in every text."""
    return {
        "model": MARK,
        "path": "/p",
        "instructions": f"You are {MARK}.",
        "input": f"Ask {MARK}",
        "output": MARK,
        "tools": [{"name": MARK}],
        "tool_choice": MARK,
        "reasoning": MARK,
        "response_format": MARK,
        "usage": {MARK: 1},
        "conversation_id": MARK,
        "user_id": MARK,
        "error": MARK,
        "metadata": {MARK: MARK},
    } | fields


def wrong_bodies() -> Iterator[Any]:
    """Bodies that are refused, each for another reason, with the marker in the refused value.

    Names of fields hold no marker: an error names the field to its sender.
    """
    for field in FIELDS:
        yield whole(**{field: [[MARK]]})
        yield whole(**{field: f"{MARK}\x00"})
        yield whole(**{field: {"a": {"x": [f"\ud800{MARK}"]}}})
    yield whole(path=MARK * 60)
    yield whole(path="")
    yield [MARK]
    yield MARK
    yield {"traces": MARK}
    yield {"traces": [{}, MARK, whole(path=None)] * 2}


def raw_bodies() -> Iterator[tuple[bytes, dict[str, str]]]:
    """Bodies that no parser takes."""
    text_of = orjson.dumps(whole())
    yield text_of[:-3], {}
    yield text_of.replace(MARK.encode(), MARK.encode() + b"\xff"), {}
    yield b'{"model": "' + MARK.encode() + b'", "x": 1e999999, "y": 12345678901234567890123}', {}
    yield b"[" * 5000 + MARK.encode(), {}
    yield gzip.compress(text_of)[:-9], {"Content-Encoding": "gzip"}
    yield text_of, {"Content-Encoding": MARK}
    yield text_of, {"Content-Type": f"text/{MARK}"}


def refused(caller: Caller) -> list[int]:
    """The statuses of all requests that a caller can get wrong."""
    statuses = [caller("POST", URL, data=json.dumps(body), content_type="application/json") for body in wrong_bodies()]
    for data, headers in raw_bodies():
        statuses.append(caller("POST", URL, data=data, headers={"Content-Type": "application/json"} | headers))
    for query in ("limit", "cursor", "task_id", "unknown"):
        statuses.append(caller("GET", f"{URL}?{query}={MARK}"))
    for url in ("/api/v1/groups/regroup", "/api/v1/deletions"):
        statuses += [
            caller("POST", url, json={"path": [MARK], "unknown": MARK}),
            caller("POST", url, data=MARK.encode()),
        ]
    for url in (f"/api/{MARK}", f"/api/v1/tasks/{MARK}"):
        statuses.append(caller("GET", url))
    statuses.append(caller("GET", URL, headers={"Authorization": f"Bearer {MARK}"}))
    statuses.append(caller("POST", "/login", data={"key": MARK, "form_token": MARK}))
    return statuses


def assert_untold(caller: Caller, captured: Any, client: redis.Redis, *secrets: str) -> None:
    """Asserts that answers, logs, Redis and metrics hold none of the secrets."""
    caller("GET", "/metrics")
    caller("GET", "/api/v1/pipeline")
    stored = "\n".join(f"{name} {client.dump(name)!r}" for name in raw_keys(client))
    outputs = {"answers": b"\n".join(caller.answers).decode(errors="replace"), "redis": stored}
    outputs |= {"stderr": captured.err, "stdout": captured.out}
    assert captured.err, "the log must have been captured, or this test shows nothing"
    for where, output in outputs.items():
        for secret in secrets:
            assert secret not in output, f"{where} tells it"


def raw_keys(client: redis.Redis) -> Iterator[str]:
    yield from client.scan_iter()


@pytest.fixture
def raw_redis(redis_client: redis.Redis, redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_a_caller_who_is_wrong_is_not_quoted(
    caller: Caller, key: str, raw_redis: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert caller("POST", URL, json=whole(external_id=MARK)) == 201
    caller.answers.clear()  # the answer says the external id, as the answer should
    statuses = refused(caller)
    assert set(statuses) <= {200, 302, 303, 400, 401, 403, 404, 413, 415, 422, 207, 201}
    assert statuses.count(422) > 40
    own = [answer for answer in caller.answers if MARK.encode() in answer and b"external_id" in answer]
    # A good call among the bad ones: its own row.
    caller.answers = [answer for answer in caller.answers if answer not in own]
    assert_untold(caller, capsys.readouterr(), raw_redis, MARK, key)


def test_a_failing_server_does_not_quote_the_call(
    caller: Caller,
    key: str,
    raw_redis: redis.Redis,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: PostgresServer,
) -> None:
    row = ingest.row_of
    faults: list[Callable[[Any], dict[str, Any]]] = [
        lambda row: row | {"project_id": None},  # a constraint
        lambda row: row | {"model": f"{MARK}\x00"},  # one that the driver refuses
        lambda row: {MARK: MARK},  # a bug of ours
    ]
    for fault in faults:
        monkeypatch.setattr(ingest, "row_of", lambda *arguments, fault=fault: fault(row(*arguments)))
        assert caller("POST", URL, json=whole()) == 500
        assert caller("POST", URL, json={"traces": [whole(external_id=f"{MARK}{n}") for n in range(30)]}) == 500
    assert_untold(caller, capsys.readouterr(), raw_redis, MARK, key)
    (log,) = postgres_server.home.glob("*.log")
    server_log = log.read_text(errors="replace")
    assert "violates not-null constraint" in server_log, "the log of PostgreSQL must have been read"
    assert MARK not in server_log


def test_spans_that_are_refused_are_not_quoted(
    caller: Caller, key: str, raw_redis: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert caller("POST", URL, json={"model": "m", "path": "/p", "input": "good"}) == 201
    bad = span(CHAT | {"gen_ai.input.messages": f"[{MARK}", "gen_ai.request.model": MARK * 60, MARK: MARK})
    answers = [send(caller.client, bad), send_bytes(caller.client, MARK.encode())]
    answers += [
        send_bytes(caller.client, body, "application/json")
        for body in (b"{" + MARK.encode(), orjson.dumps({"resourceSpans": [{"scopeSpans": MARK}]}))
    ]
    caller.answers += [answer.data for answer in answers]
    assert {answer.status_code for answer in answers} == {200, 400}
    assert_untold(caller, capsys.readouterr(), raw_redis, MARK, key)


def test_a_run_that_fails_does_not_quote_its_calls(
    engine: Engine,
    settings: Settings,
    caller: Caller,
    key: str,
    raw_redis: redis.Redis,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(engine, settings)
    group = world.group()
    group.send(f"{triage(number)} {MARK}" for number in range(5))

    def fail(window: Any, *_: Any) -> None:
        raise ValueError(window.owed[0].prompt)

    monkeypatch.setattr(mining, "find", fail)
    assert caller("GET", "/healthz") == 200
    assert group.run().outcome == "failed"
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT * FROM grouping_run")).all()
    assert [row.error for row in rows] == ["ValueError"]
    assert MARK not in str(rows)
    assert_untold(caller, capsys.readouterr(), raw_redis, MARK, key)
