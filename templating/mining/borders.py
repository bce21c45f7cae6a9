"""Where a part that some texts lack begins.

Of "a." + "" + "b" and "a." + "c." + "b" nobody can tell whether the part is "c." or ".c".  People add whole lines and sentences, so it
begins where a line does, else behind a mark or a blank, and not inside of a word or a tag.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence

from templating.mining.units import is_border

MOST_MOVED = 64  # characters that a border may move
BEST_RANK = 3  # of a border where a line begins or ends
CLOSING_MARKS = frozenset(".,;:!?)>]}")  # marks that belong to what stands before them


def settled(
    literals: tuple[str, ...], rows: Sequence[Sequence[str]], tick: Callable[[], object] = bool
) -> tuple[str, ...]:
    """The literals with the borders of such parts moved.  rows: the values of each text.  tick: called for every slot."""
    moved = list(literals)
    for place, column in enumerate(zip(*rows, strict=True)):
        tick()
        if "" in column and any(column):
            least = -len(moved[place]) + (place > 0)  # only the first and the last text may become empty
            most = len(moved[place + 1]) - (place + 2 < len(moved))
            moved[place : place + 2] = _moved(moved[place], moved[place + 1], set(column) - {""}, least, most)
    return tuple(moved)


def _moved(before: str, after: str, parts: Collection[str], least: int, most: int) -> tuple[str, str]:
    """Both texts beside a part, with the border where it is best; the nearest such place."""
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
    """How many characters all values begin with: what the first and the last in order share, all share."""
    low, high = min(values), max(values)
    size = min(len(low), len(high))
    if low[:size] == high[:size]:
        return size
    return bisect_left(range(1, size + 1), True, key=lambda most: low[:most] != high[:most])


def _rank(text: str, place: int) -> int:
    """How well a part begins here: BEST_RANK where a line does or ends, 0 inside of a word."""
    before, after = text[place - 1 : place] if place else "\n", text[place : place + 1]
    if before == "\n" or after == "\n":
        return BEST_RANK
    if after in CLOSING_MARKS or not is_border(text, place):
        return 0
    return 2 if not before.isalnum() else 1
