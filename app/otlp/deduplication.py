"""Several spans that describe one call become one trace: the one with the most content, completed from the others. Pure.

An SDK and the framework above it, or two instrumentations of one client, each write a span of the same call; a streamed call is a span for
its request and a log at its end. A *call span* is one span's description of a call. Two call spans with the same texts are one call when they
are

- nested: one span encloses the other;
- or side by side, at the same time, by different instrumentations;
- or side by side, where the first has no answer and the second has it (a stream).

Calls that are merely alike stay distinct: the same prompt sent five times at once by one instrumentation is five calls, and answers with
different provider ids are different answers. A wrapper (an agent, a framework's outer span) is a call only where no call is within it; a
span without messages is no call of its own where another span describes the call.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.intake.prompts import texts_of
from app.otlp.dialects.base import SpanKind, has_prompt

TOLERANCE = timedelta(milliseconds=50)
"""The difference between the starts or ends that two instrumentations measure of one call: one of them works in between."""

_ALIKE_AT_ONCE = 64
"""Earlier call spans with the same texts that a call span is compared with, the latest first: as many as a client runs at once. Without a limit
the comparisons grow with the square of an export's calls.
"""

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_ANSWER = ("output", "usage", "completed_at", "error")
_ABOUT = ("external_id", "path", "metadata", "messages", "input", "instructions")


@dataclass(eq=False, slots=True)
class CallSpan:
    """One span's description of a call. `ancestors`: the ids of the enclosing spans, as far as known, the nearest first."""

    id: str
    ancestors: Sequence[str]
    scope: str
    kind: SpanKind
    body: dict[str, Any] = field(repr=False)
    service: Any = None
    response_id: str | None = None
    stored: bool = False
    """Whether the call has a row; what other call spans add to it is `additions`."""
    row: UUID | None = None
    further_ids: frozenset[str] = frozenset()
    """Ids of further spans whose answer is in the row."""
    additions: dict[str, Any] = field(default_factory=dict, repr=False)
    represented_by: "CallSpan | None" = field(default=None, repr=False)
    """The call span that represents this one, if another does."""
    covered: bool = False
    """Whether it is no call of its own."""
    others: "list[CallSpan]" = field(default_factory=list, repr=False)
    """The call spans that it represents, without itself: a reference cycle would keep a whole export in memory until the next garbage
    collection.
    """

    has_content: bool = field(init=False)
    trace_id: str = field(init=False)
    _texts: tuple[str, ...] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.has_content = has_prompt(self.body)
        self.trace_id = self.id.partition(":")[0]

    @property
    def is_wrapping(self) -> bool:
        """Whether it is no call if a call is within it: a wrapper, or a call without a model, as some frameworks report their own steps."""
        return self.kind is SpanKind.WRAPPER or not self.body.get("model")

    @property
    def has_answer(self) -> bool:
        return bool(self.body.get("output"))

    @property
    def members(self) -> "Iterator[CallSpan]":
        """The call span and those that it represents."""
        yield self
        yield from self.others

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts sent to the model: the turns of a conversation have the same prompt, but each turn has more texts."""
        if self._texts is None:
            self._texts = tuple(texts_of(self.body))
        return self._texts

    @property
    def starts(self) -> datetime | None:
        return self.body.get("started_at") or self.ends

    @property
    def ends(self) -> datetime | None:
        return self.body.get("completed_at")

    @property
    def richness(self) -> tuple[bool, bool, bool, int]:
        """The amount of content, as a sort key: whether it has a row, messages, an answer, then the number of its fields."""
        fields = sum(value not in (None, {}, []) for value in self.body.values())
        return self.stored, self.has_content, self.has_answer, fields

    @property
    def representative(self) -> "CallSpan":
        """The call span that represents this call: itself, or the one with the most content."""
        representative = self
        while representative.represented_by is not None:
            representative = representative.represented_by
        if representative is not self:
            self.represented_by = representative  # shortens the path for the next look-up
        return representative


def deduplicated(call_spans: Iterable[CallSpan]) -> list[CallSpan]:
    """One call span for each call, in order; the others are `covered`, and their content is filled in."""
    call_spans = list(call_spans)
    _settle_known(call_spans)
    for family in _families([call_span for call_span in call_spans if not call_span.covered]):
        _settle_nested(family)
        _settle_beside(family)
        _settle_wrappers(family)
        _settle_empty(family)
    return [call_span for call_span in call_spans if not call_span.covered]


def _settle_known(call_spans: list[CallSpan]) -> None:
    """Cover call spans of a repeated export, whose answer is in a stored row, and call spans without messages whose answer another call span has."""
    by_other_id = {other_id: call_span for call_span in call_spans for other_id in call_span.further_ids}
    by_response_id = {
        call_span.response_id: call_span for call_span in call_spans if call_span.response_id and call_span.has_content
    }
    for call_span in call_spans:
        row = by_other_id.get(call_span.id) or (
            None if call_span.has_content else by_response_id.get(call_span.response_id or "")
        )
        if row is not None and row is not call_span:
            call_span.represented_by, call_span.covered = row, True


def _families(call_spans: list[CallSpan]) -> Iterator[list[CallSpan]]:
    """The call spans of each OpenTelemetry trace; call spans without a parent each have a trace of their own, so they form one family."""
    by_trace: dict[str, list[CallSpan]] = defaultdict(list)
    for call_span in call_spans:
        by_trace[call_span.trace_id].append(call_span)
    yield from (family for family in by_trace.values() if len(family) > 1)
    roots = [family[0] for family in by_trace.values() if len(family) == 1 and not family[0].ancestors]
    if len({root.scope for root in roots}) > 1:
        yield roots


def _settle_nested(family: list[CallSpan]) -> None:
    """Join nested call spans from the inside out, each with the nearest enclosing one."""
    by_id = {call_span.id: call_span for call_span in family}
    for inner in sorted(family, key=lambda call_span: -len(call_span.ancestors)):
        outer = next(
            (by_id[ancestor] for ancestor in inner.ancestors if ancestor in by_id and by_id[ancestor] is not inner),
            None,
        )
        if outer is not None and _is_one(inner, outer):
            _make_one(inner.representative, outer.representative)


def _is_one(inner: CallSpan, outer: CallSpan) -> bool:
    """Whether two nested call spans are one call: where one has no messages, the other provides them, with all that it represents."""
    inner_representative, outer_representative = inner.representative, outer.representative
    if SpanKind.WRAPPER in (inner.kind, outer.kind) or inner_representative is outer_representative:
        return False
    if not (inner_representative.has_content and outer_representative.has_content):
        return True
    is_repeated = any(
        member.scope == inner.scope and member.id not in inner.ancestors for member in outer_representative.members
    )
    return (
        not is_repeated
        and not _answers_differ(inner_representative, outer_representative)
        and inner_representative.texts == outer_representative.texts
    )


def _settle_beside(family: list[CallSpan]) -> None:
    """Join call spans side by side in pairs, the earliest first."""
    alike: dict[tuple[str, ...], list[CallSpan]] = defaultdict(list)
    for call_span in family:
        if call_span.has_content and call_span.kind is not SpanKind.WRAPPER:
            alike[call_span.texts].append(call_span)
    for call_spans in alike.values():
        if _may_hold_pairs(call_spans):
            in_order = sorted(call_spans, key=lambda call_span: call_span.starts or _BEFORE_ALL)
            for place, later in enumerate(in_order):
                for earlier in in_order[max(0, place - _ALIKE_AT_ONCE) : place]:
                    if _are_one_beside(earlier, later):
                        _make_one(earlier.representative, later.representative)


def _may_hold_pairs(call_spans: list[CallSpan]) -> bool:
    """Whether pairs are possible: many alike calls, all of one instrumentation and all answered, are a batch job's distinct calls."""
    return (
        len({call_span.scope for call_span in call_spans}) > 1
        or len({call_span.has_answer for call_span in call_spans}) > 1
    )


def _are_one_beside(earlier: CallSpan, later: CallSpan) -> bool:
    """Whether two call spans that are not nested describe one call."""
    earlier_representative, later_representative = earlier.representative, later.representative
    if (
        earlier_representative is later_representative
        or earlier.id in later.ancestors
        or later.id in earlier.ancestors
        or _answers_differ(earlier_representative, later_representative)
    ):
        return False
    if _is_stream(earlier_representative, later_representative):
        return True
    have_distinct_scopes = {member.scope for member in earlier_representative.members}.isdisjoint(
        member.scope for member in later_representative.members
    )
    return (
        have_distinct_scopes
        and _overlap(earlier, later)
        and (earlier.trace_id == later.trace_id or earlier.service == later.service)
    )


def _is_stream(request: CallSpan, answered: CallSpan) -> bool:
    """Whether the first is a request without an answer, and the second the same request with its answer, under the same span."""
    if request.trace_id != answered.trace_id or request.ancestors[:1] != answered.ancestors[:1]:
        return False
    return not request.has_answer and not request.body.get("error") and answered.has_answer


def _overlap(earlier: CallSpan, later: CallSpan) -> bool:
    if earlier.ends is None or later.starts is None:
        return earlier.trace_id == later.trace_id
    return later.starts <= earlier.ends + TOLERANCE


def _answers_differ(first: CallSpan, second: CallSpan) -> bool:
    """Whether the provider gave the two answers different ids."""
    return first.response_id is not None and second.response_id is not None and first.response_id != second.response_id


def _make_one(first: CallSpan, second: CallSpan) -> None:
    """The call span with more content represents both; a stored one always does, since it has the row."""
    if first.stored and second.stored:
        return
    richer, poorer = (first, second) if first.richness >= second.richness else (second, first)
    _fill(richer, poorer)
    richer.others += poorer.members
    poorer.represented_by, poorer.covered = richer, True


def _fill(richer: CallSpan, poorer: CallSpan) -> None:
    """Fill the fields that the richer call span lacks; never a prompt, or fields of the span alone. A row gets only its answer."""
    is_late = richer.stored and poorer.has_answer and not richer.has_answer
    for name, value in poorer.body.items():
        if name in _ABOUT or value in (None, {}, []) or (richer.stored and name not in _ANSWER):
            continue
        stored = richer.body.get(name)
        joined = _joined(name, stored, value, is_late=is_late)
        if joined != stored:
            richer.body[name] = richer.additions[name] = joined


def _joined(name: str, stored: Any, value: Any, *, is_late: bool) -> Any:
    """The stored value joined with the new one; is_late: the answer came after the row, and with it the end time of the call."""
    if name == "usage" and isinstance(value, dict) and isinstance(stored, dict):
        return value | stored
    return value if stored in (None, {}, []) or (is_late and name == "completed_at") else stored


def _settle_wrappers(family: list[CallSpan]) -> None:
    """A wrapper with a call within it is no call; the call is found by the spans between, or by time where these are missing."""
    wrappers = [call_span for call_span in family if call_span.is_wrapping]
    calls = [call_span for call_span in family if not call_span.is_wrapping and call_span.has_content]
    for wrapper in (wrapper for wrapper in wrappers if not wrapper.covered):
        within = [call for call in calls if _is_within(call, wrapper)]
        nested = [
            outer_wrapper
            for outer_wrapper in wrappers
            if outer_wrapper.kind is wrapper.kind
            and outer_wrapper.has_content
            and wrapper.id in outer_wrapper.ancestors
        ]
        wrapper.covered = bool(within or nested)
        for call in within:
            _copy_caller(wrapper, call.representative)


def _copy_caller(wrapper: CallSpan, call: CallSpan) -> None:
    """Give the conversation and the user of a wrapper to the calls within it."""
    for name in ("conversation_id", "user_id"):
        if wrapper.body.get(name) and not call.body.get(name) and not call.stored:
            call.body[name] = wrapper.body[name]


def _is_within(call: CallSpan, wrapper: CallSpan) -> bool:
    if wrapper.id in call.ancestors or wrapper.kind is not SpanKind.WRAPPER:
        return wrapper.id in call.ancestors
    if wrapper.starts is None or wrapper.ends is None or call.starts is None or call.ends is None:
        return False
    return wrapper.starts - TOLERANCE <= call.starts and call.ends <= wrapper.ends + TOLERANCE


def _settle_empty(family: list[CallSpan]) -> None:
    """Cover a call without messages below a call span that has them, even below a wrapper."""
    by_id = {call_span.id: call_span for call_span in family}
    for call_span in family:
        if not call_span.has_content and call_span.kind is not SpanKind.WRAPPER and not call_span.covered:
            outer_spans = (by_id[ancestor] for ancestor in call_span.ancestors if ancestor in by_id)
            call_span.covered = any(outer.has_content and not outer.covered for outer in outer_spans)
