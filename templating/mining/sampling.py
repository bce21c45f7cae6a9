"""Samples: the texts of each round."""

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import count
from math import gcd
from typing import TypeVar

from templating.mining.quantities import HALF

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


class Deck:
    """The texts of a search in the order of its rounds. Each text is dealt once, the texts of a family together."""

    def __init__(self, families: Iterable[Sequence[str]], often: Iterable[Sequence[str]] = ()) -> None:
        """often: the families of which half of each sample is, while there are some."""
        self._families, self._often = deque(families), deque(often)
        self._dealt = set[str]()

    def add(self, texts: Iterable[str]) -> None:
        """Appends texts, each as a family of its own; `deal` skips those that were dealt."""
        self._families.extend([text] for text in texts)

    def deal(self, remaining: Container[str]) -> list[str]:
        """The next sample, of texts in `remaining`; empty when all were dealt."""
        sample: list[str] = []
        size = 0
        for queue, most in ((self._often, HALF), (self._families, 1), (self._often, 1)):
            while queue:
                family = [text for text in queue[0] if text in remaining and text not in self._dealt]
                more = sum(map(len, family))
                is_full = len(sample) + len(family) > most * TEXTS_PER_ROUND or size + more > most * CHARACTERS_PER_ROUND
                if is_full and len(sample) >= FEWEST_TEXTS_PER_ROUND:
                    break
                queue.popleft()
                self._dealt.update(family)
                sample += family
                size += more
        return sample


class Samples(Deck):
    """Half of a sample are the most frequent texts, half are other texts, evenly over time: these are taken in steps of the golden
    section, so that any stretch covers the whole time (V. T. Sos, "On the theory of Diophantine approximations", 1957).
    Dealing all texts takes time linear in their number, whatever the number of rounds.
    """

    def __init__(self, texts: Sequence[str], calls: Mapping[str, Sequence[int]]) -> None:
        """texts: oldest first. calls: text -> the times of its calls."""
        often = sorted((t for t in texts if len(calls[t]) >= CALLS_OF_A_FREQUENT_TEXT), key=lambda t: (-len(calls[t]), calls[t][0]))
        others = _scattered([t for t in texts if len(calls[t]) < CALLS_OF_A_FREQUENT_TEXT])
        super().__init__(([text] for text in others), ([text] for text in often))


def _scattered(texts: Sequence[str]) -> list[str]:
    """All texts, in an order in which any stretch lies evenly over the whole."""
    step = next((s for s in count(round(len(texts) * GOLDEN_SECTION)) if gcd(s, len(texts)) == 1), 1)
    return [texts[i * step % len(texts)] for i in range(len(texts))]
