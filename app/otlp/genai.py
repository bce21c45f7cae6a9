"""What a span says by the GenAI semantic conventions: those of today and the three ways before them.

1. today: `gen_ai.input.messages`, on the span or in its event `gen_ai.client.inference.operation.details`;
2. before: one attribute for each member (`gen_ai.prompt.0.role`), as OpenLLMetry wrote until 2025;
3. before: one event for each message (`gen_ai.user.message`, `gen_ai.choice`);
4. first: all in one text (`gen_ai.prompt`), on the span or in its event `gen_ai.content.prompt`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from app.otlp.attributes import Attributes, parsed
from app.otlp.messages import Message, content_of, flat_message, from_parts, has_content
from app.otlp.refusal import UnusableSpanError
from app.otlp.spans import Event, Span

_CALLS = ("chat", "text_completion", "completion", "generate_content")
_SIGNS = (
    "gen_ai.request.model",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.input.messages",
    "gen_ai.prompt.0.role",
)

DETAILS_EVENT = "gen_ai.client.inference.operation.details"

# Events whose attributes belong to the span.
_DETAILS = {
    DETAILS_EVENT,
    "gen_ai.content.prompt",
    "gen_ai.content.completion",
}
CHOICE_EVENT = "gen_ai.choice"
MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def is_call(span: Span) -> bool:
    """Whether the span is a call of a model that writes text: no embedding, tool or agent."""
    operation = span.attributes.get("gen_ai.operation.name") or span.attributes.get("llm.request.type")
    return operation in _CALLS if operation else any(sign in span.attributes for sign in _SIGNS)


def attributes_of(span: Span, events: Iterable[Event]) -> Attributes:
    """The span's attributes and those that it put into events; its own win."""
    noted = [event.attributes for event in events if event.name in _DETAILS]
    return Attributes({name: value for each in noted for name, value in each.items()} | dict(span.attributes))


def body_of(attributes: Attributes, events: Iterable[Event]) -> dict[str, Any]:
    """The call as the JSON API takes it.  Raises UnusableSpanError."""
    events = list(events)
    return {
        "model": attributes.take("gen_ai.request.model", "gen_ai.response.model"),
        "messages": _messages(attributes, events),
        "output": _output(attributes, events),
        "tools": _tools(attributes),
        "usage": _usage(attributes),
        "conversation_id": attributes.take(
            "gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id"
        ),
        "user_id": attributes.take(
            "gen_ai.user", "user.id", "enduser.id", "traceloop.association.properties.user_id", "llm.user"
        ),
    } | _settings(attributes)


def _settings(attributes: Attributes) -> dict[str, Any]:
    return {
        "temperature": attributes.take("gen_ai.request.temperature"),
        "max_output_tokens": attributes.take_count("gen_ai.request.max_tokens"),
        "tool_choice": attributes.take_json("gen_ai.request.tool_choice"),
        "reasoning": attributes.take_json("gen_ai.request.reasoning_effort"),
        "response_format": attributes.take_json(
            "gen_ai.request.structured_output_schema", "gen_ai.openai.request.response_format", "gen_ai.output.type"
        ),
    }


def _usage(attributes: Attributes) -> dict[str, int | None]:
    return {
        "input_tokens": attributes.take_count("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output_tokens": attributes.take_count("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "total_tokens": attributes.take_count("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        "cached_tokens": attributes.take_count(
            "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"
        ),
        "reasoning_tokens": attributes.take_count(
            "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"
        ),
    }


def _messages(attributes: Attributes, events: list[Event]) -> list[Message]:
    """The system instructions first: they are a message to whoever reads the prompt."""
    instructions = _instructions(attributes.take_json("gen_ai.system_instructions"))
    ways = (
        from_parts(_list(attributes, "gen_ai.input.messages")),
        [flat_message(item) for item in attributes.take_list("gen_ai.prompt") if isinstance(item, dict)],
        list(_event_messages(events)),
        _first_way(attributes.take("gen_ai.prompt"), "user"),
    )
    return instructions + next((messages for messages in ways if has_content(messages)), [])


def _instructions(value: Any) -> list[Message]:
    """A list of parts by the conventions; some write the bare text."""
    content = content_of(value) if isinstance(value, list) else value
    return [{"role": "system", "content": content}] if content else []


def _output(attributes: Attributes, events: list[Event]) -> list[Message] | None:
    completions = attributes.take_list("gen_ai.completion")
    ways = (
        from_parts(_list(attributes, "gen_ai.output.messages")),
        [{"role": "assistant"} | flat_message(item) for item in completions if isinstance(item, dict)],
        [_choice(event) for event in events if event.name == CHOICE_EVENT],
        _first_way(attributes.take("gen_ai.completion"), "assistant"),
    )
    return next((messages for messages in ways if has_content(messages)), None)


def _list(attributes: Attributes, name: str) -> list[Message]:
    """A list of messages, as values or as the JSON text that most SDKs write."""
    found = attributes.take_json(name)
    if found is None:
        return []
    if isinstance(found, str):
        raise UnusableSpanError(f"{name} is no JSON; is OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT cutting it off?")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UnusableSpanError(f"{name} is no list of messages.")
    return found


def _event_messages(events: list[Event]) -> Iterator[Message]:
    for event in events:
        if event.name in MESSAGE_EVENTS:
            yield flat_message({"role": MESSAGE_EVENTS[event.name]} | _event_body(event))


def _choice(event: Event) -> Message:
    """A choice holds its message, or is it."""
    body = _event_body(event)
    inner = parsed(body.get("message"))
    return {"role": "assistant"} | flat_message(inner if isinstance(inner, dict) else {"content": inner} | body)


def _event_body(event: Event) -> dict[str, Any]:
    """What the event says: its attributes, or one of them as JSON."""
    body = parsed(event.attributes.get("gen_ai.event.content"))
    return body if isinstance(body, dict) else event.attributes


def _first_way(value: Any, role: str) -> list[Message]:
    """All messages as one JSON text, or the bare prompt."""
    found = parsed(value)
    if isinstance(found, list) and found and all(isinstance(item, dict) and "role" in item for item in found):
        return from_parts(found)
    return [{"role": role, "content": value}] if isinstance(value, str) else []


def _tools(attributes: Attributes) -> list[Any] | None:
    found = attributes.take_json("gen_ai.tool.definitions") or attributes.take_list("llm.request.functions")
    return found or None
