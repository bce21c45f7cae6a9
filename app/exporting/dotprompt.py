"""Dotprompt: front matter in YAML, then Handlebars with a role before each message."""

import json
import re

from app.exporting.mustache import Mustache, free_name
from app.exporting.version import Version

_ESCAPING = re.compile(r"(\\+)(?=\{\{)")
"""Backslashes before braces: Handlebars takes one of them away, and evaluates what follows if one was left."""


HELPERS = frozenset(
    {
        *("each", "if", "log", "lookup", "unless", "with", "helperMissing", "blockHelperMissing"),
        *("history", "ifEquals", "json", "media", "role", "section", "unlessEquals"),
    }
)
"""Names that Handlebars, or Dotprompt, calls instead of looking for a value; behind `this.` it looks for one."""


def write(version: Version) -> str:
    """A .prompt file; constants of `mustache` are defaults of its input.

    Dotprompt cuts blanks off the end of a file: an empty variable holds them.
    """
    mustache = Mustache(version, _path)
    names = [*version.slots, *mustache.constants]
    given = {"schema": dict.fromkeys(names, "string")} | ({"default": mustache.constants} if mustache.constants else {})
    front = {"model": version.model, "config": dict(version.settings), "input": given}
    bodies = [_message(each.role, text) for each, text in zip(version.messages, mustache.texts, strict=True)]
    told = [f"# {version.told}"] if version.told else []
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items()]
    text = "".join(bodies)
    end = f"{{{{{free_name('end', names)}}}}}" if text != text.rstrip() else ""
    return "\n".join(["---", *told, *lines, "---", text + end])


def _path(name: str) -> str:
    return f"this.{name}" if name in HELPERS else name


def _message(role: str, text: str) -> str:
    escaped = _ESCAPING.sub(lambda run: run[1] + "\\", text)
    return f'{{{{role "{role}"}}}}{escaped}'
