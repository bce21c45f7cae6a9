"""Spans as JSON, which is not OTLP/JSON: exports of Phoenix and MLflow, and what console exporters of Python and Node print.

Each is converted to OTLP/JSON, so every convention of `POST /v1/traces` is read here.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from app.checks import is_whole
from app.cli.formats.base import Body, Fit, LogFormat, Record, RecordCalls, RecordContext
from app.cli.formats.otlp import Otlp
from app.intake.bodies.values import as_object, as_text, member, objects, parsed

_LISTS = ("spans", "data", "traces")
_TRACE_IDS = ("context.trace_id", "trace_id", "traceId", "spanContext.traceId", "trace_request_id")
_SPAN_IDS = ("context.span_id", "span_id", "spanId", "spanContext.spanId", "id")
_PARENTS = ("parent_id", "parent_span_id", "parentSpanId", "parentId", "parentSpanContext.spanId")
_STARTS = ("start_time_unix_nano", "start_time_ns", "start_time", "startTime", "start_timestamp", "timestamp")
_ENDS = ("end_time_unix_nano", "end_time_ns", "end_time", "endTime", "end_timestamp")
_NAMES = ("name", "span_name", "spanName")
_FLAT = "attributes."
_DIGITS_OF_SECONDS, _DIGITS_OF_NANOSECONDS = 10, 19
"""Of a time since 1970, from the year 2001 to 2286."""


class Spans(LogFormat):
    """Spans, detected by their attributes."""

    name = "spans"

    def fit(self, value: Body) -> Fit:
        first = next(_spans(value), None)
        return Fit.CERTAIN if first is not None and _attributes(first) and _first_value(first, _SPAN_IDS) else Fit.NO

    def take(self, record: Record, value: Body, reading: RecordContext) -> RecordCalls:
        spans = [_as_otlp(span) for span in _spans(value)]
        return Otlp().take(
            record, {"resourceSpans": [{"resource": _resource(value), "scopeSpans": [{"spans": spans}]}]}, reading
        )


def _spans(value: Body) -> Iterator[Body]:
    """The record itself, or its spans; MLflow has them under `data.spans`, tables as JSON texts."""
    data = parsed(value.get("data"))
    holders = [as_object(data), value]
    spans_found = next(
        (spans for holder in holders for name in _LISTS if (spans := objects(parsed(holder.get(name))))), None
    )
    if spans_found is None:
        yield value
        return
    for span in spans_found:
        yield from _spans(span) if "spans" in span else iter((span,))


def _resource(value: Body) -> Body:
    attributes = as_object(member(value, "resource.attributes"))
    service = {"service.name": attributes["service.name"]} if isinstance(attributes.get("service.name"), str) else {}
    return {"attributes": _pairs(service)}


def _as_otlp(span: Body) -> Body:
    failed = "ERROR" in str(
        member(span, "status.status_code") or member(span, "status.code") or span.get("status_code")
    )
    otlp_span = {
        "traceId": _id(_first_value(span, _TRACE_IDS), 16),
        "spanId": _id(_first_value(span, _SPAN_IDS), 8),
        "name": str(_first_value(span, _NAMES) or ""),
        "startTimeUnixNano": _nanoseconds(_first_value(span, _STARTS)),
        "endTimeUnixNano": _nanoseconds(_first_value(span, _ENDS)),
        "attributes": _pairs(_attributes(span)),
        "events": [_event(event) for event in objects(parsed(span.get("events")))],
        "status": {
            "code": 2,
            "message": str(_first_value(span, ("status.message", "status.description", "status_message")) or ""),
        }
        if failed
        else {},
    }
    parent = _first_value(span, _PARENTS)
    return otlp_span | ({"parentSpanId": _id(parent, 8)} if parent else {})


def _event(event: Body) -> Body:
    return {"name": str(event.get("name")), "attributes": _pairs(as_object(event.get("attributes")))}


def _first_value(span: Body, paths: tuple[str, ...]) -> Any:
    """The first value at one of the paths; tables have `context.span_id` as one name, JSON as an object."""
    values = (span.get(path, member(span, path)) for path in paths)
    return next((value for value in values if value not in (None, "")), None)


def _attributes(span: Body) -> Body:
    """The attributes by their full names, from nested objects, from columns, or from full names."""
    outer_attributes = as_object(parsed(span.get("attributes")))
    columns = {name.removeprefix(_FLAT): value for name, value in span.items() if name.startswith(_FLAT)}
    kind = {"openinference.span.kind": span["span_kind"]} if isinstance(span.get("span_kind"), str) else {}
    attributes = kind | outer_attributes | columns
    return {name: value for top, inner in attributes.items() for name, value in _flat(top, inner) if value is not None}


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Flattened attributes: Phoenix nests OpenInference's attributes; other names are left as they are."""
    value = parsed(value) if name.startswith("llm.") and isinstance(value, str) and "messages" in name else value
    if name.startswith("llm") and isinstance(value, dict | list) and not name.endswith(("parameters", "json_schema")):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _flat(f"{name}.{key}", inner)
    else:
        yield name, value


def _pairs(attributes: Body) -> list[Body]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> Body:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and abs(value) < 2**63:
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": as_text(value)}


def _id(value: Any, size: int) -> str:
    """The id in hex: hex digits unchanged, MLflow's base64 converted; any other value is hashed to the same digits every time."""
    text = str(value or "").removeprefix("0x").removeprefix("tr-").replace("-", "").lower()
    if len(text) == 2 * size and all(digit in "0123456789abcdef" for digit in text):
        return text
    with suppress(binascii.Error, ValueError):
        if len(decoded := base64.b64decode(str(value), validate=True)) == size:
            return decoded.hex()
    return hashlib.sha256(str(value).encode()).hexdigest()[: 2 * size]


def _nanoseconds(value: Any) -> str:
    """The time as OTLP/JSON has it; "0", which is none, for what cannot be read and for a time that OTLP cannot hold: one before 1970."""
    nanoseconds = _time(value)
    return str(nanoseconds) if 0 <= nanoseconds < 2**64 else "0"


def _time(value: Any) -> int:
    """Nanoseconds, from ISO 8601; from seconds, milliseconds, microseconds or nanoseconds since 1970; or from Node's [seconds, nanoseconds]."""
    if isinstance(value, list):
        seconds = value if len(value) == 2 and all(type(part) is int for part in value) else (0, 0)
        return seconds[0] * 10**9 + seconds[1]
    if isinstance(value, int | float) or (isinstance(value, str) and is_whole(value)):
        digits = len(value if isinstance(value, str) else f"{value // 1:.0f}")
        if not _DIGITS_OF_SECONDS <= digits <= _DIGITS_OF_NANOSECONDS:
            return 0
        return int(value) if digits > 17 else int(float(value) * 10 ** (_DIGITS_OF_NANOSECONDS - digits))
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 10**6) * 1000
