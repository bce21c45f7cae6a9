"""The written form of a sample prompt: fixed texts with `<<slot>>` between them.

Not the product's `{{slot}}`: the sample is the truth that the product is checked against, so it must not
read its templates with the product's own parser; and some prompts hold a literal `{{...}}`, as real ones do.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_SLOT = re.compile(r"<<(\w+)>>")


@dataclass(frozen=True)
class Part:
    """One message of a prompt: literals[0] slot[0] literals[1] ... slot[k-1] literals[k]."""

    role: str
    literals: tuple[str, ...]
    slots: tuple[str, ...]

    def render(self, variables: Mapping[str, str]) -> str:
        values = [variables[slot] for slot in self.slots]
        return self.literals[0] + "".join(v + text for v, text in zip(values, self.literals[1:], strict=True))


def part(role: str, source: str) -> Part:
    """Reads the written form; a slot may stand in several places."""
    pieces = _SLOT.split(source)
    return Part(role, tuple(pieces[::2]), tuple(pieces[1::2]))


def slot_names(parts: Iterable[Part]) -> tuple[str, ...]:
    """Every slot once, in the order of its first place."""
    return tuple(dict.fromkeys(slot for each in parts for slot in each.slots))
