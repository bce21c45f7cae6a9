"""Dialects: the ways in which instrumentations write an LLM call onto a span.

base           the class of a dialect, and the reader of its tables
openinference  Arize Phoenix and its instrumentations
vercel         Vercel AI SDK
langfuse       Langfuse's SDKs since version 3
mlflow         MLflow without its GenAI setting
langsmith      LangSmith's exporter
traceloop      Traceloop's decorators
logfire        Logfire, and older versions of Pydantic AI
adk            Google's Agent Development Kit
haystack       Haystack's own tracer
unnamed        senders without a dialect: a request as JSON in an attribute of any name
genai          the GenAI semantic conventions, current and older; they read a span without signs of another dialect

A new dialect is a module with a `DIALECT` and a line in the registry.
"""

import re
from typing import Any

from app.otlp.dialects import (
    adk,
    genai,
    haystack,
    langfuse,
    langsmith,
    logfire,
    mlflow,
    openinference,
    traceloop,
    unnamed,
    vercel,
)
from app.otlp.dialects.base import Body, Dialect, SpanKind, cached_by_names, merged
from app.otlp.spans import Span

__all__ = ["DIALECTS", "Dialect", "SpanKind", "body_of", "call_site_of", "genai", "recognised"]

DIALECTS: tuple[Dialect, ...] = (
    openinference.DIALECT,
    vercel.DIALECT,
    langfuse.DIALECT,
    mlflow.DIALECT,
    langsmith.DIALECT,
    adk.DIALECT,
    haystack.DIALECT,
    genai.DIALECT,
    logfire.DIALECT,
    traceloop.DIALECT,
)
"""In order of precedence: a field read by an earlier dialect stands."""

_ANY_SIGN = re.compile(
    "|".join(f"\n{re.escape(sign)}" for dialect in DIALECTS if dialect is not genai.DIALECT for sign in dialect.signs)
)


def recognised(span: Span) -> tuple[list[Dialect], SpanKind]:
    """The dialects in which a span is written, the GenAI conventions always among them, and the kind of the span.

    A dialect knows its own spans better than the conventions, whose operation some dialects misuse.
    """
    dialects = _signed(span.names)
    kind = _known_kind(span, dialects)
    if kind is None and (kind := unnamed.DIALECT.kind(span)) is not None:
        dialects = [*dialects, unnamed.DIALECT]
    return dialects, kind or SpanKind.OTHER


@cached_by_names
def _signed(names: str) -> list[Dialect]:
    if _ANY_SIGN.search(names) is None:  # true of most spans
        return [genai.DIALECT]
    return [
        dialect
        for dialect in DIALECTS
        if dialect is genai.DIALECT or any(f"\n{sign}" in names for sign in dialect.signs)
    ]


def _known_kind(span: Span, dialects: list[Dialect]) -> SpanKind | None:
    if len(dialects) == 1:
        return genai.DIALECT.kind(span)
    kinds = (kind for dialect in dialects if dialect is not genai.DIALECT and (kind := dialect.kind(span)) is not None)
    return next(kinds, None) or genai.DIALECT.kind(span)


def body_of(span: Span, dialects: list[Dialect]) -> tuple[Body, dict[str, Any]]:
    """The call, and the attributes without a field in any dialect. Raises UnusableSpanError."""
    events = span.events()
    attributes = genai.attributes_of(span, events)
    bodies = [dialect.body_of(attributes, events) for dialect in dialects]
    return merged(bodies) if len(bodies) > 1 else bodies[0], attributes.remaining()


def call_site_of(span: Span) -> str | None:
    """The call site of a span, as its dialects name it."""
    dialects, _ = recognised(span)
    names = (span.attributes.get(name) for dialect in dialects for name in dialect.call_site)
    return next((name for name in names if isinstance(name, str) and name), None)
