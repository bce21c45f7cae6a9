"""One trace as a caller sends it: its fields, their limits, and what to say when one is wrong.

`read_trace` checks a body and gives an `Incoming`, ready to be stored; HTTP, OTLP and import all come through here.
Values are kept as they were sent (key order, number formats): the checked model is only for checking.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.checks import (
    DEFAULT_LIMITS,
    Count,
    Limits,
    Loc,
    Moment,
    Name,
    Problem,
    Text,
    is_storable_json,
    json_of,
    problems_of,
    unstorable,
)
from app.errors import CallerError
from app.intake.prompts import Prompt, prompt_of
from app.store.templates import IDENTITY_SETTINGS

MOST_PROBLEMS = 100
"""Of one trace: a body of a million wrong values must not be answered with a million sentences."""

_SETTINGS = (*IDENTITY_SETTINGS, "max_output_tokens")
_INPUTS = ("instructions", "input", "messages")


class InvalidTraceError(CallerError):
    """The trace cannot be stored as it was sent."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} field(s) of the trace are wrong.")
        self.problems = problems


# --- the model: what is checked by type, and what openapi.json says


def _one_of(expected: str, *types: type) -> AfterValidator:
    """A field of several JSON types gets one plain message, not one for each branch of a union."""

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

Choice = Annotated[Any, _one_of("a string or an object", str, dict), WithJsonSchema(_TEXT_OR_OBJECT)]
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

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


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
    """One LLM call.  Further fields are kept under `metadata`."""

    model_config = ConfigDict(
        extra="allow", hide_input_in_errors=True, title="TraceIn", json_schema_extra={"examples": [EXAMPLE_OF_A_CALL]}
    )

    model: Name = Field(description="The model that was called.")
    path: Name = Field(description="Your own label of the call site, for example /support/triage.")
    external_id: Name | None = Field(None, description="Your id of the call; sending it twice stores it once.")
    instructions: Text | None = Field(None, description="The system prompt.")
    input: Input | None = Field(None, description="A text, or items as the Responses API takes them.")
    messages: Items | None = Field(None, description="Messages as the Chat Completions API takes them.")
    output: Any = Field(None, description="What the model answered, any JSON.")
    tools: Items | None = None
    tool_choice: Choice | None = None
    temperature: Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)] | None = None
    max_output_tokens: Count | None = None
    reasoning: Choice | None = None
    response_format: Choice | None = None
    usage: Usage | None = None
    conversation_id: Text | None = None
    user_id: Text | None = None
    started_at: Moment | None = Field(None, description="ISO 8601, or Unix seconds; at most 24 hours ahead.")
    completed_at: Moment | None = Field(None, description="ISO 8601, or Unix seconds; at most 24 hours ahead.")
    error: Choice | None = Field(None, description="What went wrong with the call.")
    metadata: dict[str, Any] | None = None


_FIELDS = frozenset(TraceIn.model_fields)


# --- from a body to what is stored


@dataclass(slots=True)
class Incoming:
    """A trace that was checked; `columns` are those of table trace that come from the body alone.

    `json` is the body as one text, for a quick look at all of it; None where there was none.
    """

    path: str
    model: str
    external_id: str | None
    prompt: Prompt
    settings_digest: str
    columns: dict[str, Any] = field(repr=False)
    json: bytes | None = field(default=None, repr=False)


def read_trace(body: object, limits: Limits = DEFAULT_LIMITS, *, is_json: bool = False) -> Incoming:
    """Check one trace.  Raises InvalidTraceError, which names every wrong field.

    is_json: the body is what a strict parser made of JSON, so that nobody need look for NaN.
    """
    if not isinstance(body, dict):
        raise InvalidTraceError([Problem((), "A trace must be a JSON object.")])
    text = json_of(body)
    sure = text is not None and is_storable_json(body, text, limits, is_json=is_json)
    problems = {} if sure else _first_unstorable(body, limits)
    try:
        checked = TraceIn.model_validate(body)
    except ValidationError as error:
        problems = {problem.loc: problem for problem in problems_of(error)} | problems
    if problems:
        raise InvalidTraceError(list(problems.values()))
    return _incoming(body, checked, text)


def _first_unstorable(body: object, limits: Limits) -> dict[Loc, Problem]:
    return {problem.loc: problem for problem in islice(unstorable(body, limits), MOST_PROBLEMS)}


def _incoming(body: dict[str, Any], checked: TraceIn, text: bytes | None) -> Incoming:
    prompt = prompt_of(body)
    settings = _present(body, _SETTINGS)
    digest = settings_digest(settings, body.get("tools"))
    columns = {
        "external_id": checked.external_id,
        "model": checked.model,
        **prompt.columns,
        "conversation_id": checked.conversation_id,
        "user_id": checked.user_id,
        "settings": settings,
        "tools": body.get("tools"),
        "settings_digest": digest,
        "input": _present(body, _INPUTS),
        "output": body.get("output"),
        "usage": body.get("usage"),
        "error": body.get("error"),
        "metadata": _metadata(body),
        "started_at": checked.started_at,
        "completed_at": checked.completed_at,
    }
    return Incoming(checked.path, checked.model, checked.external_id, prompt, digest, columns, text)


def settings_digest(settings: Mapping[str, Any], tools: list[Any] | None) -> str:
    """Equal for two calls whose implementation is the same: their settings that count, and their tools."""
    counted = _present(settings, IDENTITY_SETTINGS) | {"tools": tools or []}
    return hashlib.sha256(orjson.dumps(counted, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _present(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}


def _metadata(body: dict[str, Any]) -> dict[str, Any] | None:
    """The caller's metadata and every field we do not know; where both have a name, metadata's own stays."""
    further = {name: value for name, value in body.items() if name not in _FIELDS}
    return (further | (body.get("metadata") or {})) or None
