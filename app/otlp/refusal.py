"""The reasons why a span does not become a trace, written for the person who runs the exporter."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.errors import CallerError

_CAPTURE = {
    "openinference": "OPENINFERENCE_HIDE_INPUTS=false (OpenInference)",
    "traceloop": "TRACELOOP_TRACE_CONTENT=true (OpenLLMetry)",
    "ai": "experimental_telemetry: {isEnabled: true, recordInputs: true} (Vercel AI SDK)",
    "opentelemetry": (
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only with"
        " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental (OpenTelemetry)"
    ),
}
"""The settings of known instrumentations that capture content. docs/ingest.md has a block for each."""

HOW_TO_CAPTURE = (
    f"switch content capture on: {_CAPTURE['opentelemetry']}, {_CAPTURE['traceloop']}, {_CAPTURE['openinference']}."
)
HOW_TO_KEEP_ALL = "set OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000, so that their SDK keeps more."
IN_PIECES = (
    "its call is sent as one event for each message, without its model: set"
    " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental."
)
NOT_UNICODE = "text: holds a lone surrogate or bytes that are not UTF-8; send complete characters."
SHOWN = 5
"""Reasons shown in the message of an answer; the others are counted."""


class UnusableSpanError(CallerError):
    """The span cannot be read as a call of a model."""


@dataclass(frozen=True)
class Refusal:
    """A span that is not stored, with the reason. It never shows a value."""

    span_id: str
    reason: str
    without_content: bool = False
    scope: str = ""


@dataclass(frozen=True)
class Warnings:
    """Warnings about calls that are stored incompletely, or that other spans may describe."""

    truncated: int = 0
    orphans: int = 0
    unreadable_fields: Mapping[str, int] | None = None


NO_WARNINGS = Warnings()


def label_of(refusal: Refusal) -> str:
    """The reason as a counter's label: the wrong field, never another part of the span."""
    if refusal.without_content:
        return f"no messages: {refusal.scope.partition('.')[0] or 'unnamed'}"
    return refusal.reason.partition(":")[0] if ":" in refusal.reason[:40] else refusal.reason.partition(";")[0][:60]


def summary(refusals: Sequence[Refusal], spans: int, warnings: Warnings = NO_WARNINGS, noun: str = "span") -> str:
    """The message of a partial success, of spans or of log records; empty when all is well."""
    sentences = list(_refused(refusals, spans, noun)) if refusals else []
    return " ".join([*sentences, *_warned(warnings, noun)])


def _warned(warnings: Warnings, noun: str) -> Iterator[str]:
    if warnings.orphans:
        yield (
            f"{warnings.orphans} LLM {noun}s hold no messages, and their parent {noun}s are not in this export. If the parents hold the"
            f" messages, nothing is missing; if not, {HOW_TO_CAPTURE}"
        )
    if warnings.truncated:
        yield f"{warnings.truncated} LLM {noun}s lost attributes before they arrived, perhaps messages; {HOW_TO_KEEP_ALL}"
    if warnings.unreadable_fields:
        fields = ", ".join(
            f"{name} ({number})" for name, number in Counter(warnings.unreadable_fields).most_common(SHOWN)
        )
        yield f"Fields that could not be read are kept under metadata, with the reason: {fields}."


def _refused(refusals: Sequence[Refusal], spans: int, noun: str) -> Iterator[str]:
    """The number of refused spans, the first reasons, and their remedies."""
    silent = [refusal for refusal in refusals if refusal.without_content]
    wrong = [refusal for refusal in refusals if not refusal.without_content]
    yield f"{len(refusals)} of {spans} {noun}s were not stored."
    if silent:
        yield f"{len(silent)} LLM {noun}s hold no messages; {how_to_capture(silent)}"
    yield from (f"{noun.capitalize()} {refusal.span_id}: {refusal.reason}" for refusal in wrong[:SHOWN])
    if len(wrong) > SHOWN:
        yield f"And {len(wrong) - SHOWN} more."


def how_to_capture(silent: Sequence[Refusal]) -> str:
    """The setting of the instrumentation that wrote these spans, if its name identifies it; else all known settings."""
    scopes = {refusal.scope for refusal in silent}
    families = {_family(scope) for scope in scopes}
    if None in families or not families:
        return HOW_TO_CAPTURE
    return f"switch content capture on: {', '.join(sorted(_CAPTURE[family] for family in families if family))}."


def _family(scope: str) -> str | None:
    if scope.startswith("openinference"):
        return "openinference"
    return "ai" if scope == "ai" else None  # OpenTelemetry's and OpenLLMetry's instrumentations have the same names
