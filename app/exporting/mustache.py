"""{{name}} for tools that replace it and cannot write every brace as fixed text.

Such a tool would find a variable in a fixed `{{` (MLflow a Jinja tag in `{%`), and misread a fixed brace right before or after a slot.
These braces become constants: variables of the file with a fixed value.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from app.exporting.version import ExportedVersion, PromptMessage

NAMES = {"{{": "open_braces", "{%": "open_tag", "{": "open_brace", "}": "close_brace"}
"""Names of the constants by their braces; an underscore is appended where a slot has the name."""


class Mustache:
    """The templates of a version in this notation, and their constants."""

    def __init__(self, version: ExportedVersion, path_of: Callable[[str], str] = str) -> None:
        """path_of: the tool's expression for the value of a name."""
        self._path_of = path_of
        self._names = {constant: free_name(name, version.slots) for constant, name in NAMES.items()}
        self._used: set[str] = set()
        self.texts = [self._text(message) for message in version.messages]
        """The text of each message."""

    @property
    def constants(self) -> Mapping[str, str]:
        """The values of variables that are no slots."""
        return {name: constant for constant, name in self._names.items() if constant in self._used}

    def _text(self, message: PromptMessage) -> str:
        last = len(message.literals) - 1
        literals = [
            "".join(self._pieces(literal, behind_slot=place > 0, before_slot=place < last))
            for place, literal in enumerate(message.literals)
        ]
        slots = [f"{{{{{self._path_of(name)}}}}}" for name in message.slots] + [""]
        return "".join(literal + slot for literal, slot in zip(literals, slots, strict=True))

    def _pieces(self, literal: str, *, behind_slot: bool, before_slot: bool) -> Iterator[str]:
        place, after_variable = 0, behind_slot
        while place < len(literal):
            constant = _constant_at(literal, place, after_variable=after_variable, before_slot=before_slot)
            yield self._constant(constant) if constant else literal[place]
            place, after_variable = place + (len(constant) or 1), bool(constant)

    def _constant(self, value: str) -> str:
        self._used.add(value)
        return f"{{{{{self._names[value]}}}}}"


def _constant_at(literal: str, place: int, *, after_variable: bool, before_slot: bool) -> str:
    """The braces at this place that must be a constant; "" where none must."""
    if literal.startswith(("{{", "{%"), place):
        return literal[place : place + 2]
    if literal[place] == "{" and before_slot and place + 1 == len(literal):
        return "{"
    return "}" if literal[place] == "}" and after_variable else ""


def free_name(name: str, slots: Collection[str]) -> str:
    """The name, with underscores appended until no slot has it."""
    while name in slots:
        name += "_"
    return name
