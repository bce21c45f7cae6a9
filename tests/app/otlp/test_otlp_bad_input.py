"""Bad OTLP gets the answer that OTLP demands; good spans are kept, and no exporter sends the same again in vain."""

import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from app.config import Settings
from app.otlp import form
from app.otlp.wire import from_json
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, new_key
from tests.app.otlp_helpers import (
    CALL,
    CHAT,
    PROTOBUF,
    URL,
    any_value,
    export,
    rejected,
    send,
    send_bytes,
    span,
    traces,
)

GOOD = export(span(CALL)).SerializeToString()
JSON = "application/json"
TRACE_ID = "0102030405060708090a0b0c0d0e0f10"


def as_json(facts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An export of one span as a JavaScript SDK writes it: hex ids, numbers as texts."""
    values = [{"key": name, "value": json_format.MessageToDict(any_value(value))} for name, value in facts.items()]
    span_json = {
        "traceId": TRACE_ID,
        "spanId": "00000000000000aa",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": "1760000000000000000",
        "endTimeUnixNano": 1760000001500000000,
        "attributes": values,
        "links": [{"traceId": TRACE_ID, "spanId": "00000000000000bb"}],
        "notYetInvented": {"x": 1},
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span_json | fields]}]}]}


BODY_OF_OUR_OWN = {"traces": [{"model": "m", "path": "/p", "input": "x"}]}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (BODY_OF_OUR_OWN, "/api/v1/traces"),
        (BODY_OF_OUR_OWN["traces"][0], "/api/v1/traces"),
        ({"resourceLogs": []}, "/v1/logs"),
    ],
)
def test_a_body_of_another_kind_is_told_where_it_goes(client: FlaskClient, body: Any, place: str) -> None:
    answer = client.post(URL, json=body)
    assert answer.status_code == 200
    assert "no resourceSpans" in answer.get_json()["partialSuccess"]["errorMessage"]
    assert place in answer.get_json()["partialSuccess"]["errorMessage"]


def test_an_empty_export_is_no_mistake(client: FlaskClient) -> None:
    assert client.post(URL, json={}).get_json() == {}


def assert_status(answer: TestResponse, code: int) -> str:
    """A google.rpc.Status with a message, under this HTTP status."""
    assert answer.status_code == code, answer.data
    assert answer.mimetype == PROTOBUF
    message = Status.FromString(answer.data).message
    assert message
    return message


# --- JSON


def test_json_has_its_ids_in_hex_and_is_answered_in_json(client: FlaskClient) -> None:
    answer = client.post(URL, json=as_json(CALL, parentSpanId="00000000000000cc"))
    assert (answer.status_code, answer.mimetype, answer.json) == (200, JSON, {})
    (trace,) = traces(client)
    assert trace["external_id"] == f"{TRACE_ID}:00000000000000aa"
    assert trace["prompt"] == [{"role": "user", "text": "Where is my refund?"}]


def test_the_same_span_in_json_and_in_protobuf_is_one_trace(client: FlaskClient) -> None:
    send(client, span(CALL, 0xAA))
    client.post(URL, json=as_json(CALL))
    assert len(traces(client)) == 1


@pytest.mark.parametrize("field", ["traceId", "spanId"])
@pytest.mark.parametrize("value", ["", "12", "zz" * 16, "0" * 32, "0" * 16, "ab" * 40, None])
def test_an_id_that_is_none_refuses_its_span_alone(client: FlaskClient, field: str, value: str | None) -> None:
    body = as_json(CALL)
    body["resourceSpans"] += as_json(CALL, **{field: value})["resourceSpans"]
    answer = client.post(URL, json=body)
    assert answer.status_code == 200
    assert answer.json["partialSuccess"]["rejectedSpans"] == "1"
    assert "32 hex digits" in answer.json["partialSuccess"]["errorMessage"]
    assert len(traces(client)) == 1


@pytest.mark.parametrize(
    "body",
    [
        [],
        3,
        "x",
        {"resourceSpans": 3},
        {"resourceSpans": [3]},
        {"resourceSpans": [{"scopeSpans": {"spans": 1}}]},
        as_json(CALL, startTimeUnixNano="soon"),
        as_json(CALL, startTimeUnixNano=-1),
        as_json(CALL, name=3),
        as_json(CALL, traceId=3),
        as_json(CALL, attributes=[{"key": "a", "value": {"intValue": "secret"}}]),
        as_json(CALL, attributes=[{"key": "a", "value": {"stringValue": "a", "intValue": 1}}]),
        as_json(CALL, name="\ud800"),
    ],
)
def test_json_that_is_no_export_is_refused_without_showing_it(client: FlaskClient, body: Any) -> None:
    problem = assert_problem(client.post(URL, data=json.dumps(body), content_type=JSON), 400)
    assert "secret" not in str(problem)


def test_json_that_is_no_export_is_refused_with_the_place(client: FlaskClient) -> None:
    answer = client.post(URL, json=as_json(CALL, startTimeUnixNano="soon"))
    assert "resourceSpans.scopeSpans.spans.startTimeUnixNano" in assert_problem(answer, 400)["detail"]


def spoilt(text: str) -> bytes:
    """JSON in which the second of three spans has this text for a name."""
    body = as_json(CALL)
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans += [spans[0] | {"spanId": "2" * 16, "name": text}, spans[0] | {"spanId": "3" * 16}]
    return json.dumps(body).encode()


def test_a_span_of_json_whose_text_is_no_unicode_costs_that_span_alone(client: FlaskClient) -> None:
    answer = send_bytes(client, spoilt("gpt\ud800"), JSON)
    assert answer.json["partialSuccess"]["rejectedSpans"] == "1"
    assert "spans (items 0, 0, 1): text: holds a lone surrogate" in answer.json["partialSuccess"]["errorMessage"]
    assert len(traces(client)) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("startTimeUnixNano", "soon"),
        ("attributes", [None]),
        ("name", 5),
        ("startTimeUnixNano", -1),
    ],
    ids=["time", "attribute", "name", "negative"],
)
def test_a_span_of_json_with_a_wrong_field_costs_that_span_alone(client: FlaskClient, field: str, value: Any) -> None:
    body = as_json(CALL)
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans += [spans[0] | {"spanId": "2" * 16, field: value}, spans[0] | {"spanId": "3" * 16}]
    partial = client.post(URL, json=body).json["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert f"spans (items 0, 0, 1): form: must be as OTLP/JSON has it: see {field}" in partial["errorMessage"]
    assert len(traces(client)) == 2


@pytest.mark.parametrize("wrong", [{}, {"name": 5}], ids=["valid", "with a fault"])
def test_an_export_of_json_with_a_list_in_both_spellings_is_refused(client: FlaskClient, wrong: dict[str, Any]) -> None:
    """One of the two lists would be lost."""
    first, second = as_json(CALL), as_json(CALL, **wrong)
    body = {"resourceSpans": first["resourceSpans"] + second["resourceSpans"], "resource_spans": first["resourceSpans"]}
    answer = client.post(URL, json=body)
    assert answer.status_code == 400
    assert "in both spellings of its name" in answer.text
    assert traces(client) == []


def test_a_span_of_json_is_read_twice_where_another_one_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted: reading is most of the cost of an export."""
    bodies: list[str] = []

    def counted(body: Any, *arguments: Any, **options: Any) -> Any:
        bodies.append(json.dumps(body))
        return json_format.ParseDict(body, *arguments, **options)

    monkeypatch.setattr(form, "json_format", SimpleNamespace(ParseDict=counted))
    body = as_json(CALL)
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans += [spans[0] | {"name": 5}, spans[0] | {"name": "the last"}]

    decoded = from_json(body, ExportTraceServiceRequest)

    stored = decoded.message.resource_spans[0].scope_spans[0].spans
    assert [stored[0].name, stored[1].name] == [spans[0]["name"], "the last"]
    assert "".join(bodies).count('"the last"') == 2


SERVICE = {"key": "service.name", "value": {"stringValue": "shop"}}


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        (
            {"key": "a", "value": {"intValue": "secret"}},
            "must be as OTLP/JSON has it: see resource.attributes.value.intValue",
        ),
        ({"key": 3}, "must be as OTLP/JSON has it"),
        ({"key": "a", "value": {"stringValue": "\ud800"}}, "holds a lone surrogate"),
    ],
    ids=["number", "key", "surrogate"],
)
def test_a_wrong_attribute_of_a_service_costs_that_attribute_alone(
    client: FlaskClient, attribute: dict[str, Any], reason: str
) -> None:
    body = as_json(CALL)
    body["resourceSpans"][0]["resource"] = {"attributes": [attribute, SERVICE]}
    partial = send_bytes(client, json.dumps(body).encode(), JSON).json["partialSuccess"]
    assert "rejectedSpans" not in partial
    assert "resourceSpans.resource.attributes (items 0, 0)" in partial["errorMessage"]
    assert reason in partial["errorMessage"]
    assert "secret" not in partial["errorMessage"]
    [trace_id] = [trace["id"] for trace in traces(client)]
    assert client.get(f"/api/v1/traces/{trace_id}").json["metadata"]["service.name"] == "shop"


@pytest.mark.parametrize(
    ("place", "value"), [("resource", 3), ("resource", {"attributes": 3}), ("schemaUrl", {"a": 1})]
)
def test_a_wrong_field_around_spans_costs_no_span(client: FlaskClient, place: str, value: Any) -> None:
    body = as_json(CALL)
    body["resourceSpans"][0][place] = value
    partial = client.post(URL, json=body).json["partialSuccess"]
    assert f"Left out, as it cannot be read: resourceSpans.{place} (items 0): form:" in partial["errorMessage"]
    assert len(traces(client)) == 1


def test_a_wrong_attribute_of_an_instrumentation_or_service_in_protobuf_costs_that_attribute_alone(
    client: FlaskClient,
) -> None:
    request = export(span(CALL))
    [resource_spans] = request.resource_spans
    for attributes in (resource_spans.resource.attributes, resource_spans.scope_spans[0].scope.attributes):
        attributes.add(key="cut", value=any_value("x"))
    data = request.SerializeToString().replace(b"cut", b"\xf0\x9f\x99")
    number, message = rejected(send_bytes(client, data))
    assert number == 0
    assert "resourceSpans.resource.attributes (items 0, 1): text:" in message
    assert "resourceSpans.scopeSpans.scope.attributes (items 0, 0, 0): text:" in message
    [trace_id] = [trace["id"] for trace in traces(client)]
    assert client.get(f"/api/v1/traces/{trace_id}").json["metadata"]["service.name"] == "shop"


def test_a_span_of_protobuf_whose_text_is_no_utf8_costs_that_span_alone(client: FlaskClient) -> None:
    data = export(span(CALL), span(CALL, 2, name="cut"), span(CALL, 3)).SerializeToString()
    number, message = rejected(send_bytes(client, data.replace(b"cut", b"\xf0\x9f\x99")))
    assert number == 1
    assert "resourceSpans.scopeSpans.spans (items 0, 0, 1)" in message
    assert len(traces(client)) == 2


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"{" * 5000, b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(client: FlaskClient, data: bytes) -> None:
    answer = send_bytes(client, data, JSON)
    assert answer.status_code in (400, 422)
    assert_problem(answer, answer.status_code)


def nested(levels: int) -> dict[str, Any]:
    """An AnyValue of lists in lists: two messages for each level."""
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return value


DEEP = [{"key": "a", "value": nested(48)}]
"""103 messages in each other, with the request, its spans and the attribute; protobuf reads 101."""

AS_DEEP_AS_CAN_BE = [{"key": "a", "value": nested(47)}]


def with_attributes(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """An export of two calls; the second one has these attributes too."""
    body = as_json(CALL)
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans.append(spans[0] | {"spanId": "2" * 16, "attributes": [*spans[0]["attributes"], *attributes]})
    return body


def as_protobuf(body: dict[str, Any]) -> bytes:
    request = ExportTraceServiceRequest()
    for span_json in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span_sent = request.resource_spans.add().scope_spans.add().spans.add()
        json_format.ParseDict({"attributes": span_json["attributes"]}, span_sent, max_recursion_depth=1000)
        span_sent.trace_id, span_sent.span_id = bytes.fromhex(span_json["traceId"]), bytes.fromhex(span_json["spanId"])
    return request.SerializeToString()


def test_a_span_nested_too_deep_costs_that_span_alone_in_both_encodings(client: FlaskClient) -> None:
    partial = client.post(URL, json=with_attributes(DEEP)).json["partialSuccess"]
    of_protobuf = rejected(send_bytes(client, as_protobuf(with_attributes(DEEP))))

    assert (partial["rejectedSpans"], of_protobuf[0]) == ("1", 1)
    assert "form: is nested deeper than 101 messages; send deep values as a text" in partial["errorMessage"]
    assert "form: is nested deeper than 101 messages; send deep values as a text" in of_protobuf[1]
    assert len(partial["errorMessage"]) < 500


def test_a_span_nested_as_deep_as_can_be_is_stored_in_both_encodings(client: FlaskClient) -> None:
    assert client.post(URL, json=with_attributes(AS_DEEP_AS_CAN_BE)).json == {}
    assert len(traces(client)) == 2
    assert rejected(send_bytes(client, as_protobuf(with_attributes(AS_DEEP_AS_CAN_BE)))) == (0, "")


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what protobuf reads from JSON."""
    lengths: list[int] = []
    read = json_format.ParseDict

    def measured(body: Any, *arguments: Any, **options: Any) -> Any:
        lengths.append(len(json.dumps(body)))
        return read(body, *arguments, **options)

    monkeypatch.setattr(json_format, "ParseDict", measured)
    return lengths


def test_an_export_with_a_faulty_service_is_read_three_times_at_most(sizes: list[int]) -> None:
    healthy, faulty = (as_json({}, attributes=[{"key": "a", "value": nested(3)}] * 50) for _ in range(2))
    faulty["resourceSpans"][0]["resource"] = {"attributes": [{"key": "a", "value": {"intValue": "one"}}]}
    body = {"resourceSpans": [healthy["resourceSpans"][0], faulty["resourceSpans"][0]]}
    size = len(json.dumps(body))

    decoded = from_json(body, ExportTraceServiceRequest)

    assert "resourceSpans.resource.attributes (items 1, 0)" in decoded.left_out
    assert [len(spans.scope_spans[0].spans) for spans in decoded.message.resource_spans] == [1, 1]
    assert sum(sizes) < 3.2 * size


def test_the_fault_of_a_deep_value_is_found_without_reading_it_once_a_level(sizes: list[int]) -> None:
    body = json.dumps(as_json({}, attributes=[{"key": "a", "value": nested(30)}])).replace("stringValue", "intValue")
    fault = form.fault_of(json.loads(body), ExportTraceServiceRequest)

    assert fault is not None
    assert fault.place[-1] == "intValue"
    assert sum(sizes) < 2 * len(body)


# --- protobuf


def test_an_empty_export_is_fine(client: FlaskClient) -> None:
    assert rejected(send_bytes(client, b"")) == (0, "")


@pytest.mark.parametrize("data", [GOOD[:-1], GOOD[:20], b"no protobuf", b"\xff" * 100, b'{"resourceSpans": []}'])
def test_protobuf_that_is_cut_off_or_none_is_refused_with_a_status(client: FlaskClient, data: bytes) -> None:
    assert "protobuf" in assert_status(send_bytes(client, data), 400)
    assert traces(client) == []


def length_delimited(field: int, inner: bytes) -> bytes:
    """A protobuf field by hand: the library does not write a field that the library would not read."""
    size, length = len(inner), b""
    while size > 127:
        length += bytes([size % 128 + 128])
        size //= 128
    return bytes([field * 8 + 2]) + length + bytes([size]) + inner


def test_protobuf_that_is_nested_without_end_is_refused(client: FlaskClient) -> None:
    inner = b""
    for field in (5, 1) * 10_000 + (2, 9, 2, 2, 1):  # array_value.values ..., value, attributes, spans, scope_spans
        inner = length_delimited(field, inner)
    assert_status(send_bytes(client, inner), 400)


def test_values_within_protobufs_own_limit_are_left_out_where_ours_is_lower(client: FlaskClient) -> None:
    value: Any = "x"
    for _ in range(30):
        value = [value]
    deep = {"deep": [[value]]}
    assert rejected(send(client, span(CALL | deep))) == (0, "")


def test_gzip_is_taken(client: FlaskClient) -> None:
    answer = send_bytes(client, gzip.compress(GOOD), **{"Content-Encoding": "gzip"})
    assert rejected(answer) == (0, "")
    assert len(traces(client)) == 1


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_a_gzip_bomb_is_refused(client: FlaskClient, content_type: str) -> None:
    bomb = gzip.compress(b" " * 64 * 1024 * 1024)
    assert send_bytes(client, bomb, content_type, **{"Content-Encoding": "gzip"}).status_code == 413


def test_broken_gzip_is_refused(client: FlaskClient) -> None:
    assert_status(send_bytes(client, gzip.compress(GOOD)[:-9], **{"Content-Encoding": "gzip"}), 400)


def test_an_encoding_that_we_do_not_know_is_refused(client: FlaskClient) -> None:
    assert_status(send_bytes(client, GOOD, **{"Content-Encoding": "br"}), 415)


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/grpc"])
def test_another_content_type_is_refused(client: FlaskClient, content_type: str) -> None:
    assert PROTOBUF in assert_problem(send_bytes(client, GOOD, content_type), 415)["detail"]


def test_a_body_over_the_limit_is_refused(settings: Settings, engine: Engine) -> None:
    app = create_app(settings.model_copy(update={"max_body_bytes": 100}))
    assert_status(send_bytes(client_with(app, new_key(engine, "shop")), GOOD), 413)


# --- keys


def test_a_key_with_the_scope_ingest_is_needed(web: Flask, engine: Engine) -> None:
    assert_status(send_bytes(web.test_client(), GOOD), 401)
    assert_status(send_bytes(client_with(web, new_key(engine, "shop", "read")), GOOD), 403)
    assert_problem(web.test_client().post(URL, json={}), 401)


def test_a_trace_belongs_to_the_project_of_the_key(client: FlaskClient, other_client: FlaskClient) -> None:
    send(client, span(CALL))
    assert traces(other_client) == []


# --- good and bad together


def test_good_spans_are_kept_and_bad_ones_counted_with_their_reasons(client: FlaskClient) -> None:
    without_model = {name: value for name, value in CALL.items() if name != "gen_ai.request.model"}
    answer = send(
        client,
        span(CALL, 1),
        span(without_model, 2),
        span(CHAT, 3),
        span({"db.system": "postgresql"}, 4),
        span(CALL | {"gen_ai.request.temperature": "warm"}, 5),
        span(CALL, 6, trace_id=b"short"),
        span(CALL | {"gen_ai.input.messages": CALL["gen_ai.input.messages"][:-9]}, 7),
        span(CALL, 8, start_time_unix_nano=2**63),
    )
    count, message = rejected(answer)
    assert count == 4
    assert "4 of 8 spans were not stored." in message
    assert "1 LLM spans hold no messages" in message
    assert "0000000000000002: model: Is required." in message
    assert "kept under metadata, with the reason: temperature (1), started_at (1)." in message
    assert "16 bytes" in message
    assert "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT" in message
    assert "refund" not in message
    assert [trace["external_id"][-1] for trace in traces(client)] == ["1", "5", "8"]


def test_a_plain_text_in_place_of_messages_is_one_message(client: FlaskClient) -> None:
    texts = {"gen_ai.input.messages": "Where is my refund?", "gen_ai.output.messages": "On its way."}
    assert send(client, span(CALL | texts)).status_code == 200
    (trace,) = traces(client)
    assert trace["messages"] == [{"role": "user", "content": "Where is my refund?"}]
    assert trace["output"] == [{"role": "assistant", "content": "On its way."}]


@pytest.mark.parametrize(
    ("content", "fault"), [('"a\\ud800"', "holds a lone surrogate"), ("NaN", "holds NaN"), ('"cut', "is no JSON")]
)
def test_messages_that_cannot_be_read_are_refused_for_what_is_wrong_with_them(
    client: FlaskClient, content: str, fault: str
) -> None:
    messages = f'[{{"role": "user", "parts": [{{"type": "text", "content": {content}}}]}}]'
    count, message = rejected(send(client, span(CALL | {"gen_ai.input.messages": messages})))
    assert (count, f"gen_ai.input.messages {fault}" in message) == (1, True)


def test_a_call_that_lost_attributes_on_its_way_is_stored_with_a_warning(client: FlaskClient) -> None:
    count, message = rejected(send(client, span(CALL, dropped_attributes_count=7)))
    assert count == 0
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in message
    assert traces(client)[0]["metadata"]["otel.lost_attributes"] == 7


def test_only_the_first_reasons_are_told(client: FlaskClient) -> None:
    wrong = CALL | {"gen_ai.request.model": ""}
    count, message = rejected(send(client, *(span(wrong, number) for number in range(1, 100))))
    assert count == 99
    assert message.count("model:") == 5
    assert "And 94 more." in message


@pytest.mark.parametrize("value", ["a\0b", "x" * (1024 * 1024 + 1)])
def test_a_prompt_that_cannot_be_stored_refuses_its_span_alone(client: FlaskClient, value: str) -> None:
    messages = json.dumps([{"role": "user", "content": value}])
    count, message = rejected(send(client, span(CALL), span(CALL | {"gen_ai.input.messages": messages}, 2)))
    assert (count, "messages.0.content" in message) == (1, True)
    assert len(traces(client)) == 1


@pytest.mark.parametrize(
    "messages",
    [
        "3",
        '"x"',
        "{}",
        "[3]",
        '[{"parts": 3}]',
        '[{"role": 3, "content": "x"}]',
        '[{"role": "user", "parts": [3, null]}]',
    ],
)
def test_messages_of_a_wrong_shape_are_a_reason_and_no_fault_of_ours(client: FlaskClient, messages: str) -> None:
    assert send(client, span(CHAT | {"gen_ai.input.messages": messages})).status_code == 200
    assert send(client, span(CHAT | {"gen_ai.system_instructions": messages}, 2)).status_code == 200
    assert send(client, span(CALL | {"gen_ai.output.messages": messages}, 3)).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.prompt",
        "gen_ai.prompt.0",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt.0.tool_calls",
        "gen_ai.prompt.0.tool_calls.0",
        "gen_ai.prompt." + "9" * 300,
        "gen_ai.prompt.0" + ".a" * 5000,
        "gen_ai.request.model",
        "gen_ai.request.tool_choice",
        "gen_ai.output.type",
        "gen_ai.tool.definitions",
        "gen_ai.usage.input_tokens",
        "gen_ai.conversation.id",
        "gen_ai.operation.name",
        "llm.input_messages.0",
        "llm.input_messages.0.message",
        "llm.input_messages.0.message.role",
        "llm.input_messages.0.message.content",
        "llm.input_messages.0.message.contents.0",
        "llm.input_messages.0.message.tool_calls.0.tool_call",
        "llm.invocation_parameters",
        "llm.tools.0.tool.json_schema",
        "openinference.span.kind",
        "promptlode.path",
        "",
    ],
)
def test_no_attribute_of_a_wrong_kind_is_a_fault_of_ours(client: FlaskClient, name: str) -> None:
    message = {"llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "x"}
    values = ["x", "[", '{"a": 1}', 3, -1.5, True, b"\0\xff", [1, "x"], {"a": [None]}, None]
    spans = [span(attributes | {name: value}) for value in values for attributes in (CALL, message)]
    for number, span_with_id in enumerate(spans, 1):
        span_with_id.span_id = number.to_bytes(8, "big")
    good = span(CALL, 99)
    count, _ = rejected(send(client, *spans, good))
    stored_spans = {trace["external_id"][-2:] for trace in traces(client)}
    assert "63" in stored_spans
    assert count + len(stored_spans) <= len(spans) + 1
