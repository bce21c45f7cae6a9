"""Which texts a round looks at."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item")

SAMPLE_TEXTS = 1000  # texts of one round: enough to see every template that has half a percent of the traffic
OFTEN = 10  # calls of one text that make it a likely template of its own
SAMPLE_CHARACTERS = 8_000_000  # and their size, which bounds memory: about 20 bytes of arrays a character


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` items, evenly over the whole."""
    if len(items) <= count:
        return list(items)
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def sample_of(texts: Sequence[str], calls: Mapping[str, Sequence[int]]) -> list[str]:
    """At most a round's worth of the texts: half of it those that came most often, the others evenly over time."""
    mean = sum(map(len, texts)) // max(1, len(texts)) + 1
    count = min(SAMPLE_TEXTS, max(16, SAMPLE_CHARACTERS // mean))
    if len(texts) <= count:
        return list(texts)
    often = sorted((t for t in texts if len(calls[t]) >= OFTEN), key=lambda t: (-len(calls[t]), calls[t][0]))[
        : count // 2
    ]
    taken = set(often)
    return often + spread([t for t in texts if t not in taken], count - len(often))
