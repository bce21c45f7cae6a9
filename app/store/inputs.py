"""The input of a call, stored without the texts that stand in its prompt.

The prompt is taken out of the input (`app.intake.prompts`); the prompt of a matched call is stored as template and values. An input is
stored as places in the prompt:

- a number: the input is `FORMS[number]` of the prompt, as nearly all are;
- a list: a number, then the rest of the input (the later turns of a conversation), with references;
- an object: the input with references in place of texts, "\\0<part>" for a whole part of the prompt and "\\0<part>:<start>:<end>" for a
  stretch of one. No text of a caller begins with NUL, since PostgreSQL cannot hold it.

References name places in the prompt, not values of a template: they stay valid whatever template matches the call.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

MARK = "\x00"

REFERENCED_CHARACTERS = 24
"""Characters from which on a reference is shorter than the text. A whole part is referenced at any length: then its message shows as one of the prompt."""

REFERENCE = "\\u0000"
"""`MARK` in the JSON of a stored input."""

_BETWEEN = len("\n\n")
"""Characters that `app.intake.prompts` puts between two texts of one part."""


def packed(fields: Mapping[str, Any], source: str | None, parts: Sequence[str] | None) -> Any:
    """The stored form of an input, from which `unpacked` restores it; `fields` themselves where there is no prompt."""
    if parts is None:
        return fields
    source = source or ""
    if _is_plain_alone(fields, source, parts):
        return _PLAIN_ALONE
    field = _field(source)
    numbers = _FORMS_OF_TEXT if isinstance(fields.get(field), str) else _FORMS_OF_LISTS
    for number in numbers:
        further = _beyond(FORMS[number](source, parts), fields, field)
        if further is not None:
            return [number, *_References(parts).of(further)] if further else number
    return _References(parts).of(fields)


def unpacked(stored: Any, source: str | None, parts: Sequence[str] | None) -> Any:
    """The inverse of `packed`: equal in every byte of its JSON."""
    if parts is None or isinstance(stored, dict):
        return stored if parts is None else _resolved(stored, parts)
    number, *further = stored if isinstance(stored, list) else [stored]
    usual = FORMS[number](source or "", parts)
    if further:
        usual[_field(source or "")] += _resolved(further, parts)
    return usual


def without_texts(stored: Any) -> Any:
    """The stored form of an input whose values must not be stored: only the number of its form, if it has one."""
    return stored if isinstance(stored, int) else {}


# The usual forms


def _as_text(source: str, parts: Sequence[str]) -> dict[str, Any]:
    return _instructions(source, parts) | {_field(source): parts[1]}


def _as_messages(
    message: Callable[[str, str], dict[str, Any]], system: str, source: str, parts: Sequence[str]
) -> dict[str, Any]:
    instructions = _instructions(source, parts)
    spoken = ((system, "" if instructions else parts[0]), ("user", parts[1]))
    return instructions | {_field(source): [message(role, text) for role, text in spoken if text]}


def _instructions(source: str, parts: Sequence[str]) -> dict[str, Any]:
    return {"instructions": parts[0]} if source.startswith("instructions") else {}


def _field(source: str) -> str:
    """The field of the input, `input` or `messages`."""
    return source.removeprefix("instructions").removeprefix("+")


def _plain(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def _item(role: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def _typed(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


FORMS: tuple[Callable[[str, Sequence[str]], dict[str, Any]], ...] = (
    _as_text,
    partial(_as_messages, _plain, "system"),
    partial(_as_messages, _plain, "developer"),
    partial(_as_messages, _item, "system"),
    partial(_as_messages, _item, "developer"),
    partial(_as_messages, _typed, "system"),
)
"""Numbers are stored: add at the end, change none."""

_FORMS_OF_TEXT = range(1)
"""Numbers of the forms whose input is a text."""

_FORMS_OF_LISTS = range(1, len(FORMS))
"""Numbers of the forms whose input is a list."""


_PLAIN_ALONE = 1
"""Number of the form of plain messages, a system text and a user text: that of most inputs."""


def _is_plain_alone(fields: Mapping[str, Any], source: str, parts: Sequence[str]) -> bool:
    """Whether the input is the form `_PLAIN_ALONE`, seen without making the form: a tenth of the time for a long text."""
    items = fields.get(source)
    if len(fields) != 1 or not isinstance(items, list):
        return False
    spoken = [(role, text) for role, text in zip(("system", "user"), parts, strict=False) if text]
    return len(items) == len(spoken) and all(map(_is_plain, items, spoken))


def _is_plain(item: Any, spoken: tuple[str, str]) -> bool:
    """Whether the item is a message with this role and text, in this order of its keys."""
    return isinstance(item, dict) and tuple(item.items()) == (("role", spoken[0]), ("content", spoken[1]))


def _beyond(usual: Mapping[str, Any], fields: Mapping[str, Any], field: str) -> list[Any] | None:
    """The items of `fields` after those of the usual one; None when it does not begin like the usual one."""
    items, start = fields.get(field), usual[field]
    if not isinstance(items, list) or not isinstance(start, list) or len(items) == len(start):
        return [] if _are_same(usual, fields) else None
    with_start = {**fields, field: items[: len(start)]}
    return items[len(start) :] if _are_same(usual, with_start) else None


def _are_same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether both are equal, also in the order of their keys, which == does not compare."""
    return first == second and orjson.dumps(first) == orjson.dumps(second)


# Other inputs


class _References:
    """Walks an input in the order of `app.intake.prompts`, and looks for each text at the end of the text before it."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._parts = parts
        self._ends = [0] * len(parts)

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            is_whole_part = value != "" and value in self._parts
            return self._of_text(value) if is_whole_part or len(value) >= REFERENCED_CHARACTERS else value
        if isinstance(value, Mapping):
            return {key: self.of(inner) for key, inner in value.items()}
        return [self.of(inner) for inner in value] if isinstance(value, list) else value

    def _of_text(self, text: str) -> str:
        for part, (part_text, start) in enumerate(zip(self._parts, self._ends, strict=True)):
            if part_text.startswith(text, start):
                end = start + len(text)
                self._ends[part] = end + _BETWEEN
                return f"{MARK}{part}" if len(text) == len(part_text) else f"{MARK}{part}:{start}:{end}"
        return text


def _resolved(value: Any, parts: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _text_at(value, parts) if value.startswith(MARK) else value
    if isinstance(value, dict):
        return {key: _resolved(inner, parts) for key, inner in value.items()}
    return [_resolved(inner, parts) for inner in value] if isinstance(value, list) else value


def _text_at(reference: str, parts: Sequence[str]) -> str:
    part, *span = map(int, reference.removeprefix(MARK).split(":"))
    return parts[part][slice(*span)] if span else parts[part]
