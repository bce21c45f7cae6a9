"""The cost of a body beyond its bytes is counted before the body is parsed or inflated."""

import gzip
import zlib
from collections.abc import Callable

import orjson
import pytest
import zstandard
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from app.config import Settings
from app.http.counting import CutOffError, TooManyMembersError, has_more_values, inflate
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key

URL = "/api/v1/traces"
LIMIT = 100_000

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(alphabet=',:[{"\\\\ab', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='"\\\\:,', max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def counted(value: object) -> int:
    """The slow oracle: values and names. An empty list or object counts one more, as its bracket does."""
    if isinstance(value, dict):
        return 2 + sum(1 + counted(inner) for inner in value.values()) - bool(value)
    if isinstance(value, list):
        return 2 + sum(map(counted, value)) - bool(value)
    return 1


@given(plain_json)
def test_values_are_counted_whatever_stands_in_texts(value: object) -> None:
    data, number = orjson.dumps(value), counted(value)
    assert has_more_values(data, number - 1) or number == 1
    assert not has_more_values(data, number)


def test_a_text_without_an_end_is_counted_in_passing() -> None:
    assert not has_more_values(b'"' + rb"\"," * 1_000_000, 1000)


@pytest.mark.parametrize("texts", [[b"abc"], [b"abc", b"", b"de" * 50_000], [b""]])
@pytest.mark.parametrize("padding", [b"", b"\0" * 100])
def test_members_are_inflated_one_after_the_other(texts: list[bytes], padding: bytes) -> None:
    assert inflate(b"".join(map(gzip.compress, texts)) + padding, 200_000, 3) == b"".join(texts)


def test_a_body_that_inflates_without_end_is_stopped_a_byte_past_the_limit() -> None:
    assert len(inflate(gzip.compress(bytes(10_000_000)), LIMIT, 1)) == LIMIT + 1


def test_members_that_are_too_many_are_refused() -> None:
    with pytest.raises(TooManyMembersError):
        inflate(gzip.compress(b"") * 11, LIMIT, 10)


def test_a_body_that_is_cut_off_or_no_gzip_is_told() -> None:
    compressed = gzip.compress(b"abc" * 1000)
    for cut in (compressed[:-1], compressed[:5], compressed + compressed[:5]):
        with pytest.raises(CutOffError):
            inflate(cut, LIMIT, 9)
    for wrong in (b"abc", compressed + b"abc"):
        with pytest.raises(zlib.error):
            inflate(wrong, LIMIT, 9)


@pytest.fixture
def bounded(settings: Settings, engine: Engine) -> FlaskClient:
    app = create_app(settings.model_copy(update={"max_json_values": 100, "max_gzip_members": 3}))
    return client_with(app, new_key(engine, "shop"))


def body(values: int) -> bytes:
    return orjson.dumps({"model": "m", "path": "/p", "input": "Hi, [you]: {x}", "metadata": {"a": [[]] * values}})


def test_a_body_with_too_many_values_is_refused_before_it_is_parsed(bounded: FlaskClient) -> None:
    assert bounded.post(URL, data=body(20), content_type="application/json").status_code == 201
    refused = bounded.post(URL, data=body(101), content_type="application/json")
    assert_problem(refused, 413)
    assert "100 JSON values" in refused.json["detail"]
    assert bounded.post("/v1/traces", data=body(101), content_type="application/json").status_code == 413


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_body_in_too_many_parts_is_refused(
    bounded: FlaskClient, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    for members, status in ((2, 201), (3, 413)):
        data = compress(body(1)) + members * compress(b"")
        answer = bounded.post(URL, data=data, content_type="application/json", headers={"Content-Encoding": encoding})
        assert answer.status_code == status
