"""The kinds of spans that are no calls of a model, as labels of a counter."""

import re

from app.otlp.dialects import SpanKind, genai
from app.otlp.spans import Span

LOG = "log record"
PLAIN = "no sign of a model"

_KINDS = (
    "openinference.span.kind",
    "langsmith.span.kind",
    "langfuse.observation.type",
    "mlflow.spanType",
    "traceloop.span.kind",
    "ai.operationId",
)
"""Attributes that name the kind of a span, in order of precedence."""

_WORD = re.compile(r"[a-zA-Z][a-zA-Z0-9_.]{0,39}")
"""The form of a label: a longer or different text is the sender's own, and would make a series of its own."""


def why(span: Span, kind: SpanKind) -> str:
    """The kind of the span: `embeddings`, `tool`, `chain without messages` ..., or a label for a span without any sign of a model."""
    kind_named = next((value for name in _KINDS if isinstance(value := span.attributes.get(name), str)), None)
    word = (kind_named or genai.operation_of(span)).strip('"').lower()
    if not _WORD.fullmatch(word):
        return PLAIN if not word else "another operation"
    return f"{word} without messages" if kind in (SpanKind.MAYBE, SpanKind.WRAPPER) else word
