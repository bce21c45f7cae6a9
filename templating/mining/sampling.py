"""Samples: the texts of each round."""

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import count
from math import gcd
from typing import TypeVar

Item = TypeVar("Item")

TEXTS_PER_ROUND = 1000  # texts: enough to see every template with half a percent of the traffic
CALLS_OF_A_FREQUENT_TEXT = 10  # least calls of a text that is likely a template of its own
CHARACTERS_PER_ROUND = 8_000_000  # most characters of a round: bounds memory, at about 20 bytes of arrays per character
FEWEST_TEXTS_PER_ROUND = 16  # least texts of a round, however long
GOLDEN_SECTION = (5**0.5 - 1) / 2  # steps of this size cover any range evenly


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` items, evenly over all."""
    if len(items) <= most:
        return list(items)
    return [items[i * (len(items) - 1) // (most - 1)] for i in range(most)]


class Samples:
    """The texts of a search in the order of its rounds; each text is dealt once.

    Half of a sample are the most frequent texts, half are other texts, evenly over time: these are taken in steps of the golden
    section, so that any stretch covers the whole time (V. T. Sos, "On the theory of Diophantine approximations", 1957).
    Dealing all texts takes time linear in their number, whatever the number of rounds.
    """

    def __init__(self, texts: Sequence[str], calls: Mapping[str, Sequence[int]]) -> None:
        """texts: oldest first. calls: text -> the times of its calls."""
        often = sorted((t for t in texts if len(calls[t]) >= CALLS_OF_A_FREQUENT_TEXT), key=lambda t: (-len(calls[t]), calls[t][0]))
        texts_dealt_first = set(often)
        self._often = deque(often)
        self._others = deque(_scattered([t for t in texts if t not in texts_dealt_first]))
        self._dealt = set[str]()

    def add(self, texts: Iterable[str]) -> None:
        """Appends the texts that were not dealt yet."""
        self._others += (text for text in texts if text not in self._dealt)

    def deal(self, remaining: Container[str]) -> list[str]:
        """The next sample, of texts in `remaining`; empty when all were dealt."""
        sample: list[str] = []
        size = 0
        for queue, most in ((self._often, 0.5), (self._others, 1.0), (self._often, 1.0)):
            while queue and (len(sample) < FEWEST_TEXTS_PER_ROUND or (len(sample) < most * TEXTS_PER_ROUND and size < most * CHARACTERS_PER_ROUND)):
                text = queue.popleft()
                if text in remaining and text not in self._dealt:
                    self._dealt.add(text)
                    sample.append(text)
                    size += len(text)
        return sample


def _scattered(texts: Sequence[str]) -> list[str]:
    """All texts, in an order in which any stretch lies evenly over the whole."""
    step = next((s for s in count(round(len(texts) * GOLDEN_SECTION)) if gcd(s, len(texts)) == 1), 1)
    return [texts[i * step % len(texts)] for i in range(len(texts))]
