"""The fields of a trace as a caller sends it: checks of their types, and the schema in openapi.json."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.checks import Count, ExternalId, Model, Moment, Path, Text, TokenCount

MAX_TEMPERATURE = 100
"""No provider takes more than 2; 100 admits callers that count in percent."""


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

    model: Model = Field(description="The model that was called.")
    path: Path = Field(description="Your own label of the call site, for example /support/triage.")
    external_id: ExternalId | None = Field(None, description="Your id of the call; sending it twice stores it once.")
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


FIELDS = frozenset(TraceIn.model_fields)
