"""Bytes to protobuf messages and back, in both encodings of OTLP/HTTP.

OTLP/JSON writes ids in hex where protobuf's own JSON has base64, so ids are turned before protobuf reads them.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from app.errors import CallerError

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# Both spellings: protobuf's JSON reads either, and so do the receivers that people come from.
_ID_FIELDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
# How protobuf's errors begin; what follows may quote a value.
_PLACE = re.compile(r"(?:Failed to parse \w+ field: )*")
_FIELD = re.compile(r"Failed to parse (\w+) field: ")


M = TypeVar("M", ExportTraceServiceRequest, ExportLogsServiceRequest)


class UnreadableExportError(CallerError):
    """The body is not the request that it should be."""


def from_protobuf(data: bytes, kind: type[M]) -> M:
    """The request.  Raises UnreadableExportError."""
    try:
        return kind.FromString(data)
    except DecodeError:
        detail = f"The body is not a protobuf {kind.DESCRIPTOR.name}, or it is cut off."
        raise UnreadableExportError(detail) from None


def from_json(body: Any, kind: type[M]) -> M:
    """The request, out of parsed JSON, whose ids it turns in place.  Raises UnreadableExportError."""
    name = kind.DESCRIPTOR.name
    if not isinstance(body, dict):
        raise UnreadableExportError(f"The body must be a JSON object, an {name}.")
    for holder in _holders_of_ids(body):
        _turn_ids(holder)
    try:
        return json_format.ParseDict(body, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeEncodeError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableExportError(f"The body is not an OTLP/JSON {name}{_where(error)}.") from None


def _where(error: Exception) -> str:
    """The field that protobuf names, without what stands there: that may be a prompt."""
    fields = _FIELD.findall(_PLACE.match(str(error))[0])  # type: ignore[index]  # it matches any text
    return f": see {'.'.join(fields)}" if fields else ""


def _holders_of_ids(body: Any) -> Iterator[dict[str, Any]]:
    """Every span, link and log record."""
    for resource_spans in _objects(body, "resourceSpans", "resource_spans"):
        for scope_spans in _objects(resource_spans, "scopeSpans", "scope_spans"):
            for span in _objects(scope_spans, "spans"):
                yield span
                yield from _objects(span, "links")
    for resource_logs in _objects(body, "resourceLogs", "resource_logs"):
        for scope_logs in _objects(resource_logs, "scopeLogs", "scope_logs"):
            yield from _objects(scope_logs, "logRecords", "log_records")


def _objects(holder: Any, *names: str) -> Iterator[dict[str, Any]]:
    """The objects of a list in any of these fields; what has another shape is left for protobuf to refuse."""
    for name in names:
        found = holder.get(name) if isinstance(holder, dict) else None
        yield from (item for item in (found if isinstance(found, list) else ()) if isinstance(item, dict))


def _turn_ids(holder: dict[str, Any]) -> None:
    for name in _ID_FIELDS:
        if isinstance(value := holder.get(name), str):
            holder[name] = base64.b64encode(_bytes_of(value)).decode()


def _bytes_of(hexadecimal: str) -> bytes:
    """No bytes for what is not hex: an id without bytes is refused with its span, not with the whole request."""
    try:
        return bytes.fromhex(hexadecimal)
    except ValueError:
        return b""


def response(rejected: int, message: str) -> ExportTraceServiceResponse:
    """The answer to an export: empty when all is well; a message without rejected spans is a warning, as OTLP has it."""
    if not message:
        return ExportTraceServiceResponse()
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial)


def logs_response(rejected: int, message: str) -> ExportLogsServiceResponse:
    """The same for log records."""
    if not message:
        return ExportLogsServiceResponse()
    partial = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return ExportLogsServiceResponse(partial_success=partial)


def status(message: str) -> Status:
    """How OTLP says that a request as a whole failed; its code is for gRPC and left out."""
    return Status(message=message)


def written(message: Message, media_type: str) -> bytes:
    """The message in this encoding."""
    if media_type == PROTOBUF:
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()
