"""Logs hold one event a line, and never a text of a prompt."""

import json
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from app import logs
from app.config import Settings
from app.intake import record as ingest
from app.web import create_app
from tests.app.api_helpers import client_with, new_key

SECRET = "the secret of the prompt"


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    yield capsys
    logs.configure(Settings())


def test_the_log_of_a_day_with_faults_is_json_and_tells_no_prompt(
    settings: Settings, engine: Engine, logged: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings.model_copy(update={"log_format": "json", "log_level": "DEBUG"}))
    client = client_with(app, new_key(engine, "shop"))
    body = {"model": "m", "path": "/p", "input": SECRET, "external_id": "e"}
    assert client.post("/api/v1/traces", json=body).status_code == 201
    assert client.post("/api/v1/traces", json=body | {"usage": SECRET}).status_code == 422
    monkeypatch.setattr(ingest, "row_of", lambda *_: {"id": SECRET, "external_id": None})
    assert client.post("/api/v1/traces", json=body | {"external_id": "f"}).status_code == 500
    lines = logged.readouterr().err.splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert "request_failed" in events
    assert SECRET not in "\n".join(lines)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_told_by_its_class_and_place(log_format: str, logged: pytest.CaptureFixture[str]) -> None:
    import structlog

    logs.configure(Settings(log_format=log_format))
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        structlog.get_logger("here").error("failed", **logs.describe(error))
    shown = logged.readouterr().err
    assert "ValueError" in shown
    assert "test_logs.py" in shown
    assert SECRET not in shown


def test_the_parts_of_alembic_are_not_listed(logged: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_level="INFO"))
    plugins = logging.getLogger("alembic.runtime.plugins")
    plugins.info("setup plugin %s", "alembic.autogenerate.types")
    plugins.warning("A part is missing.")
    (line,) = logged.readouterr().err.splitlines()
    assert "A part is missing." in line


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_that_a_library_logs_is_told_no_further(
    log_format: str, logged: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings(log_format=log_format))
    local = SECRET
    try:
        raise ValueError(local)
    except ValueError:
        logging.getLogger("library").exception("It failed", stack_info=True)
    [shown] = logged.readouterr().err.splitlines()
    assert "It failed" in shown
    assert "ValueError" in shown
    assert "test_logs.py" in shown
    assert SECRET not in shown


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_line_of_an_event_of_ours_is_the_line_that_structlog_would_write(
    log_format: str, logged: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import structlog

    logs.configure(Settings(log_format=log_format))
    monkeypatch.setattr(structlog.processors.TimeStamper, "__call__", lambda _, __, ___, event: event)
    formatter = logging.getLogger().handlers[0].formatter
    assert isinstance(formatter, structlog.stdlib.ProcessorFormatter)
    event = {"path": "/p\x1b[2J", "number": 3, "text": "é", "why": ValueError("x"), "event_of": None}
    structlog.get_logger("here").bind(group="g").warning("coalesced", **event)
    ours = logged.readouterr().err
    monkeypatch.setattr(type(formatter), "format", structlog.stdlib.ProcessorFormatter.format)
    structlog.get_logger("here").bind(group="g").warning("coalesced", **event)
    assert ours == logged.readouterr().err
    assert "coalesced" in ours
