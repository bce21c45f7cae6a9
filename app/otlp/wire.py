"""Bytes to protobuf messages and back, in both encodings of OTLP/HTTP.

OTLP/JSON writes ids in hex where protobuf's own JSON has base64, so ids are converted before protobuf reads them.
"""

import base64
import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor
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
from app.otlp.refusal import Refusal

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

_ITEM = re.compile(r"\[(\d+)\]")
"""An item of a list within a place."""

M = TypeVar("M", bound=Message)


class UnreadableExportError(CallerError):
    """The body is not a valid request of its type."""


@dataclass(frozen=True)
class Decoded(Generic[M]):
    """A request; unreadable: invalid spans or log records, which were removed from it.

    lack: why nothing was read of a JSON body of another kind, with the remedy; "" for every other body.
    """

    message: M
    unreadable: list[Refusal] = dataclasses.field(default_factory=list)
    lack: str = ""


def from_protobuf(data: bytes, kind: type[M]) -> Decoded[M]:
    """The request. Raises UnreadableExportError."""
    try:
        return Decoded(kind.FromString(data))
    except DecodeError:
        return _saved(data, kind)


def _saved(data: bytes, kind: type[M]) -> Decoded[M]:
    try:
        readable, salvage = salvaging.of_protobuf(data, kind)
        if salvage.is_worth_it:
            return Decoded(kind.FromString(readable), _refusals(salvage))
    except DecodeError:
        pass
    raise UnreadableExportError(f"The body is not a protobuf {kind.DESCRIPTOR.name}, or it is cut off.")


def from_json(body: Any, kind: type[M]) -> Decoded[M]:
    """The request from parsed JSON, whose ids are converted in place. Raises UnreadableExportError."""
    name = kind.DESCRIPTOR.name
    if not isinstance(body, dict):
        raise UnreadableExportError(f"The body must be a JSON object, an {name}.")
    for holder in _holders_of_ids(body):
        _turn_ids(holder)
    if (message := _parsed(body, kind)) is not None:
        return Decoded(message, lack=_lack(body, kind))
    place = _place(body, kind)
    salvage = salvaging.of_json(body, kind, _fault_of)
    if salvage.is_worth_it and (message := _parsed(body, kind)) is not None:
        return Decoded(message, _refusals(salvage))
    raise UnreadableExportError(f"The body is not an OTLP/JSON {name}{_with_place(place)}.")


def _fault_of(item: Any, kind: type[Message]) -> str | None:
    """The reason why a span of JSON cannot be read, with its field; None for a valid one."""
    if isinstance(item, dict) and _parsed(item, kind) is not None:
        return None
    return f"form: must be as OTLP/JSON has it{_with_place(_place(item, kind))}."


def _refusals(salvage: salvaging.Salvage) -> list[Refusal]:
    return [Refusal(in_words(place), reason) for place, reason in salvage.unreadable]


def _lack(body: dict[str, Any], kind: type[Message]) -> str:
    fields = kind.DESCRIPTOR.fields
    if not body or any(name in body for field in fields for name in (field.json_name, field.name)):
        return ""
    place = next((place for name, place in _PLACES.items() if name in body), _OUR_OWN)
    return f"Nothing was stored: the body holds no {fields[0].json_name}. {place}"


def _with_place(place: str) -> str:
    return f": see {in_words(place)}" if place else ""


def in_words(place: str) -> str:
    """The place in words: the fields from the outside in, with the item of each list."""
    items = ", ".join(_ITEM.findall(place))
    return f"{_ITEM.sub('', place)}{f' (items {items})' if items else ''}"


def _parsed(body: Any, kind: type[M]) -> M | None:
    """The message; None for an invalid body. Whatever error protobuf raises, the body is at fault."""
    try:
        return json_format.ParseDict(body, kind(), ignore_unknown_fields=True)
    except Exception:  # noqa: BLE001  it raises a dozen kinds: an object may be a text, a number have 400 digits
        return None


def _place(body: Any, kind: type[Message]) -> str:
    """The wrong field and item, as `resourceSpans[0].scopeSpans`, without its value, which may be a prompt."""
    if not isinstance(body, dict):
        return ""
    for field in kind.DESCRIPTOR.fields:
        name = field.json_name if field.json_name in body else field.name
        if name in body and _parsed({name: body[name]}, kind) is None:
            return f"{name}{_within(body[name], field)}"
    return ""


def _within(value: Any, field: FieldDescriptor) -> str:
    """The rest of the place; empty where the value itself is wrong."""
    if field.message_type is None:
        return ""
    inner = message_factory.GetMessageClass(field.message_type)
    if not isinstance(value, list):
        return _behind(".", _place(value, inner))
    wrong = next(
        (place for place, item in enumerate(value) if not isinstance(item, dict) or _parsed(item, inner) is None), None
    )
    return "" if wrong is None else f"[{wrong}]{_behind('.', _place(value[wrong], inner))}"


def _behind(mark: str, place: str) -> str:
    return f"{mark}{place}" if place else ""


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
