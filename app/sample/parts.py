"""The written form of a sample prompt: fixed texts with `<<slot>>` between them.

Why not the product's `{{slot}}`: the sample checks the product, so it must not use the product's own parser.
Besides, some sample prompts hold a literal `{{...}}`, as real prompts do.
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
    """Parses the written form; one slot may stand in several places."""
    pieces = _SLOT.split(source)
    return Part(role, tuple(pieces[::2]), tuple(pieces[1::2]))


def slot_names(parts: Iterable[Part]) -> tuple[str, ...]:
    """Every slot name once, in the order of first places."""
    return tuple(dict.fromkeys(slot for part in parts for slot in part.slots))
