"""Dotprompt: front matter in YAML, then Handlebars with a role before each message."""

import json
import re

from app.exporting.mustache import Mustache, free_name
from app.exporting.version import ExportedVersion

_ESCAPING = re.compile(r"(\\+)(?=\{\{)")
"""Backslashes before braces: Handlebars removes one of them, and evaluates the braces if one is left."""


HELPERS = frozenset(
    {
        *("each", "if", "log", "lookup", "unless", "with", "helperMissing", "blockHelperMissing"),
        *("history", "ifEquals", "json", "media", "role", "section", "unlessEquals"),
    }
)
"""Names that Handlebars or Dotprompt call as helpers; after `this.` they are looked up as values."""


def write(version: ExportedVersion) -> str:
    """A .prompt file; constants of `mustache` are defaults of its input.

    Dotprompt strips blanks at the end of a file: an empty variable protects them.
    """
    mustache = Mustache(version, _path)
    names = [*version.slots, *mustache.constants]
    input_fields = {"schema": dict.fromkeys(names, "string")} | (
        {"default": mustache.constants} if mustache.constants else {}
    )
    front = {"model": version.model, "config": dict(version.settings), "input": input_fields}
    bodies = [_message(message.role, text) for message, text in zip(version.messages, mustache.texts, strict=True)]
    comments = [f"# {version.note}"] if version.note else []
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items()]
    text = "".join(bodies)
    end = f"{{{{{free_name('end', names)}}}}}" if text != text.rstrip() else ""
    return "\n".join(["---", *comments, *lines, "---", text + end])


def _path(name: str) -> str:
    return f"this.{name}" if name in HELPERS else name


def _message(role: str, text: str) -> str:
    escaped = _ESCAPING.sub(lambda run: run[1] + "\\", text)
    return f'{{{{role "{role}"}}}}{escaped}'
