"""Messages of every provider as messages of the Chat Completions API, which `app.intake.prompts` reads.

A message of the Chat Completions API stays the same object. Other forms are rows in tables: names of roles, fields that hold the content,
and kinds of parts.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.intake.bodies.values import Body, as_object, as_text, filled, member, objects

ChatMessage = dict[str, Any]

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
"""Roles of the Chat Completions API; `function` is an old name of `tool` that clients still send."""

_OTHER_ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "chat": "user",
    "generic": "user",
}
"""Other names of these roles: LangChain, Gemini, Cohere, Titan; LangChain's classes end in Message or MessageChunk."""

_CLASS_ENDS = ("messagechunk", "message")

_CONTENTS = ("content", "parts", "message", "text", "contents", "blocks")
"""Fields that hold the content of a message of another provider."""

_SAID = (*_CONTENTS, "tool_calls", "lc", "data", "kwargs")


def messages_of(value: Any) -> list[ChatMessage] | None:
    """A conversation, from a list of messages, a single message or a text; None for any other value."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if isinstance(value, dict):
        return message_of(value) if is_message(value) and any(name in value for name in _SAID) else None
    if not isinstance(value, list):
        return None
    items = list(_flat(value))
    if not all(isinstance(item, str) or is_message(item) for item in items):
        return None
    return [message for item in items for message in messages_of(item) or ()]


def _flat(items: list[Any], deep: int = 3) -> Iterator[Any]:
    """The messages of a list: LangChain sends a batch that holds one conversation; LlamaIndex and LangGraph send pairs of role and text."""
    for item in items:
        if not isinstance(item, list) or not deep:
            yield item
        elif len(item) == 2 and all(isinstance(inner, str) for inner in item) and _role(item[0]) in ROLES:
            yield {"role": item[0], "content": item[1]}
        else:
            yield from _flat(item, deep - 1)


def is_message(item: Any) -> bool:
    """Whether an object is a message of any provider: it has a role, or a type that names a role."""
    if not isinstance(item, dict):
        return False
    if item.get("role") is not None:
        return isinstance(item["role"], str)
    inner = _unwrapped(item)
    return (inner is not item or any(name in item for name in _CONTENTS)) and _kind_of(item) in ROLES


def message_of(item: Body) -> list[ChatMessage]:
    """The message; several where it holds answers of tools, as in most APIs but OpenAI's."""
    if is_ours(item):
        return [item]
    inner = _unwrapped(item)
    role = _kind_of(item)
    answers, calls, parts = _sorted(_content(inner))
    fields = {
        "role": role if role in ROLES else inner.get("role", role),
        "content": joined(parts),
        "name": inner.get("name"),
        "tool_calls": calls + _calls_of(inner),
        "tool_call_id": inner.get("tool_call_id") or inner.get("toolCallId"),
    }
    message = [filled(fields)] if parts or fields["tool_calls"] or not answers else []
    return answers + message


def has_content(messages: Iterable[ChatMessage]) -> bool:
    """Whether any message has content beside its role."""
    for message in messages:  # noqa: SIM110  a generator takes three times as long for the few messages of most calls
        if message.get("content") or message.get("tool_calls"):
            return True
    return False


def tool_call(call_id: Any, name: Any, arguments: Any) -> Body:
    """A tool call; its arguments are a text in the Chat Completions API, an object in some others."""
    text = arguments if isinstance(arguments, str) else as_text(arguments or {})
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def system_message(value: Any) -> list[ChatMessage]:
    """The system text of an API that sends it beside the messages: a text, parts, or an object that holds parts."""
    if value is None:
        return []
    if isinstance(value, dict) and not any(name in value for name in (*_CONTENTS, "type")):
        return []
    content = value if isinstance(value, str) else joined(_sorted(_content(_as_holder(value)))[2])
    return [{"role": "system", "content": content}] if content else []


def _as_holder(value: Any) -> Body:
    return value if isinstance(value, dict) and "type" not in value else {"content": value}


def is_ours(item: Body) -> bool:
    """Whether the message is in the form of the Chat Completions API or of Anthropic, whose parts name their type."""
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES or "parts" in item or _has_flat_calls(item):
        return False
    if "content" not in item:
        return not any(name in item for name in _CONTENTS)
    content = item["content"]
    return (
        content is None or isinstance(content, str) or (isinstance(content, list) and all(map(_is_our_part, content)))
    )


def _has_flat_calls(item: Body) -> bool:
    """Whether tool calls are flat, without OpenAI's object `function` around name and arguments."""
    calls = item.get("tool_calls")
    return "toolCalls" in item or (calls is not None and not all("function" in call for call in objects(calls)))


def _is_our_part(part: Any) -> bool:
    if not isinstance(part, dict):
        return isinstance(part, str)
    kind = part.get("type")
    return isinstance(kind, str) and (kind not in _PARTS_BY_TYPE or (kind == "text" and "text" in part))


# --- roles


def _unwrapped(item: Body) -> Body:
    """The message within `kwargs` (serialised) or `data` (dumped), where LangChain puts it."""
    if "lc" in item or ("id" in item and isinstance(item.get("kwargs"), dict)):
        return as_object(item.get("kwargs"))
    data = item.get("data")
    return data if isinstance(data, dict) and "content" in data and "role" not in item else item


def _kind_of(item: Body) -> str | None:
    """The role by its Chat Completions name, else as it was sent."""
    inner = _unwrapped(item)
    name = inner.get("role") or (inner.get("type") if inner is not item else None) or item.get("type")
    if "lc" in item and not inner.get("role") and isinstance(item.get("id"), list) and item["id"]:
        name = inner.get("type") or item["id"][-1]
    return _role(name)


def _role(role: Any) -> str | None:
    if not isinstance(role, str) or role in ROLES:
        return role if isinstance(role, str) else None
    name = role.lower()
    for end in _CLASS_ENDS:
        name = name.removesuffix(end)
    return _OTHER_ROLES.get(name, name if name in ROLES else role)


# --- content


def _content(inner: Body) -> list[Any]:
    """The parts of the content, from whichever field holds them."""
    content = next((inner[name] for name in _CONTENTS if inner.get(name) is not None), None)
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        return content["parts"]
    return content if isinstance(content, list) else [] if content is None else [content]


def joined(parts: list[Any]) -> Any:
    """A single text as a string, other content as a list of parts; None without parts."""
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    if len(parts) == 1 and as_object(parts[0]).keys() == {"type", "text"} and parts[0]["type"] == "text":
        return parts[0]["text"]
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts] or None


def _sorted(parts: list[Any]) -> tuple[list[ChatMessage], list[Body], list[Any]]:
    """The answers of tools, the tool calls, and the content among the parts."""
    answers: list[ChatMessage] = []
    calls: list[Body] = []
    content: list[Any] = []
    for part in parts:
        converted = _part(part)
        kind = as_object(converted).get("role") or as_object(converted).get("type")
        (answers if kind == "tool" else calls if kind == "function" else content).append(converted)
    return answers, calls, content


def _part(part: Any) -> Any:
    """A part in the form of the Chat Completions API: a text, a tool call or its answer; pictures and files are kept."""
    if not isinstance(part, dict):
        return part
    if isinstance(kind := part.get("type"), str):
        reader = _PARTS_BY_TYPE.get(kind)
        return reader(part) if reader else part
    name = next((name for name in _PARTS_BY_NAME if name in part), None)
    return _PARTS_BY_NAME[name](part[name]) if name else part


def _typed_text(part: Body) -> Body:
    """A text part with `text`; OpenTelemetry's conventions call the field `content`."""
    return part if "text" in part else {"type": "text", "text": part.get("content")}


def _answer(call_id: Any, content: Any) -> ChatMessage:
    return {"role": "tool", "tool_call_id": call_id, "content": as_text(content)}


def _blocks_text(blocks: Any) -> Any:
    """The answer of a tool in Converse: mostly one text or one JSON."""
    texts = [block.get("text", block.get("json", block)) for block in objects(blocks)]
    return texts[0] if len(texts) == 1 else texts or blocks


_PARTS_BY_TYPE: dict[str, Callable[[Body], Any]] = {
    "text": _typed_text,
    "tool_call": lambda part: tool_call(part.get("id"), part.get("name"), part.get("arguments", part.get("args"))),
    "tool_call_response": lambda part: _answer(part.get("id"), part.get("response", part.get("result"))),
    "tool-call": lambda part: tool_call(
        part.get("toolCallId"), part.get("toolName"), part.get("input", part.get("args"))
    ),
    "tool-result": lambda part: _answer(part.get("toolCallId"), _vercel_output(part.get("output", part.get("result")))),
}
"""Readers by the type of a part: OpenTelemetry's conventions and the Vercel AI SDK."""

_PARTS_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "text": lambda text: {"type": "text", "text": text},
    "toolUse": lambda use: tool_call(member(use, "toolUseId"), member(use, "name"), member(use, "input")),
    "toolResult": lambda result: _answer(member(result, "toolUseId"), _blocks_text(member(result, "content"))),
    "functionCall": lambda call: tool_call(member(call, "id"), member(call, "name"), member(call, "args")),
    "function_call": lambda call: tool_call(member(call, "id"), member(call, "name"), member(call, "args")),
    "functionResponse": lambda member_fields: _answer(
        member(member_fields, "id") or member(member_fields, "name"), member(member_fields, "response")
    ),
    "function_response": lambda member_fields: _answer(
        member(member_fields, "id") or member(member_fields, "name"), member(member_fields, "response")
    ),
    "tool_call": lambda call: tool_call(member(call, "id"), member(call, "tool_name"), member(call, "arguments")),
    "tool_call_result": lambda member_fields: _answer(
        member(member_fields, "origin.id"), member(member_fields, "result")
    ),
}
"""Readers by the only field of a part: Converse, Gemini, Haystack, and fields common to all."""


PART_NAMES = frozenset({*_PARTS_BY_NAME, "image", "document", "video", "cachePoint", "reasoningContent", "inlineData"})
"""Field names that mark a part without a type; a part has exactly one of them."""


def _vercel_output(output: Any) -> Any:
    """The output of a tool: `{"type": "text" | "json", "value": ...}` since version 5 of the Vercel AI SDK, the bare value before."""
    return output["value"] if isinstance(output, dict) and output.keys() == {"type", "value"} else output


def _calls_of(inner: Body) -> list[Body]:
    """Tool calls beside the content; LangChain writes them flat, the others as OpenAI does."""
    calls = (
        inner.get("tool_calls") or inner.get("toolCalls") or as_object(inner.get("additional_kwargs")).get("tool_calls")
    )
    return [call if "function" in call else _flat_call(call) for call in objects(calls)]


def _flat_call(call: Body) -> Body:
    arguments = next((call[name] for name in ("arguments", "args", "input", "parameters") if name in call), None)
    return tool_call(call.get("id") or call.get("toolCallId"), call.get("name") or call.get("toolName"), arguments)
