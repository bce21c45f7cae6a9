"""What is exported: a version's messages, each a template of its own, with names that every format can have."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from templating import BARRIER, Template, portable_names


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
    samples: real calls. renamed: slots whose name is another in the product: name here -> name there.
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
    renamed: Mapping[str, str] = field(default_factory=dict)

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

    def named(self, reserved: Collection[str] = ()) -> "Version":
        """The same with names of slots that a format with these reserved names can have; `renamed` tells those that are others then."""
        names = portable_names(self.template.slots, reserved)
        return self.renaming({name: new for name, new in names.items() if new != name})

    def renaming(self, names: Mapping[str, str]) -> "Version":
        """The same with other names of slots: old name -> new name."""
        if not names:
            return self
        template = Template(self.template.literals, tuple(names.get(name, name) for name in self.template.slots))
        samples = [
            replace(each, values={names.get(name, name): value for name, value in each.values.items()})
            for each in self.samples
        ]
        renamed = {new: self.renamed.get(old, old) for old, new in names.items()}
        kept = {new: old for new, old in self.renamed.items() if new not in names}
        return replace(self, template=template, samples=samples, renamed=kept | renamed)

    @property
    def told(self) -> str:
        """For people: which slots are called otherwise in the product."""
        names = ", ".join(f"{new} is {old}" for new, old in self.renamed.items())
        return f"Names of slots here and in calls: {names}." if names else ""


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
