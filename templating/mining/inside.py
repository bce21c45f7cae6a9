"""Fixed text that is the inside of one value.

Text that all values of a slot hold looks like fixed text between two slots. Three kinds of such text are recognised and made a
part of the value:

token   a mark that touches letters or digits on both sides in every text (0.33, 12:30, a date, a URL): such a mark is far more often
        inside a value than between two slots. A mark next to white space, a bracket or a quote may be either, and stays.
list    the heads of a numbered list ("2.", "(2)", "[[ ## step_2 ## ]]") up to the number of items that every value has: some values
        go on with the next number, or the values before and behind a head change together, as one of a few texts.
chance  one or two words that a few long texts share by chance: the values on both sides change together, as one text.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from string import digits
from typing import NamedTuple

from templating.mining.budget import unlimited
from templating.mining.quantities import FEW, FEWEST_ALIKE, FEWEST_EDIT_WORDS, MUCH_MORE, OTHERS_SHARE
from templating.mining.units import DIGIT, LETTER, kind

JOINTS = frozenset((*"./-@+#&~'’", "://"))  # marks inside tokens: example.org, and/or, o'clock
NUMBER_JOINTS = frozenset(".,:/-T")  # marks inside numbers, times and ISO 8601 dates; between words "," and ":" are separators

Row = Sequence[str]


class Head(NamedTuple):
    """The text before an item of a numbered list, in three pieces."""

    before: str
    number: str
    after: str

    @property
    def series(self) -> tuple[str, str]:
        """The pieces that all heads of one list share."""
        return self.before, self.after

    @property
    def next(self) -> str:
        """The head of the next item."""
        following = str(int(self.number) + 1).zfill(len(self.number))
        return f"{self.before}{following}{self.after}"


def outside(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object] = unlimited) -> tuple[str, ...]:
    """The literals without those inside a value. rows: the values of each text. tick: called often."""
    inside = _listed(literals, rows, tick)
    for place, literal in enumerate(literals[1:-1]):
        tick()
        if _is_joint(literal, place, rows) or _is_chance(literal, place, rows):
            inside.add(place)
    return tuple(literal for place, literal in enumerate(literals, -1) if place not in inside)


def _is_joint(literal: str, place: int, rows: Sequence[Row]) -> bool:
    """Whether the literal behind the slot `place` is a mark inside a token in every text."""
    if literal not in JOINTS and literal not in NUMBER_JOINTS:
        return False
    kinds = (DIGIT, LETTER) if literal in JOINTS else (DIGIT,)
    return all(end and kind(end) in kinds for row in rows for end in (row[place][-1:], row[place + 1][:1]))


def _is_chance(literal: str, place: int, rows: Sequence[Row]) -> bool:
    """Whether the literal is one or two words inside a few long texts."""
    return (
        "\n" not in literal
        and len(literal.split()) < FEWEST_ALIKE
        and all(len(value.split(None, FEWEST_EDIT_WORDS - 1)) >= FEWEST_EDIT_WORDS for row in rows for value in row[place : place + 2])
        and _change_as_one(rows, place)
    )


def _listed(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object]) -> set[int]:
    """The slots behind which the head of a list stands, where the list is one value; one item may have several heads."""
    heads = [(place, head) for place, literal in enumerate(literals[1:-1]) if (head := _head(literal))]
    items = [list(item) for _, item in groupby(heads, lambda each: each[1].number)]
    inside, going_on, follower = set[int](), set[tuple[str, str]](), -1
    for item in reversed(items):
        tick()
        number, last = int(item[0][1].number), item[-1][0]
        if number != follower - 1:
            going_on.clear()
        going_on |= {head.series for _, head in item if _have_next_item(head.next, rows, last + 1)}
        inside |= {place for place, head in item if head.series in going_on or (_change_as_one(rows, place) and len({row[place] for row in rows}) <= FEW)}
        follower = number
    return inside


def _have_next_item(head: str, rows: Sequence[Row], place: int) -> bool:
    """Whether some values of a slot hold the head of the next item. head: of that item. place: the slot."""
    return sum(head in row[place] for row in rows) >= OTHERS_SHARE * len(rows)


def _change_as_one(rows: Sequence[Row], place: int) -> bool:
    """Whether the values on both sides change together, as one of a few texts."""
    if MUCH_MORE * len({row[place] for row in rows}) > len(rows):
        return False
    pairs = {(row[place], row[place + 1]) for row in rows}
    return all(len(set(side)) == len(pairs) for side in zip(*pairs, strict=True))


def _head(literal: str) -> Head | None:
    """The head in a literal: it has one number, and no words outside the number's line (without line ends: outside its token)."""
    if not any(char in digits for char in literal):
        return None
    places = [place for place, char in enumerate(literal) if char in digits]
    if places[-1] - places[0] >= len(places):
        return None
    start, end = places[0], places[-1] + 1
    line = literal.rfind("\n", 0, start)
    begin = line if line >= 0 else max(0, literal.rfind(" ", 0, start))
    stop = literal.find("\n" if line >= 0 else " ", end) % (len(literal) + 1)  # -1: the end
    before, after = literal[begin:start], literal[end:stop]
    if (before + after).isspace() or any(map(str.isalnum, literal[:begin] + literal[stop:])):
        return None
    return Head(before, literal[start:end], after)
