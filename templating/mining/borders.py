"""The borders of slots that hold an optional part or a moment of time.

"a." + "" + "b" and "a." + "c." + "b" do not tell whether the optional part is "c." or ".c". People add whole lines and sentences, so the
part begins at the start of a line, else behind a mark or a blank, never inside a word or a tag.

The calls of one year share the beginning of every timestamp, and all timestamps of UTC end in "Z". A date with its time is one value.
"""

import re
from collections.abc import Callable, Collection, Sequence

from templating.mining.budget import unlimited
from templating.mining.shared_text import shared_length
from templating.mining.units import is_border

MOST_MOVED = 64  # most characters that a border moves
BEST_RANK = 3  # rank of a border at the start or end of a line
_DATE = r"(?:\d{4}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2\d{4})"
_TIME = r"\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
MOMENT = re.compile(rf"(?<![\d.:/-])(?:{_DATE}(?:(?:T|,? ){_TIME})?|{_TIME})(?!\d)")  # RFC 3339, and dates as people write them
_BEGUN, _GOES_ON = re.compile(r"\d[-/.:T, ]*\Z"), re.compile(r"[-/.:T, +]*\d|Z")  # the only texts that a moment may cross
LONGEST_MOMENT = 40  # characters: 2026-11-30T05:41:00.123456789+01:00 has 35
CLOSING_MARKS = frozenset(".,;:!?)>]}")  # marks that belong to the text before them


def settled(
    literals: tuple[str, ...], rows: Sequence[Sequence[str]], tick: Callable[[], object] = unlimited
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


def around_moments(
    literals: tuple[str, ...], rows: Sequence[Sequence[str]], tick: Callable[[], object] = unlimited
) -> tuple[str, ...]:
    """The literals without the ends of dates and times that a slot cuts in every text. rows: the values of each text. tick: called for every slot."""
    moved = list(literals)
    for place, column in enumerate(zip(*rows, strict=True)):
        tick()
        before, after = moved[place], moved[place + 1]
        if not (_BEGUN.search(before) or _GOES_ON.match(after)):
            continue
        cuts = {_cut_moment(before[-LONGEST_MOMENT:], value, after[:LONGEST_MOMENT]) for value in set(column)}
        if len(cuts) == 1:
            head, tail = cuts.pop()
            if place == 0 or head < len(before):
                moved[place] = before[: len(before) - head]
            if place + 2 == len(moved) or tail < len(after):
                moved[place + 1] = after[tail:]
    return tuple(moved)


def _cut_moment(before: str, value: str, after: str) -> tuple[int, int]:
    """The characters of `before` and of `after` that belong to a date or time of which the value is another part."""
    first = before + (value + after)[:LONGEST_MOMENT]
    begin = len(before)
    head = next((begin - moment.start() for moment in MOMENT.finditer(first) if moment.start() < begin < moment.end()), 0)
    last = (before + value)[-LONGEST_MOMENT:]
    end = len(last)
    tail = next((moment.end() - end for moment in MOMENT.finditer(last + after) if moment.start() < end < moment.end()), 0)
    return head, tail


def with_short_moments(text: str) -> str:
    """The text with a number in the place of each date and time, which count as one word."""
    return MOMENT.sub("0", text)


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


def _rank(text: str, place: int) -> int:
    """The rank of a place as a border: BEST_RANK at the start or end of a line, 0 inside a word."""
    before, after = text[place - 1 : place] if place else "\n", text[place : place + 1]
    if before == "\n" or after == "\n":
        return BEST_RANK
    if after in CLOSING_MARKS or not is_border(text, place):
        return 0
    return 2 if not before.isalnum() else 1
