"""Hand-made spans for the OTLP tests, and the traces stored of them."""

from typing import Any

from flask.testing import FlaskClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from werkzeug.test import TestResponse

URL = "/v1/traces"
PROTOBUF = "application/x-protobuf"
TRACE_ID = bytes(range(1, 17))
START = 1_760_000_000_000_000_000

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
MESSAGES = '[{"role": "user", "parts": [{"type": "text", "content": "Where is my refund?"}]}]'
CALL = CHAT | {"gen_ai.input.messages": MESSAGES}


def any_value(value: Any) -> AnyValue:
    """A plain value as OTLP writes it."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    return AnyValue()


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in attributes.items()]


def span(attributes: dict[str, Any], number: int = 1, *, name: str = "chat gpt-4o", **fields: Any) -> Span:
    """A span with this number as its id. `events`: pairs of name and attributes. `parent`: the number of the parent span."""
    events = [Span.Event(name=title, attributes=pairs(attributes)) for title, attributes in fields.pop("events", ())]
    if parent := fields.pop("parent", 0):
        fields["parent_span_id"] = parent.to_bytes(8, "big")
    values = {
        "trace_id": TRACE_ID,
        "span_id": number.to_bytes(8, "big"),
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 1_500_000_000,
    } | fields
    return Span(name=name, attributes=pairs(attributes), events=events, **values)


def export(*spans: Span, resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    about = Resource(attributes=pairs({"service.name": "shop"} if resource is None else resource))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=about, scope_spans=[ScopeSpans(spans=spans)])]
    )


def send(client: FlaskClient, *spans: Span, resource: dict[str, Any] | None = None, **headers: str) -> TestResponse:
    """The answer to an export of these spans in protobuf."""
    return send_bytes(client, export(*spans, resource=resource).SerializeToString(), **headers)


def send_bytes(client: FlaskClient, data: bytes, content_type: str = PROTOBUF, **headers: str) -> TestResponse:
    return client.post(URL, data=data, content_type=content_type, headers=headers)


def rejected(answer: TestResponse) -> tuple[int, str]:
    """(number of spans that were not stored, the reason); (0, "") when all were stored."""
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == PROTOBUF
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    return partial.rejected_spans, partial.error_message


def traces(client: FlaskClient) -> list[Any]:
    """Every trace in full, oldest first."""
    items = client.get("/api/v1/traces?limit=200").json["items"]
    return [client.get(f"/api/v1/traces/{item['id']}").json for item in reversed(items)]


def stored(client: FlaskClient, *spans: Span, resource: dict[str, Any] | None = None) -> Any:
    """The stored trace of an export with one call."""
    answer = send(client, *spans, resource=resource)
    assert rejected(answer) == (0, "")
    (trace,) = traces(client)
    return trace
