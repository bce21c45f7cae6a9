"""The borders of optional parts.

"a." + "" + "b" and "a." + "c." + "b" do not tell whether the optional part is "c." or ".c". People add whole lines and sentences, so the
part begins at the start of a line, else behind a mark or a blank, never inside a word or a tag.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence

from templating.mining.units import is_border

MOST_MOVED = 64  # most characters that a border moves
BEST_RANK = 3  # rank of a border at the start or end of a line
CLOSING_MARKS = frozenset(".,;:!?)>]}")  # marks that belong to the text before them


def settled(
    literals: tuple[str, ...], rows: Sequence[Sequence[str]], tick: Callable[[], object] = bool
) -> tuple[str, ...]:
    """The literals with the borders of optional parts moved. rows: the values of each text. tick: called for every slot."""
    moved = list(literals)
    for place, column in enumerate(zip(*rows, strict=True)):
        tick()
        if "" in column and any(column):
            least = -len(moved[place]) + (place > 0)  # only the first and the last literal may become empty
            most = len(moved[place + 1]) - (place + 2 < len(moved))
            moved[place : place + 2] = _moved(moved[place], moved[place + 1], set(column) - {""}, least, most)
    return tuple(moved)


def _moved(before: str, after: str, parts: Collection[str], least: int, most: int) -> tuple[str, str]:
    """The literals before and after an optional part, with the border at the best place; of equally good places the nearest."""
    beside = [before[-MOST_MOVED:] + part[:MOST_MOVED] + after[:MOST_MOVED] for part in parts]
    border = min(len(before), MOST_MOVED)
    if all(_rank(text, border) == BEST_RANK for text in beside):
        return before, after
    rightward = min(most, *(shared_length(((part[:MOST_MOVED] + after[:MOST_MOVED])[:MOST_MOVED], after[:MOST_MOVED])) for part in parts))
    leftward = min(
        -least,
        *(shared_length(((before[-MOST_MOVED:] + part[-MOST_MOVED:])[: -MOST_MOVED - 1 : -1], before[: -MOST_MOVED - 1 : -1])) for part in parts),
    )
    steps = sorted(range(-leftward, rightward + 1), key=abs)
    best = max(steps, key=lambda step: min(_rank(text, border + step) for text in beside))
    fixed, cut = before + after, len(before) + best
    return fixed[:cut], fixed[cut:]


def shared_length(values: Sequence[str]) -> int:
    """The length of the common prefix of all values: that of the smallest and the largest value."""
    low, high = min(values), max(values)
    size = min(len(low), len(high))
    if low[:size] == high[:size]:
        return size
    return bisect_left(range(1, size + 1), True, key=lambda most: low[:most] != high[:most])


def _rank(text: str, place: int) -> int:
    """The rank of a place as a border: BEST_RANK at the start or end of a line, 0 inside a word."""
    before, after = text[place - 1 : place] if place else "\n", text[place : place + 1]
    if before == "\n" or after == "\n":
        return BEST_RANK
    if after in CLOSING_MARKS or not is_border(text, place):
        return 0
    return 2 if not before.isalnum() else 1
