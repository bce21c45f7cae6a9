"""Slots inside data: JSON or code that fixed text opens and closes around the slots.

Text that prompts share inside data is a value (a plan, a file), not an instruction.
"""

import re
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache

from templating.mining.quantities import MOST_EDIT_TEXTS, NEARLY_ALL

_MARKS = re.compile(r"```\w*|[\[\]{}]")
_FENCE, _BEGINS = "```", "\"'{}[],0123456789-`"


def are_data(literals: Sequence[str], rows: Sequence[Sequence[str]], barrier: str) -> list[bool]:
    """Per slot whether the slot is inside data. rows: the values of each text. barrier: separates the parts of a prompt."""
    is_data = [False] * (len(literals) - 1)
    for begin, end, is_code in _pairs(tuple(literals), barrier):
        inner, columns = literals[begin + 1 : end], [[row[place] for row in rows] for place in range(begin, end)]
        is_filled = _are_values(inner, columns) if is_code else _is_written_as_data(inner)
        if is_filled and are_varied(zip(*columns, strict=True)):
            is_data[begin:end] = [True] * (end - begin)
    return [inside or are_written_as_data([row[place] for row in rows]) for place, inside in enumerate(is_data)]


def are_written_as_data(values: Sequence[str]) -> bool:
    """Whether nearly all values are JSON objects or arrays, one or several."""
    size, others = len(values), 0
    for value in values:
        text = value.strip()
        if not (text and text[0] in "[{" and text[-1] in "]}"):
            others += 1
            if size - others < NEARLY_ALL * size:
                return False
    return are_varied(values)


def are_varied(texts: Iterable[Hashable], least: int = MOST_EDIT_TEXTS + 1) -> bool:
    """Whether these are so many different texts, by default more than an edit has; the rest is not looked at, since texts may be thousands."""
    kinds = set[Hashable]()
    for text in texts:
        kinds.add(text)
        if len(kinds) >= least:
            return True
    return False


def _are_values(literals: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether most of the text inside a fence is values; behind a fence that is never closed stands prose."""
    return sum(map(len, literals)) * len(columns[0]) <= sum(len(value) for column in columns for value in column)


def _is_written_as_data(literals: Sequence[str]) -> bool:
    """Whether all lines of the fixed text begin as lines of JSON do: prose is no data, even inside brackets."""
    lines = [line.strip() for literal in literals for line in literal.split("\n")[1:]]
    return all(line[0] in _BEGINS for line in lines if line)


@lru_cache(maxsize=4)  # several questions about one template follow each other
def _pairs(literals: tuple[str, ...], barrier: str) -> tuple[tuple[int, int, bool], ...]:
    """(opening literal, closing literal, is_fence) of each bracket or fence, without those around a whole part of the prompt."""
    pairs, opened, fences = list[tuple[int, int, bool]](), list[tuple[int, bool]](), list[int]()
    for number, literal in enumerate(literals):
        for nth, piece in enumerate(literal.split(barrier) if barrier else [literal]):
            if nth:
                opened, fences = [], []
            is_first = bool(nth) or number == 0
            for mark in _MARKS.finditer(piece):
                if mark[0] == _FENCE and fences:
                    pairs.append((fences.pop(), number, True))
                elif mark[0].startswith(_FENCE):  # a fence with a language's name always opens
                    fences = [number]
                elif mark[0] in "[{":
                    opened.append((number, is_first and not piece[: mark.start()].strip()))
                elif opened:
                    begin, is_outermost = opened.pop()
                    if not is_outermost:
                        pairs.append((begin, number, False))
    return tuple(pair for pair in pairs if pair[0] < pair[1])
