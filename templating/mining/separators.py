"""A mark that stands between two values in every text: "{{passage}}\\n#\\n{{question}}", "{{title}} | {{text}}".

Where few texts are aligned such a mark says too little to be fixed text, for values hold it too.  All texts of a template together
tell.  Two accounts of how often the values of a slot hold a mark are weighed:

chance     it comes at a rate, as any word does: a Poisson variable of the value's length
separator  it stands there once, and the rest comes at a (smaller) rate

A mark stands apart, between white space: what touches a word (a comma, a full stop, a bracket) is how prose is written, and nearly
every value has one.  And values with a mark each are also the fields of one thing ("12 Hill Road - Leeds"): these have about as many
words in every text, where free text has now few, now many (R. A. Fisher's index of dispersion).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import log

from templating.mining.sampling import spread
from templating.mining.skeleton import trim

FEWEST = 14  # different values: of fewer, each of which has a mark once, nothing is proved
FIRST = 32  # values in which a mark is looked for before it is in all of them
MARKS = 32  # different marks of the shortest value that are looked for
BITS = 20.0  # by which a separator must be the better account: slots and their marks, of which each is asked, are many
EACH = 0.8  # bits per value: a list has a bullet before each item but the first, and is as long as it has items
MOST = 0.5  # of the texts may have the same value on one side: nothing parts one out of a few from what follows it
FREE = 1.0  # variance of the words on one side, as a multiple of their mean

Row = tuple[str, ...]


def parted(
    literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object]
) -> tuple[tuple[str, ...], list[Row]]:
    """The literals with the separators inside of slots, and the values of each text then.  tick: called for every slot."""
    parts, rows, place = list(literals), list(rows), 0
    while place < len(parts) - 1:
        tick()
        mark = _separator(rows, place, tick)
        if mark is None:
            place += 1
            continue
        sides = [row[place].split(mark, 1) for row in rows]
        left, right = trim([before for before, _ in sides])[1], trim([after for _, after in sides])[0]
        parts.insert(place + 1, left + mark + right)
        rows = [
            (*row[:place], before.removesuffix(left), after.removeprefix(right), *row[place + 1 :])
            for row, (before, after) in zip(rows, sides, strict=True)
        ]
    return tuple(parts), rows


def _separator(rows: Sequence[Row], place: int, tick: Callable[[], object]) -> str | None:
    """The mark that parts the values of a slot best, with a blank on either side."""
    if len(rows) < FEWEST:
        return None
    some = [row[place] for row in spread(rows, FIRST)]
    marks = [mark for mark in _marks(min(some, key=len)) if all(mark in value for value in some)]
    values = list(dict.fromkeys(row[place] for row in rows)) if marks else []
    if len(values) < FEWEST:
        return None
    proved: dict[str, float] = {}
    for mark in marks:
        tick()
        if all(mark in value for value in values):
            proved[mark] = _bits(mark, values)
    best = max(proved, key=proved.__getitem__, default="")
    return best if best and proved[best] >= max(BITS, EACH * len(values)) and _are_two(best, values) else None


def _marks(value: str) -> Sequence[str]:
    """The first MARKS that stand apart in a value and have no letter and no digit, each with the blanks beside it."""
    marks, end = dict[str, None](), 0
    for piece in value.split():
        start = value.index(piece, end)
        end = start + len(piece)
        if start > 0 and end < len(value) and not any(map(str.isalnum, piece)):
            marks[value[start - 1 : end + 1]] = None
            if len(marks) == MARKS:
                break
    return list(marks)


def _bits(mark: str, values: Sequence[str]) -> float:
    """How much better a separator accounts for how often the values hold the mark, each at least once, than chance does.

    The logarithm of the ratio of both likelihoods, with the rates that fit best: of c marks in a value of length s it is that of
    Poisson(c - 1 | s (C - n) / S) / Poisson(c | s C / S), where n values of length S hold C marks.
    """
    counts = [value.count(mark) for value in values]
    often, size, more = sum(counts), sum(map(len, values)), sum(counts) - len(values)
    rest = more * log(more / size) if more else 0.0
    each = sum(log(count / len(value)) for count, value in zip(counts, values, strict=True))
    return (rest - often * log(often / size) + len(values) + each) / log(2)


def _are_two(mark: str, values: Sequence[str]) -> bool:
    """Whether what stands on either side varies, and one side is free text."""
    sides = list(zip(*(value.split(mark, 1) for value in values), strict=True))
    varied = all(Counter(side).most_common(1)[0][1] <= MOST * len(values) for side in sides)
    return varied and any(_dispersion([len(text.split()) for text in side]) >= FREE for side in sides)


def _dispersion(numbers: Sequence[int]) -> float:
    """Their variance by their mean."""
    mean = sum(numbers) / len(numbers)
    return sum((number - mean) ** 2 for number in numbers) / len(numbers) / mean if mean else 0.0
