"""Several spans that describe one call become one trace: the one with the most content, completed from the others.  Pure.

An SDK and the framework above it, or two instrumentations of one client, each write a span of the same call; a streamed call is a span for
its request and a log at its end.  A *telling* is one span's description of a call.  Two tellings with the same texts are one call when they
are

- nested: one span encloses the other;
- or side by side, at the same time, by different instrumentations;
- or side by side, where the first has no answer and the second has it (a stream).

Calls that are merely alike stay distinct: the same prompt sent five times at once by one instrumentation is five calls, and answers with
different provider ids are different answers.  A wrapper (an agent, a framework's outer span) is a call only where no call is within it; a
span without messages is no call of its own where another span describes the call.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.intake.prompts import texts_of
from app.otlp.dialects.base import Kind, has_prompt

TOLERANCE = timedelta(milliseconds=50)
"""The difference between the starts or ends that two instrumentations measure of one call: one of them works in between."""

_ALIKE_AT_ONCE = 64
"""Earlier tellings with the same texts that a telling is compared with, the latest first: as many as a client runs at once. Without a limit
the comparisons grow with the square of an export's calls.
"""

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_ANSWER = ("output", "usage", "completed_at", "error")
_ABOUT = ("external_id", "path", "metadata", "messages", "input", "instructions")


@dataclass(eq=False, slots=True)
class Telling:
    """One span's description of a call.  `ancestors`: the ids of the enclosing spans, as far as known, the nearest first."""

    id: str
    ancestors: Sequence[str]
    scope: str
    kind: Kind
    body: dict[str, Any] = field(repr=False)
    service: Any = None
    response_id: str | None = None
    stored: bool = False
    """Whether the call has a row; what other tellings add to it is `news`."""
    row: UUID | None = None
    also: frozenset[str] = frozenset()
    """Ids of further spans whose answer is in the row."""
    news: dict[str, Any] = field(default_factory=dict, repr=False)
    told_by: "Telling | None" = field(default=None, repr=False)
    """The telling that represents this one, if another does."""
    covered: bool = False
    """Whether it is no call of its own."""
    others: "list[Telling]" = field(default_factory=list, repr=False)
    """The tellings that it represents, without itself: a reference cycle would keep a whole export in memory until the next garbage
    collection.
    """

    has_content: bool = field(init=False)
    trace_id: str = field(init=False)
    _texts: tuple[str, ...] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.has_content = has_prompt(self.body)
        self.trace_id = self.id.partition(":")[0]

    @property
    def is_around(self) -> bool:
        """Whether it is no call if a call is within it: a wrapper, or a call without a model, as some frameworks report their own steps."""
        return self.kind is Kind.WRAPPER or not self.body.get("model")

    @property
    def has_answer(self) -> bool:
        return bool(self.body.get("output"))

    @property
    def members(self) -> "Iterator[Telling]":
        """The telling and those that it represents."""
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
    def wealth(self) -> tuple[bool, bool, bool, int]:
        """The amount of content, as a sort key: whether it has a row, messages, an answer, then the number of its fields."""
        fields = sum(value not in (None, {}, []) for value in self.body.values())
        return self.stored, self.has_content, self.has_answer, fields

    @property
    def teller(self) -> "Telling":
        """The telling that represents this call: itself, or the one with the most content."""
        teller = self
        while teller.told_by is not None:
            teller = teller.told_by
        if teller is not self:
            self.told_by = teller  # shortens the path for the next look-up
        return teller


def one_of_each(tellings: Iterable[Telling]) -> list[Telling]:
    """One telling for each call, in order; the others are `covered`, and their content is filled in."""
    tellings = list(tellings)
    _settle_known(tellings)
    for family in _families([telling for telling in tellings if not telling.covered]):
        _settle_nested(family)
        _settle_beside(family)
        _settle_wrappers(family)
        _settle_empty(family)
    return [telling for telling in tellings if not telling.covered]


def _settle_known(tellings: list[Telling]) -> None:
    """Cover tellings of a repeated export, whose answer is in a stored row, and tellings without messages whose answer another telling has."""
    by_other_id = {other_id: telling for telling in tellings for other_id in telling.also}
    by_response_id = {
        telling.response_id: telling for telling in tellings if telling.response_id and telling.has_content
    }
    for telling in tellings:
        row = by_other_id.get(telling.id) or (
            None if telling.has_content else by_response_id.get(telling.response_id or "")
        )
        if row is not None and row is not telling:
            telling.told_by, telling.covered = row, True


def _families(tellings: list[Telling]) -> Iterator[list[Telling]]:
    """The tellings of each OpenTelemetry trace; tellings without a parent each have a trace of their own, so they form one family."""
    by_trace: dict[str, list[Telling]] = defaultdict(list)
    for telling in tellings:
        by_trace[telling.trace_id].append(telling)
    yield from (family for family in by_trace.values() if len(family) > 1)
    roots = [family[0] for family in by_trace.values() if len(family) == 1 and not family[0].ancestors]
    if len({root.scope for root in roots}) > 1:
        yield roots


def _settle_nested(family: list[Telling]) -> None:
    """Join nested tellings from the inside out, each with the nearest enclosing one."""
    by_id = {telling.id: telling for telling in family}
    for inner in sorted(family, key=lambda telling: -len(telling.ancestors)):
        outer = next(
            (by_id[ancestor] for ancestor in inner.ancestors if ancestor in by_id and by_id[ancestor] is not inner),
            None,
        )
        if outer is not None and _is_one(inner, outer):
            _make_one(inner.teller, outer.teller)


def _is_one(inner: Telling, outer: Telling) -> bool:
    """Whether two nested tellings are one call: where one has no messages, the other provides them, with all that it represents."""
    inner_teller, outer_teller = inner.teller, outer.teller
    if Kind.WRAPPER in (inner.kind, outer.kind) or inner_teller is outer_teller:
        return False
    if not (inner_teller.has_content and outer_teller.has_content):
        return True
    is_repeated = any(
        member.scope == inner.scope and member.id not in inner.ancestors for member in outer_teller.members
    )
    return (
        not is_repeated and not _answers_differ(inner_teller, outer_teller) and inner_teller.texts == outer_teller.texts
    )


def _settle_beside(family: list[Telling]) -> None:
    """Join tellings side by side in pairs, the earliest first."""
    alike: dict[tuple[str, ...], list[Telling]] = defaultdict(list)
    for telling in family:
        if telling.has_content and telling.kind is not Kind.WRAPPER:
            alike[telling.texts].append(telling)
    for tellings in alike.values():
        if _may_hold_pairs(tellings):
            in_order = sorted(tellings, key=lambda telling: telling.starts or _BEFORE_ALL)
            for place, later in enumerate(in_order):
                for earlier in in_order[max(0, place - _ALIKE_AT_ONCE) : place]:
                    if _are_one_beside(earlier, later):
                        _make_one(earlier.teller, later.teller)


def _may_hold_pairs(tellings: list[Telling]) -> bool:
    """Whether pairs are possible: many alike calls, all of one instrumentation and all answered, are a batch job's distinct calls."""
    return len({telling.scope for telling in tellings}) > 1 or len({telling.has_answer for telling in tellings}) > 1


def _are_one_beside(earlier: Telling, later: Telling) -> bool:
    """Whether two tellings that are not nested describe one call."""
    earlier_teller, later_teller = earlier.teller, later.teller
    if (
        earlier_teller is later_teller
        or earlier.id in later.ancestors
        or later.id in earlier.ancestors
        or _answers_differ(earlier_teller, later_teller)
    ):
        return False
    if _is_stream(earlier_teller, later_teller):
        return True
    have_distinct_scopes = {member.scope for member in earlier_teller.members}.isdisjoint(
        member.scope for member in later_teller.members
    )
    return (
        have_distinct_scopes
        and _overlap(earlier, later)
        and (earlier.trace_id == later.trace_id or earlier.service == later.service)
    )


def _is_stream(request: Telling, answered: Telling) -> bool:
    """Whether the first is a request without an answer, and the second the same request with its answer, under the same span."""
    if request.trace_id != answered.trace_id or request.ancestors[:1] != answered.ancestors[:1]:
        return False
    return not request.has_answer and not request.body.get("error") and answered.has_answer


def _overlap(earlier: Telling, later: Telling) -> bool:
    if earlier.ends is None or later.starts is None:
        return earlier.trace_id == later.trace_id
    return later.starts <= earlier.ends + TOLERANCE


def _answers_differ(first: Telling, second: Telling) -> bool:
    """Whether the provider gave the two answers different ids."""
    return first.response_id is not None and second.response_id is not None and first.response_id != second.response_id


def _make_one(first: Telling, second: Telling) -> None:
    """The telling with more content represents both; a stored one always does, since it has the row."""
    if first.stored and second.stored:
        return
    richer, poorer = (first, second) if first.wealth >= second.wealth else (second, first)
    _fill(richer, poorer)
    richer.others += poorer.members
    poorer.told_by, poorer.covered = richer, True


def _fill(richer: Telling, poorer: Telling) -> None:
    """Fill the fields that the richer telling lacks; never a prompt, or fields of the span alone.  A row gets only its answer."""
    is_late = richer.stored and poorer.has_answer and not richer.has_answer
    for name, value in poorer.body.items():
        if name in _ABOUT or value in (None, {}, []) or (richer.stored and name not in _ANSWER):
            continue
        stored = richer.body.get(name)
        joined = _joined(name, stored, value, is_late=is_late)
        if joined != stored:
            richer.body[name] = richer.news[name] = joined


def _joined(name: str, stored: Any, value: Any, *, is_late: bool) -> Any:
    """The stored value joined with the new one; is_late: the answer came after the row, and with it the end time of the call."""
    if name == "usage" and isinstance(value, dict) and isinstance(stored, dict):
        return value | stored
    return value if stored in (None, {}, []) or (is_late and name == "completed_at") else stored


def _settle_wrappers(family: list[Telling]) -> None:
    """A wrapper with a call within it is no call; the call is found by the spans between, or by time where these are missing."""
    wrappers = [telling for telling in family if telling.is_around]
    calls = [telling for telling in family if not telling.is_around and telling.has_content]
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
            _tell_who(wrapper, call.teller)


def _tell_who(wrapper: Telling, call: Telling) -> None:
    """Give the conversation and the user of a wrapper to the calls within it."""
    for name in ("conversation_id", "user_id"):
        if wrapper.body.get(name) and not call.body.get(name) and not call.stored:
            call.body[name] = wrapper.body[name]


def _is_within(call: Telling, wrapper: Telling) -> bool:
    if wrapper.id in call.ancestors or wrapper.kind is not Kind.WRAPPER:
        return wrapper.id in call.ancestors
    if wrapper.starts is None or wrapper.ends is None or call.starts is None or call.ends is None:
        return False
    return wrapper.starts - TOLERANCE <= call.starts and call.ends <= wrapper.ends + TOLERANCE


def _settle_empty(family: list[Telling]) -> None:
    """Cover a call without messages below a telling that has them, even below a wrapper."""
    by_id = {telling.id: telling for telling in family}
    for telling in family:
        if not telling.has_content and telling.kind is not Kind.WRAPPER and not telling.covered:
            outer_tellings = (by_id[ancestor] for ancestor in telling.ancestors if ancestor in by_id)
            telling.covered = any(outer.has_content and not outer.covered for outer in outer_tellings)
