"""docs/ingest.md speaks of every attribute that is read, every switch that an answer names, and every status."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.otlp import refusal
from app.otlp.dialects import DIALECTS
from app.otlp.translate import MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES
from tests.app.otlp_helpers import URL, traces

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "ingest.md").read_text(encoding="utf-8")
SOURCES = "".join(
    (ROOT / "app" / "otlp" / "dialects" / name).read_text(encoding="utf-8") for name in ("genai.py", "openinference.py")
)
IN_CODE = re.findall(r'"((?:gen_ai|llm|traceloop|session|user|enduser|input|output)\.[\w.]+)"', SOURCES)
IN_TABLES = [
    name
    for dialect in DIALECTS
    for names in (*dialect.fields.values(), dialect.requests, dialect.answers, dialect.counts, dialect.repeats)
    for name in names
]
ATTRIBUTES = sorted({*IN_CODE, *IN_TABLES})


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_that_is_read_is_in_the_table(name: str) -> None:
    assert re.search(rf"`{re.escape(name.rstrip('.'))}(\.N\.|`)", DOCUMENT) or name in (
        "input.mime_type",
        "output.mime_type",
    )


def test_there_are_attributes_to_look_for() -> None:
    assert len(ATTRIBUTES) > 40


def test_every_switch_that_an_answer_names_is_explained() -> None:
    for switch in re.findall(r"[A-Z_]{8,}", refusal.HOW_TO_CAPTURE + refusal.HOW_TO_KEEP_ALL):
        assert switch in DOCUMENT


def test_the_example_is_taken_as_it_stands(client: FlaskClient) -> None:
    (body,) = re.findall(r"/v1/traces .* -d '(.*?)'\n```", DOCUMENT, re.DOTALL)
    assert client.post(URL, data=body, content_type="application/json").json == {}
    (trace,) = traces(client)
    assert trace["path"] == "/support/triage"
    assert trace["prompt"] == [{"role": "user", "text": "Where is my refund?"}]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{MAX_ATTRIBUTES} attributes, each up to {MAX_ATTRIBUTE_BYTES // 1024} KB" in DOCUMENT


def test_every_status_is_explained(web: Flask) -> None:
    described: Any = web.test_client().get("/openapi.json").json["paths"]["/v1/traces"]["post"]
    assert set(described["requestBody"]["content"]) == {"application/json", "application/x-protobuf"}
    for status in set(described["responses"]) - {"404", "500"}:
        assert status in DOCUMENT
