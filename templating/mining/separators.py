"""A mark that stands between two values in every text: "{{passage}}\\n#\\n{{question}}", "{{title}} | {{text}}", "{{role}}. {{task}}".

Where few texts are aligned such a mark says too little to be fixed text, for values hold it too.  All texts of a template together
tell.  Two accounts of how often the values of a slot hold a mark are weighed:

chance     it comes at a rate, as any word does: a Poisson variable of the value's length
separator  it stands there once, and the rest comes at a (smaller) rate

Such a mark stands apart, between white space: what touches a word (a comma, a full stop, a bracket) is how prose is written, and
nearly every value has one.  Of these, of words and of line breaks, another thing tells: what stands on either side comes again with something else on
the other.  "{{role}}. {{task}}" has one role with several tasks and one task for several roles; of prose that is cut at its first full
stop no second half comes again with another first one.  Where halves do come again because values are made of few sentences or items,
the last of them does so more often than all that follow the first.  Numbers count the items of a value and part nothing; but what
follows a number in every value, and no other number follows, is fixed text ("{{chunk}}: {{text}}").

A bracket or a quote needs no proof: where fixed text closes one that every value opens, "{{tactic}} ({{turns}} turns)", or opens one that every
value closes, it is fixed text on both sides, however few the texts are.

The other way round, a full stop that nearly all values end with is theirs, although it stands in every text.

JSON is one value, whatever its keys.  And values with a mark each are also the fields of one thing ("12 Hill Road - Leeds"): these
have about as many words in every text, where free text has now few, now many (R. A. Fisher's index of dispersion).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, pairwise
from math import log

from templating.mining.borders import shared_length
from templating.mining.sampling import spread
from templating.mining.skeleton import trim

BRACKETS = ("(", ")"), ("[", "]"), ("{", "}")
QUOTES = '"', "`"
LOOSE_SHARE = 0.8  # of the values leave a bracket open, or closed; the others have another one that is loose
ONE_BRACKET_SHARE = 0.5  # of the values, at least, have no other such bracket: values of code have many
STOPS = (".", "!", "?", "。")  # marks that end a sentence
NOTHING_BEHIND_SHARE = 0.8  # of the texts have nothing behind a mark that ends the values
FEWEST_VALUES = 8  # different values: of fewer nothing is proved
FEWEST_VALUES_WITH_ONE = 14  # different values: of fewer nothing is proved by their having a mark once each
FIRST_SEARCHED_VALUES = 32  # values in which a mark is looked for before it is in all of them
MOST_TRIED_MARKS = 32  # different marks of the shortest value that are looked for
WORDS_AT_AN_END = 128  # words at either end of that value that are looked at
LEAST_REPEATS = 1  # values on either side that come again with something else on the other
REPEATED_SHARE = 0.02  # of the values, at least, come again so
LEAST_REPEATS_OF_BOTH = 3  # values that come again on both sides together
COMPARED_BEGINNINGS = 300  # values of which any two may begin alike
ITEMS_SHARE = 0.5  # of the values, or more, go on with a number and the mark on another line: a list of numbered items is one value
FEWEST_NUMBERS = 3  # different numbers that stand before a mark
ONE_BREAK_SHARE = 0.8  # of the values have no other such line break, if one parts two: a conversation has one for each turn
BITS_OF_A_SEPARATOR = 20.0  # bits by which it must be the better account: slots and marks, of which each is asked, are many
BITS_PER_VALUE = 0.8  # bits: a list has a bullet before each item but the first, and is as long as it has items
MOST_ALIKE_SHARE = 0.5  # of the texts have the same value on one side, at most: nothing parts one out of a few from what follows it
FREE_TEXT_DISPERSION = 1.0  # variance of the words on one side, as a multiple of their mean

Row = tuple[str, ...]
_WORD, _BLANKS = re.compile(r"\S+"), re.compile(r"\s+")


def parted(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object]) -> tuple[str, ...]:
    """The literals with the separators inside of slots.  rows: the values of each text.  tick: called for every slot."""
    (parts, rows), place = _rejoined(literals, rows), 0
    while rows and place < len(parts) - 1:
        tick()
        mark = _bracket(parts, rows, place, tick) or _separator(rows, place, tick)
        if mark is None:
            place += 1
            continue
        if all(row[place].endswith(mark) for row in rows):  # it belongs to the text behind the slot
            parts[place + 1] = mark + parts[place + 1]
            rows = [(*row[:place], row[place].removesuffix(mark), *row[place + 1 :]) for row in rows]
            continue
        if all(row[place].startswith(mark) for row in rows):
            parts[place] += mark
            rows = [(*row[:place], row[place].removeprefix(mark), *row[place + 1 :]) for row in rows]
            continue
        sides = [row[place].split(mark, 1) for row in rows]
        before_mark, after_mark = trim([before for before, _ in sides])[1], trim([after for _, after in sides])[0]
        parts.insert(place + 1, before_mark + mark + after_mark)
        rows = [
            (*row[:place], before.removesuffix(before_mark), after.removeprefix(after_mark), *row[place + 1 :])
            for row, (before, after) in zip(rows, sides, strict=True)
        ]
    return tuple(parts)


def _rejoined(literals: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """Without the marks behind which nearly every text has nothing more: they end the values, and some values go on."""
    parts, rows = list(literals), list(rows)
    for place in range(len(parts) - 2, 0, -1):
        mark = parts[place]
        if mark.rstrip() not in STOPS or len(rows) < FEWEST_VALUES:
            continue
        if sum(not row[place] for row in rows) >= NOTHING_BEHIND_SHARE * len(rows):
            rows = [(*row[: place - 1], row[place - 1] + mark + row[place], *row[place + 1 :]) for row in rows]
            del parts[place]
    return parts, rows


def _bracket(
    literals: Sequence[str], rows: Sequence[Row], place: int, tick: Callable[[], object]
) -> str | None:
    """The bracket or quote that every value of a slot opens and the text after it closes, or that the text before it opens and they close.

    Most values have no other: those of code are opened and closed again and again.
    """
    before, after = literals[place : place + 2]
    marks = [opening for opening, closing in BRACKETS if _loose(after, opening, closing)[0]]
    marks += [closing for opening, closing in BRACKETS if _loose(before, opening, closing)[1]]
    marks += [quote for quote in QUOTES if before.endswith(quote) or after.startswith(quote)]
    for mark in marks:
        if all(mark in row[place] for row in rows):
            loose, once, some = 0, 0, spread(rows, FIRST_SEARCHED_VALUES)
            for row in some:
                tick()
                loose += _is_loose(row[place], mark)
                once += row[place].count(mark) == 1
            if loose >= LOOSE_SHARE * len(some) and once >= ONE_BRACKET_SHARE * len(some):
                return mark
    return None


def _is_loose(text: str, mark: str) -> bool:
    """Whether the text has such a bracket, or quote, without the other one of its pair."""
    if mark in QUOTES:
        return text.count(mark) % 2 == 1
    return any(_loose(text, *pair)[1 - pair.index(mark)] for pair in BRACKETS if mark in pair)


def _loose(text: str, opening: str, closing: str) -> tuple[int, int]:
    """(how many brackets it closes and has not opened, how many it opens and does not close)"""
    closed = opened = 0
    if opening in text or closing in text:
        for mark in text:
            if mark == opening:
                opened += 1
            elif mark == closing:
                opened, closed = (opened - 1, closed) if opened else (0, closed + 1)
    return closed, opened


def _separator(rows: Sequence[Row], place: int, tick: Callable[[], object]) -> str | None:
    """The mark, word or line break that parts the values of a slot best."""
    if len(rows) < FEWEST_NUMBERS:
        return None
    some = sorted((row[place] for row in spread(rows, FIRST_SEARCHED_VALUES)), key=len)  # what the short ones lack need not be looked for in the long
    marks = list(islice((mark for mark in _marks(some[0]) if all(mark in value for value in some)), MOST_TRIED_MARKS))
    values = list(dict.fromkeys(row[place] for row in rows)) if marks else []
    numbered = next((mark for mark in marks if _follows_a_number(mark, values)), None)
    if numbered or len(values) < FEWEST_VALUES:
        return numbered
    proved, begins = [], _shared_begins(values)
    for mark in marks:
        tick()
        apart = mark[0].isspace() and mark[-1].isspace() and not (mark.isspace() or any(map(str.isalnum, mark)))
        once = apart and len(values) >= FEWEST_VALUES_WITH_ONE
        if (once or mark in begins) and all(mark in value for value in values):
            bits = _bits(mark, values) if once else 0.0
            again = _again(mark, values) if mark in begins else 0
            if bits >= max(BITS_OF_A_SEPARATOR, BITS_PER_VALUE * len(values)) or again > 0:
                proved.append((again, len(mark) if again else bits, bits, mark))
    if not proved or all(map(_is_json, values[:FEWEST_VALUES])):
        return None
    return next((mark for *_, mark in sorted(proved, reverse=True) if _are_two(mark, values)), None)


def _marks(value: str) -> Iterator[str]:
    """What may be a separator in a value: what stands at its words or between them, each once, without numbers."""
    tail = len((value.rsplit(None, WORDS_AT_AN_END) or [""])[0])
    words = chain(islice(_WORD.finditer(value), WORDS_AT_AN_END), _WORD.finditer(value, tail))
    seen = set[str]()
    for start, end in dict.fromkeys(word.span() for word in words):
        for mark in _forms(value, start, end):
            if mark not in seen and not any(map(str.isnumeric, mark)):
                yield mark
            seen.add(mark)


def _forms(value: str, start: int, end: int) -> Iterator[str]:
    """The word value[start:end] between its blanks, the marks that it begins and ends with, each with one blank, and a line break behind it."""
    inside = end < len(value)
    if start > 0 and inside:
        yield value[start - 1 : end + 1]
    if inside and (blanks := _BLANKS.match(value, end)) and "\n" in blanks[0]:
        yield blanks[0]
    if any(map(str.isalnum, value[start:end])):
        first = next(place for place in range(start, end) if value[place].isalnum())
        last = next(place for place in range(end, start, -1) if value[place - 1].isalnum())
        if start > 0:
            yield from (value[start - 1 : place] for place in range(first, start, -1))
        if inside:
            yield from (value[place : end + 1] for place in range(last, end))


def _follows_a_number(mark: str, values: Sequence[str]) -> bool:
    """Whether all values are a number, several different ones, then the mark and something else, which is no list of more such items."""
    heads = {value.partition(mark)[0] for value in values} if all(mark in value for value in values) else set[str]()
    if len(heads) < FEWEST_NUMBERS or not all(map(str.isdecimal, heads)) or any(value.partition(mark)[2][:1].isdecimal() for value in values):
        return False
    next_item = re.compile(rf"\n\W*\d+{re.escape(mark)}")
    return sum(next_item.search(value) is not None for value in values) < ITEMS_SHARE * len(values)


def _shared_begins(values: Sequence[str]) -> str:
    """What two of the values begin with, for each two that are next to each other in order, one after the other.

    Where the left side of a mark comes again, the mark is in there.
    """
    pairs = pairwise(sorted(spread(values, COMPARED_BEGINNINGS)))
    return "\x00".join(low[: shared_length((low, high))] for low, high in pairs)


def _again(mark: str, values: Sequence[str]) -> int:
    """How often what stands on either side of the first mark comes again with something else on the other: the less of both.

    0 when another mark of the same values tells as much.  values: all different.
    """
    size, least = len(values), max(LEAST_REPEATS, REPEATED_SHARE * len(values))
    lefts = size - len({value[: value.index(mark)] for value in values})
    if lefts < least:
        return 0
    halves = [(left, right) for left, _, right in (value.partition(mark) for value in values)]
    rights = size - len({right for _, right in halves})
    if rights < least or lefts + rights < LEAST_REPEATS_OF_BOTH:
        return 0
    if mark.isspace() and sum(value.count(mark) == 1 for value in values) < ONE_BREAK_SHARE * size:
        return 0
    more = [(left, right) for left, right in halves if mark in right]
    tails = {right for _, right in more}
    heads = {(left, right.split(mark, 1)[0]) for left, right in more}
    if rights <= len(tails) - len({tail.rsplit(mark, 1)[1] for tail in tails}) or lefts <= len(more) - len(heads):
        return 0
    return min(lefts, rights)


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


def _is_json(value: str) -> bool:
    """Whether it looks like an object or an array."""
    return value[:1] + value[-1:] in ("{}", "[]")


def _are_two(mark: str, values: Sequence[str]) -> bool:
    """Whether what stands on either side varies, and one side is free text."""
    sides = list(zip(*(value.split(mark, 1) for value in values), strict=True))
    varied = all(Counter(side).most_common(1)[0][1] <= MOST_ALIKE_SHARE * len(values) for side in sides)
    return varied and any(_dispersion([len(text.split()) for text in side]) >= FREE_TEXT_DISPERSION for side in sides)


def _dispersion(numbers: Sequence[int]) -> float:
    """Their variance by their mean."""
    mean = sum(numbers) / len(numbers)
    return sum((number - mean) ** 2 for number in numbers) / len(numbers) / mean if mean else 0.0
