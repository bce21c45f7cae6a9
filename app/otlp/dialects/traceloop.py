"""Traceloop's decorators and framework instrumentations: arguments and result of the decorated function as JSON.

Calls of models that Traceloop instruments follow the GenAI conventions, current or older; see `genai`.
"""

from app.otlp.dialects.base import Dialect, Kind, by_value

_KINDS = {
    "llm": Kind.CALL,
    "workflow": Kind.WRAPPER,
    "task": Kind.WRAPPER,
    "agent": Kind.WRAPPER,
    "unknown": Kind.WRAPPER,
}

DIALECT = Dialect(
    name="Traceloop",
    signs=("traceloop.",),
    kind=by_value("traceloop.span.kind", _KINDS, otherwise=Kind.OTHER),
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
