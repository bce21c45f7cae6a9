"""Senders without a dialect: an attribute of any name holds a whole request as JSON, with its model and messages.

Instrumentations of HTTP clients that capture bodies write such spans too; where an SDK's span is around the client's, both are one call.
"""

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.trace.v1 import trace_pb2

from app.intake.bodies.answers import response_of
from app.intake.bodies.requests import request_of
from app.intake.bodies.values import Body, parsed
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Dialect, SpanKind, has_prompt
from app.otlp.spans import Event, Span

_MARKS = ('"messages"', '"contents"')
"""Members that only a request to a model has; a text without them is not parsed."""


def _kind(span: Span) -> SpanKind | None:
    """The kind of the span. A server's span holds the request to the service, not a call of a model; its calls are spans within it."""
    if not any(_may_hold_request(value) for value in span.attributes.values()):
        return None
    return SpanKind.WRAPPER if span.sent.kind == trace_pb2.Span.SPAN_KIND_SERVER else SpanKind.MAYBE


def _may_hold_request(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "{" and any(mark in value for mark in _MARKS)


def _call(attributes: Attributes, events: list[Event]) -> Body:
    """The first request among the attributes, with the first response."""
    request = next(_requests(attributes), None)
    if request is None:
        return {}
    name, body = request
    attributes.take(name)
    return body | _answer(attributes)


def _requests(attributes: Attributes) -> Iterator[tuple[str, Body]]:
    for name, value in attributes.remaining().items():
        body = request_of(value, strict=True) if _may_hold_request(value) else None
        if body is not None and body.get("model") and has_prompt(body):
            yield name, body


def _answer(attributes: Attributes) -> Body:
    for name, value in attributes.remaining().items():
        response = parsed(value) if isinstance(value, str) else value
        if isinstance(response, dict) and (answer := response_of(response)).get("output"):
            attributes.take(name)
            return answer
    return {}


DIALECT = Dialect(name="none that is known", signs=(), kind=_kind, read=_call)
