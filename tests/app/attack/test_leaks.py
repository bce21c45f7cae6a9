"""No text, variable or key of a caller leaves by another way than it should: a marker in every field, every error path driven."""

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
from app.intake.trace import TraceIn
from app.local.postgres import PostgresServer
from app.store.engine import transaction
from app.web import create_app
from tests.app.api_helpers import client_with, new_key
from tests.app.grouping_world import World, triage
from tests.app.otlp_helpers import CHAT, send, send_bytes, span

MARK = "mxqz7marker"
FIELDS = [*TraceIn.model_fields, "unknown"]
URL = "/api/v1/traces"


class Told:
    """The answers that left the process so far."""

    def __init__(self, settings: Settings, key: str) -> None:
        self._settings, self._key = settings, key
        self.answers: list[bytes] = []

    @cached_property
    def client(self) -> FlaskClient:
        """Made within the test: logs go where stderr is then."""
        app = create_app(self._settings.model_copy(update={"log_format": "json", "log_level": "DEBUG"}))
        return client_with(app, self._key)

    def __call__(self, method: str, url: str, **sent: Any) -> int:
        answer = self.client.open(url, method=method, **sent)
        self.answers += [answer.data, str(answer.headers).encode()]
        return answer.status_code


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine, "shop", "admin")


@pytest.fixture
def told(settings: Settings, key: str) -> Iterator[Told]:
    yield Told(settings, key)
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
    """Bodies that are refused, each for another reason, with the marker in the very value that is refused.

    Not in names of fields: an error says which field it is, to whoever sent it.
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


def refused(told: Told) -> list[int]:
    """The statuses of every request that a caller can get wrong."""
    found = [told("POST", URL, data=json.dumps(body), content_type="application/json") for body in wrong_bodies()]
    for data, headers in raw_bodies():
        found.append(told("POST", URL, data=data, headers={"Content-Type": "application/json"} | headers))
    for query in ("limit", "cursor", "task_id", "unknown"):
        found.append(told("GET", f"{URL}?{query}={MARK}"))
    for url in ("/api/v1/groups/regroup", "/api/v1/deletions"):
        found += [told("POST", url, json={"path": [MARK], "unknown": MARK}), told("POST", url, data=MARK.encode())]
    for url in (f"/api/{MARK}", f"/api/v1/tasks/{MARK}"):
        found.append(told("GET", url))
    found.append(told("GET", URL, headers={"Authorization": f"Bearer {MARK}"}))
    found.append(told("POST", "/login", data={"key": MARK, "form_token": MARK}))
    return found


def assert_untold(told: Told, captured: Any, client: redis.Redis, *secrets: str) -> None:
    """Neither answers nor logs nor Redis nor metrics say it."""
    told("GET", "/metrics")
    told("GET", "/api/v1/pipeline")
    stored = "\n".join(f"{name} {client.dump(name)!r}" for name in raw_keys(client))
    everything = {"answers": b"\n".join(told.answers).decode(errors="replace"), "redis": stored}
    everything |= {"stderr": captured.err, "stdout": captured.out}
    assert captured.err, "the log must have been captured, or this test shows nothing"
    for where, said in everything.items():
        for secret in secrets:
            assert secret not in said, f"{where} tells it"


def raw_keys(client: redis.Redis) -> Iterator[str]:
    yield from client.scan_iter()


@pytest.fixture
def raw_redis(redis_client: redis.Redis, redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_a_caller_who_is_wrong_is_not_quoted(
    told: Told, key: str, raw_redis: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told("POST", URL, json=whole(external_id=MARK)) == 201
    told.answers.clear()  # which says the external id, as it should
    statuses = refused(told)
    assert set(statuses) <= {200, 302, 303, 400, 401, 403, 404, 413, 415, 422, 207, 201}
    assert statuses.count(422) > 40
    own = [answer for answer in told.answers if MARK.encode() in answer and b"external_id" in answer]
    told.answers = [
        answer for answer in told.answers if answer not in own
    ]  # a good call among the bad ones: its own row
    assert_untold(told, capsys.readouterr(), raw_redis, MARK, key)


def test_a_failing_server_does_not_quote_the_call(
    told: Told,
    key: str,
    raw_redis: redis.Redis,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: PostgresServer,
) -> None:
    row = ingest._row
    faults: list[Callable[[Any], dict[str, Any]]] = [
        lambda found: found | {"project_id": None},  # a constraint
        lambda found: found | {"model": f"{MARK}\x00"},  # one that the driver refuses
        lambda found: {MARK: MARK},  # a bug of ours
    ]
    for fault in faults:
        monkeypatch.setattr(ingest, "_row", lambda *arguments, fault=fault: fault(row(*arguments)))
        assert told("POST", URL, json=whole()) == 500
        assert told("POST", URL, json={"traces": [whole(external_id=f"{MARK}{n}") for n in range(30)]}) == 500
    assert_untold(told, capsys.readouterr(), raw_redis, MARK, key)
    (log,) = postgres_server.home.glob("*.log")
    said = log.read_text(errors="replace")
    assert "violates not-null constraint" in said, "the log of PostgreSQL must have been read"
    assert MARK not in said


def test_spans_that_are_refused_are_not_quoted(
    told: Told, key: str, raw_redis: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told("POST", URL, json={"model": "m", "path": "/p", "input": "good"}) == 201
    bad = span(CHAT | {"gen_ai.input.messages": f"[{MARK}", "gen_ai.request.model": MARK * 60, MARK: MARK})
    answers = [send(told.client, bad), send_bytes(told.client, MARK.encode())]
    answers += [
        send_bytes(told.client, body, "application/json")
        for body in (b"{" + MARK.encode(), orjson.dumps({"resourceSpans": [{"scopeSpans": MARK}]}))
    ]
    told.answers += [answer.data for answer in answers]
    assert {answer.status_code for answer in answers} == {200, 400}
    assert_untold(told, capsys.readouterr(), raw_redis, MARK, key)


def test_a_run_that_fails_does_not_quote_its_calls(
    engine: Engine,
    settings: Settings,
    told: Told,
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
    assert told("GET", "/healthz") == 200
    assert group.run().outcome == "failed"
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT * FROM grouping_run")).all()
    assert [row.error for row in rows] == ["ValueError"]
    assert MARK not in str(rows)
    assert_untold(told, capsys.readouterr(), raw_redis, MARK, key)
