"""Fixed text and slots as Python writes them."""

from app.exporting.version import ExportedVersion, PromptMessage


def format_string(message: PromptMessage) -> str:
    """The template for str.format and for f-strings: {name} is a slot, fixed braces are doubled."""
    literals = [literal.replace("{", "{{").replace("}", "}}") for literal in message.literals]
    slots = [f"{{{name}}}" for name in message.slots] + [""]
    return "".join(literal + slot for literal, slot in zip(literals, slots, strict=True))


def docstring(text: str) -> str:
    """A text inside three double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def head(version: ExportedVersion) -> str:
    """The docstring of a module about a version."""
    first = f"{docstring(version.name)}: version {version.version} at {docstring(version.path)}."
    return f'"""{first}\n\n{version.note}\n"""\n' if version.note else f'"""{first}"""\n'
