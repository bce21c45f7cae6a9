"""Why a span does not become a trace, in words for whoever runs the exporter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.errors import CallerError

# The switches of the instrumentations that we know.  docs/ingest.md has a block for each.
HOW_TO_CAPTURE = (
    "switch content capture on: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only with"
    " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental (OpenTelemetry), TRACELOOP_TRACE_CONTENT=true"
    " (OpenLLMetry), OPENINFERENCE_HIDE_INPUTS=false (OpenInference)."
)
HOW_TO_KEEP_ALL = "their SDK keeps too few: set OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000."
IN_PIECES = (
    "its call is sent as one event for each message, without its model: set"
    " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental."
)
SHOWN = 5


class UnusableSpanError(CallerError):
    """The span cannot be read as a call of a model."""


@dataclass(frozen=True)
class Refusal:
    """A span that is not stored.  Never shows a value."""

    span_id: str
    reason: str
    without_content: bool = False


def summary(refusals: Sequence[Refusal], spans: int, maimed: int, what: str = "span") -> str:
    """The message of a partial success, of spans or of log records; empty when all is well."""
    sentences = list(_refused(refusals, spans, what)) if refusals else []
    if maimed:
        sentences.append(f"{maimed} LLM spans lost attributes before they came, perhaps messages; {HOW_TO_KEEP_ALL}")
    return " ".join(sentences)


def _refused(refusals: Sequence[Refusal], spans: int, what: str) -> Iterator[str]:
    """How many, the first reasons, and how to mend them."""
    silent = [refusal for refusal in refusals if refusal.without_content]
    wrong = [refusal for refusal in refusals if not refusal.without_content]
    yield f"{len(refusals)} of {spans} {what}s were not stored."
    if silent:
        yield f"{len(silent)} LLM {what}s hold no messages; {HOW_TO_CAPTURE}"
    yield from (f"{what.capitalize()} {refusal.span_id}: {refusal.reason}" for refusal in wrong[:SHOWN])
    if len(wrong) > SHOWN:
        yield f"And {len(wrong) - SHOWN} more."
