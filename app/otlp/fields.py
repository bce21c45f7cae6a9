"""Counts the fields of a protobuf body before it is parsed, and their nesting after it was refused: a field takes at least two bytes of the body, and some hundred bytes of memory.

Protobuf's wire format (protobuf.dev, "Encoding"): a field is a varint of its number and type, then a varint, 4 or 8 bytes, or a length and
as many bytes, which may be a message of fields.
"""

from functools import cache

from google.protobuf.descriptor import Descriptor

UNCOUNTED_BYTES = 4 * 1024 * 1024
"""A smaller body is parsed without counting: two million empty fields take 0.3 s. Nearly all exports are smaller, and counting costs 1 us
a field.
"""

_LONGEST_SHIFT = 70
"""Bits of the ten bytes that a varint of 64 bits takes; a longer one would grow without end."""

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def has_more_fields(data: bytes, kind: Descriptor, limit: int) -> bool:
    """Whether the body has more fields than `limit`, at any depth. A body that is no protobuf is left to the parser, which refuses it."""
    if len(data) <= UNCOUNTED_BYTES:
        return False
    try:
        return _count(data, kind, limit)[0] > limit
    except IndexError:
        return False


def is_nested_deeper(data: bytes, kind: Descriptor, levels: int) -> bool:
    """Whether more messages are in each other than `levels`, this one among them. False for a body that is no protobuf."""
    try:
        return _count(data, kind, len(data))[1] > levels
    except IndexError:
        return False


def _count(data: bytes, kind: Descriptor, limit: int) -> tuple[int, int]:
    """The number of fields, at most `limit` + 1, and the most messages in each other."""
    fields, deepest, open_messages = 0, 0, [(0, len(data), _messages_in(kind), 1)]
    while open_messages:
        position, end, inner, level = open_messages.pop()
        deepest = max(deepest, level)
        while position < end and fields <= limit:
            fields += 1
            tag, position = _varint(data, position)
            wire_type = tag & 7
            if wire_type == _LENGTH:
                length, position = _varint(data, position)
                message = inner.get(tag >> 3)
                if message is not None and length:
                    open_messages.append((position, min(position + length, end), _messages_in(message), level + 1))
                position += length
            elif wire_type == _VARINT:
                _, position = _varint(data, position)
            elif wire_type in (_EIGHT_BYTES, _FOUR_BYTES):
                position += 8 if wire_type == _EIGHT_BYTES else 4
            else:  # groups: no message of OTLP has one
                return fields, deepest
    return fields, deepest


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A varint and the position behind it. Raises IndexError at the end of the data, and for more than 64 bits."""
    byte = data[position]
    if byte < 128:
        return byte, position + 1
    value, shift = byte & 127, 7
    while byte >= 128:
        position += 1
        byte = data[position]
        value |= (byte & 127) << shift
        shift += 7
        if shift > _LONGEST_SHIFT:
            raise IndexError
    return value, position + 1


@cache
def _messages_in(kind: Descriptor) -> dict[int, Descriptor]:
    """The fields of a message whose values are messages."""
    return {field.number: field.message_type for field in kind.fields if field.message_type is not None}
