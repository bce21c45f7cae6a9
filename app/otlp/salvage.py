"""Saves the spans of an export beside those that are invalid: an SDK that cuts a text inside a character, or writes a number as a word,
loses that span alone.

protobuf parses a message as a whole or not at all, so a refused export is taken apart here: `resource_spans`, in each `scope_spans`, in
each `spans`; log records have the same field numbers.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from app.otlp.refusal import NOT_UNICODE

_DOWN = (1, 2, 2)
"""Numbers of the fields that lead from a request to its spans or log records."""

_LENGTH_DELIMITED = 2
"""The wire type of every field above a span."""


@dataclass
class Salvage:
    """The readable spans of an export, and the places of the unreadable ones, `resourceSpans[0].scopeSpans[0].spans[1]`, each with the reason."""

    unreadable: list[tuple[str, str]] = field(default_factory=list)
    readable: int = 0

    @property
    def is_worth_it(self) -> bool:
        """Whether some spans were unreadable and others are not."""
        return bool(self.unreadable) and self.readable > 0


def of_json(body: Any, kind: type[Message], fault_of: Callable[[Any, type[Message]], str | None]) -> Salvage:
    """Take unreadable spans out of parsed JSON.  fault_of: the reason why a span cannot be read, or None."""
    salvage, path = Salvage(), list(_path_to_spans(kind.DESCRIPTOR))
    kind_of_span = GetMessageClass(path[-1].message_type)
    for items, place in _lists(body, path, ""):
        faults = {
            number: NOT_UNICODE if _has_lone_surrogate(item) else fault
            for number, item in enumerate(items)
            if (fault := fault_of(item, kind_of_span)) is not None
        }
        salvage.unreadable += [(f"{place}[{number}]", fault) for number, fault in faults.items()]
        salvage.readable += len(items) - len(faults)
        for number in reversed(faults):
            del items[number]
    return salvage


def _path_to_spans(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    for number in _DOWN:
        field = descriptor.fields_by_number[number]
        yield field
        descriptor = field.message_type


def _lists(value: Any, path: list[FieldDescriptor], place: str) -> Iterator[tuple[list[Any], str]]:
    """Every list of spans with its place; both spellings of a field are read."""
    first, *further = path
    for name in {first.json_name, first.name}:
        items = value.get(name) if isinstance(value, dict) else None
        if not isinstance(items, list):
            continue
        list_place = f"{place}.{name}" if place else name
        if not further:
            yield items, list_place
        for number, item in enumerate(items if further else ()):
            yield from _lists(item, further, f"{list_place}[{number}]")


def _has_lone_surrogate(item: Any) -> bool:
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def of_protobuf(data: bytes, kind: type[Message]) -> tuple[bytes, Salvage]:
    """The request without unreadable spans. Raises DecodeError where its outer messages cannot be read either."""
    salvage = Salvage()
    return _readable(data, list(_path_to_spans(kind.DESCRIPTOR)), "", salvage), salvage


def _readable(data: bytes, path: list[FieldDescriptor], place: str, salvage: Salvage) -> bytes:
    """A message without the unreadable spans below the first field of `path`."""
    (first, *further), readable, number = path, bytearray(), 0
    # A message type without fields keeps all fields of the data as unknown ones.
    for entry in UnknownFieldSet(Empty.FromString(data)):
        if entry.wire_type != _LENGTH_DELIMITED:
            continue
        inner = entry.data
        if entry.field_number == first.number:
            inner_place = f"{place}.{first.json_name}[{number}]".lstrip(".")
            number += 1
            inner = (
                _readable(inner, further, inner_place, salvage)
                if further
                else _span(inner, first, inner_place, salvage)
            )
        if inner is not None:
            readable += _field(entry.field_number, inner)
    return bytes(readable)


def _span(data: bytes, of: FieldDescriptor, place: str, salvage: Salvage) -> bytes | None:
    try:
        GetMessageClass(of.message_type).FromString(data)
    except DecodeError:
        salvage.unreadable.append((place, NOT_UNICODE))
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
