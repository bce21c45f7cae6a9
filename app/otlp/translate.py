"""One export: its spans that become traces, those that are refused, and those that are no LLM calls."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from app.checks import TraceLimits, is_surely_storable, unstorable
from app.intake.bodies.native import OWN
from app.intake.lenient import UNREAD, read_leniently
from app.intake.trace import Incoming, InvalidTraceError
from app.otlp import ignored
from app.otlp.deduplication import CallSpan, deduplicated
from app.otlp.dialects import SpanKind, body_of, call_site_of, genai, recognised
from app.otlp.paths import Paths
from app.otlp.refusal import IN_PIECES, Refusal, UnusableSpanError, Warnings, summary
from app.otlp.spans import Span
from app.store.otel_traces import ALSO

MAX_ATTRIBUTES = 128
"""As many attributes as an SDK keeps by default, and no attribute as long as a document."""

MAX_ATTRIBUTE_BYTES = 8 * 1024
"""Bytes of an attribute that is kept as metadata: a longer one is a document."""

PARENT = "otel.parent_span_id"
SCOPE = "otel.scope_name"

_RESOURCE = (
    "service.name",
    "service.version",
    "service.namespace",
    "deployment.environment.name",
    "deployment.environment",
)
"""Attributes of a service that help to find a call again."""

_WHOLE = ("gen_ai.prompt.", "llm.prompt_template.", UNREAD)
"""Never shortened: mining is checked against declared templates, and an unreadable field is kept nowhere else."""

FindKnownCalls = Callable[[Iterable[CallSpan]], Iterable[CallSpan]]
"""Looks up stored call spans that may be of the same calls."""


@dataclass
class Export:
    """The content of an export.

    ignored: spans that are no calls, by kind. doubled: spans that describe a call which another span describes. truncated: stored calls
    that had lost attributes before they arrived. unreadable_fields: their number, by name. completed: stored calls to which this export adds an
    answer.
    """

    spans: int
    ignored: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    truncated: int = 0
    orphans: int = 0
    unreadable_fields: Counter[str] = field(default_factory=Counter)
    incoming: list[Incoming] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    call_spans: list[CallSpan] = field(default_factory=list)
    completed: list[CallSpan] = field(default_factory=list)

    def refuse_unreadable(self, refusals: Sequence[Refusal]) -> None:
        """Count unreadable spans, whose ids are unknown."""
        self.spans += len(refusals)
        self.refusals += refusals

    def summary(self, noun: str = "span") -> str:
        """The message of the answer, for spans or log records; empty without problems."""
        return summary(self.refusals, self.spans, Warnings(self.truncated, self.orphans, self.unreadable_fields), noun)


def read_logs(
    records: list[Span], path_attribute: str, limits: TraceLimits, known_calls: FindKnownCalls | None = None
) -> Export:
    """Read every log record; only the event that holds a whole call becomes a trace."""
    details = [record for record in records if record.name == genai.DETAILS_EVENT]
    export = read_export(details, path_attribute, limits, known_calls)
    pieces = [record for record in records if record.name in genai.MESSAGE_EVENTS or record.name == genai.CHOICE_EVENT]
    export.refusals += [Refusal(record.id, IN_PIECES) for record in pieces]
    export.spans = len(records)
    export.ignored[ignored.LOG] += len(records) - len(details) - len(pieces)
    return export


def read_export(
    spans: list[Span], path_attribute: str, limits: TraceLimits, known_calls: FindKnownCalls | None = None
) -> Export:
    """Read every span. known_calls: looks up stored calls; without it an export is read by itself."""
    reading = ExportReading(spans, path_attribute, limits)
    return reading.export(known_calls(reading.call_spans) if known_calls and reading.call_spans else ())


class ExportReading:
    """An export being read: first its call spans, then the outcome of each span, with the stored calls of the same traces.

    call spans: of the spans that describe a call.
    """

    def __init__(self, spans: list[Span], path_attribute: str, limits: TraceLimits) -> None:
        self.spans = {span.id: span for span in spans}
        self.limits = limits
        self._export = Export(len(spans))
        self._service: tuple[Mapping[str, Any], dict[str, Any]] | None = None
        self.path_attribute = path_attribute
        self.paths = Paths(self.spans, path_attribute, call_site=call_site_of, is_call=_is_call)
        self.call_spans = [call_span for span in spans if (call_span := self._call_span(span)) is not None]

    def export(self, known_call_spans: Iterable[CallSpan] = ()) -> Export:
        """The content of the export; known_call_spans: stored call spans that may be of the same calls. Call it once."""
        export, call_spans = self._export, self.call_spans
        stored = self._settle_stored(known_call_spans)
        for call_span in deduplicated([*stored, *call_spans]):
            if call_span.id in self.spans:
                self._take(self.spans[call_span.id], call_span)
        export.completed = [
            call_span for call_span in (*stored, *call_spans) if call_span.stored and call_span.additions
        ]
        for call_span in export.completed:
            further_ids = sorted({*call_span.further_ids, *(duplicate.id for duplicate in call_span.others)})
            call_span.additions["metadata"] = call_span.body.get("metadata", {}) | {ALSO: further_ids}
        export.doubled += sum(call_span.covered for call_span in call_spans)
        return export

    def _settle_stored(self, known_call_spans: Iterable[CallSpan]) -> list[CallSpan]:
        """The stored call spans that this export does not repeat; a repeated call span gets the row of the stored one."""
        call_span_by_id = {call_span.id: call_span for call_span in self.call_spans}
        unsent = []
        for call_span in known_call_spans:
            if exported := call_span_by_id.get(call_span.id):
                exported.stored, exported.row, exported.further_ids = True, call_span.row, call_span.further_ids
                exported.body["metadata"] = call_span.body["metadata"]
            else:
                around = (self.spans[ancestor] for ancestor in call_span.ancestors if ancestor in self.spans)
                further = [
                    ancestor.parent_id for span in around for ancestor in self.paths.line(span) if ancestor.parent_id
                ]
                call_span.ancestors = [*call_span.ancestors, *further]
                unsent.append(call_span)
        return unsent

    def _call_span(self, span: Span) -> CallSpan | None:
        """The call span of a span; None where the span describes no call."""
        if not span.has_valid_ids:
            self._refuse(
                span, "traceId must have 16 bytes (32 hex digits) and spanId 8 bytes (16 hex digits), neither all zero."
            )
            return None
        dialects, kind = recognised(span)
        if kind is SpanKind.OTHER:
            self._export.ignored[ignored.why(span, kind)] += 1
            return None
        try:
            body, further = body_of(span, dialects)
        except UnusableSpanError as error:
            self._refuse(span, str(error))
            return None
        return self._make_call_span(span, kind, body, further)

    def _make_call_span(
        self, span: Span, kind: SpanKind, body: dict[str, Any], further: dict[str, Any]
    ) -> CallSpan | None:
        metadata = further
        if not body.keys() <= OWN:
            metadata = {name: value for name, value in body.items() if name not in OWN} | further
            body = {name: value for name, value in body.items() if name in OWN}
        body |= {
            "external_id": span.id,
            "started_at": span.started_at,
            "completed_at": span.completed_at,
            "error": _error(span),
            "metadata": metadata,
        }
        ancestors = [span.parent_id] if span.parent_id else []
        if span.parent_id in self.spans:
            ancestors += [
                ancestor.parent_id for ancestor in islice(self.paths.line(span), 1, None) if ancestor.parent_id
            ]
        call_span = CallSpan(
            span.id, ancestors, span.scope, kind, _present(body), span.resource, _response_id(span.attributes)
        )
        if not call_span.has_content and kind in (SpanKind.MAYBE, SpanKind.WRAPPER):
            self._export.ignored[ignored.why(span, kind)] += 1
            return None
        return call_span

    def _take(self, span: Span, call_span: CallSpan) -> None:
        """Add the trace of a call, or the reason why there is none."""
        if not call_span.has_content:
            self._refuse_empty(span)
            return
        if call_span.kind is SpanKind.WRAPPER and not call_span.body.get("model"):
            self._export.ignored[ignored.why(span, call_span.kind)] += 1
            return
        path = self.paths.of(span)
        body = call_span.body | {"path": path, "metadata": self._metadata(span, call_span.body.get("metadata", {}))}
        try:
            trace_read = read_leniently(body, self.limits)
        except InvalidTraceError as error:
            self._refuse(span, _first_problem(error))
            return
        self._export.unreadable_fields.update(list(trace_read.unreadable_fields))
        self._export.incoming.append(trace_read.incoming)
        self._export.call_spans.append(call_span)
        self._export.truncated += span.lost_attributes > 0

    def _refuse(self, span: Span, reason: str) -> None:
        self._export.refusals.append(Refusal(span.id, reason))

    def _refuse_empty(self, span: Span) -> None:
        """Refuse a call without messages; an enclosing span that is not in this export may hold them."""
        if span.parent_id and span.parent_id not in self.spans:
            self._export.orphans += 1
        else:
            self._export.refusals.append(
                Refusal(span.id, "it holds no messages.", without_content=True, scope=span.scope)
            )

    def _metadata(self, span: Span, further: dict[str, Any]) -> dict[str, Any]:
        about = self._about_service(span.resource)
        further.pop(self.path_attribute, None)
        if span.lost_attributes:
            about["otel.lost_attributes"] = span.lost_attributes
        if span.parent_id:
            about[PARENT] = span.parent_id.partition(":")[2]
        metadata = {"otel.span_name": span.name, SCOPE: span.scope} | about | further
        if len(metadata) <= MAX_ATTRIBUTES and (_is_plain(metadata) or self._is_kept("", metadata)):
            return metadata  # true of most spans: all values together are within the limit of one
        kept_fields = {name: value for name, value in metadata.items() if self._is_kept(name, value)}
        kept_fields = dict(islice(kept_fields.items(), MAX_ATTRIBUTES))
        return (
            kept_fields
            if len(kept_fields) == len(metadata)
            else kept_fields | {"otel.left_out": len(metadata) - len(kept_fields)}
        )

    def _about_service(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata by which a person finds a call again, looked up once for the spans of one resource; answers a new dict."""
        if self._service is None or self._service[0] is not resource:
            self._service = resource, {name: resource[name] for name in _RESOURCE if name in resource}
        return dict(self._service[1])

    def _is_kept(self, name: str, value: Any) -> bool:
        """Whether a value is within the limits; an attribute that is too long or not valid JSON never costs the call."""
        fields = {name: value}
        if not is_surely_storable(fields, self.limits) and any(unstorable(fields, self.limits)):
            return False
        return name.startswith(_WHOLE) or len(orjson.dumps(fields)) <= MAX_ATTRIBUTE_BYTES


def _is_plain(values: Mapping[str, Any]) -> bool:
    """Whether all values are short texts and numbers that JSON can hold: a quick check that most attributes pass."""
    size = 0
    for name, value in values.items():
        if isinstance(value, str):
            size += len(name) + len(value)
            if "\0" in value or "\0" in name:
                return False
        elif not isinstance(value, int):
            return False
    return size <= MAX_ATTRIBUTE_BYTES // 4


def _is_call(span: Span) -> bool:
    _, kind = recognised(span)
    return kind is SpanKind.CALL or _is_outer(span)


def _is_outer(span: Span) -> bool:
    """Whether a span is a framework's own span around a call, whose name says nothing about the app."""
    if any(name in span.attributes for name in ("ai.operationId", "ai.prompt")):
        return True
    return str(span.attributes.get("openinference.span.kind", "")).upper() == "LLM"


def _response_id(attributes: Mapping[str, Any]) -> str | None:
    response_id = attributes.get("gen_ai.response.id") or attributes.get("ai.response.id")
    return response_id if isinstance(response_id, str) else None


def _error(span: Span) -> dict[str, Any] | None:
    if not span.failed:
        return None
    raised = next((event.attributes for event in span.events() if event.name == "exception"), {})
    error = {
        "type": span.attributes.get("error.type") or raised.get("exception.type"),
        "message": span.status_message or raised.get("exception.message"),
    }
    return _present(error) or {"message": "The span's status is ERROR."}


def _first_problem(error: InvalidTraceError) -> str:
    problem = error.problems[0]
    return f"{'.'.join(map(str, problem.loc))}: {problem.message}"


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value or (value is not None and value != {})}
