"""Spans as plain values: hex ids, dicts of attributes, and the span that each was started by."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """Something that a span noted on its way."""

    name: str
    attributes: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Span:
    """One span of an export; `resource` is what the service says of itself."""

    sent: trace_pb2.Span = field(repr=False)
    scope: str
    resource: Mapping[str, Any] = field(repr=False)
    attributes: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return self.sent.name

    @cached_property
    def id(self) -> str:
        """`traceId:spanId` in hex: the same for every try of the same export."""
        return f"{self.sent.trace_id.hex()}:{self.sent.span_id.hex()}"

    @cached_property
    def parent_id(self) -> str | None:
        return f"{self.sent.trace_id.hex()}:{self.sent.parent_span_id.hex()}" if self.sent.parent_span_id else None

    @cached_property
    def names(self) -> str:
        """The names of its attributes, each behind a line break."""
        return "\n".join(["", *self.attributes])

    @property
    def has_valid_ids(self) -> bool:
        """16 and 8 bytes, not all zero, as W3C trace context has it."""
        trace_id, span_id = self.sent.trace_id, self.sent.span_id
        return len(trace_id) == 16 and len(span_id) == 8 and any(trace_id) and any(span_id)

    @property
    def lost_attributes(self) -> int:
        """How many attributes its SDK threw away: 128 are kept by default, the newest."""
        return self.sent.dropped_attributes_count

    @property
    def failed(self) -> bool:
        return self.sent.status.code == trace_pb2.Status.STATUS_CODE_ERROR

    @property
    def status_message(self) -> str:
        return self.sent.status.message

    @property
    def started_at(self) -> datetime | None:
        return _moment(self.sent.start_time_unix_nano)

    @property
    def completed_at(self) -> datetime | None:
        return _moment(self.sent.end_time_unix_nano)

    def events(self) -> Iterator[Event]:
        """Read when asked for: most spans of an export are no LLM calls."""
        return (Event(event.name, values_of(event.attributes)) for event in self.sent.events)


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    """Every span of an export, in order."""
    return list(_spans(request))


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        resource = values_of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for sent in scope_spans.spans:
                yield Span(sent, scope_spans.scope.name, resource, values_of(sent.attributes))


def values_of(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as plain values; one without a value counts as absent."""
    return {attribute.key: value for attribute in attributes if (value := _value(attribute.value)) is not None}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":  # most of them
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
    """Python has microseconds; 0 is how protobuf says that no time was sent."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000) if nanoseconds else None
