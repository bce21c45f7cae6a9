"""The fields of a protobuf body are counted before the body is parsed."""

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.otlp import fields, wire
from app.otlp.fields import has_more_fields

KIND = ExportTraceServiceRequest.DESCRIPTOR


def request_of(attributes: bytes) -> bytes:
    """A request with one span and these encoded attributes."""
    data = attributes
    for tag in (b"\x12", b"\x12", b"\x0a"):  # spans, scope_spans, resource_spans
        length = len(data)
        size = bytearray()
        while length >= 128:
            size.append(length & 127 | 128)
            length >>= 7
        data = tag + bytes([*size, length]) + data
    return data


EMPTY_ATTRIBUTE = b"\x4a\x00"


def test_fields_at_any_depth_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "UNCOUNTED_BYTES", 0)
    request = ExportTraceServiceRequest.FromString(request_of(EMPTY_ATTRIBUTE * 50))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes[0].key = "k" * 300
    span.attributes[0].value.int_value = -1
    span.start_time_unix_nano = 5
    data = request.SerializeToString()
    count = 3 + 50 + 1 + 2 + 1  # messages around, attributes, the time, key and value, the number
    assert not has_more_fields(data, KIND, count)
    assert has_more_fields(data, KIND, count - 1)
    assert not has_more_fields(data[:-1] + b"\xff", KIND, count)


def test_many_empty_attributes_are_refused_before_they_take_memory(client: FlaskClient) -> None:
    data = request_of(EMPTY_ATTRIBUTE * (fields.UNCOUNTED_BYTES // 2))
    answer = client.post("/v1/traces", data=data, content_type=wire.PROTOBUF)
    assert answer.status_code == 413
    assert b"fields" in answer.data
