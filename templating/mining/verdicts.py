"""Verdicts: a cache of earlier decisions about sets of few texts, by content.

The unmatched texts of a stream are searched again with every batch, and most sets of few texts are the same as in the last batch. A verdict
that depends only on the texts of a set is remembered, so a set is examined again only when a text joins it. Keys hold digests, not texts.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

Key = tuple[object, ...]

MOST_VERDICTS = 1 << 14  # most verdicts, at some 300 bytes each; then all are dropped, which costs one search


class Verdicts:
    """Cached answers by key. An answer is a pure function of its key, so earlier work of a process changes no answer."""

    def __init__(self) -> None:
        self._known: dict[Key, bool] = {}

    def ask(self, key: Key, answer: Callable[[], bool]) -> bool:
        """The answer, computed at most once; an exception of `answer` is not remembered."""
        verdict = self._known.get(key)
        if verdict is None:
            verdict = answer()
            if len(self._known) >= MOST_VERDICTS:
                self._known.clear()
            self._known[key] = verdict
        return verdict


def digest(text: str) -> bytes:
    """A digest that stands for a text in keys."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def ranks(times: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """The ranks of the times: their order without distances."""
    order = {when: rank for rank, when in enumerate(sorted({when for its in times for when in its}))}
    return tuple(tuple(order[when] for when in its) for its in times)
