"""Bad input gets a problem that names the item, the field and the remedy; no answer is a 500, and no input is stored
in part.
"""

import gzip
import io
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from app.config import Settings
from app.store import tables
from app.store.engine import transaction
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key

URL = "/api/v1/traces"
SMALLEST = b'{"model": "m", "path": "/p", "input": "Hi"}'


def send(client: FlaskClient, data: bytes, **headers: str) -> TestResponse:
    return client.post(URL, data=data, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{'a': 1}", b'{"a": 1} x', b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a": "\x01"}', b"{" * 5000]
)
def test_a_body_that_is_no_json_is_refused(client: FlaskClient, data: bytes) -> None:
    assert send(client, data).status_code in (400, 422)
    assert_problem(send(client, data), send(client, data).status_code)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xef\xbb\xbf{}", "byte order mark")]
)
def test_a_body_that_is_empty_or_begins_with_a_mark_is_told_so(client: FlaskClient, data: bytes, reason: str) -> None:
    assert reason in assert_problem(send(client, data), 400)["detail"]


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_body_that_is_nested_without_end_is_refused(client: FlaskClient, data: bytes) -> None:
    assert "nested" in assert_problem(send(client, data), 422)["detail"]


@pytest.mark.parametrize("data", [b"null", b"3", b'"x"', b"[]", b"true"])
def test_a_body_that_is_no_object_is_refused(client: FlaskClient, data: bytes) -> None:
    assert_problem(send(client, data), 422)


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b'"\\ud800"', b'"a\\u0000b"', b"1" * 400, b"1" * 5000])
def test_a_value_that_cannot_be_stored_is_refused_by_the_name_of_its_field(client: FlaskClient, value: bytes) -> None:
    data = SMALLEST.replace(b'"Hi"', b'"Hi", "metadata": {"x": ' + value + b"}")
    answer = send(client, data)
    problem = assert_problem(answer, 422)
    if len(value) < 5000:  # Python itself refuses longer numbers, so the error has no place
        assert problem["errors"][0]["loc"] == ["metadata", "x"]


@pytest.mark.parametrize("value", [b"NaN", b'"\\udfff"', b'"\\u0000"', b"1e999", b"9" * 30])
def test_a_value_that_cannot_be_stored_does_not_take_the_good_traces_of_its_batch_along(
    client: FlaskClient, value: bytes
) -> None:
    bad = SMALLEST.replace(b'"Hi"', b'"Hi", "usage": {"input_tokens": ' + value + b"}")
    answer = send(client, b'{"traces": [' + SMALLEST + b"," + bad + b"]}")
    assert answer.status_code == 207
    good, refused = answer.json["results"]
    assert (good["status"], refused["status"]) == (201, 422)
    assert refused["error"]["errors"][0]["loc"] == ["traces", 1, "usage", "input_tokens"]


@pytest.mark.parametrize("content", [b"5", b"true", b'[1, null, {"type": "text"}]', b'[["Hi"]]'])
@pytest.mark.parametrize("field", ["messages", "input"])
def test_content_that_no_message_has_is_refused_with_its_field(client: FlaskClient, field: str, content: bytes) -> None:
    messages = b'[{"role": "user", "content": "Hi"}, {"role": "user", "content": ' + content + b"}]"
    answer = send(client, b'{"model": "m", "path": "/p", "%b": %b}' % (field.encode(), messages))
    (error,) = assert_problem(answer, 422)["errors"]
    assert (error["loc"], error["message"][:6]) == ([field], "Item 1")


@pytest.mark.parametrize("traces", [b"[]", b"{}", b"null", b"3"])
def test_a_batch_that_holds_no_trace_is_refused(client: FlaskClient, traces: bytes) -> None:
    problem = assert_problem(send(client, b'{"traces": ' + traces + b"}"), 422)
    assert problem["errors"][0]["loc"] == ["traces"]


def test_a_batch_of_1001_traces_is_refused_whole(client: FlaskClient, engine: Engine) -> None:
    data = orjson.dumps({"traces": [{"model": "m", "path": "/p"}] * 1001})
    assert "1001" in assert_problem(send(client, data), 413)["errors"][0]["message"]
    with transaction(engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.trace)).scalar_one() == 0


def test_a_body_of_33_megabytes_is_refused(client: FlaskClient) -> None:
    assert_problem(send(client, b'{"input": "' + b"x" * 33 * 1024 * 1024 + b'"}'), 413)


class Trickle(io.RawIOBase):
    """A body that comes in small pieces without a length, as from a chunked request."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._rest.read(min(len(buffer), 300))
        buffer[: len(piece)] = piece
        return len(piece)


def send_chunked(client: FlaskClient, data: bytes) -> TestResponse:
    overrides = {"wsgi.input": Trickle(data), "wsgi.input_terminated": True}
    return client.post(URL, content_type="application/json", environ_overrides=overrides)


def test_a_chunked_body_over_the_limit_is_refused(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"max_body_bytes": 1000}))
    assert_problem(send_chunked(client_with(app, new_key(engine, "shop")), b" " * 2000), 413)


def test_a_chunked_body_within_the_limit_is_taken(client: FlaskClient) -> None:
    assert send_chunked(client, SMALLEST + b" " * 1000).status_code == 201


def test_one_text_over_a_megabyte_is_refused_and_one_of_a_megabyte_is_taken(client: FlaskClient) -> None:
    for size, status in ((1024 * 1024, 201), (1024 * 1024 + 1, 422)):
        answer = client.post(URL, json={"model": "m", "path": "/p", "input": "x" * size})
        assert answer.status_code == status
    assert assert_problem(answer, 422)["errors"][0]["loc"] == ["input"]


@pytest.mark.parametrize("data", [gzip.compress(SMALLEST), gzip.compress(SMALLEST[:9]) + gzip.compress(SMALLEST[9:])])
def test_a_gzip_body_is_inflated_whole(client: FlaskClient, data: bytes) -> None:
    assert send(client, data, **{"Content-Encoding": "gzip"}).status_code == 201


def test_a_gzip_body_that_inflates_without_end_is_refused(client: FlaskClient) -> None:
    bomb = gzip.compress(b" " * 64 * 1024 * 1024)
    assert_problem(send(client, bomb, **{"Content-Encoding": "gzip"}), 413)


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(SMALLEST)[:-9]])
def test_a_gzip_body_that_is_broken_is_refused(client: FlaskClient, data: bytes) -> None:
    assert_problem(send(client, data, **{"Content-Encoding": "gzip"}), 400)


def test_an_encoding_that_we_do_not_know_is_refused(client: FlaskClient) -> None:
    assert_problem(send(client, SMALLEST, **{"Content-Encoding": "br"}), 415)


def test_a_transfer_coding_that_we_do_not_know_is_refused(client: FlaskClient) -> None:
    problem = assert_problem(send(client, SMALLEST, **{"Transfer-Encoding": "gzip, chunked"}), 501)
    assert problem["detail"].startswith("No Transfer-Encoding but chunked is supported")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_says_that_it_is_not_json_is_refused(client: FlaskClient, media_type: str) -> None:
    assert "application/json" in assert_problem(client.post(URL, data=SMALLEST, content_type=media_type), 415)["detail"]


@pytest.mark.parametrize("path", [" ", "\u200b\u2060", "\x1b"], ids=["blank", "without width", "control"])
def test_a_path_that_nobody_can_see_is_refused(client: FlaskClient, path: str) -> None:
    (error,) = assert_problem(client.post(URL, json={"model": "m", "path": path, "input": "Hi"}), 422)["errors"]
    assert error == {"loc": ["path"], "message": "Must not be blank; name the call site."}


@pytest.mark.parametrize("name", [" ", "\u200b\u2060", "\t"], ids=["blank", "without width", "control"])
@pytest.mark.parametrize("field", ["model", "external_id"])
def test_a_name_that_nobody_can_see_is_refused(client: FlaskClient, field: str, name: str) -> None:
    trace = {"model": "m", "path": "/p", "input": "Hi", field: name}
    (error,) = assert_problem(client.post(URL, json=trace), 422)["errors"]
    assert error["loc"] == [field]
    assert error["message"].startswith("Must not be blank; ")


def test_a_route_that_does_not_exist_is_a_problem(client: FlaskClient) -> None:
    assert "/openapi.json lists all routes" in assert_problem(client.get("/api/v1/nothing"), 404)["detail"]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("tasks/zz", "tasks"),
        ("tasks/zz/usage", "tasks"),
        ("traces/%00", "traces"),
        ("implementations/1/cost", "implementations"),
    ],
)
def test_an_address_with_an_id_that_is_none_says_so(client: FlaskClient, address: str, kind: str) -> None:
    detail = assert_problem(client.get(f"/api/v1/{address}"), 404)["detail"]
    assert detail == f"What follows /{kind}/ must be an id: a UUID, as the API answers it."


def test_a_method_that_a_route_does_not_have_is_a_problem_that_says_which_it_has(client: FlaskClient) -> None:
    answer = client.delete(URL)
    assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=%21",
        "cursor=YQ",
        "task_id=1",
        "ungrouped=perhaps",
        "pth=/a",
        "path=%00",
        "path=%ff",
        "limit=+5",
        "limit=%2B5",
        "limit=5.0",
        "limit=5&limit=6",
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(client: FlaskClient, query: str) -> None:
    problem = assert_problem(client.get(f"{URL}?{query}"), 422)
    assert problem["errors"][0]["loc"] == ["query", query.partition("=")[0]]


NOBODY = "01890000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    "route",
    [
        f"/api/v1/tasks/{NOBODY}",
        f"/api/v1/traces/{NOBODY}",
        f"/api/v1/traces/{NOBODY}/why",
        f"/api/v1/implementations/{NOBODY}",
        "/api/v1/prices",
        "/api/v1/pipeline",
    ],
)
def test_a_route_without_parameters_refuses_every_parameter_by_its_name(client: FlaskClient, route: str) -> None:
    problem = assert_problem(client.get(f"{route}?limt=5"), 422)
    assert problem["errors"][0]["loc"] == ["query", "limt"]


def test_a_fault_of_ours_shows_nothing_of_our_insides(settings: Settings, engine: Engine, caplog: Any) -> None:
    app = create_app(settings)

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret prompt")

    answer = client_with(app, new_key(engine, "shop")).get("/broken")
    assert_problem(answer, 500)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "message"),
    [("p" * 513, "Must have at most 512 characters."), ("", "Must have at least 1 character.")],
)
def test_a_text_of_the_wrong_length_is_told_how_long_it_must_be(client: FlaskClient, path: str, message: str) -> None:
    answer = client.post("/api/v1/traces", json={"model": "m", "path": path})
    assert answer.json["errors"] == [{"loc": ["path"], "message": message}]
