"""Messages whose members are attributes, events or parts of the conventions, in the form of the Chat Completions API.

This module reads how attributes write a message; `app.intake.bodies.messages` reads the forms of providers.
"""

from collections.abc import Iterable
from typing import Any

from app.intake.bodies.messages import PART_NAMES, ChatMessage, has_content, message_of, tool_call
from app.intake.bodies.values import filled, parsed

__all__ = ["ChatMessage", "flat_messages", "from_parts", "has_content", "parts_in", "tool_call"]

_PART_TYPES = {"text", "image", "image_url", "document", "tool_use", "tool_result", "thinking", "refusal", "file"}
"""Types of content parts in the APIs of OpenAI and Anthropic: a JSON list of these alone is content."""

_PART_TYPES |= {"input_text", "input_image", "input_audio", "input_file", "output_text"}
_PART_TYPES |= {"tool-call", "tool-result", "reasoning"}


def from_parts(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Messages of the current conventions: a role and typed parts. Messages with plain content stay unchanged."""
    return [in_chat_form for message in messages for in_chat_form in _from_parts(message)]


def flat_messages(message: ChatMessage) -> list[ChatMessage]:
    """A message whose members are attributes or an event: content parts and tool calls may be a JSON text."""
    members = {
        "role": message.get("role"),
        "content": parts_in(message.get("content")),
        "name": message.get("name"),
        "tool_calls": parsed(message.get("tool_calls")),
        "tool_call_id": message.get("tool_call_id") or (message.get("id") if message.get("role") == "tool" else None),
    }
    return message_of(filled(members) | {"role": message.get("role")})


def parts_in(content: Any) -> Any:
    """Content parts written as a JSON text; a prompt that only looks like JSON stays a text."""
    value = parsed(content)
    return value if isinstance(value, list) and value and all(map(_is_part, value)) else content


def _from_parts(message: ChatMessage) -> list[ChatMessage]:
    parts = message.get("parts")
    if not isinstance(parts, list):
        return flat_messages(message)
    if len(parts) == 1 and _is_text(parts[0]):  # true of most messages
        return [_of_text(message, parts[0]["content"])]
    return message_of(message)


def _of_text(message: ChatMessage, content: Any) -> ChatMessage:
    role = message.get("role")
    if isinstance(content, str) and len(message) == 2 and role is not None:  # beside the parts it has a role alone
        return {"role": role, "content": content}
    return filled({"role": message.get("role"), "name": message.get("name"), "content": content})


def _is_text(part: Any) -> bool:
    """Whether the part is a plain text part of the conventions."""
    return isinstance(part, dict) and len(part) == 2 and part.get("type") == "text" and "content" in part


def _is_part(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return str(value.get("type")) in _PART_TYPES or (len(value) == 1 and not PART_NAMES.isdisjoint(value))
