"""Exporters' ways in: headers, encodings, addresses, and requests without spans."""

import gzip
import json
from typing import Any

import pytest
import zstandard
from flask import Flask
from flask.testing import FlaskClient
from google.rpc.status_pb2 import Status
from sqlalchemy import Engine

from app.config import Settings
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key
from tests.app.otlp_helpers import CALL, PROTOBUF, URL, export, send_bytes, span, traces

GOOD = export(span(CALL)).SerializeToString()


@pytest.mark.parametrize("form", ["Bearer%20{}", "bearer {}", "Bearer  {} ", "Bearer%20{}%20"])
def test_a_key_is_taken_as_exporters_write_it(web: Flask, engine: Engine, form: str) -> None:
    client = web.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = form.format(new_key(engine, "shop"))
    assert send_bytes(client, GOOD).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity", "ZSTD"])
@pytest.mark.parametrize("url", [URL, "/api/v1/traces"])
def test_a_body_is_taken_in_each_encoding(client: FlaskClient, encoding: str, url: str) -> None:
    data = GOOD if url == URL else json.dumps({"model": "m", "path": "/p", "input": "Hi"}).encode()
    packed = {"gzip": gzip.compress, "zstd": zstandard.compress}.get(encoding.lower(), bytes)(data)
    kind = PROTOBUF if url == URL else "application/json"
    answer = client.post(url, data=packed, content_type=kind, headers={"Content-Encoding": encoding})
    assert answer.status_code in (200, 201)
    assert len(traces(client)) == 1


def test_several_frames_of_zstd_are_one_body(client: FlaskClient) -> None:
    half = len(GOOD) // 2
    packed = zstandard.compress(GOOD[:half]) + zstandard.compress(GOOD[half:])
    assert send_bytes(client, packed, **{"Content-Encoding": "zstd"}).status_code == 200


@pytest.mark.parametrize("packed", [b"", b"x", zstandard.compress(GOOD)[:-3], zstandard.compress(GOOD) + b"x"])
def test_broken_zstd_is_refused(client: FlaskClient, packed: bytes) -> None:
    assert send_bytes(client, packed, **{"Content-Encoding": "zstd"}).status_code == 400
    assert traces(client) == []


def test_a_zstd_bomb_is_refused(client: FlaskClient) -> None:
    bomb = zstandard.compress(b"\0" * (64 * 1024 * 1024))
    assert send_bytes(client, bomb, **{"Content-Encoding": "zstd"}).status_code == 413


def test_a_frame_that_asks_for_much_memory_is_refused(client: FlaskClient) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()  # without a size in its header
    packed = packer.compress(GOOD) + packer.flush()
    assert send_bytes(client, packed, **{"Content-Encoding": "zstd"}).status_code == 400


@pytest.mark.parametrize(("kind", "data", "empty"), [(PROTOBUF, b"\x0a\x00", b""), ("application/json", b"{}", b"{}")])
def test_metrics_are_answered_and_not_kept(client: FlaskClient, kind: str, data: bytes, empty: bytes) -> None:
    answer = client.post("/v1/metrics", data=data, content_type=kind)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, empty, kind)


def test_metrics_need_a_key(web: Flask) -> None:
    assert web.test_client().post("/v1/metrics", json={}).status_code == 401


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/v1/traces/v1/traces", "/v1/traces"),
        ("/v1/traces/", "/v1/traces"),
        ("/v1/logs/v1/logs", "/v1/logs"),
        ("/api/v1/traces/", "/api/v1/traces"),
        ("/otlp/v1/traces", "/v1/traces"),
        ("/", "/v1/traces"),
        ("/v1", "/v1/traces"),
        ("/api/public/otel", "/v1/traces"),
        ("/x/api/public/ingestion", "/api/public/ingestion"),
    ],
)
def test_an_address_that_is_nearly_right_is_answered_with_the_right_one(
    client: FlaskClient, path: str, right: str
) -> None:
    answer = client.post(path, json={})
    assert answer.status_code in (404, 405)
    if answer.status_code == 404:
        assert f"Send to {right}" in answer.json["detail"] or f"go to {right}" in answer.json["detail"]


def test_a_protobuf_client_is_told_of_a_wrong_address_as_it_reads(client: FlaskClient) -> None:
    answer = client.post("/v1/traces/v1/traces", data=GOOD, content_type=PROTOBUF)
    assert (answer.status_code, answer.mimetype) == (404, PROTOBUF)
    assert "/v1/traces" in Status.FromString(answer.data).message


def test_an_export_at_the_json_api_is_told_where_it_belongs(client: FlaskClient) -> None:
    assert "/v1/traces" in str(assert_problem(client.post("/api/v1/traces", json={"resourceSpans": []}), 422))
    answer = client.post("/api/v1/traces", data=GOOD, content_type=PROTOBUF)
    assert "/v1/traces" in Status.FromString(answer.data).message


# --- a provider's body at the JSON API


def posted(client: FlaskClient, body: Any) -> Any:
    answer = client.post("/api/v1/traces", json=body)
    assert answer.status_code == 201, answer.text
    return client.get(f"/api/v1/traces/{answer.json['id']}").json


def test_a_body_of_anthropic_is_taken_as_it_is(client: FlaskClient) -> None:
    body = {
        "model": "m",
        "path": "/p",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "usage": {"prompt_tokens": 3},
    }
    trace = posted(client, body)
    assert trace["prompt"] == [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "Hi"}]
    assert (trace["max_output_tokens"], trace["usage"], trace["metadata"]) == (9, {"input_tokens": 3}, None)


def test_bodies_of_a_batch_are_taken_by_whichever_providers_names(client: FlaskClient) -> None:
    gemini = {"model": "m", "path": "/p", "contents": [{"parts": [{"text": "Hi"}]}]}
    converse = {"modelId": "m", "path": "/p", "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    completion = {"model": "m", "path": "/p", "prompt": "Hi"}
    tokens = {"model": "m", "path": "/p", "prompt": [1, 2]}
    answer = client.post("/api/v1/traces", json={"traces": [gemini, converse, completion, tokens]}).json
    assert [result["status"] for result in answer["results"]] == [201, 201, 201, 422]
    assert answer["results"][3]["error"]["errors"][0]["loc"] == ["traces", 3, "prompt"]
    assert {trace["prompt"][0]["text"] for trace in traces(client)} == {"Hi"}


# --- what breaks the reader of OTLP/JSON


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"resourceSpans": ["\\ud800"]}', "resourceSpans"),
        ('{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"value": {"doubleValue": 1%s}}]}]}]}]}' % ("0" * 400), "doubleValue"),
        ('{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"value": {"intValue": 1e400}}]}]}]}]}', "intValue"),
        ('{"resourceSpans": [null]}', "resourceSpans"),
        ('{"resourceSpans": [{"schemaUrl": {}}]}', "schemaUrl"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("url", ["/v1/traces", "/api/public/otel/v1/traces"])
def test_a_body_that_breaks_the_reader_is_refused_with_its_place(
    client: FlaskClient, body: str, place: str, url: str
) -> None:
    problem = assert_problem(client.post(url, data=body, content_type="application/json"), 400)
    assert place in problem["detail"]


# --- behind a proxy


def test_pages_and_api_stand_under_the_base_path_that_a_trusted_proxy_names(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": 1, "local_mode": True}))
    client = client_with(app, new_key(engine, "shop"))
    headers = {"X-Forwarded-Prefix": "/lode", "X-Forwarded-For": "10.0.0.1"}
    for path in ("/", "/lode/"):
        page = client.get(path, headers=headers, base_url="http://127.0.0.1").text
        assert 'href="/lode/' in page
        assert 'href="/ungrouped' not in page
    assert send_bytes(client, GOOD, **headers).status_code == 200
    answer = client.post("/lode/v1/traces", data=GOOD, content_type=PROTOBUF, headers=headers)
    assert answer.status_code == 200


def test_a_login_behind_a_proxy_leads_back_to_the_page_under_its_base_path(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": 1, "secret_key": "x" * 32}))
    client, headers = app.test_client(), {"X-Forwarded-Prefix": "/lode"}
    redirect = client.get("/pipeline", headers=headers, base_url="https://example.org")
    assert redirect.location.startswith("/lode/login")
    page = client.get("/login?next=/pipeline", headers=headers, base_url="https://example.org").text
    token = page.partition('name="form_token" value="')[2].partition('"')[0]
    form = {"key": new_key(engine, "shop"), "next": "/pipeline", "form_token": token}
    answer = client.post(
        "/login", data=form, headers=headers | {"Origin": "https://example.org"}, base_url="https://example.org"
    )
    assert answer.location == "/lode/pipeline"


@pytest.mark.parametrize("prefix", ["//evil.example", "/a\nb", "https://evil.example", "/a?b", "/<script>"])
def test_a_base_path_that_is_none_is_not_believed(settings: Settings, engine: Engine, prefix: str) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": 1, "local_mode": True}))
    if "\n" in prefix:
        return
    page = (
        client_with(app, new_key(engine, "shop"))
        .get("/", headers={"X-Forwarded-Prefix": prefix}, base_url="http://127.0.0.1")
        .text
    )
    assert "evil" not in page
    assert "<script>" not in page.partition("<body")[2][:300]


def test_nobody_else_moves_the_pages(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"local_mode": True}))
    page = (
        client_with(app, new_key(engine, "shop"))
        .get("/", headers={"X-Forwarded-Prefix": "/lode"}, base_url="http://127.0.0.1")
        .text
    )
    assert "/lode" not in page
