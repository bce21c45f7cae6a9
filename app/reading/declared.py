"""The share of calls in which mining agrees with the template that the call declares. Pure.

Some calls name the template from which they were made: its text (`llm.prompt_template.template`), or only its name and version
(`gen_ai.prompt.name`, Langfuse's prompts). A call *agrees*

- with a declared text, when a part of its mined template has the same fixed texts in every character, with slots at the same
  places. Declared texts come in three notations; the one that fits is taken: `{name}`, `{{name}}`, `${name}`.
- with a declared name, when all calls of that name and version in the sample that are grouped have one template, which no call of
  another name has.

A call that is not grouped agrees with nothing. What a variable that never varied was mined as is fixed text, so a call may disagree
because the sample never showed its slot.
"""

import re
import string
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

_MUSTACHE = re.compile(r"\{\{[^{}]*\}\}")
_DOLLAR = re.compile(r"\$\{[^{}]*\}|\$[A-Za-z_]\w*")


@dataclass(frozen=True)
class DeclaredCalls:
    """Calls with the same declaration and the same mined template: `parts` is None without one."""

    template_id: UUID | None
    parts: Sequence[Mapping[str, Any]] | None
    text: str | None
    name: str | None
    version: str | None
    calls: int


@dataclass(frozen=True)
class Agreement:
    """The number of calls that declare a template, and of those whose mined template agrees."""

    calls: int
    agree: int


def agreement(declared: Iterable[DeclaredCalls]) -> Agreement | None:
    """None when no call declares anything."""
    rows = list(declared)
    if not rows:
        return None
    one_to_one = _one_to_one(row for row in rows if row.text is None)
    agree = sum(row.calls for row in rows if _agrees(row, one_to_one))
    return Agreement(sum(row.calls for row in rows), agree)


def _agrees(row: DeclaredCalls, one_to_one: set[UUID]) -> bool:
    if row.parts is None:
        return False
    if row.text is None:
        return row.template_id in one_to_one
    mined = [_merged(part["literals"]) for part in row.parts]
    return any(fixed in mined for fixed in _readings(row.text))


def _one_to_one(rows: Iterable[DeclaredCalls]) -> set[UUID]:
    """Templates that belong to one declared name, which has no other."""
    names: dict[UUID, set[tuple[str | None, str | None]]] = defaultdict(set)
    templates: dict[tuple[str | None, str | None], set[UUID]] = defaultdict(set)
    for row in rows:
        if row.template_id is not None:
            names[row.template_id].add((row.name, row.version))
            templates[row.name, row.version].add(row.template_id)
    return {
        template_id
        for template_id, declared_names in names.items()
        if len(declared_names) == 1 and len(templates[next(iter(declared_names))]) == 1
    }


def _readings(text: str) -> list[list[str]]:
    """The fixed texts between the slots, in each notation."""
    readings = [_merged(_MUSTACHE.split(text)), _merged(_DOLLAR.split(text))]
    return readings if (formatted := _formatted(text)) is None else [_merged(formatted), *readings]


def _formatted(text: str) -> list[str] | None:
    """The reading as Python's format string, where two braces stand for one; None when it is not well-formed."""
    literals = [""]
    try:
        for literal, name, _, _ in string.Formatter().parse(text):
            literals[-1] += literal
            if name is not None:
                literals.append("")
    except ValueError:
        return None
    return literals


def _merged(literals: Sequence[str]) -> list[str]:
    """The literals with adjacent slots joined into one."""
    return [literals[0], *(literal for literal in literals[1:-1] if literal), *literals[1:][-1:]]
