"""Checks parsed OTLP/JSON before protobuf reads it, and names the first fault: every value is looked at once.

protobuf's own reading of JSON copies the wrong value into the error of every message around it, so a few kilobytes of nested attributes
cost seconds. Here the error has a place and never a value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

AnyMessage = TypeVar("AnyMessage", bound=Message)

MESSAGES_IN_EACH_OTHER = 101
"""Messages in each other that protobuf's parser reads, the request among them: 31 levels of kvlistValue, or 47 of arrayValue, in an attribute. JSON has
the same bound: a span is stored or refused in both encodings alike.
"""

WRONG_FORM = "must be as OTLP/JSON has it"
TOO_DEEP = f"is nested deeper than {MESSAGES_IN_EACH_OTHER} messages; send deep values as a text"

BOTH_SPELLINGS = "has a list in both spellings of its name, of which one would be lost"

_LONGEST_NUMBER = 400
"""Characters of a number, a truth value or the name of an enumeration's value that is written as a text; a double has at most some 330."""

_STEPS_SHOWN = 8
"""Fields of a place that a message names: they lead from the request into the value of an attribute."""

_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)

Step = str | int


@dataclass(frozen=True)
class Fault:
    """The first fault of a value.  place: fields and numbers of items from the outside in; empty where the value itself is wrong."""

    place: tuple[Step, ...] = ()
    reason: str = WRONG_FORM

    def __str__(self) -> str:
        """The reason with the place in words."""
        return f"{self.reason}{f': see {in_words(self.place)}' if self.place else ''}"


class _Field(NamedTuple):
    """What a field may hold.  kind: of its messages; None for single values. is_text: of any length.

    other_spelling: of the name of a list (`resource_spans`); "" where both are one.
    """

    kind: Descriptor | None
    is_list: bool
    is_text: bool
    other_spelling: str


Look = Callable[[Mapping[str, Any], Descriptor], Fault | None]
"""The fault of a message's single values, whose inner messages have none."""


def in_words(place: tuple[Step, ...]) -> str:
    """The place in words: the fields from the outside in, with the item of each list; a long place is cut."""
    fields = [step for step in place if isinstance(step, str)]
    items = [str(step) for step in place if isinstance(step, int)]
    in_lists = f" (items {_listed(items, ', ')})" if items else ""
    return f"{_listed(fields, '.')}{in_lists}"


def _listed(steps: list[str], mark: str) -> str:
    return f"{mark.join(steps[:_STEPS_SHOWN])}{' ...' if len(steps) > _STEPS_SHOWN else ''}"


def message_of(body: Any, kind: type[AnyMessage], levels: int = MESSAGES_IN_EACH_OTHER) -> AnyMessage | None:
    """The message that the body is; None for an invalid body.  levels: messages that may be in each other."""
    return _read(body, kind) if _fault(body, kind.DESCRIPTOR, levels, _no_look) is None else None


def fault_of(body: Any, kind: type[Message], levels: int = MESSAGES_IN_EACH_OTHER) -> Fault | None:
    """The first fault of a body; None of a valid one."""
    return _fault(body, kind.DESCRIPTOR, levels, _fault_of_singles)


def _fault(value: Any, kind: Descriptor, levels: int, look: Look) -> Fault | None:
    if not isinstance(value, dict):
        return Fault()
    if not levels:
        return Fault(reason=TOO_DEEP)
    fields = _fields(kind)
    for name, inner in value.items():
        field = fields.get(name)
        if field is None or inner is None:
            continue
        if field.other_spelling and value.get(field.other_spelling) is not None:
            return Fault((name,), BOTH_SPELLINGS)
        if fault := _fault_in(inner, field, levels, look):
            return Fault((name, *fault.place), fault.reason)
    return look(value, kind)


def _fault_in(value: Any, field: _Field, levels: int, look: Look) -> Fault | None:
    """The fault of a field's value."""
    if not field.is_list:
        return _fault_of_item(value, field, levels, look)
    if not isinstance(value, list):
        return Fault()
    for number, item in enumerate(value):
        if fault := _fault_of_item(item, field, levels, look):
            return Fault((number, *fault.place), fault.reason)
    return None


def _fault_of_item(value: Any, field: _Field, levels: int, look: Look) -> Fault | None:
    if field.kind is not None:
        return _fault(value, field.kind, levels - 1, look)
    is_too_long = not field.is_text and isinstance(value, str) and len(value) > _LONGEST_NUMBER
    return Fault() if is_too_long else None


def _no_look(_message: Mapping[str, Any], _kind: Descriptor) -> None:
    """For a body whose single values protobuf reads at once."""


def _fault_of_singles(message: Mapping[str, Any], kind: Descriptor) -> Fault | None:
    """The single value that protobuf refuses; the message itself where two values exclude each other."""
    fields, holder = _fields(kind), GetMessageClass(kind)
    singles = {name: _hollow(value, fields[name]) for name, value in message.items() if name in fields}
    if _read(singles, holder) is not None:
        return None
    wrong = next((name for name, value in singles.items() if _read({name: value}, holder) is None), None)
    return Fault(() if wrong is None else (wrong,))


def _hollow(value: Any, field: _Field) -> Any:
    """The value without what is in its messages."""
    if field.kind is None or value is None:
        return value
    return [] if field.is_list else {}


def _read(body: Any, kind: type[AnyMessage]) -> AnyMessage | None:
    """Whatever error protobuf raises, the body is at fault."""
    try:
        return json_format.ParseDict(
            body, kind(), ignore_unknown_fields=True, max_recursion_depth=MESSAGES_IN_EACH_OTHER
        )
    except Exception:  # noqa: BLE001  it raises a dozen kinds: an object may be a text, a number have 400 digits
        return None


@cache
def _fields(kind: Descriptor) -> dict[str, _Field]:
    """The fields of a message by both spellings of their names."""
    return {
        name: _Field(
            field.message_type,
            field.is_repeated,
            field.type in _TEXTS,
            other if field.is_repeated and other != name else "",
        )
        for field in kind.fields
        for name, other in ((field.json_name, field.name), (field.name, field.json_name))
    }
