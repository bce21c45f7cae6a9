"""Separators: a mark between two values in every text: "{{passage}}\\n#\\n{{question}}", "{{title}} | {{text}}", "{{role}}. {{task}}".

The alignment of few texts finds no separators: a mark has too few bits, since values hold it too. All texts of a template together show
a separator. The rules, by kind of mark:

apart        A mark between white space. Two models of the number of marks in a slot's values are compared by likelihood:
             chance (marks come at a rate, as words do: a Poisson variable of the value's length) and separator (one mark is
             certain, the others come at a smaller rate).
touching     A mark that touches a word (a comma, a full stop), a word, or a line break. Nearly every value of prose has these, so the
             proof is repetition: the text on one side comes again with another text on the other side. "{{role}}. {{task}}" has one
             role with several tasks; prose that is cut at its first full stop does not repeat a half. Where values are made of a few
             sentences or items, halves do repeat, but then the last mark repeats its sides more often than the first.
choice       Before a colon, a full stop or a line break, repetition on the left side alone is enough where few short texts come there
             again and again, and free text behind them: "{{language}}: {{text}}". Greetings come again too, but before a comma.
number       A number counts the items of a value, so it separates nothing. But a mark behind a number in every value, where no other
             number has this mark, is fixed text ("{{chunk}}: {{text}}").
bracket      A bracket or a quote needs no proof: if every value opens one that fixed text closes, "{{tactic}} ({{turns}} turns)", or
             closes one that fixed text opens, it is fixed text on both sides, even among few texts.
end          The reverse case: a full stop that nearly all values end with is a part of the values, although every text has it.

A value that stands again inside another value with the same text around it, "<{{tag}}></{{tag}}>", proves this text (`repeated`).

JSON is one value, whatever its keys. The fields of one thing ("12 Hill Road - Leeds") are one value too: their number of words hardly
varies, while that of free text varies much (R. A. Fisher's index of dispersion).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import chain, islice, pairwise
from math import log

from templating.mining.data import are_varied, are_written_as_data
from templating.mining.quantities import END_CHARACTERS, FEW, FEWEST_ALIKE, FEWEST_EDIT_WORDS, GREAT_MAJORITY, HALF
from templating.mining.sampling import spread
from templating.mining.shared_text import shared_length, trim
from templating.mining.sieve import Row

BRACKETS = ("(", ")"), ("[", "]"), ("{", "}"), ("<", ">")
QUOTES = '"', "`"
STOPS = (".", "!", "?", "。")  # marks that end a sentence
FEWEST_VALUES_WITH_ONE = 14  # least different values of which each has a mark once: fewer prove nothing by this
FIRST_SEARCHED_VALUES = 32  # values in which a mark is looked for before all values are searched
WORDS_AT_AN_END = 128  # words at either end of the shortest value in which marks are looked for
REPEATED_SHARE = 0.02  # least share of the values with a repetition on either side: a text that comes again with another text on the other side
ENDS_OF_A_CHOICE = (":", "：", *STOPS)  # marks behind a choice; a greeting, which comes again too, ends in a comma
TEXTS_PER_CHOICE = 4  # least texts per choice: with fewer, values may begin with their own label ("Subject: late parcel")
COMPARED_BEGINNINGS = 300  # most values of which all pairs are compared by their beginnings
BITS_OF_A_SEPARATOR = 20.0  # least bits by which "separator" must be the better model: many slots and marks are tested
BITS_PER_VALUE = 0.8  # least bits per value: a list's length grows with its items, each but the first behind a bullet
FREE_TEXT_DISPERSION = 1.0  # least variance of the number of words on one side, as a multiple of the mean, in free text

MOST_REPEATED_PLACES = 16  # most places whose values are looked for in others: bounds the work
_AGAIN = "\x00"  # in no value: stands for the repeated value
_WORD, _BLANKS = re.compile(r"\S+"), re.compile(r"\s+")


def parted(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object]) -> tuple[str, ...]:
    """The literals, with the separators inside slots made fixed. rows: the values of each text. tick: called for every slot."""
    (parts, rows), place = _rejoined(literals, rows), 0
    while rows and place < len(parts) - 1:
        tick()
        mark = _bracket(parts, rows, place, tick) or _separator(rows, place, tick)
        if mark is None:
            place += 1
            continue
        if all(row[place].endswith(mark) for row in rows):  # the mark belongs to the literal behind the slot
            parts[place + 1] = mark + parts[place + 1]
            rows = [(*row[:place], row[place].removesuffix(mark), *row[place + 1 :]) for row in rows]
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
    """(literals, rows) without marks behind which nearly every text has nothing: these marks end the values, and some values go on."""
    parts, rows = list(literals), list(rows)
    for place in range(len(parts) - 2, 0, -1):
        mark = parts[place]
        if mark.rstrip() not in STOPS or len(rows) < FEW:
            continue
        if sum(not row[place] for row in rows) >= GREAT_MAJORITY * len(rows):
            rows = [(*row[: place - 1], row[place - 1] + mark + row[place], *row[place + 1 :]) for row in rows]
            del parts[place]
    return parts, rows


def _bracket(
    literals: Sequence[str], rows: Sequence[Row], place: int, tick: Callable[[], object]
) -> str | None:
    """The bracket or quote that every value of a slot opens and the next literal closes, or that the previous literal opens and values close.

    Most values must have no other such bracket, since values of code have many.
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
            if loose >= GREAT_MAJORITY * len(some) and once >= HALF * len(some):
                return mark
    return None


def _is_loose(text: str, mark: str) -> bool:
    """Whether the text has this bracket, or quote, without the other of the pair."""
    if mark in QUOTES:
        return text.count(mark) % 2 == 1
    return any(_loose(text, *pair)[1 - pair.index(mark)] for pair in BRACKETS if mark in pair)


def _loose(text: str, opening: str, closing: str) -> tuple[int, int]:
    """(closed brackets that the text does not open, opened brackets that the text does not close)"""
    if opening not in text or closing not in text:
        return text.count(closing), text.count(opening)
    closed = opened = 0
    for mark in text:
        if mark == opening:
            opened += 1
        elif mark == closing:
            opened, closed = (opened - 1, closed) if opened else (0, closed + 1)
    return closed, opened


def _separator(rows: Sequence[Row], place: int, tick: Callable[[], object]) -> str | None:
    """The mark, word or line break that separates the values of a slot best."""
    if len(rows) < FEWEST_ALIKE:
        return None
    some = sorted((row[place] for row in spread(rows, FIRST_SEARCHED_VALUES)), key=len)  # short values first: most marks are missing there, so long values are not searched
    marks = list(islice((mark for mark in _marks(some[0]) if all(mark in value for value in some)), FIRST_SEARCHED_VALUES))
    values = list(dict.fromkeys(row[place] for row in rows)) if marks else []
    numbered = next((mark for mark in marks if _follows_a_number(mark, values)), None)
    if numbered or len(values) < FEW:
        return numbered
    proved, begins = [], _shared_begins(values)
    for mark in marks:
        tick()
        apart = mark[0].isspace() and mark[-1].isspace() and not (mark.isspace() or any(map(str.isalnum, mark)))
        once = apart and len(values) >= FEWEST_VALUES_WITH_ONE
        if (once or mark in begins) and all(mark in value for value in values):
            bits = _bits(mark, values) if once else 0.0
            heads = _heads(mark, values) if mark in begins else set[str]()
            again = (_again(mark, values, heads) or _chosen(mark, values, heads)) if heads else 0
            if bits >= max(BITS_OF_A_SEPARATOR, BITS_PER_VALUE * len(values)) or again > 0:
                proved.append((again, len(mark) if again else bits, bits, mark))  # repetition is better proof than bits; then the longer mark is better
    if not proved or are_written_as_data(values[:FEW]):
        return None
    return next((mark for again, *_, mark in sorted(proved, reverse=True) if _are_two(mark, values, again) or _chosen(mark, values, _heads(mark, values))), None)


def _marks(value: str) -> Iterator[str]:
    """Candidates for a separator in a value: marks at its words or between them, each once, without numbers."""
    tail = len((value.rsplit(None, WORDS_AT_AN_END) or [""])[0])
    words = chain(islice(_WORD.finditer(value), WORDS_AT_AN_END), _WORD.finditer(value, tail))
    seen = set[str]()
    for start, end in dict.fromkeys(word.span() for word in words):
        for mark in _forms(value, start, end):
            if mark not in seen and not any(map(str.isnumeric, mark)):
                yield mark
            seen.add(mark)


def _forms(value: str, start: int, end: int) -> Iterator[str]:
    """The word value[start:end] with its blanks, the marks at its beginning and end, each with one blank, and a line break behind it."""
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
    """Whether all values are a number (several different numbers), the mark, and a text that is no list of further such items."""
    if not values[0].partition(mark)[0].isdecimal() or not all(mark in value for value in values):
        return False
    heads = {value.partition(mark)[0] for value in values}
    if len(heads) < FEWEST_ALIKE or not all(map(str.isdecimal, heads)) or any(value.partition(mark)[2][:1].isdecimal() for value in values):
        return False
    next_item = re.compile(rf"\n\W*\d+{re.escape(mark)}")
    return sum(next_item.search(value) is not None for value in values) < HALF * len(values)


def _shared_begins(values: Sequence[str]) -> str:
    """The common prefixes of neighbours among the sorted values, joined.

    If the left side of a mark comes again, one of these prefixes holds the mark.
    """
    pairs = pairwise(sorted(spread(values, COMPARED_BEGINNINGS)))
    return "\x00".join(low[: shared_length((low, high))] for low, high in pairs)


def _heads(mark: str, values: Sequence[str]) -> set[str]:
    """The texts before the first mark of each value."""
    return {value[: value.index(mark)] for value in values}


def _outlines(mark: str, values: Iterable[str]) -> int:
    """The number of different lengths and middles of the texts behind the first mark: there are at least as many texts, none of which is cut."""
    places = ((value, value.index(mark) + len(mark)) for value in values)
    return len({(len(value) - place, value[(middle := (place + len(value)) // 2) : middle + END_CHARACTERS]) for value, place in places})


def _again(mark: str, values: Sequence[str], heads: Set[str]) -> int:
    """The repetitions on either side of the first mark (a text that comes again with another text on the other side): the lesser number.

    0 when another mark of the same values has as many. values: all different. heads: the texts before the mark.
    """
    size, least = len(values), REPEATED_SHARE * len(values)
    lefts = size - len(heads)
    if min(lefts, size - _outlines(mark, values)) < least:
        return 0
    halves = [(left, right) for left, _, right in (value.partition(mark) for value in values)]
    rights = size - len({right for _, right in halves})
    if rights < least or lefts + rights < FEWEST_ALIKE:
        return 0
    if mark.isspace() and sum(value.count(mark) == 1 for value in values) < GREAT_MAJORITY * size:
        return 0
    more = [(left, right) for left, right in halves if mark in right]
    tails = {right for _, right in more}
    beginnings = {(left, right.split(mark, 1)[0]) for left, right in more}
    if rights <= len(tails) - len({tail.rsplit(mark, 1)[1] for tail in tails}) or lefts <= len(more) - len(beginnings):
        return 0
    return min(lefts, rights)


def _chosen(mark: str, values: Sequence[str], choices: Set[str]) -> int:
    """The repetitions of the texts before a mark if they are a choice of few, as the languages in "Translate into {{language}}: {{text}}"; else 0.

    A conversation has a colon behind every speaker, so nearly every value of a choice has free text behind the mark and none of the
    choices again. Sentences may be out of a few too, but then the next sentence is as well. choices: the texts before the mark.
    """
    size = len(values)
    if not mark.startswith((*ENDS_OF_A_CHOICE, "\n")) or size < TEXTS_PER_CHOICE * len(choices):
        return 0
    if any("\n" in choice or len(choice.split()) >= FEWEST_EDIT_WORDS for choice in choices):
        return 0
    pieces = [value.split(mark)[1:] for value in values]
    alone = sum(choices.isdisjoint(piece.rpartition("\n")[2] for piece in its[:-1]) for its in pieces)
    is_choice = len({its[0] for its in pieces}) >= TEXTS_PER_CHOICE * len(choices) and alone >= GREAT_MAJORITY * size
    return size - len(choices) if is_choice else 0


def _bits(mark: str, values: Sequence[str]) -> float:
    """Bits by which the model "separator" explains the counts of the mark better than "chance". Each value holds the mark.

    The logarithm of the likelihood ratio with the best rates: for c marks in a value of length s it is that of
    Poisson(c - 1 | s (C - n) / S) / Poisson(c | s C / S), where n values of length S hold C marks.
    """
    counts = [value.count(mark) for value in values]
    often, size, more = sum(counts), sum(map(len, values)), sum(counts) - len(values)
    rest = more * log(more / size) if more else 0.0
    each = sum(log(count / len(value)) for count, value in zip(counts, values, strict=True))
    return (rest - often * log(often / size) + len(values) + each) / log(2)


def _are_two(mark: str, values: Sequence[str], again: int) -> bool:
    """Whether the texts on both sides vary, and are free text on one side, or words that come again beside other words (`again` times)."""
    sides = list(zip(*(value.split(mark, 1) for value in values), strict=True))
    varied = all(Counter(side).most_common(1)[0][1] <= HALF * len(values) for side in sides)
    words = again >= HALF * len(values) and all(any(map(str.isalpha, text)) for side in sides for text in side)
    return varied and (words or any(_dispersion([len(text.split()) for text in side]) >= FREE_TEXT_DISPERSION for side in sides))


def _dispersion(numbers: Sequence[int]) -> float:
    """The variance of the numbers, divided by their mean."""
    mean = sum(numbers) / len(numbers)
    return sum((number - mean) ** 2 for number in numbers) / len(numbers) / mean if mean else 0.0


def repeated(literals: tuple[str, ...], rows: Sequence[Row], tick: Callable[[], object]) -> tuple[str, ...]:
    """The literals, with the text around repeated values made fixed. rows: the values of each text. tick: called for every slot."""
    columns, parts = list(zip(*rows, strict=True)), list(literals)
    said = list(islice((column for column in columns if all(column) and are_varied(column, FEWEST_ALIKE)), MOST_REPEATED_PLACES))
    for place in reversed(range(len(columns))):
        tick()
        for other in said:
            if other is not columns[place] and other[0] in columns[place][0] and (pieces := _pieces_around(columns[place], other)):
                parts[place : place + 2] = [parts[place] + pieces[0], *pieces[1:-1], pieces[-1] + parts[place + 1]]
                break
    return tuple(parts)


def _pieces_around(column: Sequence[str], other: Sequence[str]) -> list[str]:
    """The texts around the other place's values inside this place's values, if the same in all texts; else empty."""
    texts = set[str]()
    for value, said in zip(column, other, strict=True):
        texts.add(value.replace(said, _AGAIN))
        if len(texts) > 1:
            return []
    pieces = texts.pop().split(_AGAIN)
    return pieces if len(pieces) > 1 and (len(pieces) > 2 or any(pieces)) and all(pieces[1:-1]) else []
