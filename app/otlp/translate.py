"""One export: the spans that become traces, those that are refused, and those that are no LLM calls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from app.intake.trace import MAX_NAME, Incoming, InvalidTraceError, Limits, is_surely_storable, read_trace, unstorable
from app.otlp import genai, openinference
from app.otlp.attributes import Attributes
from app.otlp.messages import has_content
from app.otlp.refusal import IN_PIECES, Refusal, UnusableSpanError
from app.otlp.spans import Span

# As many attributes as an SDK keeps by default, and no attribute that is a document of its own.
MAX_ATTRIBUTES = 128
MAX_ATTRIBUTE_BYTES = 8 * 1024

# Ancestors that are asked for a path: more than any trace is deep, and an end for one that turns in a ring.
_MAX_ANCESTORS = 64

# What a service says of itself that helps to find a call again.
_RESOURCE = (
    "service.name",
    "service.version",
    "service.namespace",
    "deployment.environment.name",
    "deployment.environment",
)

# Declared templates are kept whole: they are what mining can be held against.
_DECLARED = ("gen_ai.prompt.", "llm.prompt_template.")


@dataclass
class Export:
    """What an export holds; `maimed` calls are stored, but lost attributes before they came, perhaps messages."""

    spans: int
    ignored: int = 0
    maimed: int = 0
    incoming: list[Incoming] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def read_logs(records: list[Span], path_attribute: str, limits: Limits) -> Export:
    """Every log record in its place: only the event that holds a whole call is one."""
    details = [record for record in records if record.name == genai.DETAILS_EVENT]
    export = read_export(details, path_attribute, limits)
    others = [record for record in records if record.name in genai.MESSAGE_EVENTS or record.name == genai.CHOICE_EVENT]
    export.refusals += [Refusal(record.id, IN_PIECES) for record in others]
    export.spans, export.ignored = len(records), export.ignored + len(records) - len(details) - len(others)
    return export


def read_export(spans: list[Span], path_attribute: str, limits: Limits) -> Export:
    """Every span in its place."""
    export = Export(len(spans))
    reader = _Reader({span.id: span for span in spans}, path_attribute, limits)
    for span in spans:
        found = reader.read(span)
        if found is None:
            export.ignored += 1
        elif isinstance(found, Refusal):
            export.refusals.append(found)
        else:
            export.incoming.append(found)
            export.maimed += span.lost_attributes > 0
    return export


@dataclass(frozen=True)
class _Reader:
    by_id: Mapping[str, Span]
    path_attribute: str
    limits: Limits

    def read(self, span: Span) -> Incoming | Refusal | None:
        """The trace of a span; None when it is no call of a model."""
        if not span.has_valid_ids:
            return Refusal(span.id, "traceId must be 16 bytes (32 hex digits), spanId 8 (16), and not all zero.")
        try:
            body = _body_of(span)
            if body is None:
                return None
            if not has_content(body["messages"]):
                return Refusal(span.id, "it holds no messages.", without_content=True)
            return read_trace(self._whole(span, body), self.limits)
        except UnusableSpanError as error:
            return Refusal(span.id, str(error))
        except InvalidTraceError as error:
            return Refusal(span.id, _first_problem(error))

    def _whole(self, span: Span, body: dict[str, Any]) -> dict[str, Any]:
        """What every convention has in common."""
        whole = body | {
            "path": self._path(span),
            "external_id": span.id,
            "usage": _present(body["usage"]),
            "started_at": span.started_at,
            "completed_at": span.completed_at,
            "error": _error(span),
            "metadata": self._metadata(span, body["metadata"]),
        }
        return _present(whole)

    def _path(self, span: Span) -> str:
        """The configured attribute, else the name of the span that made the call, else the service and the operation."""
        declared = next(
            (found for each in self._line(span) if (found := each.attributes.get(self.path_attribute))), None
        )
        path = declared or span.resource.get(self.path_attribute)
        if not isinstance(path, str) or not path:
            parent = self.by_id.get(span.parent_id or "")
            path = (parent.name if parent else "") or _service_and_operation(span)
        return path[:MAX_NAME]

    def _line(self, span: Span) -> Iterator[Span]:
        """The span and its ancestors, as far as this export holds them."""
        return islice(self._ancestors(span), _MAX_ANCESTORS)

    def _ancestors(self, span: Span | None) -> Iterator[Span]:
        while span is not None:
            yield span
            span = self.by_id.get(span.parent_id or "")

    def _metadata(self, span: Span, further: dict[str, Any]) -> dict[str, Any]:
        about = {name: span.resource[name] for name in _RESOURCE if name in span.resource}
        further.pop(self.path_attribute, None)
        if span.lost_attributes:
            about["otel.lost_attributes"] = span.lost_attributes
        found = {"otel.span_name": span.name, "otel.scope_name": span.scope} | about | further
        if len(found) <= MAX_ATTRIBUTES and self._is_kept("", found):
            return found  # most: together they are no longer than one may be
        kept = {name: value for name, value in found.items() if self._is_kept(name, value)}
        kept = dict(islice(kept.items(), MAX_ATTRIBUTES))
        return kept if len(kept) == len(found) else kept | {"otel.left_out": len(found) - len(kept)}

    def _is_kept(self, name: str, value: Any) -> bool:
        """Within the limits; one attribute too long or that no JSON holds is no reason to lose a call."""
        held = {name: value}
        if not is_surely_storable(held, self.limits) and any(unstorable(held, self.limits)):
            return False
        return name.startswith(_DECLARED) or len(orjson.dumps(held)) <= MAX_ATTRIBUTE_BYTES


def _body_of(span: Span) -> dict[str, Any] | None:
    """The call by the convention that the span was written by, and under metadata what that has no field for."""
    if openinference.is_ours(span):
        return _by_openinference(span) if openinference.is_call(span) else None
    return _by_genai(span) if genai.is_call(span) else None


def _by_openinference(span: Span) -> dict[str, Any]:
    attributes = Attributes(span.attributes)
    body = openinference.body_of(attributes)
    return body | {"metadata": body["metadata"] | attributes.rest()}


def _by_genai(span: Span) -> dict[str, Any]:
    events = list(span.events())
    attributes = genai.attributes_of(span, events)
    return genai.body_of(attributes, events) | {"metadata": attributes.rest()}


def _service_and_operation(span: Span) -> str:
    """Not the span's own name where there is an operation: that name holds the model by the conventions."""
    operation = span.attributes.get("gen_ai.operation.name") or span.name
    named = [str(name) for name in (span.resource.get("service.name"), operation) if name]
    return "/".join(named) or "unnamed"


def _error(span: Span) -> dict[str, Any] | None:
    if not span.failed:
        return None
    raised = next((event.attributes for event in span.events() if event.name == "exception"), {})
    found = {
        "type": span.attributes.get("error.type") or raised.get("exception.type"),
        "message": span.status_message or raised.get("exception.message"),
    }
    return _present(found) or {"message": "The span's status is ERROR."}


def _first_problem(error: InvalidTraceError) -> str:
    problem = error.problems[0]
    return f"{'.'.join(map(str, problem.loc))}: {problem.message}"


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != {}}
