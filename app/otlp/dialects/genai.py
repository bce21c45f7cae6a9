"""Reads spans of the GenAI semantic conventions: the current form and three older ones.

1. current: `gen_ai.input.messages`, on the span or in its event `gen_ai.client.inference.operation.details`;
2. older: one attribute for each member (`gen_ai.prompt.0.role`), as OpenLLMetry wrote until 2025;
3. older: one event for each message (`gen_ai.user.message`, `gen_ai.choice`);
4. oldest: all messages in one text (`gen_ai.prompt`), on the span or in its event `gen_ai.content.prompt`.
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from app.intake.bodies.answers import answer_of
from app.intake.bodies.messages import system_message
from app.intake.bodies.requests import prompt_of_value
from app.intake.bodies.values import parsed
from app.otlp.attributes import Attributes
from app.otlp.dialects.base import Body, Dialect, SpanKind, cached_by_names, has_prompt
from app.otlp.messages import ChatMessage, flat_messages, from_parts, has_content
from app.otlp.refusal import UnusableSpanError
from app.otlp.spans import Event, Span

_OPERATION = ("gen_ai.operation.name", "llm.request.type")

_TEXT = {
    "chat",
    "text_completion",
    "completion",
    "completions",
    "generate_content",
    "generate",
    "generate_text",
    "responses",
}
"""Operations that write text: a span of one without messages is a call whose content was not captured."""

_TEXT |= {
    "response",
    "message",
    "messages",
    "anthropic_messages",
    "converse",
    "invoke_model",
    "completion_stream",
    "chat_completion",
}

_OPERATIONS_WITHOUT_TEXT: tuple[str, ...] = (
    "embed",
    "rerank",
    "moderat",
    "image",
    "audio",
    "speech",
    "transcri",
    "tts",
    "video",
    "ocr",
    "execute_tool",
    "tool",
)
"""Prefixes of operations that write no text, also with LiteLLM's `a` (awaited) before them."""

_OPERATIONS_WITHOUT_TEXT += (
    "generate_image",
    "text_to_",
    "retriev",
    "vector",
    "search",
    "create_embedding",
    "guardrail",
)
_AROUND = (
    "invoke_agent",
    "create_agent",
    "agent",
    "chain",
    "workflow",
    "invoke_workflow",
    "execute_event_loop",
    "handoff",
    "plan",
)

_SIGNS = (
    "gen_ai.request.model",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "gen_ai.prompt.0.role",
)

_ONLY_OBJECTS = frozenset({dict})

DETAILS_EVENT = "gen_ai.client.inference.operation.details"

_DETAILS = {
    DETAILS_EVENT,
    "gen_ai.content.prompt",
    "gen_ai.content.completion",
}
"""Events whose attributes belong to the span."""

CHOICE_EVENT = "gen_ai.choice"
MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def operation_of(span: Span) -> str:
    """The operation that a span names; empty without one."""
    for attribute in _OPERATION:
        name = span.attributes.get(attribute)
        if isinstance(name, str) and name:
            return name
    return ""


def _kind(span: Span) -> SpanKind | None:
    operation = operation_of(span)
    return kind_of_operation(operation) if operation else _kind_by_signs(span)


def _kind_by_signs(span: Span) -> SpanKind | None:
    return SpanKind.CALL if any(sign in span.attributes for sign in _SIGNS) else None


def kind_of_operation(operation: str) -> SpanKind:
    """The kind by exclusion: an operation that is not known to write no text is a call if it carries messages."""
    return _kind_of_operation(operation[:_LONGEST_OPERATION])


_LONGEST_OPERATION = 64
"""Characters of an operation's name that tell its kind: no known name is half as long."""


@lru_cache(256)
def _kind_of_operation(operation: str) -> SpanKind:
    name = operation.lower().replace(".", "_").replace("-", "_").replace(" ", "_")
    awaited = name.removeprefix("a")
    if name.startswith(_OPERATIONS_WITHOUT_TEXT) or awaited.startswith(_OPERATIONS_WITHOUT_TEXT):
        return SpanKind.OTHER
    if name.startswith(_AROUND):
        return SpanKind.WRAPPER
    writes_text = name in _TEXT or awaited in _TEXT or name.startswith(("chat", "achat"))
    return SpanKind.CALL if writes_text else SpanKind.MAYBE


def attributes_of(span: Span, events: Iterable[Event]) -> Attributes:
    """The attributes of the span and of its events; the span's own win."""
    noted = [event.attributes for event in events if event.name in _DETAILS] if events else ()
    if not noted:
        return Attributes(span.attributes, span.names)
    return Attributes({name: value for event in noted for name, value in event.items()} | dict(span.attributes))


def _body(attributes: Attributes, events: list[Event]) -> Body:
    """Raises UnusableSpanError."""
    if not events and not _has_further_places(attributes.names):  # true of most spans
        messages = from_parts(_list(attributes, "gen_ai.input.messages", "user"))
        answer = from_parts(_list(attributes, "gen_ai.output.messages", "assistant"))
        return {
            "messages": messages if has_content(messages) else [],
            "output": answer if has_content(answer) else None,
            "tools": None,
        }
    return _input(attributes, events) | {"output": _output(attributes, events), "tools": _tools(attributes)}


@cached_by_names
def _has_further_places(names: str) -> bool:
    """Whether a span with these attribute names may say its prompt, its answer or its tools elsewhere than in the newest convention's messages."""
    return any(f"\n{place}" in names for place in _FURTHER_PLACES)


_FURTHER_PLACES = (
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.tool.definitions",
    "llm.request.functions",
)


def _input(attributes: Attributes, events: list[Event]) -> Body:
    """The input, with the system instructions as its first message."""
    instructions = system_message(attributes.take_json("gen_ai.system_instructions"))
    prompt = attributes.take("gen_ai.prompt")
    messages = _messages_in(attributes, events)
    if messages is not None and not instructions:  # true of most spans
        return {"messages": messages}
    if messages is not None:
        return {"messages": [item for item in instructions if item not in messages] + messages}
    first = prompt_of_value(prompt, strict=True) if prompt is not None else {}
    return first if has_prompt(first) else {"messages": instructions}


def _messages_in(attributes: Attributes, events: list[Event]) -> list[ChatMessage] | None:
    """The messages in the form of the newest convention that has content; None without any."""
    members = _members(attributes, "gen_ai.prompt")
    return _first_with_content(
        from_parts(_list(attributes, "gen_ai.input.messages", "user")),
        (message for item in members for message in flat_messages(item)),
        _event_messages(events),
    )


def _output(attributes: Attributes, events: list[Event]) -> Any:
    completion = attributes.take("gen_ai.completion")
    messages = _messages_out(attributes, events)
    return messages if messages is not None or completion is None else answer_of(completion).get("output")


def _messages_out(attributes: Attributes, events: list[Event]) -> list[ChatMessage] | None:
    members = _members(attributes, "gen_ai.completion")
    return _first_with_content(
        from_parts(_list(attributes, "gen_ai.output.messages", "assistant")),
        (message for item in members for message in flat_messages({"role": "assistant"} | item)),
        (message for event in events if event.name == CHOICE_EVENT for message in choice_of(_event_body(event))),
    )


def _first_with_content(*forms: Iterable[ChatMessage]) -> list[ChatMessage] | None:
    return next((messages for form in forms if has_content(messages := list(form))), None)


def _members(attributes: Attributes, prefix: str) -> list[ChatMessage]:
    return [item for item in attributes.take_list(prefix) if isinstance(item, dict)]


def _list(attributes: Attributes, name: str, role: str) -> list[ChatMessage]:
    """A list of messages, as values or as the JSON text that most SDKs write; a plain text, as people write it by hand, is one message of the role."""
    items = attributes.take_json(name)
    if items is None or items == "":
        return []
    if isinstance(items, str) and items.lstrip()[:1] not in ("[", "{"):
        return [{"role": role, "content": items}]
    if isinstance(items, str):
        raise UnusableSpanError(f"{name} {_fault_of(items)}")
    if not isinstance(items, list) or not _ONLY_OBJECTS.issuperset(map(type, items)):
        raise UnusableSpanError(f"{name} must be a list of messages.")
    return items


def _fault_of(text: str) -> str:
    """Why a text was not parsed, with the remedy."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate, which is not valid Unicode; send complete characters."
    except RecursionError:
        return "is nested too deep; send deep values as texts."
    except ValueError:
        return "is no JSON; is OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT cutting it off?"
    return "holds NaN or Infinity, or is nested too deep; send null, and deep values as texts."


def _event_messages(events: list[Event]) -> Iterator[ChatMessage]:
    for event in events:
        if event.name in MESSAGE_EVENTS:
            yield from message_of_event(event.name, _event_body(event))


def message_of_event(name: str, body: dict[str, Any]) -> list[ChatMessage]:
    """The message of an event with this name."""
    return flat_messages({"role": MESSAGE_EVENTS[name]} | body)


def choice_of(body: dict[str, Any]) -> list[ChatMessage]:
    """The message of a choice: its member, or the choice itself."""
    inner = parsed(body.get("message"))
    return flat_messages({"role": "assistant"} | (inner if isinstance(inner, dict) else {"content": inner} | body))


def _event_body(event: Event) -> dict[str, Any]:
    """The content of the event: its attributes, or one of them as JSON."""
    body = parsed(event.attributes.get("gen_ai.event.content"))
    return body if isinstance(body, dict) else event.attributes


def _tools(attributes: Attributes) -> list[Any] | None:
    tools = attributes.take_json("gen_ai.tool.definitions") or attributes.take_list("llm.request.functions")
    return tools or None


DIALECT = Dialect(
    name="GenAI conventions",
    signs=("gen_ai.", "llm."),
    kind=_kind,
    fields={
        "model": ("gen_ai.request.model", "gen_ai.response.model"),
        "temperature": ("gen_ai.request.temperature",),
        "max_output_tokens": ("gen_ai.request.max_tokens",),
        "tool_choice": ("gen_ai.request.tool_choice",),
        "reasoning": ("gen_ai.request.reasoning_effort",),
        "response_format": (
            "gen_ai.request.structured_output_schema",
            "gen_ai.openai.request.response_format",
            "gen_ai.output.type",
        ),
        "conversation_id": ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id"),
        "user_id": (
            "gen_ai.user",
            "user.id",
            "enduser.id",
            "traceloop.association.properties.user_id",
            "llm.user",
        ),
        "usage.input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "usage.output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "usage.total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        "usage.cached_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
        "usage.reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    },
    read=_body,
)
