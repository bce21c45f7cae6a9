"""The cost of a body beyond its bytes, counted before the body is parsed or inflated.

A value of JSON takes two bytes to send and some hundred to keep, a member of gzip twenty to send and a whole decoder to read: eight
million empty lists in 24 MB cost half a minute, 32 MB of empty members sixteen seconds.
"""

import zlib

_BYTES_INFLATED_AT_ONCE = 64 * 1024
"""Bytes that are inflated at once. What a member leaves over is copied, so it must be little."""

_GZIP = zlib.MAX_WBITS + 16


class TooManyMembersError(Exception):
    """More members of gzip than anybody needs."""


class CutOffError(Exception):
    """The gzip ends within a member."""


def has_more_values(data: bytes, limit: int) -> bool:
    """Whether JSON holds more values and names than `limit`. Each but the first follows a comma, a colon or a bracket."""
    if len(data) < limit:
        return False
    if len(data) - len(data.translate(None, b",:[{")) < limit:  # half the time of four counts
        return False
    bare = data.replace(rb"\\", b"").replace(rb"\"", b"")
    if bare.count(b'"') > 2 * limit:
        return True
    outside = bare.split(b'"')[::2]
    return sum(part.count(mark) for part in outside for mark in b",:[{") >= limit


def inflate(data: bytes, limit: int, most_members: int) -> bytes:
    """The content of gzip; one byte over the limit of a content that is longer.

    Raises TooManyMembersError, CutOffError, or zlib.error for data that is no gzip.
    """
    plain = bytearray()
    member, members = None, 0
    view = memoryview(data)
    for start in range(0, len(data), _BYTES_INFLATED_AT_ONCE):
        compressed = bytes(view[start : start + _BYTES_INFLATED_AT_ONCE])
        while compressed and len(plain) <= limit:
            if member is None:
                # Padding (RFC 1952 has none, tapes do).
                compressed = compressed.lstrip(b"\0") if members else compressed
                if not compressed:
                    break
                members += 1
                if members > most_members:
                    raise TooManyMembersError
                member = zlib.decompressobj(_GZIP)
            plain += member.decompress(compressed, limit + 1 - len(plain))
            compressed = member.unconsumed_tail or member.unused_data
            if member.eof:
                member = None
    if member is not None and len(plain) <= limit:
        raise CutOffError
    return bytes(plain)
