"""Texts with a meaning for a database, a log, a terminal or a 64-bit number stay texts here; bombs are stopped early."""

import gzip
import json
import tracemalloc
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import logs
from app.config import Settings
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key

URL = "/api/v1/traces"
HOSTILE = [
    "'; DROP TABLE trace; --",
    "' OR '1'='1",
    "%' UNION SELECT hash FROM api_key --",
    "\\'; SELECT pg_sleep(10); --",
    "$1 :path %s %(path)s {0}",
    "../../etc/passwd",
    "=cmd|' /C calc'!A1",
    "line\r\nSet-Cookie: a=b",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe",
]
TOO_LARGE = [2**64, -(2**63) - 1, 10**400]
LARGE = [2**63, 2**64 - 1, -(2**63), 1.7976931348623157e308, -1e-320]


@pytest.fixture
def admin(web: Flask, engine: Engine) -> FlaskClient:
    return client_with(web, new_key(engine, "shop", "admin"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_code_of_other_languages_is_stored_found_and_deleted_as_text(
    admin: FlaskClient, engine: Engine, hostile: str
) -> None:
    names = dict.fromkeys(("model", "path", "external_id", "input", "user_id", "conversation_id"), hostile)
    stored = admin.post(URL, json=names | {"metadata": {"note": hostile}}).json
    admin.post(URL, json={"model": "m", "path": "/other", "user_id": "u"})
    trace = admin.get(f"{URL}/{stored['id']}").json
    assert {name: trace[name] for name in names} == names
    assert trace["metadata"] == {"note": hostile}
    assert [item["id"] for item in admin.get(URL, query_string={"path": hostile}).json["items"]] == [stored["id"]]
    assert admin.get("/api/v1/tasks", query_string={"path": hostile}).json["items"] == []
    assert admin.post("/api/v1/deletions", json={"user_id": hostile, "path": hostile}).json["traces"] == 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT user_id FROM trace")).scalars().all() == ["u"]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("hostile", ['a\n{"event": "forged"}', "a\r\n2026-01-01 [info] forged", "\x1b[2Jb", "\u2028c"])
def test_no_text_of_a_caller_begins_a_line_of_the_log_or_drives_a_terminal(
    hostile: str, log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings(log_format=log_format))
    structlog.get_logger("here").info("requested", path=hostile, project=hostile)
    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert "\x1b" not in line
    assert "\r" not in line
    logs.configure(Settings())


@pytest.mark.parametrize("number", LARGE)
def test_a_large_number_comes_back_as_it_was_sent(admin: FlaskClient, number: float) -> None:
    answer = admin.post(URL, json={"model": "m", "path": "/p", "metadata": {"n": number}})
    assert answer.status_code == 201, answer.text
    assert admin.get(f"{URL}/{answer.json['id']}").json["metadata"]["n"] == number


@pytest.mark.parametrize("number", TOO_LARGE)
@pytest.mark.parametrize("field", ["usage", "max_output_tokens", "temperature", "started_at"])
def test_a_number_beyond_64_bits_is_refused_by_name(admin: FlaskClient, field: str, number: int) -> None:
    value: Any = {"input_tokens": number} if field == "usage" else number
    body = json.dumps({"model": "m", "path": "/p", field: value})
    problem = assert_problem(admin.post(URL, data=body, content_type="application/json"), 422)
    assert problem["errors"][0]["loc"][0] == field


@pytest.mark.parametrize("query", [f"limit={2**70}", "limit=-1", "limit=1e3", "cursor=" + "A" * 100_000, "task_id=0"])
def test_a_query_beyond_its_bounds_is_refused(admin: FlaskClient, query: str) -> None:
    assert_problem(admin.get(f"{URL}?{query}"), 422)


def test_a_bomb_is_stopped_before_it_takes_memory(settings: Settings, engine: Engine) -> None:
    """100 MB of zeros in 100 kB, against a limit of 1 MB."""
    small = create_app(settings.model_copy(update={"max_body_bytes": 2**20}))
    client = client_with(small, new_key(engine, "shop"))
    bomb = gzip.compress(bytes(100 * 2**20), 9)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    tracemalloc.start()
    try:
        answer = client.post(URL, data=bomb, headers=headers)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 413
    assert peak < 10 * 2**20
    assert client.post(URL, json={"model": "m", "path": "/p"}).status_code == 201
