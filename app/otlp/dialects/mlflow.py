"""MLflow's autologging and tracing, exported by OpenTelemetry without its GenAI setting: every attribute is JSON."""

from app.otlp.dialects.base import Dialect, SpanKind, by_value
from app.otlp.spans import Span

_KINDS = {
    "chat_model": SpanKind.CALL,
    "llm": SpanKind.CALL,
    "agent": SpanKind.WRAPPER,
    "chain": SpanKind.WRAPPER,
    "workflow": SpanKind.WRAPPER,
    "task": SpanKind.WRAPPER,
    "unknown": SpanKind.WRAPPER,
}
_by_type = by_value("mlflow.spanType", _KINDS, otherwise=SpanKind.OTHER)


def _kind(span: Span) -> SpanKind | None:
    """The kind of the span; one without a type may be any function with inputs."""
    return _by_type(span) or (SpanKind.WRAPPER if "mlflow.spanInputs" in span.attributes else None)


DIALECT = Dialect(
    name="MLflow",
    signs=("mlflow.",),
    kind=_kind,
    fields={
        "model": ("gen_ai.request.model", "mlflow.llm.model"),
        "tools": ("mlflow.chat.tools",),
    },
    requests=("mlflow.chat.messages", "mlflow.spanInputs"),
    answers=("mlflow.spanOutputs",),
    counts=("mlflow.chat.tokenUsage",),
)
