"""A trace as a caller sends it, read into a row: `read_trace` checks a body and returns an `Incoming`, ready to be stored.

HTTP, OTLP and import all call it. Values are kept as they were sent (key order, number formats): the fields of `TraceIn` only check.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
from pydantic import ValidationError

from app.checks import (
    DEFAULT_LIMITS,
    Loc,
    Problem,
    TraceLimits,
    is_blank,
    is_storable_json,
    json_of,
    problems_of,
    unstorable,
)
from app.errors import CallerError
from app.intake.prompts import INPUT_FIELDS, Prompt, prompt_of
from app.intake.quick_check import is_surely_right
from app.intake.trace_fields import FIELDS, TraceIn
from app.store.templates import IDENTITY_SETTINGS

MOST_PROBLEMS = 100
"""Problems listed for one trace: a body of a million wrong values must not be answered with a million sentences."""

_SETTINGS = (*IDENTITY_SETTINGS, "max_output_tokens")

_TAKEN_OVER = ("model", "path", "external_id", "conversation_id", "user_id", "started_at", "completed_at")


class InvalidTraceError(CallerError):
    """The trace cannot be stored as it was sent."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} field(s) of the trace are wrong.")
        self.problems = problems


@dataclass(slots=True)
class Incoming:
    """A checked trace; `columns` are the columns of table trace that come from the body alone.

    `json` is the body as one text, for a quick search over all of it; None without one.
    """

    path: str
    model: str
    external_id: str | None
    prompt: Prompt
    settings_digest: str
    columns: dict[str, Any] = field(repr=False)
    json: bytes | None = field(default=None, repr=False)


def read_trace(body: object, limits: TraceLimits = DEFAULT_LIMITS, *, is_json: bool = False) -> Incoming:
    """Check one trace. Raises InvalidTraceError, which names every wrong field.

    is_json: the body comes from a strict JSON parser, so it is not searched for NaN.
    """
    if not isinstance(body, dict):
        raise InvalidTraceError([Problem((), "A trace must be a JSON object.")])
    text = json_of(body)
    sure = text is not None and is_storable_json(body, text, limits, is_json=is_json)
    if sure and is_surely_right(body):
        return _incoming(body, body, text)
    problems = {} if sure else _first_unstorable(body, limits)
    try:
        checked = TraceIn.model_validate(body)
    except ValidationError as error:
        problems = {problem.loc: problem for problem in problems_of(error)} | problems
    if problems:
        raise InvalidTraceError(list(problems.values()))
    return _incoming(body, {name: getattr(checked, name) for name in _TAKEN_OVER}, text)


def _first_unstorable(body: object, limits: TraceLimits) -> dict[Loc, Problem]:
    return {problem.loc: problem for problem in islice(unstorable(body, limits), MOST_PROBLEMS)}


def _incoming(body: dict[str, Any], checked: Mapping[str, Any], text: bytes | None) -> Incoming:
    """checked: the converted values of the fields in `_TAKEN_OVER`."""
    prompt = prompt_of(body)
    raw, converted = body.get, checked.get
    settings = _present(body, _SETTINGS)
    digest = settings_digest(settings, raw("tools"))
    columns = {
        "external_id": converted("external_id"),
        "model": checked["model"],
        **prompt.columns,
        "conversation_id": _said(converted("conversation_id")),
        "user_id": _said(converted("user_id")),
        "settings": settings,
        "tools": raw("tools"),
        "settings_digest": digest,
        "input": _present(body, INPUT_FIELDS),
        "output": raw("output"),
        "usage": raw("usage"),
        "error": raw("error"),
        "metadata": _metadata(body),
        "started_at": converted("started_at"),
        "completed_at": converted("completed_at"),
    }
    return Incoming(checked["path"], checked["model"], converted("external_id"), prompt, digest, columns, text)


def _said(name: str | None) -> str | None:
    """The id of a person or a session; a blank one names none, so it joins no calls."""
    return None if name is None or is_blank(name) else name


def settings_digest(settings: Mapping[str, Any], tools: list[Any] | None) -> str:
    """A digest of the settings that distinguish implementations, and of the tools in any order: servers of tools answer in no fixed one."""
    identity = _present(settings, IDENTITY_SETTINGS)
    identity["tools"] = sorted(tools, key=_sorted_json) if tools else []
    text = _sorted_json(identity)
    return _remembered_digest(text) if len(text) <= _LONGEST_REMEMBERED else _digest(text)


def _sorted_json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


_remembered_digest = lru_cache(1_000)(_digest)
"""Most calls have one of a few settings: to find a digest takes a fifth of the time of making it."""

_LONGEST_REMEMBERED = 500
"""Bytes of settings whose digest is remembered: a thousand of them take 0.5 MB. Tools are longer."""


def _present(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    find = values.get
    return {name: value for name in names if (value := find(name)) is not None}


def _metadata(body: dict[str, Any]) -> dict[str, Any] | None:
    """The caller's metadata and every unknown field; where both have a name, the metadata's value stays."""
    metadata = body.get("metadata") or {}
    if body.keys() <= FIELDS:
        return dict(metadata) or None
    return {name: value for name, value in body.items() if name not in FIELDS} | metadata
