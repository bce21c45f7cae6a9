"""What is exported: a version's messages, each a template of its own, with names that every format can have."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Any

from templating import BARRIER, Template


@dataclass(frozen=True)
class Message:
    """One message of a call: fixed texts with slots between them, and both in text form.  role: system or user."""

    role: str
    literals: Sequence[str]
    slots: Sequence[str]
    text: str

    def render(self, values: Mapping[str, str]) -> str:
        """The message with these values of the slots."""
        return "".join(
            literal + value
            for literal, value in zip(self.literals, [*(values[name] for name in self.slots), ""], strict=True)
        )


@dataclass(frozen=True)
class Version:
    """One version of a task.

    name: of the task, for people. version: its number. template: its parts joined by the barrier; roles: of the parts.
    samples: real calls.
    """

    name: str
    path: str
    version: int
    model: str
    settings: Mapping[str, Any]
    template: Template
    roles: Sequence[str] = ("system", "user", "user")
    tools: Any = None
    samples: Sequence["Sample"] = field(default_factory=tuple)

    @property
    def slots(self) -> list[str]:
        """Names of the slots, in the order of their first places."""
        return list(dict.fromkeys(self.template.slots))

    @property
    def messages(self) -> list[Message]:
        """One for each part that is not empty."""
        return list(_messages(self.template, self.roles))

    @property
    def slug(self) -> str:
        """Of the name: what file systems and registries take."""
        plain = unicodedata.normalize("NFKC", self.name).lower()
        return "-".join(re.findall(r"\w+", plain))[:60] or "task"

    def named(self) -> "Version":
        """The same with names of slots as Python reads them: it takes compatible letters (ﬁ, fi) for one."""
        names = {name: python_name(name) for name in self.slots}
        template = Template(self.template.literals, tuple(names[name] for name in self.template.slots))
        samples = [
            replace(each, values={names.get(name, name): value for name, value in each.values.items()})
            for each in self.samples
        ]
        return replace(self, template=template, samples=samples)


def _messages(template: Template, roles: Sequence[str]) -> Iterator[Message]:
    slots = iter(template.slots)
    parts = [literal.split(BARRIER) for literal in template.literals]
    inner = [[parts[0][0]]]
    for number, pieces in enumerate(parts):
        if number:
            inner[-1].append(pieces[0])
        inner += [[piece] for piece in pieces[1:]]
    for role, literals, text in zip(roles, inner, template.to_text().split(BARRIER), strict=False):
        names = [next(slots) for _ in literals[1:]]
        if text:
            yield Message(role, literals, names, text)


@dataclass(frozen=True)
class Sample:
    """A real call: its values by slot, and what the model answered."""

    values: Mapping[str, str]
    output: str | None = None


def python_name(name: str) -> str:
    """The name as Python's parser reads it; no keyword."""
    plain = unicodedata.normalize("NFKC", name)
    return f"{plain}_" if iskeyword(plain) else plain
