"""Bytes to protobuf messages and back, in both encodings of OTLP/HTTP.

OTLP/JSON writes ids in hex where protobuf's own JSON has base64, so ids are converted before protobuf reads them.
"""

import base64
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from app.errors import CallerError
from app.otlp import salvage as salvaging
from app.otlp.fields import is_nested_deeper
from app.otlp.form import MESSAGES_IN_EACH_OTHER, TOO_DEEP, WRONG_FORM, fault_of, in_words, message_of
from app.otlp.refusal import SHOWN, Refusal

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_ID_FIELDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
"""Both spellings: protobuf's JSON accepts either, and so do other receivers."""

_PLACES = {
    "resourceSpans": "Spans go to /v1/traces.",
    "resourceLogs": "Log records go to /v1/logs.",
    "resourceMetrics": "Metrics go to /v1/metrics, which keeps nothing of them.",
}
"""Where a body belongs that was sent to another route, by its field."""

_OUR_OWN = 'A call, or {"traces": [...]}, goes to POST /api/v1/traces.'

M = TypeVar("M", bound=Message)


class UnreadableExportError(CallerError):
    """The body is not a valid request of its type."""


@dataclass(frozen=True)
class Decoded(Generic[M]):
    """A request; unreadable: invalid spans or log records, which were removed from it.

    left_out: why nothing was read of a JSON body of another kind, with the remedy, or what was left out around the spans; "" for every other body.
    """

    message: M
    unreadable: list[Refusal] = dataclasses.field(default_factory=list)
    left_out: str = ""


def valid_protobuf(data: bytes, kind: type[M]) -> Decoded[M] | None:
    """The request; None for a body with any fault."""
    try:
        return Decoded(kind.FromString(data))
    except DecodeError:
        return None


def from_protobuf(data: bytes, kind: type[M]) -> Decoded[M]:
    """The request. Raises UnreadableExportError."""
    return valid_protobuf(data, kind) or _saved(data, kind)


def _saved(data: bytes, kind: type[M]) -> Decoded[M]:
    try:
        readable, salvage = salvaging.of_protobuf(data, kind)
        if salvage.is_worth_it:
            return Decoded(kind.FromString(readable), _refusals(salvage), _left_out(salvage))
    except DecodeError:
        pass
    if is_nested_deeper(data, kind.DESCRIPTOR, MESSAGES_IN_EACH_OTHER):
        raise UnreadableExportError(f"The body {TOO_DEEP}.")
    raise UnreadableExportError(f"The body is not a protobuf {kind.DESCRIPTOR.name}, or it is cut off.")


def valid_json(body: Any, kind: type[M]) -> Decoded[M] | None:
    """The request from parsed JSON, whose ids are converted in place; None for a body with any fault."""
    if not isinstance(body, dict):
        return None
    for holder in _holders_of_ids(body):
        _turn_ids(holder)
    message = message_of(body, kind)
    return None if message is None else Decoded(message, left_out=_nothing_read(body, kind))


def from_json(body: Any, kind: type[M]) -> Decoded[M]:
    """The request from parsed JSON, whose ids are converted in place. Raises UnreadableExportError."""
    name = kind.DESCRIPTOR.name
    if not isinstance(body, dict):
        raise UnreadableExportError(f"The body must be a JSON object, an {name}.")
    if (decoded := valid_json(body, kind)) is not None:
        return decoded
    message, salvage = salvaging.of_json(body, kind)
    if salvage.is_worth_it and message is not None:
        return Decoded(message, _refusals(salvage), _left_out(salvage))
    raise UnreadableExportError(f"The body is not an OTLP/JSON {name}: it {fault_of(body, kind) or WRONG_FORM}.")


def _refusals(salvage: salvaging.Salvage) -> list[Refusal]:
    return [Refusal(in_words(place), reason) for place, reason in salvage.unreadable]


def _left_out(salvage: salvaging.Salvage) -> str:
    """A sentence for the fields around the spans that were left out, with the first places and reasons."""
    if not salvage.left_out:
        return ""
    places = " ".join(f"{in_words(place)}: {reason}" for place, reason in salvage.left_out[:SHOWN])
    further = f" And {len(salvage.left_out) - SHOWN} more." if len(salvage.left_out) > SHOWN else ""
    return f"Left out, as it cannot be read: {places}{further}"


def _nothing_read(body: dict[str, Any], kind: type[Message]) -> str:
    fields = kind.DESCRIPTOR.fields
    if not body or any(name in body for field in fields for name in (field.json_name, field.name)):
        return ""
    place = next((place for name, place in _PLACES.items() if name in body), _OUR_OWN)
    return f"Nothing was stored: the body holds no {fields[0].json_name}. {place}"


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
    """The objects of a list in any of these fields; another shape is left to protobuf, which refuses it."""
    for name in names:
        member = holder.get(name) if isinstance(holder, dict) else None
        yield from (item for item in (member if isinstance(member, list) else ()) if isinstance(item, dict))


def _turn_ids(holder: dict[str, Any]) -> None:
    for name in _ID_FIELDS:
        if isinstance(value := holder.get(name), str):
            holder[name] = base64.b64encode(_bytes_of(value)).decode()


def _bytes_of(hexadecimal: str) -> bytes:
    """The bytes of a hex id; none for an invalid one, so that its span is refused and not the whole request."""
    try:
        return bytes.fromhex(hexadecimal)
    except ValueError:
        return b""


def response(rejected: int, message: str) -> ExportTraceServiceResponse:
    """The answer to an export: empty without problems; a message without rejected spans is a warning in OTLP."""
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
    """OTLP's answer to a request that failed as a whole; the code, which is for gRPC, is left out."""
    return Status(message=message)


def encoded(message: Message, media_type: str) -> bytes:
    """The message in this encoding."""
    if media_type == PROTOBUF:
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()
