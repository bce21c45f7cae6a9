"""What a span says by OpenInference (Arize Phoenix and its instrumentations)."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.otlp.attributes import Attributes, parsed
from app.otlp.messages import Message, content_of, has_content, tool_call
from app.otlp.spans import Span

# What its instrumentations write where content is hidden.
_REDACTED = "__REDACTED__"

_KIND = "openinference.span.kind"


def is_ours(span: Span) -> bool:
    """Whether the span was written by OpenInference."""
    return _KIND in span.attributes or any(name.startswith("llm.input_messages.") for name in span.attributes)


def is_call(span: Span) -> bool:
    """Whether the span is a call of a model: no chain, tool, retriever or embedding."""
    return span.attributes.get(_KIND, "LLM") == "LLM"


def body_of(attributes: Attributes) -> dict[str, Any]:
    """The call as the JSON API takes it."""
    parameters = attributes.take_json("llm.invocation_parameters")
    parameters = dict(parameters) if isinstance(parameters, dict) else {}
    body = {
        "model": _model(attributes, parameters),
        "messages": _input(attributes),
        "output": _output(attributes),
        "tools": _tools(attributes, parameters),
        "usage": _usage(attributes),
        "conversation_id": attributes.take("session.id"),
        "user_id": attributes.take("user.id") or parameters.pop("user", None),
    } | _settings(parameters)
    return body | {"metadata": {"llm.invocation_parameters": parameters} if parameters else {}}


def _model(attributes: Attributes, parameters: dict[str, Any]) -> Any:
    """The model that was asked for: `llm.model_name` is the one that answered, whose name may change by the day."""
    asked = parameters.pop("model", None)
    return attributes.take("llm.request.model_name") or asked or attributes.take("llm.model_name")


def _settings(parameters: dict[str, Any]) -> dict[str, Any]:
    limits = [parameters.pop(name, None) for name in ("max_output_tokens", "max_completion_tokens", "max_tokens")]
    return {
        "temperature": parameters.pop("temperature", None),
        "max_output_tokens": next((limit for limit in limits if limit is not None), None),
        "tool_choice": parameters.pop("tool_choice", None),
        "reasoning": parameters.pop("reasoning", None) or parameters.pop("reasoning_effort", None),
        "response_format": parameters.pop("response_format", None),
    }


def _usage(attributes: Attributes) -> dict[str, int | None]:
    return {
        "input_tokens": attributes.take_count("llm.token_count.prompt"),
        "output_tokens": attributes.take_count("llm.token_count.completion"),
        "total_tokens": attributes.take_count("llm.token_count.total"),
        "cached_tokens": attributes.take_count("llm.token_count.prompt_details.cache_read"),
        "reasoning_tokens": attributes.take_count("llm.token_count.completion_details.reasoning"),
    }


def _input(attributes: Attributes) -> list[Message]:
    """The messages; else the text that was completed.  `input.value` repeats them as the client's own request."""
    whole, _ = attributes.take("input.value"), attributes.take("input.mime_type")
    messages = _messages(attributes.take_list("llm.input_messages"))
    if has_content(messages):
        return messages
    prompts = [_member(item, "prompt", "text") for item in attributes.take_list("llm.prompts")]
    return _as_messages("user", prompts or [_bare_text(whole)])


def _output(attributes: Attributes) -> list[Message] | None:
    whole, _ = attributes.take("output.value"), attributes.take("output.mime_type")
    messages = _messages(attributes.take_list("llm.output_messages"))
    if has_content(messages):
        return messages
    choices = [_member(item, "completion", "text") for item in attributes.take_list("llm.choices")]
    return _as_messages("assistant", choices or [_bare_text(whole)]) or None


def _bare_text(value: Any) -> str | None:
    """A plain text is the prompt itself; JSON is a request whose form we do not know."""
    return value if isinstance(value, str) and isinstance(parsed(value), str) else None


def _as_messages(role: str, texts: list[Any]) -> list[Message]:
    return [{"role": role, "content": text} for text in texts if isinstance(text, str) and text != _REDACTED]


def _messages(items: list[Any]) -> list[Message]:
    return [_message(item["message"]) for item in items if isinstance(_member(item, "message"), Mapping)]


def _message(sent: Mapping[str, Any]) -> Message:
    calls = [_tool_call(item) for item in _list(sent.get("tool_calls"))]
    if sent.get("function_call_name"):
        calls.append(tool_call(None, sent["function_call_name"], sent.get("function_call_arguments_json")))
    made = {
        "role": sent.get("role"),
        "content": _content(sent),
        "name": sent.get("name"),
        "tool_calls": calls or None,
        "tool_call_id": sent.get("tool_call_id"),
    }
    return {name: value for name, value in made.items() if value is not None}


def _content(sent: Mapping[str, Any]) -> Any:
    content = sent.get("content")
    if content is None:
        content = content_of(list(_parts(_list(sent.get("contents")))))
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
    """Each tool is its JSON schema, as text."""
    schemas = [parsed(_member(item, "tool", "json_schema")) for item in attributes.take_list("llm.tools")]
    return [schema for schema in schemas if isinstance(schema, dict)] or parameters.pop("tools", None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _member(value: Any, *names: str) -> Any:
    """What stands under these names, one inside the other; None where there is no such thing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
