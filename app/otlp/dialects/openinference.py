"""Reads spans of OpenInference (Arize Phoenix and its instrumentations)."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.intake.bodies.answers import response_of
from app.intake.bodies.messages import joined
from app.intake.bodies.requests import SETTINGS, prompt_of_value, request_of
from app.intake.bodies.values import parsed, take
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Body, Dialect, SpanKind, by_value
from app.otlp.messages import ChatMessage, has_content, tool_call
from app.otlp.spans import Event, Span

_REDACTED = "__REDACTED__"
"""The text that instrumentations write in place of hidden content."""

_KIND = "openinference.span.kind"
_KINDS = {"llm": SpanKind.CALL, "agent": SpanKind.WRAPPER, "chain": SpanKind.WRAPPER}
_by_attribute = by_value(_KIND, _KINDS, otherwise=SpanKind.OTHER)


_OWN_PROMPT = ("\nllm.input_messages.", "\nllm.prompts.")


def _kind(span: Span) -> SpanKind | None:
    """The kind by its attribute; a span without the attribute is a call if it has messages.

    A span with only its input (`input.value`, a template and its variables) may be a step around the call of the model: LlamaIndex writes
    `predict` around `chat`.
    """
    has_prompt = any(name in span.names for name in _OWN_PROMPT)
    if _KIND not in span.attributes:
        return SpanKind.CALL if _OWN_PROMPT[0] in span.names else None
    kind = _by_attribute(span) or SpanKind.CALL
    return SpanKind.WRAPPER if kind is SpanKind.CALL and not has_prompt and _tells_input(span) else kind


def _tells_input(span: Span) -> bool:
    return span.attributes.get("input.value") not in (None, "", _REDACTED)


def _body(attributes: Attributes, events: list[Event]) -> Body:
    parameters = attributes.take_json("llm.invocation_parameters")
    parameters = dict(parameters) if isinstance(parameters, dict) else {}
    prompt = _input(attributes)
    body = prompt | {
        "model": _model(attributes, parameters) or prompt.get("model"),
        "tools": _tools(attributes, parameters) or prompt.get("tools"),
        "user_id": attributes.take("user.id") or parameters.pop("user", None),
    }
    return (
        body
        | _answer(attributes)
        | _settings(parameters, prompt)
        | ({"llm.invocation_parameters": parameters} if parameters else {})
    )


def _model(attributes: Attributes, parameters: dict[str, Any]) -> Any:
    """The requested model: `llm.model_name` names the model that answered, whose name may change daily."""
    requested = parameters.pop("model", None)
    return attributes.take("llm.request.model_name") or requested or attributes.take("llm.model_name")


def _settings(parameters: dict[str, Any], prompt: Body) -> dict[str, Any]:
    """The settings of the parameters, else of the request, by any provider's names."""
    settings = {name: take(parameters, paths) for name, paths in SETTINGS.items() if name not in ("tools", "user_id")}
    return {name: prompt.get(name) if value is None else value for name, value in settings.items()}


def _input(attributes: Attributes) -> Body:
    """The messages; else the completed text; else the client's own request, which `input.value` repeats."""
    value, _ = attributes.take("input.value"), attributes.take("input.mime_type")
    messages = _messages(attributes.take_list("llm.input_messages"))
    if has_content(messages):
        return {"messages": messages}
    prompts = [_member(item, "prompt", "text") for item in attributes.take_list("llm.prompts")]
    if prompts:
        return {"messages": _as_messages("user", prompts)}
    if not isinstance(parsed(value), str):
        return request_of(value) or prompt_of_value(parsed(value)) if value is not None else {}
    return {"messages": _as_messages("user", [value])}


def _answer(attributes: Attributes) -> Body:
    value, _ = attributes.take("output.value"), attributes.take("output.mime_type")
    messages = _messages(attributes.take_list("llm.output_messages"))
    if has_content(messages):
        return {"output": messages}
    choices = [_member(item, "completion", "text") for item in attributes.take_list("llm.choices")]
    if choices or isinstance(parsed(value), str):
        return {"output": _as_messages("assistant", choices or [value]) or None}
    return response_of(parsed(value)) if isinstance(parsed(value), dict) else {}


def _as_messages(role: str, texts: list[Any]) -> list[ChatMessage]:
    return [{"role": role, "content": text} for text in texts if isinstance(text, str) and text != _REDACTED]


def _messages(items: list[Any]) -> list[ChatMessage]:
    return [_message(item["message"]) for item in items if isinstance(_member(item, "message"), Mapping)]


def _message(message: Mapping[str, Any]) -> ChatMessage:
    calls = [_tool_call(item) for item in _list(message.get("tool_calls"))]
    if message.get("function_call_name"):
        calls.append(tool_call(None, message["function_call_name"], message.get("function_call_arguments_json")))
    fields = {
        "role": message.get("role"),
        "content": _content(message),
        "name": message.get("name"),
        "tool_calls": calls or None,
        "tool_call_id": message.get("tool_call_id"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _content(message: Mapping[str, Any]) -> Any:
    content = message.get("content")
    if content is None:
        content = joined(list(_parts(_list(message.get("contents")))))
    return None if content == _REDACTED else content


def _parts(items: list[Any]) -> Iterator[Any]:
    for item in items:
        part = _member(item, "message_content")
        if isinstance(part, Mapping) and part.get("text") != _REDACTED:
            yield {"type": "text", "text": part["text"]} if "text" in part else dict(part)


def _tool_call(item: Any) -> dict[str, Any]:
    return tool_call(
        _member(item, "tool_call", "id"),
        _member(item, "tool_call", "function", "name"),
        _member(item, "tool_call", "function", "arguments"),
    )


def _tools(attributes: Attributes, parameters: dict[str, Any]) -> list[Any] | None:
    """The tools; each is its JSON schema as text."""
    schemas = [parsed(_member(item, "tool", "json_schema")) for item in attributes.take_list("llm.tools")]
    return [schema for schema in schemas if isinstance(schema, dict)] or parameters.pop("tools", None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _member(value: Any, *names: str) -> Any:
    """The value under these nested names; None where it is absent."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


DIALECT = Dialect(
    name="OpenInference",
    signs=("openinference.", "llm.input_messages.", "llm.invocation_parameters"),
    kind=_kind,
    fields={
        "conversation_id": ("session.id",),
        "usage.input_tokens": ("llm.token_count.prompt",),
        "usage.output_tokens": ("llm.token_count.completion",),
        "usage.total_tokens": ("llm.token_count.total",),
        "usage.cached_tokens": ("llm.token_count.prompt_details.cache_read",),
        "usage.reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
    },
    read=_body,
)
