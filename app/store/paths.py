"""Folds ids in paths of call sites: /users/123/chat and /users/124/chat are one call site. Pure.

A group for each such path would never get the three calls that make a template.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from uuid import UUID

from sqlalchemy import ColumnElement

from app.checks import is_whole
from app.store.tables import grouping_key

ID = "{id}"
"""Replaces an id in a path, as in a route of OpenAPI."""

PATHS_REMEMBERED = 4_096
"""Paths whose folded form a process keeps, about 1 MB: nearly every call comes on a known path."""

HASH_CHARACTERS = 16
"""Hexadecimal digits from which on a segment counts as a hash: 64 bits. ObjectIds of MongoDB have 24, MD5 32, SHA-1 40."""

ULID_CHARACTERS = 26
"""Characters of a ULID, in the alphabet of Crockford's Base32."""

_HEXADECIMAL_IN_ANY_CASE = frozenset("0123456789abcdefABCDEF")
_CROCKFORD = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@lru_cache(PATHS_REMEMBERED)
def folded(path: str) -> str:
    """The path with {id} in place of each segment that is a number, a date, a UUID, a ULID or a hash.

    A path that consists of ids alone stays unchanged: its folded form would name nothing.
    """
    segments = path.split("/")
    folded_segments = [ID if _is_id(segment) else segment for segment in segments]
    return "/".join(folded_segments) if any(segment not in (ID, "") for segment in folded_segments) else path


def _is_id(segment: str) -> bool:
    if is_whole(segment):
        return True
    if len(segment) == len("2026-11-29") and is_whole(segment[:4]):
        return _parses(date.fromisoformat, segment)
    if len(segment) == ULID_CHARACTERS and _CROCKFORD.issuperset(segment) and segment[0].isdigit():
        return True
    if len(segment) >= HASH_CHARACTERS and _HEXADECIMAL_IN_ANY_CASE.issuperset(segment):
        return not segment.isalpha()
    return len(segment) == len("00000000-0000-0000-0000-000000000000") and "-" in segment and _parses(UUID, segment)


def _parses(parser: Callable[[str], object], text: str) -> bool:
    try:
        parser(text)
    except ValueError:
        return False
    return True


def spellings(path: str) -> tuple[str, ...]:
    """The spellings under which calls of a path may be stored: as given, and folded."""
    return tuple(dict.fromkeys((path, folded(path))))


def is_at(path: str) -> ColumnElement[bool]:
    """SQL: the group belongs to the path, in any spelling."""
    return grouping_key.c.path.in_(spellings(path))
