"""Log records as spans: the conventions let an SDK put the messages of a call into an event instead of on its span.

The event `gen_ai.client.inference.operation.details` holds the same attributes as the span of a call, so it is read as a span. It has the
ids of the span: if both hold the messages, the call is stored once, as whichever comes first.
"""

import hashlib
from collections.abc import Iterator

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1 import trace_pb2

from app.otlp.spans import Span, values_of

_NAMES = ("event.name", "name")


def spans_of_logs(request: ExportLogsServiceRequest) -> list[Span]:
    """Every log record as a span, in order, named after its event."""
    return list(_spans(request))


def _spans(request: ExportLogsServiceRequest) -> Iterator[Span]:
    for resource_logs in request.resource_logs:
        resource = values_of(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                yield _span(record, scope_logs.scope.name, resource)


def _span(record: LogRecord, scope: str, resource: dict[str, object]) -> Span:
    attributes = values_of(record.body.kvlist_value.values) | values_of(record.attributes)
    name = next((str(attributes.pop(name)) for name in _NAMES if name in attributes), "")
    trace_id, span_id = _ids(record)
    span = trace_pb2.Span(
        trace_id=trace_id,
        span_id=span_id,
        name=record.event_name or name,
        end_time_unix_nano=record.time_unix_nano or record.observed_time_unix_nano,
        dropped_attributes_count=record.dropped_attributes_count,
    )
    if "error.type" in attributes:
        span.status.code = trace_pb2.Status.STATUS_CODE_ERROR
    return Span(span, f"{scope} (log)", resource, attributes)


def _ids(record: LogRecord) -> tuple[bytes, bytes]:
    """The ids of the span; without a span, ids derived from the record, so that a repeated record is stored once."""
    if record.trace_id or record.span_id:
        return record.trace_id, record.span_id
    digest = hashlib.sha256(record.SerializeToString(deterministic=True)).digest()
    return digest[:16], digest[16:24]
