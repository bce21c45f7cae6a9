"""The filters of the templates: the words of `app.words`, costs, JSON, commands and messages. Pure."""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.reading.prices import Cost
from app.words import (
    ago,
    cost_text,
    day,
    day_alone,
    dollars,
    duration,
    moment,
    number,
    parsed,
    percent,
    plural,
    seconds,
    short,
    signed,
)


def money(cost: Cost) -> str:
    """A cost in dollars; "~" marks an estimate."""
    return cost_text(*cost)


def pretty(value: Any) -> str:
    """JSON with line breaks, in its own script."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def shell(words: Iterable[str]) -> str:
    """A command, quoted: a path is any text of a caller, and people paste commands."""
    return shlex.join(words)


def messages(output: Any) -> list[tuple[str, str]]:
    """An output as (role, text): texts of the model unchanged, everything else (tool calls, errors) as JSON."""
    items = output if isinstance(output, list) else [output]
    return [_message(item) for item in items if item is not None]


def _message(item: Any) -> tuple[str, str]:
    if isinstance(item, str):
        return "assistant", item
    if isinstance(item, Mapping) and (text := _text_alone(item)):
        return str(item.get("role") or "assistant"), text
    return str(item.get("type") or item.get("role") or "") if isinstance(item, Mapping) else "", pretty(item)


def _text_alone(item: Mapping[str, Any]) -> str:
    """The text of a message that has nothing else to show; "" for all others."""
    if item.get("tool_calls"):
        return ""
    content = item.get("content")
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return "\n\n".join(text for text in texts if isinstance(text, str))


_ALL = (
    number,
    short,
    percent,
    dollars,
    money,
    day,
    day_alone,
    seconds,
    signed,
    duration,
    moment,
    ago,
    parsed,
    plural,
    pretty,
    shell,
    messages,
)
FILTERS: dict[str, Callable[..., Any]] = {function.__name__: function for function in _ALL}
