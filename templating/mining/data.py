"""Which slots are inside of data: JSON or code that fixed text opens and closes around them.

What texts agree in there is a value that they hold (a plan, a file), and no instruction.
"""

import re
from collections.abc import Sequence

MOST_EDITED_TEXTS = 3  # different texts that a place of a schema may have, which is edited; of data one place has more
_MARKS = re.compile(r"```\w*|[\[\]{}]")
_FENCE, _BEGINS = "```", "\"'{}[],0123456789-`"


def are_data(literals: Sequence[str], rows: Sequence[Sequence[str]], barrier: str) -> list[bool]:
    """Per slot whether it is inside of data.  rows: the values of each text.  barrier: separates the parts of a prompt."""
    is_data = [False] * (len(literals) - 1)
    for begin, end, is_code in _pairs(literals, barrier):
        inner, columns = literals[begin + 1 : end], [[row[place] for row in rows] for place in range(begin, end)]
        is_filled = _are_values(inner, columns) if is_code else _is_written_as_data(inner)
        if is_filled and any(map(_is_varied, columns)):
            is_data[begin:end] = [True] * (end - begin)
    return is_data


def _is_varied(column: Sequence[str]) -> bool:
    seen = set[str]()
    for value in column:
        seen.add(value)
        if len(seen) > MOST_EDITED_TEXTS:
            return True
    return False


def _are_values(literals: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether most of what is inside of a fence is values: a fence that is never closed has prose behind it."""
    return sum(map(len, literals)) * len(columns[0]) <= sum(len(value) for column in columns for value in column)


def _is_written_as_data(literals: Sequence[str]) -> bool:
    """Whether the lines of some fixed text begin as those of JSON do: prose is no data, whatever brackets are around it."""
    lines = [line.strip() for literal in literals for line in literal.split("\n")[1:]]
    return all(line[0] in _BEGINS for line in lines if line)


def _pairs(literals: Sequence[str], barrier: str) -> list[tuple[int, int, bool]]:
    """The literals in which a bracket or a fence is opened and closed, but for what is around a whole part; and whether it is a fence."""
    pairs, opened, fences = list[tuple[int, int, bool]](), list[tuple[int, bool]](), list[int]()
    for number, literal in enumerate(literals):
        for nth, piece in enumerate(literal.split(barrier) if barrier else [literal]):
            if nth:
                opened, fences = [], []
            is_first = bool(nth) or number == 0
            for mark in _MARKS.finditer(piece):
                if mark[0] == _FENCE and fences:
                    pairs.append((fences.pop(), number, True))
                elif mark[0].startswith(_FENCE):  # one with the name of a language opens, whatever was open
                    fences = [number]
                elif mark[0] in "[{":
                    opened.append((number, is_first and not piece[: mark.start()].strip()))
                elif opened:
                    begin, is_outermost = opened.pop()
                    if not is_outermost:
                        pairs.append((begin, number, False))
    return [pair for pair in pairs if pair[0] < pair[1]]
