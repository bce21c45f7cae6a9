"""MLflow's autologging and tracing, exported by OpenTelemetry without its GenAI setting: every attribute is JSON."""

from app.otlp.dialects.base import Dialect, Kind, by_value
from app.otlp.spans import Span

_KINDS = {
    "chat_model": Kind.CALL,
    "llm": Kind.CALL,
    "agent": Kind.WRAPPER,
    "chain": Kind.WRAPPER,
    "workflow": Kind.WRAPPER,
    "task": Kind.WRAPPER,
    "unknown": Kind.WRAPPER,
}
_by_type = by_value("mlflow.spanType", _KINDS, otherwise=Kind.OTHER)


def _kind(span: Span) -> Kind | None:
    """The kind of the span; one without a type may be any function with inputs."""
    return _by_type(span) or (Kind.WRAPPER if "mlflow.spanInputs" in span.attributes else None)


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
