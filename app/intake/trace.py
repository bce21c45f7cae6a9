"""A trace as a caller sends it: its fields, their limits, and the error of a wrong field.

`read_trace` checks a body and returns an `Incoming`, ready to be stored; HTTP, OTLP and import all call it. Values are kept as they were
sent (key order, number formats): the model only checks.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.checks import (
    DEFAULT_LIMITS,
    EPOCH,
    MAX_BIGINT,
    MAX_NAME,
    MAX_TOKENS,
    Count,
    Loc,
    Moment,
    Name,
    Path,
    Problem,
    Text,
    TokenCount,
    TraceLimits,
    is_blank,
    is_storable_json,
    json_of,
    problems_of,
    unstorable,
)
from app.errors import CallerError
from app.intake.prompts import INPUT_FIELDS, Prompt, prompt_of
from app.store.templates import IDENTITY_SETTINGS

MAX_TEMPERATURE = 100
"""No provider takes more than 2; 100 admits callers that count in percent."""

MOST_PROBLEMS = 100
"""Problems listed for one trace: a body of a million wrong values must not be answered with a million sentences."""

_SETTINGS = (*IDENTITY_SETTINGS, "max_output_tokens")


class InvalidTraceError(CallerError):
    """The trace cannot be stored as it was sent."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} field(s) of the trace are wrong.")
        self.problems = problems


# --- the model: checks of types, and the schema in openapi.json


def _one_of(expected: str, *types: type) -> AfterValidator:
    """A field of several JSON types gets one message, not one for each branch of a union."""

    def check(value: Any) -> Any:
        if not isinstance(value, types):
            raise PydanticCustomError("shape", "Must be {expected}.", {"expected": expected})
        return value

    return AfterValidator(check)


def _check_items(value: Any) -> Any:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if (wrong := _wrong_item(item)) is not None:
            raise PydanticCustomError("item", "Item {index} {wrong}.", {"index": index, "wrong": wrong})
    return value


def _wrong_item(item: Any) -> str | None:
    if not isinstance(item, dict):
        return "must be an object"
    if not isinstance(item.get("role"), str | None):
        return "has a role that is no string"
    if not isinstance(item.get("content"), str | list | dict | None):
        return "has content that is neither a string nor a list of parts"
    return None


_OBJECT = {"type": "object", "additionalProperties": True}
_OBJECTS = {"type": "array", "items": _OBJECT}
_TEXT_OR_OBJECT = {"anyOf": [{"type": "string"}, _OBJECT]}
_TEXT_OR_OBJECTS = {"anyOf": [{"type": "string"}, _OBJECTS]}

TextOrObject = Annotated[Any, _one_of("a string or an object", str, dict), WithJsonSchema(_TEXT_OR_OBJECT)]
Items = Annotated[Any, _one_of("a list of objects", list), AfterValidator(_check_items), WithJsonSchema(_OBJECTS)]
Input = Annotated[
    Any,
    _one_of("a string or a list of objects", str, list),
    AfterValidator(_check_items),
    WithJsonSchema(_TEXT_OR_OBJECTS),
]


class Usage(BaseModel):
    """Tokens, as the provider counted them."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None
    cached_tokens: TokenCount | None = None
    reasoning_tokens: TokenCount | None = None


EXAMPLE_OF_A_CALL: Any = {
    "model": "gpt-5",
    "path": "/support/triage",
    "messages": [
        {"role": "system", "content": "Sort the mail into billing, returns or other."},
        {"role": "user", "content": "Mail: where is my refund?"},
    ],
    "output": "returns",
    "usage": {"input_tokens": 31, "output_tokens": 1},
}


class TraceIn(BaseModel):
    """One LLM call. Further fields are kept under `metadata`."""

    model_config = ConfigDict(
        extra="allow", hide_input_in_errors=True, title="TraceIn", json_schema_extra={"examples": [EXAMPLE_OF_A_CALL]}
    )

    model: Name = Field(description="The model that was called.")
    path: Path = Field(description="Your own label of the call site, for example /support/triage.")
    external_id: Name | None = Field(None, description="Your id of the call; sending it twice stores it once.")
    instructions: Text | None = Field(None, description="The system prompt.")
    input: Input | None = Field(None, description="A text, or items as the Responses API takes them.")
    messages: Items | None = Field(None, description="Messages as the Chat Completions API takes them.")
    output: Any = Field(None, description="What the model answered, any JSON.")
    tools: Items | None = None
    tool_choice: TextOrObject | None = None
    temperature: Annotated[float, Field(strict=True, ge=0, le=MAX_TEMPERATURE, allow_inf_nan=False)] | None = None
    max_output_tokens: Count | None = None
    reasoning: TextOrObject | None = None
    response_format: TextOrObject | None = None
    usage: Usage | None = None
    conversation_id: Text | None = None
    user_id: Text | None = None
    started_at: Moment | None = Field(None, description="ISO 8601, or Unix seconds; at most 24 hours ahead.")
    completed_at: Moment | None = Field(None, description="ISO 8601, or Unix seconds; at most 24 hours ahead.")
    error: TextOrObject | None = Field(None, description="What went wrong with the call.")
    metadata: dict[str, Any] | None = None


_FIELDS = frozenset(TraceIn.model_fields)

_SPOKEN = frozenset({"role", "content"})
_TAKEN_OVER = ("model", "path", "external_id", "conversation_id", "user_id", "started_at", "completed_at")


# --- a quick check of a body, since most are valid


def is_surely_right(body: Mapping[str, Any]) -> bool:
    """A quick proof that `TraceIn` accepts the body unchanged; it takes a third of the time of `TraceIn`.

    False proves nothing: then `TraceIn` decides, and names the errors.
    """
    if body.get("model") is None or body.get("path") is None:
        return False
    for name, value in body.items():
        check = _CHECK_BY_FIELD.get(name)
        if check is not None and value is not None and not check(value):
            return False
    return True


def _is_name(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_NAME


def _is_path(value: Any) -> bool:
    return _is_name(value) and not is_blank(value)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _is_choice(value: Any) -> bool:
    return type(value) in (str, dict)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_BIGINT


def _is_temperature(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= MAX_TEMPERATURE


def _is_usage(value: Any) -> bool:
    return type(value) is dict and all(
        count is None or (type(count) is int and 0 <= count <= MAX_TOKENS) for count in value.values()
    )


def _is_past(value: Any) -> bool:
    return type(value) is datetime and value.tzinfo is UTC and EPOCH <= value <= datetime.now(UTC)


def _are_tools(value: Any) -> bool:
    return type(value) is list and all(type(item) is dict and _SPOKEN.isdisjoint(item) for item in value)


def _are_spoken(value: Any) -> bool:
    return type(value) is list and all(map(_is_spoken, value))


def _is_spoken(item: Any) -> bool:
    return type(item) is dict and type(item.get("role")) is str and type(item.get("content")) in (str, list)


_CHECK_BY_FIELD: dict[str, Callable[[Any], bool]] = {
    "model": _is_name,
    "path": _is_path,
    "external_id": _is_name,
    "instructions": _is_text,
    "input": lambda value: _is_text(value) or _are_spoken(value),
    "messages": _are_spoken,
    "tools": _are_tools,
    "tool_choice": _is_choice,
    "temperature": _is_temperature,
    "max_output_tokens": _is_count,
    "reasoning": _is_choice,
    "response_format": _is_choice,
    "usage": _is_usage,
    "conversation_id": _is_text,
    "user_id": _is_text,
    "started_at": _is_past,
    "completed_at": _is_past,
    "error": _is_choice,
    "metadata": _is_object,
}
"""Checks of every field but `output`, which may be any JSON."""


# --- from a body to a row


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
        "conversation_id": converted("conversation_id"),
        "user_id": converted("user_id"),
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
    if body.keys() <= _FIELDS:
        return dict(metadata) or None
    return {name: value for name, value in body.items() if name not in _FIELDS} | metadata
