"""Shared text: what different values have in common at their beginnings, at their ends, and as words in a row."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from templating.mining.quantities import FEWEST_ALIKE, FEWEST_EDIT_WORDS
from templating.mining.units import is_border

Run = tuple[str, ...]  # words in a row


def shared_length(values: Sequence[str]) -> int:
    """The number of characters of the common beginning of all values: that of the smallest and the largest value."""
    low, high = min(values), max(values)
    if low[:1] != high[:1]:
        return 0
    size = min(len(low), len(high))
    if low[:size] == high[:size]:
        return size
    return bisect_left(range(1, size + 1), True, key=lambda most: low[:most] != high[:most])


def shared_end_length(values: Sequence[str]) -> int:
    """The number of characters of the common end of all values."""
    return shared_length([value[::-1] for value in values]) if len({value[-1:] for value in values}) == 1 else 0


def trim(values: Sequence[str]) -> tuple[str, str, bool]:
    """(common beginning of all values, common end, whether any value has more), cut at borders."""
    size = shared_length(values)
    while size and not all(is_border(v, size) for v in values):
        size -= 1
    rest = [v[size:] for v in values] if size else values
    tail = shared_end_length(rest)
    while tail and not all(is_border(v, len(v) - tail) for v in rest):
        tail -= 1
    return values[0][:size], rest[0][len(rest[0]) - tail :], any(len(v) > tail for v in rest)


def longest(values: Iterable[str]) -> list[str]:
    """The values that are no prefix of another value: a later turn of a conversation begins with the earlier turns."""
    ordered = sorted(values)
    return [value for value, after in zip(ordered, [*ordered[1:], ""], strict=True) if not after.startswith(value)]


def edge_words(value: str, direction: int) -> tuple[str, ...]:
    """The first words of a value (direction 1), or its last words (-1): as many as an edit has, in their order."""
    if direction < 0:
        return tuple(value.rsplit(None, FEWEST_EDIT_WORDS)[-FEWEST_EDIT_WORDS:])
    return tuple(value.split(None, FEWEST_EDIT_WORDS)[:FEWEST_EDIT_WORDS])


def runs_of(words: Sequence[str]) -> set[Run]:
    """All FEWEST_ALIKE successive words of a text."""
    return set(zip(*(words[start:] for start in range(FEWEST_ALIKE)), strict=False))
