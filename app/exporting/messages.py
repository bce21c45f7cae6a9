"""Bodies of OpenAI's and Anthropic's APIs; a slot is written {{name}}, as in the product (docs/templates.md)."""

import json
from typing import Any

from app.exporting.version import ExportedVersion

MOST_TOKENS = 4096
"""max_tokens where the calls named none: Anthropic's API requires it."""


def write_openai(version: ExportedVersion) -> str:
    """The body of a chat completion."""
    body: dict[str, Any] = {"model": version.model, "messages": _messages(version), **version.settings}
    if version.tools:
        body["tools"] = version.tools
    return as_json(body)


def write_anthropic(version: ExportedVersion) -> str:
    """The body of a message, with the system text beside the messages."""
    system = [message["content"] for message in _messages(version) if message["role"] == "system"]
    body: dict[str, Any] = {"model": version.model, "max_tokens": MOST_TOKENS}
    if system:
        body["system"] = "\n\n".join(system)
    body["messages"] = [message for message in _messages(version) if message["role"] != "system"]
    if "temperature" in version.settings:
        body["temperature"] = version.settings["temperature"]
    if version.tools:
        body["tools"] = version.tools
    return as_json(body)


def _messages(version: ExportedVersion) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in version.messages]


def as_json(body: Any) -> str:
    """JSON with line breaks, for people and version control."""
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
