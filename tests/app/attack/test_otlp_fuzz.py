"""Spans that no exporter would send, as valid protobuf and as damaged bytes: no answer is a 500, and the next span is
stored.
"""

from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.app.otlp_helpers import CALL, MESSAGES, any_value, export, send, send_bytes, span, stored

NAMES = [
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.request.model",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.usage.input_tokens",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.99999999999999999999.role",
    "gen_ai.completion.0.content",
    "gen_ai.request.temperature",
    "gen_ai.conversation.id",
    "llm.input_messages.0.message.content",
    "llm.input_messages.-1.message.role",
    "llm.input_messages.0.message.tool_calls.0.tool_call.id",
    "llm.invocation_parameters",
    "llm.token_count.prompt",
    "llm.prompt_template.template",
    "openinference.span.kind",
    "input.value",
    "promptlode.path",
    "user.id",
    "session.id",
]
EVENTS = ["gen_ai.user.message", "gen_ai.choice", "gen_ai.client.inference.operation.details", "exception"]

texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["chat", "gpt-4o", MESSAGES, "[[[", "{}", "null", "\x00", "1e999"]
)
scalars: st.SearchStrategy[Any] = (
    texts | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.booleans() | st.binary(max_size=8) | st.none()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
attributes = st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=8)
ids = st.binary(max_size=40)
moments = st.integers(0, 2**64 - 1)
spans = st.builds(
    lambda attributes, events, **fields: span(CALL | attributes, events=events, **fields),
    attributes,
    st.lists(st.tuples(st.sampled_from(EVENTS) | texts, attributes), max_size=2),
    trace_id=ids,
    span_id=ids,
    parent_span_id=ids,
    start_time_unix_nano=moments,
    end_time_unix_nano=moments,
    name=texts,
    kind=st.integers(-(2**31), 2**31 - 1),
)
damage = st.lists(
    st.tuples(st.integers(0, 2**16), st.integers(0, 255), st.sampled_from(["set", "cut", "add"])), max_size=6
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


def damaged(data: bytes, marks: list[tuple[int, int, str]]) -> bytes:
    """The data with some bytes set, removed or added."""
    bytes_so_far = bytearray(data)
    for place, byte, action in marks:
        index = place % (len(bytes_so_far) + 1)
        if action == "add":
            bytes_so_far.insert(index, byte)
        elif index < len(bytes_so_far):
            if action == "set":
                bytes_so_far[index] = byte
            else:
                del bytes_so_far[index]
    return bytes(bytes_so_far)


def test_no_span_makes_a_500_whatever_it_says(client: FlaskClient) -> None:
    @QUICK
    @given(spans=st.lists(spans, min_size=1, max_size=3), resource=attributes)
    def attack(spans: list[Span], resource: dict[str, Any]) -> None:
        assert send(client, *spans, resource=resource).status_code == 200

    attack()
    assert stored(client, span(CALL, 77))["model"] == "gpt-4o"


def test_no_damaged_bytes_make_a_500(client: FlaskClient) -> None:
    @QUICK
    @given(spans=st.lists(spans, min_size=1, max_size=2), marks=damage)
    def attack(spans: list[Span], marks: list[tuple[int, int, str]]) -> None:
        data = damaged(export(*spans).SerializeToString(), marks)
        for url in ("/v1/traces", "/v1/logs"):
            answer = client.post(url, data=data, content_type="application/x-protobuf")
            assert answer.status_code in (200, 400), answer.data

    attack()
    assert stored(client, span(CALL, 78))["model"] == "gpt-4o"


def test_values_nested_without_end_are_refused(client: FlaskClient) -> None:
    value = any_value("x").SerializeToString()
    for _ in range(2_000):
        value = field(0x2A, field(0x0A, value))  # an array in an array in an array
    attribute = field(0x0A, b"x") + field(0x12, value)
    body = field(0x0A, field(0x12, field(0x12, field(0x4A, attribute))))
    assert send_bytes(client, body).status_code == 400


def field(tag: int, data: bytes) -> bytes:
    """One field of a message in protobuf's encoding."""
    length, remaining = b"", len(data)
    while remaining > 127:
        length, remaining = length + bytes([remaining & 127 | 128]), remaining >> 7
    return bytes([tag]) + length + bytes([remaining]) + data
