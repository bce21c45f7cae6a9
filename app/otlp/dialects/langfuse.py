"""Langfuse's SDKs since version 3, which export by OpenTelemetry."""

from app.otlp.dialects.base import Dialect, SpanKind, by_value

_KINDS = {
    "generation": SpanKind.CALL,
    "span": SpanKind.WRAPPER,
    "agent": SpanKind.WRAPPER,
    "chain": SpanKind.WRAPPER,
}

DIALECT = Dialect(
    name="Langfuse",
    signs=("langfuse.observation.",),
    kind=by_value("langfuse.observation.type", _KINDS, otherwise=SpanKind.OTHER),
    fields={
        "model": ("langfuse.observation.model.name", "langfuse.observation.model"),
        "user_id": ("user.id", "langfuse.user.id", "langfuse.trace.user_id"),
        "conversation_id": ("session.id", "langfuse.session.id", "langfuse.trace.session_id"),
        "langfuse.prompt_name": ("langfuse.observation.prompt.name",),
        "langfuse.prompt_version": ("langfuse.observation.prompt.version",),
    },
    requests=("langfuse.observation.input",),
    answers=("langfuse.observation.output",),
    parameters=("langfuse.observation.model.parameters",),
    counts=("langfuse.observation.usage_details", "langfuse.observation.usage"),
    call_site=("langfuse.trace.name",),
    repeats=("langfuse.trace.input", "langfuse.trace.output"),
)
