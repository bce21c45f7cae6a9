"""Saves the spans of an export beside those that are invalid: an SDK that cuts a text inside a character, or writes a number as a word,
loses that span alone. What stands around the spans (the attributes of a service or of an instrumentation) is left out where it is invalid, and
costs no span.

protobuf parses a message as a whole or not at all, so a refused export is taken apart here: `resource_spans`, in each `scope_spans`, in
each `spans`; log records have the same field numbers.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from app.otlp.fields import is_nested_deeper
from app.otlp.form import MESSAGES_IN_EACH_OTHER, TOO_DEEP, WRONG_FORM, AnyMessage, fault_of, message_of
from app.otlp.refusal import NOT_UNICODE

_DOWN = (1, 2, 2)
"""Numbers of the fields that lead from a request to its spans or log records."""

_ATTRIBUTES = "attributes"
"""The field of a service and of an instrumentation whose items are left out one by one."""

_LENGTH_DELIMITED = 2
"""The wire type of every field above a span."""

_LEVELS_OF_A_SPAN = MESSAGES_IN_EACH_OTHER - len(_DOWN)
"""Messages in each other, a span or a log record among them, that are read."""

Place = tuple[str | int, ...]


@dataclass
class Salvage:
    """The readable spans of an export, and the places of the unreadable ones, as those of `Fault`, each with the reason.

    left_out: places of unreadable fields around the spans, each with the reason.
    """

    unreadable: list[tuple[Place, str]] = field(default_factory=list)
    left_out: list[tuple[Place, str]] = field(default_factory=list)
    readable: int = 0

    @property
    def is_worth_it(self) -> bool:
        """Whether something was unreadable, and some spans are not."""
        return bool(self.unreadable or self.left_out) and self.readable > 0


def of_json(body: Any, kind: type[AnyMessage]) -> tuple[AnyMessage | None, Salvage]:
    """The request without unreadable spans and fields around spans; None where the rest is no request either. The parsed JSON stays as it is.

    Each span is read alone, and put into the request that is made of what stands around the spans: no span is read again.
    """
    salvage, path = Salvage(), list(_path_to_spans(kind.DESCRIPTOR))
    kind_of_span, around = GetMessageClass(path[-1].message_type), _copied_around_spans(body, path)
    readable: list[tuple[Place, list[Message]]] = []
    for items, place in _lists(around, path, (), salvage):
        spans_or_reasons = [_message_or_reason(item, kind_of_span, _LEVELS_OF_A_SPAN) for item in items]
        salvage.unreadable += [
            ((*place, number), reason) for number, reason in enumerate(spans_or_reasons) if isinstance(reason, str)
        ]
        readable.append((place, [span for span in spans_or_reasons if not isinstance(span, str)]))
        items.clear()
    salvage.readable = sum(len(spans) for _, spans in readable)
    request = message_of(around, kind)
    for place, spans in readable if request is not None else ():
        _spans_at(request, path, place).extend(spans)
    return request, salvage


def _spans_at(request: Any, path: Sequence[FieldDescriptor], place: Place) -> Any:
    """The list of spans at a place of JSON: ("resourceSpans", 0, "scopeSpans", 1, "spans")."""
    for outer, number in zip(path, place[1::2], strict=False):
        request = getattr(request, outer.name)[number]
    return getattr(request, path[-1].name)


def _copied_around_spans(value: Any, path: Sequence[FieldDescriptor]) -> Any:
    """A copy that shares with the value what is inside of spans, and fields around them."""
    if not path or not isinstance(value, dict):
        return value
    first, *further = path
    copied = dict(value)
    for name in {first.json_name, first.name}:
        if isinstance(items := value.get(name), list):
            copied[name] = [_copied_around_spans(item, further) for item in items]
    return copied


def _path_to_spans(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    for number in _DOWN:
        field = descriptor.fields_by_number[number]
        yield field
        descriptor = field.message_type


def _message_or_reason(value: Any, kind: type[Message], levels: int) -> Message | str:
    """The message that a value is, or why it is none: a look for the fault takes three times as long as protobuf's reading."""
    message = message_of(value, kind, levels)
    if message is not None:
        return message
    return NOT_UNICODE if _has_lone_surrogate(value) else f"form: {fault_of(value, kind, levels) or WRONG_FORM}."


def _reason(value: Any, kind: type[Message], levels: int) -> str | None:
    """Why a value is no message of this kind; None where it is one."""
    message_or_reason = _message_or_reason(value, kind, levels)
    return message_or_reason if isinstance(message_or_reason, str) else None


def _lists(
    value: Any, path: list[FieldDescriptor], place: Place, salvage: Salvage
) -> Iterator[tuple[list[Any], Place]]:
    """Every list of spans with its place, once the fields around it are readable; both spellings of a field are read."""
    first, *further = path
    if isinstance(value, dict):
        _leave_out(value, first, MESSAGES_IN_EACH_OTHER - len(_DOWN) + len(path), place, salvage)
    for name in {first.json_name, first.name}:
        items = value.get(name) if isinstance(value, dict) else None
        if not isinstance(items, list):
            continue
        if not further:
            yield items, (*place, name)
        for number, item in enumerate(items if further else ()):
            yield from _lists(item, further, (*place, name, number), salvage)


def _leave_out(value: dict[str, Any], besides: FieldDescriptor, levels: int, place: Place, salvage: Salvage) -> None:
    """Take unreadable fields out of a message around spans, of its own attributes the unreadable ones alone. besides: the field of the spans."""
    kind = GetMessageClass(besides.containing_type)
    for name in [name for name in value if name not in {besides.json_name, besides.name}]:
        inner = value[name]
        if message_of({name: inner}, kind, levels) is not None:
            continue
        attributes = inner.get(_ATTRIBUTES) if isinstance(inner, dict) else None
        if isinstance(attributes, list):
            reasons = [_reason({name: {_ATTRIBUTES: [attribute]}}, kind, levels) for attribute in attributes]
            salvage.left_out += [
                ((*place, name, _ATTRIBUTES, number), reason) for number, reason in enumerate(reasons) if reason
            ]
            readable = [attribute for attribute, reason in zip(attributes, reasons, strict=True) if reason is None]
            value[name] = inner = inner | {_ATTRIBUTES: readable}
        if (reason := _reason({name: inner}, kind, levels)) is not None:
            del value[name]
            salvage.left_out.append(((*place, name), reason))


def _has_lone_surrogate(item: Any) -> bool:
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except RecursionError:  # of a field that OTLP does not have
        return False
    return False


def of_protobuf(data: bytes, kind: type[Message]) -> tuple[bytes, Salvage]:
    """The request without unreadable spans and fields around spans. Raises DecodeError where its outer messages cannot be read either."""
    salvage = Salvage()
    return _readable(data, kind, list(_path_to_spans(kind.DESCRIPTOR)), (), salvage), salvage


def _readable(data: bytes, kind: type[Message], path: list[FieldDescriptor], place: Place, salvage: Salvage) -> bytes:
    """A message without the unreadable spans below the first field of `path`."""
    (first, *further), readable, number = path, bytearray(), 0
    # A message type without fields keeps all fields of the data as unknown ones.
    for entry in UnknownFieldSet(Empty.FromString(data)):
        if entry.wire_type != _LENGTH_DELIMITED:
            continue
        inner = entry.data
        if entry.field_number == first.number:
            inner_place = (*place, first.json_name, number)
            number += 1
            inner = (
                _readable(inner, kind, further, inner_place, salvage)
                if further
                else _span(inner, kind, first, inner_place, salvage)
            )
        elif (around := first.containing_type.fields_by_number.get(entry.field_number)) is not None:
            inner = _around(inner, kind, around, place, salvage)
        if inner is not None:
            readable += _field(entry.field_number, inner)
    return bytes(readable)


def _around(data: bytes, kind: type[Message], of: FieldDescriptor, place: Place, salvage: Salvage) -> bytes | None:
    """A field around spans, of its own attributes the readable ones alone; None where it is unreadable even so."""
    above = _DOWN[: len(place) // 2]
    inner_place = (*place, of.json_name)
    if _is_readable(data, kind, (*above, of.number)):
        return data
    attributes = of.message_type.fields_by_name.get(_ATTRIBUTES) if of.message_type is not None else None
    if attributes is not None:
        data = _with_readable_attributes(
            data, kind, (*above, of.number), attributes, place=inner_place, salvage=salvage
        )
        if _is_readable(data, kind, (*above, of.number)):
            return data
    salvage.left_out.append((inner_place, NOT_UNICODE))
    return None


def _with_readable_attributes(
    data: bytes, kind: type[Message], above: tuple[int, ...], of: FieldDescriptor, *, place: Place, salvage: Salvage
) -> bytes:
    """A message without its unreadable attributes; the message itself where it falls apart."""
    readable, number = bytearray(), 0
    try:
        entries = list(UnknownFieldSet(Empty.FromString(data)))
    except DecodeError:
        return data
    for entry in entries:
        if entry.wire_type != _LENGTH_DELIMITED:
            continue
        if entry.field_number == of.number:
            number += 1
            if not _is_readable(entry.data, kind, (*above, of.number)):
                is_deep = is_nested_deeper(entry.data, of.message_type, MESSAGES_IN_EACH_OTHER - len(above) - 1)
                reason = f"form: {TOO_DEEP}." if is_deep else NOT_UNICODE
                salvage.left_out.append(((*place, _ATTRIBUTES, number - 1), reason))
                continue
        readable += _field(entry.field_number, entry.data)
    return bytes(readable)


def _is_readable(data: bytes, kind: type[Message], above: tuple[int, ...]) -> bool:
    """Whether data are readable where they stand, as deep in a request as before. above: the numbers of the fields that lead there."""
    try:
        kind.FromString(reduce(lambda inner, number: _field(number, inner), reversed(above), data))
    except DecodeError:
        return False
    return True


def _span(data: bytes, kind: type[Message], of: FieldDescriptor, place: Place, salvage: Salvage) -> bytes | None:
    """The span if it is readable where it stands: as deep in a request as before."""
    if not _is_readable(data, kind, _DOWN):
        is_deep = is_nested_deeper(data, of.message_type, _LEVELS_OF_A_SPAN)
        salvage.unreadable.append((place, f"form: {TOO_DEEP}." if is_deep else NOT_UNICODE))
        return None
    salvage.readable += 1
    return data


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field in protobuf's encoding: 7 bits of the length in each byte, the high bit set in all but the last."""
    length, remaining = bytearray(), len(data)
    while remaining > 0x7F:
        length.append(remaining & 0x7F | 0x80)
        remaining >>= 7
    return bytes([number << 3 | _LENGTH_DELIMITED, *length, remaining]) + data
