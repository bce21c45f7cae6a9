"""Google's Agent Development Kit: requests and responses of Gemini as JSON."""

from app.otlp.dialects.base import Dialect, SpanKind
from app.otlp.spans import Span


def _kind(span: Span) -> SpanKind | None:
    return SpanKind.CALL if "gcp.vertex.agent.llm_request" in span.attributes else None


DIALECT = Dialect(
    name="Agent Development Kit",
    signs=("gcp.vertex.agent.",),
    kind=_kind,
    fields={"conversation_id": ("gcp.vertex.agent.session_id",)},
    requests=("gcp.vertex.agent.llm_request",),
    answers=("gcp.vertex.agent.llm_response",),
)
