"""Jinja2: a block for each message, `template.blocks["system"]` and so on.

Jinja reads `{{`, `{%` and `{#` anywhere and normalises line ends, Nunjucks refuses a lone `#}`; such text is written as an expression.
Block bodies keep every blank while trim_blocks and lstrip_blocks are off (the default).
"""

from collections.abc import Iterator

from app.exporting.version import ExportedVersion, PromptMessage

_AFTER_BRACE = ("{", "%", "#", "\r", "")
"""Characters that must not follow a brace: Jinja's openings, and text that is written as an expression or a tag ("": the end of a text)."""


def write(version: ExportedVersion) -> str:
    """A file with one block for each message; two messages of one role are numbered."""
    blocks = [
        f"{{% block {name} %}}{body(message)}{{% endblock %}}"
        for name, message in zip(block_names(version), version.messages, strict=True)
    ]
    return "\n".join([f"{{# {_comment(version)} #}}", *blocks, ""])


def block_names(version: ExportedVersion) -> list[str]:
    """Names of the blocks: system, user, user_2."""
    names: list[str] = []
    for message in version.messages:
        blocks_of_role = sum(name.partition("_")[0] == message.role for name in names)
        names.append(f"{message.role}_{blocks_of_role + 1}" if blocks_of_role else message.role)
    return names


def body(message: PromptMessage) -> str:
    """The text of a template for Jinja."""
    slots = [f"{{{{ {name} }}}}" for name in message.slots] + [""]
    return "".join("".join(_pieces(literal)) + slot for literal, slot in zip(message.literals, slots, strict=True))


def _pieces(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        if character == "{" and text[place + 1 : place + 2] in _AFTER_BRACE:
            yield '{{ "{" }}'
        elif text.startswith("#}", place):
            yield '{{ "#" }}'
        elif character == "\r":
            yield '{{ "\\r" }}'
        else:
            yield character


def _comment(version: ExportedVersion) -> str:
    description = f"{version.name}, version {version.version} at {version.path}. {version.note}".rstrip(". ")
    return description.replace("#}", "# }").replace("{#", "{ #")
