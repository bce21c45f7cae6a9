"""What was found out about few texts before, by content.

Leftovers of a stream are searched again with every batch, and most sets of few texts among them are the sets of the batch before.  A verdict that
depends on the texts of a set alone is remembered, so a set is looked at again only when a text joins it.  No text is kept: digests are.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

Key = tuple[object, ...]

MOST_VERDICTS = 1 << 14  # verdicts, some 300 bytes each; then all are forgotten, which costs one search


class Verdicts:
    """Answers by key; a pure function of the key, so that what a process did before changes no answer."""

    def __init__(self) -> None:
        self._known: dict[Key, bool] = {}

    def ask(self, key: Key, answer: Callable[[], bool]) -> bool:
        """The answer, found out at most once; what `answer` raises is not remembered."""
        verdict = self._known.get(key)
        if verdict is None:
            verdict = answer()
            if len(self._known) >= MOST_VERDICTS:
                self._known.clear()
            self._known[key] = verdict
        return verdict


def digest(text: str) -> bytes:
    """Stands for a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def ranks(times: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """The times by their order alone."""
    order = {when: rank for rank, when in enumerate(sorted({when for its in times for when in its}))}
    return tuple(tuple(order[when] for when in its) for its in times)
