"""Reads a call leniently: a wrong side field never costs the call; only its prompt, model or path can.

For bodies that software sends (OTLP, other SDKs, files). `POST /api/v1/traces` stays strict: its caller can correct the body.

1. A value with a plain meaning is converted: "0.7" and 256.0 to numbers, an id of 7 to "7", an empty text to nothing.
2. A field that is still wrong is kept under metadata (`UNREAD`) with the reason, and the call is stored without it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.checks import DEFAULT_LIMITS, Problem, TraceLimits, is_blank, is_surely_storable, number_of, unstorable
from app.intake.prompts import INPUT_FIELDS
from app.intake.trace import Incoming, InvalidTraceError, read_trace

UNREAD = "promptlode.unread"
"""The member of metadata that holds values that could not be read, by field, each with the reason."""

_PROMPT = ("model", "path", *INPUT_FIELDS)
_ONLY_COUNTS = frozenset({int})
_INFINITE = frozenset({"inf", "infinity", "+inf", "+infinity"})
_LONGEST_KEPT = 8 * 1024
"""Characters of a value kept beside its reason, as evidence of the error."""

ENDS_TOO_EARLY = Problem(("completed_at",), "Must not be before started_at.")


@dataclass
class LenientRead:
    """A call, and its unreadable fields, each with the reason."""

    incoming: Incoming
    unreadable_fields: dict[str, str] = field(default_factory=dict)


def read_leniently(body: dict[str, Any], limits: TraceLimits = DEFAULT_LIMITS) -> LenientRead:
    """Check a call; wrong side fields do not refuse it. Raises InvalidTraceError for its prompt, model or path."""
    plain = _plain(body)
    try:
        incoming = read_trace(plain, limits)
        if not _ends_before_it_begins(incoming):
            return LenientRead(incoming)
        problems = [ENDS_TOO_EARLY]
    except InvalidTraceError as error:
        problems = [problem for problem in error.problems if not _is_of_prompt(problem)]
        if len(problems) < len(error.problems):
            raise InvalidTraceError([problem for problem in error.problems if _is_of_prompt(problem)]) from None
    return _without_fields(plain, problems, limits)


def _ends_before_it_begins(incoming: Incoming) -> bool:
    started_at, completed_at = incoming.columns["started_at"], incoming.columns["completed_at"]
    return started_at is not None and completed_at is not None and bool(completed_at < started_at)


def _is_of_prompt(problem: Problem) -> bool:
    return not problem.loc or problem.loc[0] in _PROMPT


def _without_fields(body: dict[str, Any], problems: list[Problem], limits: TraceLimits) -> LenientRead:
    """The call without the fields that these problems name; of usage and metadata only the named members."""
    odd = {_name(problem): problem.message for problem in problems}
    kept_fields = dict(body)
    unread: dict[str, Any] = {}
    for name, reason in odd.items():
        value = _taken_out(kept_fields, name)
        evidence = value if _is_evidence(value, limits) else None
        unread[name] = {"value": evidence, "reason": reason}
    metadata = kept_fields["metadata"] if isinstance(kept_fields.get("metadata"), dict) else {}
    return LenientRead(read_trace(kept_fields | {"metadata": {**metadata, UNREAD: unread}}, limits), odd)


def _name(problem: Problem) -> str:
    """The field of a problem, or the member of usage or metadata."""
    first = str(problem.loc[0])
    return f"{first}.{problem.loc[1]}" if first in ("usage", "metadata") and len(problem.loc) > 1 else first


def _taken_out(body: dict[str, Any], name: str) -> Any:
    first, _, member = name.partition(".")
    inner = body.get(first)
    if not member or not isinstance(inner, dict) or member not in inner:
        return body.pop(first, None)
    body[first] = {key: value for key, value in inner.items() if key != member}
    return inner[member]


def _is_evidence(value: Any, limits: TraceLimits) -> bool:
    fields = {"value": value}
    return len(str(value)) <= _LONGEST_KEPT and (
        is_surely_storable(fields, limits) or not any(unstorable(fields, limits))
    )


# --- conversion of values


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """The body with converted values; the same object where none changes."""
    changed = {}
    for name, value in body.items():
        if name in _MENDED and (mended := _MENDED[name](value)) is not value:
            changed[name] = mended
    if not changed:
        return body
    return {name: value for name, value in (body | changed).items() if value is not None or name not in changed}


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if is_blank(value):
        return None
    number = number_of(value)
    return value if number is None else number


def _limit(value: Any) -> Any:
    """A count; some SDKs write Infinity for a missing limit."""
    is_missing = value == math.inf or (isinstance(value, str) and value.strip().lower() in _INFINITE)
    return None if is_missing else _count(value)


def _count(value: Any) -> Any:
    """An integer, also from a text or a number with a decimal point."""
    number = _number(value)
    if isinstance(number, float) and not isinstance(value, bool) and number.is_integer() and abs(number) < 2**53:
        return int(number)
    return value if number is not None else None


def _identifier(value: Any) -> Any:
    """A text; ids are often numbers, and deletion by id must find them."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(_count(value) if isinstance(value, float) else value)
    return None if is_blank(text) else text


def _not_empty(value: Any) -> Any:
    return None if value == "" else value


def _usage(value: Any) -> Any:
    if not isinstance(value, dict):
        return _not_empty(value)
    if _ONLY_COUNTS.issuperset(map(type, value.values())):  # true of most calls
        return value
    counts = {name: _count(count) for name, count in value.items()}
    is_unchanged = all(counts[name] is count for name, count in value.items())
    return value if is_unchanged else {name: count for name, count in counts.items() if count is not None}


_MENDED: dict[str, Callable[[Any], Any]] = {
    "external_id": _identifier,
    "temperature": _number,
    "max_output_tokens": _limit,
    "conversation_id": _identifier,
    "user_id": _identifier,
    "tool_choice": _not_empty,
    "reasoning": _not_empty,
    "response_format": _not_empty,
    "error": _not_empty,
    "tools": _not_empty,
    "usage": _usage,
    "started_at": _not_empty,
    "completed_at": _not_empty,
}
