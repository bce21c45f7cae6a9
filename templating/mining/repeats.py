"""Repeated values: a value that stands again inside another value, with the same text around it: "<{{tag}}></{{tag}}>".

Alignment drops marks as fixed text, since marks have too few bits; the repeated value proves that the marks are fixed.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from templating.mining.quantities import FEWEST_ALIKE
from templating.mining.sieve import Row

MOST_REPEATED_PLACES = 16  # most places whose values are looked for in others: bounds the work
_AGAIN = "\x00"  # in no value: stands for the repeated value


def repeated(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object]) -> tuple[str, ...]:
    """The literals, with the text around repeated values made fixed. rows: the values of each text. tick: called for every slot."""
    columns, parts = list(zip(*rows, strict=True)), list(literals)
    said = list(islice((column for column in columns if all(column) and _are_several(column)), MOST_REPEATED_PLACES))
    for place in reversed(range(len(columns))):
        tick()
        for other in said:
            if other is not columns[place] and other[0] in columns[place][0] and (pieces := _pieces(columns[place], other)):
                parts[place : place + 2] = [parts[place] + pieces[0], *pieces[1:-1], pieces[-1] + parts[place + 1]]
                break
    return tuple(parts)


def _are_several(column: Sequence[str]) -> bool:
    """Whether a place has FEWEST_ALIKE different values; mostly the first ones differ."""
    return any(len(set(column[:size])) >= FEWEST_ALIKE for size in (2 * FEWEST_ALIKE, len(column)))


def _pieces(column: Sequence[str], other: Sequence[str]) -> list[str]:
    """The texts around the other place's values inside this place's values, if the same in all texts; else empty."""
    texts = set[str]()
    for value, said in zip(column, other, strict=True):
        texts.add(value.replace(said, _AGAIN))
        if len(texts) > 1:
            return []
    pieces = texts.pop().split(_AGAIN)
    return pieces if len(pieces) > 1 and (len(pieces) > 2 or any(pieces)) and all(pieces[1:-1]) else []
