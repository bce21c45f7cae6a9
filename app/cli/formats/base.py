"""The interface of a kind of log.

A *record* is one JSON object of the file: mostly one call, but a record of OTLP holds all calls of an export.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from app.checks import Loc, Problem, TraceLimits, is_blank
from app.intake.bodies.values import Body, as_object, parsed, present
from app.intake.lenient import read_leniently
from app.intake.trace import Incoming, InvalidTraceError, read_trace
from app.otlp.refusal import Refusal
from app.otlp.spans import Span

PROMPTS = ("messages", "input", "instructions")
"""Our fields that hold a prompt."""

NO_PROMPT = "No prompt was found: neither messages nor a text stands where this kind of log has them."

_LONGEST_ID = 400
"""Providers' ids are far shorter; with the digest appended they must fit into 512 characters."""


class Fit(IntEnum):
    """The certainty that a record is of a kind."""

    NO = 0
    POSSIBLE = 1
    CERTAIN = 2


@dataclass(frozen=True)
class Record:
    """One record of a file and its end; of a record that is too long only the start is kept."""

    number: int
    data: bytes = field(repr=False)
    end: int
    closed: bool = True

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Batches:
    """Requests and answers of batches that wait for their other half, by custom_id; a batch has at most 50,000 requests and 200 MB."""

    requests: dict[str, tuple[Record, Body]] = field(default_factory=dict, repr=False)
    answers: dict[str, tuple[Record, Body]] = field(default_factory=dict, repr=False)

    @property
    def wait(self) -> bool:
        return bool(self.requests or self.answers)


@dataclass(frozen=True)
class RecordContext:
    """The context of reading a record.

    path_field: a field of each record, `a.b` within objects, that holds its path; columns: our field -> the record's own.
    """

    limits: TraceLimits
    default_path: str | None
    path_attribute: str
    default_model: str | None = None
    path_field: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    batches: Batches = field(default_factory=Batches)


@dataclass(frozen=True)
class LoggedCall:
    """One call as a body of `POST /api/v1/traces`, and the id of its provider."""

    body: Body = field(repr=False)
    provider_id: Any = None
    usual_path: str | None = None
    """The path where neither the call nor the command names one."""
    remedy: str = NO_PROMPT
    """The remedy in the error about a call without a prompt."""
    is_strict: bool = False
    """Whether the writer of the line can correct it: then a wrong side field refuses the call."""

    def read(self, body: Body, limits: TraceLimits) -> Incoming:
        """The call checked. Raises InvalidTraceError."""
        return read_trace(body, limits) if self.is_strict else read_leniently(body, limits).incoming


@dataclass(frozen=True)
class RecordSpans:
    """The spans of a record, or its log records: which of them are calls is known when they are stored, together with those of other records.

    unreadable: spans that cannot be read, by their places. left_out: a sentence for what was left out around the spans.
    """

    spans: list[Span] = field(repr=False)
    unreadable: list[Refusal]
    noun: str
    left_out: str = ""


@dataclass
class RecordCalls:
    """The result of a record: valid calls, the problems of others, and the number of calls that are no calls of a model; or its spans."""

    incoming: list[Incoming] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    passed_over: int = 0
    spans: RecordSpans | None = None

    def add(self, calls: "RecordCalls", loc: Loc) -> None:
        """Add the calls of a part of the record, and its problems with its place before theirs."""
        self.incoming += calls.incoming
        self.passed_over += calls.passed_over
        self.problems += [Problem((*loc, *problem.loc), problem.message) for problem in calls.problems]


class LogFormat:
    """One kind of log."""

    name: str

    def fit(self, value: Body) -> Fit:
        """The certainty that this record is of this kind."""
        raise NotImplementedError

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        """The calls of a record; None for one that is no call of a model. Raises InvalidTraceError."""
        raise NotImplementedError

    def take(self, record: Record, value: Body, reading: RecordContext) -> RecordCalls:
        """The calls of a record, checked; an invalid one does not affect the others."""
        return checked(self, record, value, reading)


def checked(
    kind: LogFormat, record: Record, value: Body, reading: RecordContext, *, first_index: int = 0
) -> RecordCalls:
    """The calls of a record as valid calls, problems, and skipped ones. first_index: that of the first call within the record."""
    taken_calls = RecordCalls()
    try:
        calls = list(kind.calls(value))
    except InvalidTraceError as error:
        return RecordCalls(problems=error.problems)
    for index, call in enumerate(calls, first_index):
        if call is None:
            taken_calls.passed_over += 1
        else:
            _take_call(call, _completed(call, record, index, value, reading), reading.limits, taken_calls)
    return taken_calls


def _take_call(call: LoggedCall, body: Body, limits: TraceLimits, taken_calls: RecordCalls) -> None:
    """Take one call; without a prompt its line is reported and not stored."""
    no_prompt = [] if _has_prompt(body) else [Problem((), call.remedy)]
    try:
        incoming = call.read(body, limits)
    except InvalidTraceError as error:
        taken_calls.problems += [*error.problems, *([] if call.is_strict else no_prompt)]
        return
    taken_calls.problems += no_prompt
    taken_calls.incoming += [] if no_prompt else [incoming]


def _has_prompt(body: Body) -> bool:
    return any(body.get(name) for name in PROMPTS)


def _completed(call: LoggedCall, record: Record, index: int, value: Body, reading: RecordContext) -> Body:
    """The body with a path, a model and an external id where these are missing or blank."""
    body = dict(call.body)
    path = text_at(value, reading.path_field) if reading.path_field else None
    usual = {
        "path": _said(path) or _said(body.get("path")) or reading.default_path or call.usual_path,
        "model": _said(body.get("model")) or reading.default_model,
        "external_id": _said(body.get("external_id")) or _derived_id(call.provider_id, record, index),
    }
    return body | present(usual)


def _said(value: Any) -> Any:
    """The value; None for a blank text."""
    return None if isinstance(value, str) and is_blank(value) else value


def text_at(value: Body, path: str) -> str | None:
    """The text at this path, in the record or in its metadata."""
    text = at(value, path)
    text = at(as_object(parsed(value.get("metadata"))), path) if text is None else text
    return None if text is None or isinstance(text, dict | list) else str(text)


def at(value: Body, path: str) -> Any:
    """The value at the path `a.b`, or of a field whose own name has a dot; objects may be JSON texts, as in tables."""
    if path in value:
        return value[path]
    first, _, further_path = path.partition(".")
    inner = parsed(value.get(first))
    return at(inner, further_path) if further_path and isinstance(inner, dict) else None


def _derived_id(provider_id: Any, record: Record, index: int) -> str:
    """An id that is the same whenever the call is imported, so that it is stored once.

    The provider's id alone is not enough: some servers give every answer the same one. Without an id, the same record at the same place is
    the same call; two calls may have equal texts.
    """
    if isinstance(provider_id, str) and provider_id:
        return f"{provider_id[:_LONGEST_ID]}-{record.digest[:16]}" + (f"-{index}" if index else "")
    return f"import-{record.number}-{record.digest[:32]}" + (f"-{index}" if index else "")
