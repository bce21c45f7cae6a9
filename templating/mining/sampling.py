"""Which texts a round looks at."""

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import count
from math import gcd
from typing import TypeVar

Item = TypeVar("Item")

TEXTS_PER_ROUND = 1000  # texts: enough to see every template that has half a percent of the traffic
CALLS_OF_A_FREQUENT_TEXT = 10  # calls of one text that make it a likely template of its own
CHARACTERS_PER_ROUND = 8_000_000  # characters, which bounds memory: about 20 bytes of arrays a character
FEWEST_TEXTS_PER_ROUND = 16  # texts, however long
GOLDEN_SECTION = (5**0.5 - 1) / 2  # steps of it cover any range evenly


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` items, evenly over the whole."""
    if len(items) <= most:
        return list(items)
    return [items[i * (len(items) - 1) // (most - 1)] for i in range(most)]


class Samples:
    """The texts of a search in the order in which its rounds look at them; each is dealt once.

    A sample is half the texts that came most often, half the others, evenly over time: these lie in steps of the golden
    section, so that any run of them covers the whole (V. T. Sos, "On the theory of Diophantine approximations", 1957).
    Dealing all texts costs a time linear in their number, however many rounds that takes.
    """

    def __init__(self, texts: Sequence[str], calls: Mapping[str, Sequence[int]]) -> None:
        """texts: oldest first; calls: text -> when it came."""
        often = sorted((t for t in texts if len(calls[t]) >= CALLS_OF_A_FREQUENT_TEXT), key=lambda t: (-len(calls[t]), calls[t][0]))
        taken = set(often)
        self._often = deque(often)
        self._others = deque(_scattered([t for t in texts if t not in taken]))
        self._dealt = set[str]()

    def add(self, texts: Iterable[str]) -> None:
        """These, if they were not dealt, come after all others."""
        self._others += (text for text in texts if text not in self._dealt)

    def deal(self, remaining: Container[str]) -> list[str]:
        """The next sample, of those of `remaining`; empty when all were dealt."""
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
    """All of the texts, so that those in a row lie evenly over the whole."""
    step = next((s for s in count(round(len(texts) * GOLDEN_SECTION)) if gcd(s, len(texts)) == 1), 1)
    return [texts[i * step % len(texts)] for i in range(len(texts))]
