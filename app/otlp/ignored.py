"""What spans are that are no calls of a model, in a few words that a counter can be labelled with."""

import re

from app.otlp.dialects import Kind, genai
from app.otlp.spans import Span

LOG = "log record"
PLAIN = "no sign of a model"

# Attributes that say what a span is, in this order.
_KINDS = (
    "openinference.span.kind",
    "langsmith.span.kind",
    "langfuse.observation.type",
    "mlflow.spanType",
    "traceloop.span.kind",
    "ai.operationId",
)
_WORD = re.compile(r"[a-zA-Z][a-zA-Z0-9_.]{0,39}")
"""What a label may be: anything longer or of another shape is the sender's own text, and would make a series of its own."""


def why(span: Span, kind: Kind) -> str:
    """What the span is: `embeddings`, `tool`, `chain without messages` ..., or that it says nothing of a model."""
    said = next((value for name in _KINDS if isinstance(value := span.attributes.get(name), str)), None)
    word = (said or genai.operation_of(span)).strip('"').lower()
    if not _WORD.fullmatch(word):
        return PLAIN if not word else "another operation"
    return f"{word} without messages" if kind in (Kind.MAYBE, Kind.WRAPPER) else word
