"""Ids: UUIDs of version 7, which sort by time of creation."""

import os
import threading
import time
import uuid
from datetime import UTC, datetime

_VERSION_7 = 0x7 << 76
"""The bits of the version (RFC 9562, 5.7)."""

_VARIANT = 0b10 << 62
"""The bits of the variant (RFC 9562, 4.1)."""

_RANDOM_BITS = (1 << 62) - 1
"""A mask of the 62 random bits."""

_TICKS_PER_MILLISECOND = 1 << 12
"""The time in 4096ths of a millisecond: 48 bits of milliseconds and the 12 bits after them."""

_lock = threading.Lock()
_last_tick = 0


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562, 6.2, method 3): 60 bits of time, then 62 random bits.

    Ids of one process increase strictly, also within a millisecond and when the clock is set back: the traces of a batch
    keep their order, which mining reads as time.
    """
    return _id_of(_next_ticks(1), os.urandom(8))


def new_ids(count: int) -> list[uuid.UUID]:
    """Several new ids in their order; half the time of making them one by one."""
    first, random = _next_ticks(count), os.urandom(8 * count)
    return [_id_of(first + number, random[8 * number : 8 * number + 8]) for number in range(count)]


def _id_of(tick: int, random: bytes) -> uuid.UUID:
    time_bits = (tick >> 12) << 80 | (tick & 0xFFF) << 64
    return uuid.UUID(int=time_bits | _VERSION_7 | _VARIANT | int.from_bytes(random) & _RANDOM_BITS)


def first_id_of(moment: datetime) -> uuid.UUID:
    """The smallest id of this moment."""
    return uuid.UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def moment_of(id_: uuid.UUID) -> datetime:
    """The time of creation of an id, to the millisecond."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)


def _next_ticks(count: int) -> int:
    """The first of `count` ticks that no other id gets."""
    global _last_tick  # noqa: PLW0603  one clock a process is the point
    with _lock:
        first = max(time.time_ns() * _TICKS_PER_MILLISECOND // 1_000_000, _last_tick + 1)
        _last_tick = first + count - 1
        return first
