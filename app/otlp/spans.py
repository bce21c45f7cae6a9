"""Spans as plain values: hex ids, dicts of attributes, and the id of the parent span."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from app.checks import EPOCH


@dataclass(frozen=True)
class Event:
    """An event of a span."""

    name: str
    attributes: dict[str, Any] = field(repr=False)


@dataclass(slots=True, eq=False)
class Span:
    """One span of an export.

    resource: the attributes of the service. id: `traceId:spanId` in hex, the same in every retry of an export. names: the names of its
    attributes, each after a line break. lost_attributes: the number that its SDK dropped; by default an SDK keeps the newest 128.
    """

    sent: trace_pb2.Span = field(repr=False)
    scope: str
    resource: Mapping[str, Any] = field(repr=False)
    attributes: Mapping[str, Any] = field(repr=False)
    id: str = field(init=False)
    parent_id: str | None = field(init=False)
    names: str = field(init=False, repr=False)
    name: str = field(init=False)
    lost_attributes: int = field(init=False)

    def __post_init__(self) -> None:
        exported = self.sent
        trace_id, parent = exported.trace_id.hex(), exported.parent_span_id
        self.id = f"{trace_id}:{exported.span_id.hex()}"
        self.parent_id = f"{trace_id}:{parent.hex()}" if parent else None
        self.names = "\n".join(["", *self.attributes])
        self.name = exported.name
        self.lost_attributes = exported.dropped_attributes_count

    @property
    def has_valid_ids(self) -> bool:
        """Whether the ids have 16 and 8 bytes, not all zero, as W3C trace context requires."""
        trace_id, _, span_id = self.id.partition(":")
        return len(trace_id) == 32 and len(span_id) == 16 and bool(trace_id.strip("0")) and bool(span_id.strip("0"))

    @property
    def failed(self) -> bool:
        return self.sent.HasField("status") and self.sent.status.code == trace_pb2.Status.STATUS_CODE_ERROR

    @property
    def status_message(self) -> str:
        return self.sent.status.message

    @property
    def started_at(self) -> datetime | None:
        return _moment(self.sent.start_time_unix_nano)

    @property
    def completed_at(self) -> datetime | None:
        return _moment(self.sent.end_time_unix_nano)

    def events(self) -> list[Event]:
        """The events, converted on demand: most spans of an export are no LLM calls."""
        return [Event(event.name, values_of(event.attributes)) for event in self.sent.events]


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    """Every span of an export, in order."""
    return list(_spans(request))


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        resource = values_of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope.name
            for exported_span in scope_spans.spans:
                yield Span(exported_span, scope, resource, values_of(exported_span.attributes))


def values_of(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as plain values; an attribute without a value counts as absent."""
    values: dict[str, Any] = {}
    for attribute in attributes:
        any_value = attribute.value
        # Most values are texts or integers; for a value of another type both are empty.
        value = any_value.string_value or any_value.int_value or _value(any_value)
        if value is not None:
            values[attribute.key] = value
    return values


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def _moment(nanoseconds: int) -> datetime | None:
    """The time in microseconds, Python's precision; 0 is protobuf's value for a missing time."""
    if not nanoseconds:
        return None
    seconds, remainder = divmod(nanoseconds, 1_000_000_000)
    return EPOCH + timedelta(0, seconds, remainder // 1000)
