"""Traceloop's decorators and framework instrumentations: arguments and result of the decorated function as JSON.

Calls of models that Traceloop instruments follow the GenAI conventions, current or older; see `genai`.
"""

from app.otlp.dialects.base import Dialect, SpanKind, by_value

_KINDS = {
    "llm": SpanKind.CALL,
    "workflow": SpanKind.WRAPPER,
    "task": SpanKind.WRAPPER,
    "agent": SpanKind.WRAPPER,
    "unknown": SpanKind.WRAPPER,
}

DIALECT = Dialect(
    name="Traceloop",
    signs=("traceloop.",),
    kind=by_value("traceloop.span.kind", _KINDS, otherwise=SpanKind.OTHER),
    fields={
        "conversation_id": (
            "gen_ai.conversation.id",
            "session.id",
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.conversation_id",
            "traceloop.association.properties.thread_id",
        ),
        "user_id": ("gen_ai.user", "user.id", "traceloop.association.properties.user_id"),
    },
    requests=("traceloop.entity.input",),
    answers=("traceloop.entity.output",),
    strict=True,
)
