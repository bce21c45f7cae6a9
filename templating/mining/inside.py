"""Fixed text that is the inside of one value.

What all values of a slot hold looks like fixed text between two slots: the point of 0.33, the marks of a date, an address or
a URL.  A token is one value: a mark that letters or digits touch on both sides in every text came with a value far more
often than it was written between two slots.  One that stands beside white space, a bracket or a quote may be either, and
stays.
"""

from collections.abc import Callable, Sequence

from templating.mining.units import DIGIT, LETTER, kind

JOINTS = frozenset((*"./-@+#&~'’", "://"))  # inside of tokens: example.org, and/or, o'clock
NUMBER_JOINTS = frozenset(".,:/-T")  # inside of numbers, times and ISO 8601; between words "," and ":" are separators

Row = Sequence[str]


def outside(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object] = bool) -> tuple[str, ...]:
    """The literals without those that are the inside of a value.  rows: the values of each text.  tick: called often."""
    kept = list(literals[:1])
    for place, literal in enumerate(literals[1:-1]):
        tick()
        if not _is_joint(literal, place, rows):
            kept.append(literal)
    return (*kept, *literals[1:][-1:])


def _is_joint(literal: str, place: int, rows: Sequence[Row]) -> bool:
    """Whether the literal between these two slots is a mark inside of a token in every text."""
    if literal not in JOINTS | NUMBER_JOINTS:
        return False
    kinds = (DIGIT, LETTER) if literal in JOINTS else (DIGIT,)
    return all(end and kind(end) in kinds for row in rows for end in (row[place][-1:], row[place + 1][:1]))
