"""Messages of every convention as the Chat Completions API writes them, which is what `app.intake.prompts` reads."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from app.otlp.attributes import parsed

Message = dict[str, Any]

# Content parts as the clients of OpenAI and Anthropic name them: a list of these alone is taken for content.
_PART_TYPES = {"text", "image", "image_url", "document", "tool_use", "tool_result", "thinking", "refusal", "file"}
_PART_TYPES |= {"input_text", "input_image", "input_audio", "input_file", "output_text"}


def from_parts(messages: Iterable[Message]) -> list[Message]:
    """Messages of the current conventions: a role and typed parts.  Those with plain content stay as they are."""
    return [made for message in messages for made in _from_parts(message)]


def content_of(parts: list[Any]) -> Any:
    """Content out of typed parts: one text as a string, anything else as a list of parts; None without any."""
    contents = [_content_part(part) for part in parts]
    if len(contents) == 1 and isinstance(contents[0], dict) and contents[0].get("type") == "text":
        return contents[0]["text"]
    return contents or None


def tool_call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """A tool call; its arguments are a text there, an object in some conventions."""
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def flat_message(message: Message) -> Message:
    """A message whose members are attributes or an event: tool calls flat, content parts as a JSON text."""
    calls = parsed(message.get("tool_calls"))
    return _without_nothing(
        {
            "role": message.get("role"),
            "content": _flat_content(message.get("content")),
            "name": message.get("name"),
            "tool_calls": [_flat_call(call) for call in _objects(calls)],
            "tool_call_id": message.get("tool_call_id")
            or (message.get("id") if message.get("role") == "tool" else None),
        }
    )


def has_content(messages: Iterable[Message]) -> bool:
    """Whether anything was captured beside roles."""
    return any(message.get("content") or message.get("tool_calls") for message in messages)


def _from_parts(message: Message) -> Iterator[Message]:
    parts = message.get("parts")
    if not isinstance(parts, list):
        yield flat_message(message)
        return
    if len(parts) == 1 and _is_text(parts[0]):  # most of them
        made = {"role": message.get("role"), "name": message.get("name"), "content": parts[0]["content"]}
        yield _without_nothing(made)
        return
    answers, calls, others = _sorted_parts(parts)
    for answer in answers:
        yield {"role": "tool", "tool_call_id": answer.get("id"), "content": _answer_text(answer)}
    if others or calls or not answers:
        made = {"role": message.get("role"), "name": message.get("name"), "content": content_of(others)}
        made["tool_calls"] = [tool_call(call.get("id"), call.get("name"), call.get("arguments")) for call in calls]
        yield _without_nothing(made)


def _is_text(part: Any) -> bool:
    """A text part and nothing else, by the conventions."""
    return isinstance(part, dict) and part.keys() == {"type", "content"} and part["type"] == "text"


def _sorted_parts(parts: list[Any]) -> tuple[list[Message], list[Message], list[Any]]:
    """Answers of tools, calls of tools, and content."""
    by_kind: dict[str, list[Any]] = {"tool_call_response": [], "tool_call": [], "": []}
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        by_kind[kind if isinstance(kind, str) and kind in by_kind else ""].append(part)
    return by_kind["tool_call_response"], by_kind["tool_call"], by_kind[""]


def _answer_text(answer: Message) -> Any:
    """What a tool answered: `response` by the conventions, `result` in their first draft."""
    found = answer.get("response", answer.get("result"))
    return found if isinstance(found, str) else orjson.dumps(found).decode()


def _content_part(part: Any) -> Any:
    """A text part says `text` where the conventions say `content`; pictures and files stay as they are."""
    if isinstance(part, dict) and part.get("type") == "text" and "text" not in part:
        return {"type": "text", "text": part.get("content")}
    return part


def _flat_content(content: Any) -> Any:
    """OpenLLMetry writes a list of content parts as its JSON; a prompt that merely looks like JSON stays a text."""
    found = parsed(content)
    if isinstance(found, list) and found and all(map(_is_part, found)):
        return content_of(found)
    return content


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("type")) in _PART_TYPES


def _flat_call(call: Message) -> dict[str, Any]:
    function = call.get("function")
    named = function if isinstance(function, dict) else call
    return tool_call(call.get("id"), named.get("name"), named.get("arguments"))


def _objects(items: Any) -> list[Message]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _without_nothing(message: Message) -> Message:
    """Without members that hold nothing; an empty content counts, since an empty value does not change a template."""
    return {name: value for name, value in message.items() if value is not None and value != []}
