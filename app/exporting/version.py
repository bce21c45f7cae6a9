"""A version to be exported: its messages, each a template of its own, with slot names that every format allows."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from templating import BARRIER, Template, portable_names

_BARRIERS_WITH_EXAMPLES = 2
"""Barriers between the three parts of a prompt with few-shot examples as messages."""

_ON_EXAMPLES = "The calls send few-shot examples as messages: here are the first example's question and the input, not its answer nor further examples."


@dataclass(frozen=True)
class PromptMessage:
    """One message of a call: fixed texts with slots between them, and both in text form. role: system or user."""

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
class ExportedVersion:
    """One version of a task.

    name: of the task, for people. version: its number. template: its parts joined by the barrier; roles: of the parts. samples: real calls.
    renamed: slots with another name in the product: name here -> name there.
    """

    name: str
    path: str
    version: int
    model: str
    settings: Mapping[str, Any]
    template: Template
    roles: Sequence[str] = ("system", "user", "user")
    tools: Any = None
    samples: Sequence["SampleCall"] = field(default_factory=tuple)
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def slots(self) -> list[str]:
        """Names of the slots, in the order of their first places."""
        return list(dict.fromkeys(self.template.slots))

    @property
    def messages(self) -> list[PromptMessage]:
        """A message for each part that is not empty."""
        return list(_messages(self.template, self.roles))

    @property
    def slug(self) -> str:
        """The name in characters that file systems and registries allow."""
        plain = unicodedata.normalize("NFKC", self.name).lower()
        return "-".join(re.findall(r"\w+", plain))[:60] or "task"

    def with_allowed_names(self, reserved: Collection[str] = ()) -> "ExportedVersion":
        """The version with slot names that a format with these reserved names allows; `renamed` has the changed ones."""
        names = portable_names(self.template.slots, reserved)
        return self.renaming({name: new for name, new in names.items() if new != name})

    def renaming(self, names: Mapping[str, str]) -> "ExportedVersion":
        """The version with other slot names: old name -> new name."""
        if not names:
            return self
        template = Template(self.template.literals, tuple(names.get(name, name) for name in self.template.slots))
        samples = [
            replace(sample, values={names.get(name, name): value for name, value in sample.values.items()})
            for sample in self.samples
        ]
        renamed = {new: self.renamed.get(old, old) for old, new in names.items()}
        old_by_new = {new: old for new, old in self.renamed.items() if new not in names}
        return replace(self, template=template, samples=samples, renamed=old_by_new | renamed)

    @property
    def note(self) -> str:
        """Sentences about slots with other names in the product, and about examples that a prompt does not contain."""
        names = ", ".join(f"{new} is {old}" for new, old in self.renamed.items())
        of_names = f"Names of slots here and in calls: {names}." if names else ""
        has_examples = sum(literal.count(BARRIER) for literal in self.template.literals) == _BARRIERS_WITH_EXAMPLES
        return " ".join(filter(None, (of_names, _ON_EXAMPLES if has_examples else "")))


def _messages(template: Template, roles: Sequence[str]) -> Iterator[PromptMessage]:
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
            yield PromptMessage(role, literals, names, text)


@dataclass(frozen=True)
class SampleCall:
    """A real call: its values by slot, and the model's answer."""

    values: Mapping[str, str]
    output: str | None = None
