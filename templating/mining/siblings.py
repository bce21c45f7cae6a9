"""One template, or several in one house style?

The prompts of a product share a frame (a preamble, the rules of the answer, a schema). A set of such siblings looks like one template
whose slots hold the instructions of each sibling. But slots with few values (a document, a persona, a product's name and description)
divide the texts just as siblings do. Let a kind be such a part of the texts. Kinds are siblings if the texts of a kind agree with each
other, and with no other texts, in more places than a value has. A value is one record: a long text and two short ones, since the fields of
one thing change together. Three further places are beyond a value. As so many count:

place    1: a text that all texts of the kind have, or three words with which different values begin or end. A variable that stands twice
         counts once. Text inside data (JSON, a fence) counts only beside a long text outside: a schema belongs to the instruction that
         changes with it.
long     3: a further place with a long text
beside   2 more: words beside a variable, as no value has them
order    1 more: three of the places are in a part without variables (the system text), by more than a value
body     3 more: different values at an open end begin or end with many words, which stand nowhere else in other texts (a passage found for
         several questions does)

Two signs need no further place:

frame    different values have several words of the kind's own on both sides of a variable, or a long text on one side and words inside or on
         the other; the kind has at least as many words of its own as all texts share
section  a text of several words, and different values at another place have the label of a line in common, which other texts lack by
         more than chance

Behind a preamble, kinds of different values that begin, or end, with the same few words at an open end are siblings if they hold many of the texts.

If one kind is a sibling, and all other texts agree in words of their own, at one place at least where the kind has others, both are
siblings. If one kind has a section and comes back again and again, and all other texts have some words in the place of its text, the
set is several templates, whose parts are unknown.

Texts that end where others go on, with a label or an instruction at their end, are siblings (`continued`).

Texts that continue each other (the turns of a conversation) agree in earlier turns, which are no fixed text.
"""

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, compress, islice, pairwise, repeat
from typing import NamedTuple

import numpy as np

from templating.mining.budget import unlimited
from templating.mining.data import are_data
from templating.mining.eras import bits_of_blocks, bits_of_lives, returns
from templating.mining.families import MOST_EDIT_RETURNS
from templating.mining.mixture import is_open
from templating.mining.quantities import (
    BITS_BEYOND_CHANCE,
    CLEAR_MAJORITY,
    FEW,
    FEWEST_ALIKE,
    FEWEST_EDIT_WORDS,
    FEWEST_OF_A_KIND,
    FEWEST_WORDS_OF_A_BODY,
    FEWEST_WORDS_OF_A_LONG_TEXT,
    GREAT_MAJORITY,
    HALF,
    MOST_EDIT_TEXTS,
    OTHERS_SHARE,
)
from templating.mining.shared_text import edge_words, longest, runs_of, shared_end_length, shared_length, trim
from templating.mining.skeleton import Skeleton
from templating.scripts import words_of

FEWEST_OWN_GRAMS = 12  # least grams that the texts of a kind share beyond the grams of all texts
FRESH_KIND_SHARE = 0.3  # least share of a kind outside of earlier kinds; with half, 1 of 14 prompts of a software company's agents is lost
GRAMS_OF_AN_INSTRUCTION = 4  # least grams beyond those of all texts where a kind has an instruction of a few words at an open end: an arbitrary gram is often chance, words beside the preamble are not
MOST_HOLDERS = 1.15  # most texts that hold a kind's own text, as a multiple of the kind's texts; text that more have is a value
_LABEL = re.compile(r"^(?:#.*|\W*[^\W\d_][^\n:]*:(?!\S))", re.MULTILINE)  # the heading of a section, or its label
_NEXT_ITEM = re.compile(r"</(\w+)>\s*<\1\b[^<>]*>|\n[^\n:]+: ")  # the end of an element and the beginning of the next of the same name; the label of a field on its line


def siblings(
    places: "Places", kinds: Iterable[np.ndarray], times: Sequence[Sequence[int]], tick: Callable[[], object] = unlimited
) -> list[np.ndarray] | None:
    """Two parts of a template that is several, as positions of texts; empty if the parts are unknown; None for one template.

    kinds: positions of texts that share FEWEST_OWN_GRAMS grams more, the most telling kind first. times: per text the times of its calls. tick: called for
    every kind.
    """
    size, kinds = places.size, list(kinds)
    covered = np.zeros(size, bool)
    for kind in kinds:
        covered[kind] = True
    if size < FEWEST_OF_A_KIND:
        return None
    if covered.sum() < CLEAR_MAJORITY * size:
        return _two(places, [kind for kind in kinds if len(kind) >= OTHERS_SHARE * size and places.are_own(kind)], size)
    fresh, apart, largest = np.ones(size, bool), np.ones(size, bool), 0
    telling = list[np.ndarray]()
    for kind in kinds:
        tick()
        its = int(fresh[kind].sum())
        if its < max(2, FRESH_KIND_SHARE * len(kind)):
            # A wider kind around the first telling one may be the whole sibling, of which the first is a part.
            telling += [kind for smaller in telling[:1] if len(smaller) < len(kind) and np.isin(smaller, kind).all()]
            continue
        if not places.are_own(kind):
            continue
        fresh[kind] = False
        telling.append(kind)
        if its >= GREAT_MAJORITY * len(kind):
            apart[kind] = False
            largest = max(largest, len(kind))
        parted = size - int(apart.sum())
        if fresh.sum() <= OTHERS_SHARE * size or (parted >= CLEAR_MAJORITY * size and parted - largest >= OTHERS_SHARE * size):
            return []
    telling = [kind for kind in telling if len(kind) >= OTHERS_SHARE * size]
    two = _two(places, telling, size)
    return [] if two is None and any(_comes_back(kind, times) and places.are_of_a_task(kind) for kind in telling) else two


def take_turns(places: "Places", kinds: Iterable[np.ndarray], times: Sequence[Sequence[int]]) -> bool:
    """Whether the texts are of kinds that a program uses in turn, each with fixed text of its own: the versions of a prompt seldom come back.

    kinds: as in `siblings`. times: per text the times of its calls.
    """
    is_rest, apart = np.ones(places.size, bool), 0
    for kind in kinds:
        if is_rest[kind].all() and _comes_back(kind, times) and places.are_own(kind):
            is_rest[kind] = False
            apart += 1
    rest = np.flatnonzero(is_rest)
    if len(rest) <= OTHERS_SHARE * places.size:
        return apart > 1
    return apart > 0 and _comes_back(rest, times) and places.are_own(rest)


def _comes_back(kind: np.ndarray, times: Sequence[Sequence[int]]) -> bool:
    """Whether a kind and all other texts follow each other again and again, or mix by chance."""
    its = {*kind.tolist()}
    both = [[when for text, calls in enumerate(times) if (text in its) == is_kind for when in calls] for is_kind in (True, False)]
    return returns(both, FEWEST_ALIKE) > MOST_EDIT_RETURNS or max(bits_of_blocks(both), bits_of_lives(both)) < 0


def instructions(places: "Places", kinds: Iterable[np.ndarray], tick: Callable[[], object] = unlimited) -> list[np.ndarray] | None:
    """As `siblings`, for short instructions around values of their own: "Draft a reply to this message: {{text}}" behind one preamble.

    kinds: positions of texts that share GRAMS_OF_AN_INSTRUCTION grams more.
    """
    size = places.size
    fresh, largest = np.ones(size, bool), 0
    for kind in kinds:
        tick()
        if fresh[kind].sum() >= GREAT_MAJORITY * len(kind) and places.have_instruction(kind):
            fresh[kind] = False
            largest = max(largest, len(kind))
    parted = size - int(fresh.sum())
    return [] if parted >= (1 - CLEAR_MAJORITY) * size and parted - largest >= OTHERS_SHARE * size else None


def continued(skeleton: Skeleton) -> list[np.ndarray] | None:
    """The texts that end before the last slot, and those that go on there with an answer and a request of their own; None for one template.

    A cue at the end of a prompt says what is asked: "Critique:" asks for another text than "Critique: ... Revision:". Where the same
    cue stands at both ends, a conversation goes on.
    """
    template = skeleton.template
    if template.literals[-1].strip():
        return None
    last = [row[-1] for row in skeleton.values]
    goes_on = np.array([bool(value.strip()) for value in last])
    if not FEWEST_OF_A_KIND <= goes_on.sum() <= len(last) - FEWEST_OF_A_KIND:
        return None
    values = longest({value for value in last if value.strip()})
    if len(values) < FEWEST_OF_A_KIND or not _end_in_a_cue(values, template.literals[-2].split()[-1:]):
        return None
    return [np.flatnonzero(~goes_on), np.flatnonzero(goes_on)]


def closing(skeleton: Skeleton, barrier: str) -> list[np.ndarray] | None:
    """The texts by their last lines, where one system text has a text and one of a few short instructions below; None for one template.

    As no words begin the part, the instruction says which call site it is.
    """
    system, *rest = skeleton.template.literals
    if not rest or not barrier or barrier not in system or any(map(str.isalnum, system.rpartition(barrier)[2])):
        return None
    lines: dict[str, list[int]] = {}
    texts = ["".join(map("".join, zip(values, rest, strict=True))).rstrip() for values in skeleton.values]
    for position, text in enumerate(texts):
        lines.setdefault(text.rpartition("\n")[2], []).append(position)
        if len(lines) * FEWEST_OF_A_KIND > len(texts):
            return None
    kinds = [[texts[position][::-1] for position in its] for its in lines.values()]
    if len(kinds) < 2 or min(map(len, kinds)) < FEWEST_OF_A_KIND or len({line.partition(" ")[0] for line in lines}) == 1 or not all(map(_asks, lines)):
        return None
    above = [text[shared_length(its) :] for its in kinds for text in its]
    is_short = 2 * sum(map(len, above)) > sum(map(len, texts))
    return [np.array(its) for its in lines.values()] if is_short and len(set(above)) > len(lines) else None


def _asks(line: str) -> bool:
    """Whether a last line is an instruction rather than a value out of a few: some words, or one with a mark."""
    return len(words_of(line)) >= FEWEST_ALIKE or (line[:1].isalpha() and not line[-1].isalnum())


def _end_in_a_cue(values: Sequence[str], before: Container[str]) -> bool:
    """Whether all values end in one of a few words with a colon, or in one instruction.

    before: the word that ends the other prompts.
    """
    cues = {value.split()[-1] for value in values}
    if len(cues) > MOST_EDIT_TEXTS or not all(cue not in before and any(map(str.isalnum, cue)) for cue in cues):
        return False
    return all(cue.endswith(":") for cue in cues) or len(words_of(trim(values)[1])) >= FEWEST_WORDS_OF_A_BODY


def _two(places: "Places", kinds: Iterable[np.ndarray], size: int) -> list[np.ndarray] | None:
    """The first kind where all other texts say something else, and these texts. size: the number of texts."""
    for kind in kinds:
        rest = np.setdiff1d(np.arange(size), kind, assume_unique=True)
        if places.say_otherwise(rest, kind):
            return [kind, rest]
    return None


class _Agreement(NamedTuple):
    """The places where the texts of a kind agree.

    blocks: words of each constant text that other texts lack; texts without words between them (a numbered list, a list in markup) are one block.
    labels: per place with different values, the words with which all begin or end.
    has_body: whether a long label is at an open end.
    orders: the most blocks of a part of the prompt in which all texts are equal.
    """

    blocks: list[int]
    labels: list[int]
    has_body: bool
    orders: int

    @property
    def places_beyond_a_value(self) -> int:
        """How many places agree beyond those of a value, as the module counts them."""
        pieces = sorted([*self.blocks, *(words for words in self.labels if words >= FEWEST_ALIKE)])
        further = sum(FEWEST_ALIKE if words >= FEWEST_WORDS_OF_A_LONG_TEXT else 1 for words in pieces[:-1])
        is_order = self.orders >= FEWEST_ALIKE and pieces[-1] >= FEWEST_EDIT_WORDS
        return further + 2 * any(self.labels) + is_order + FEWEST_ALIKE * self.has_body


class Places:
    """The slots of a template, with the values of the texts. size: the number of texts."""

    def __init__(self, skeleton: Skeleton, barrier: str) -> None:
        self.size = len(skeleton.members)
        self._template, self._rows, self._barrier = skeleton.template, skeleton.values, barrier
        self._agreements: dict[bytes, _Agreement] = {}

    @cached_property
    def _columns(self) -> list[tuple[str, ...]]:
        return list(zip(*self._rows, strict=True))

    @cached_property
    def _parts(self) -> list[int]:
        """Per slot the part of the prompt."""
        literals = self._template.literals
        before = accumulate(literal.count(self._barrier) for literal in literals) if self._barrier else repeat(0)
        return list(islice(before, len(literals) - 1))

    @cached_property
    def _numbers(self) -> np.ndarray:
        """Per slot and text the number of the value."""
        kinds: list[dict[str, int]] = [{} for _ in self._columns]
        return np.array(
            [[seen.setdefault(v, len(seen)) for v in column] for seen, column in zip(kinds, self._columns, strict=True)],
            np.int32,
        ).reshape(len(self._columns), -1)

    @cached_property
    def _often(self) -> list[np.ndarray]:
        """Per slot and number of a value how many texts have the value."""
        return [np.bincount(row) for row in self._numbers]

    @cached_property
    def _is_data(self) -> list[bool]:
        return are_data(self._template.literals, self._rows, self._barrier)

    def _is_open(self, place: int) -> bool:
        """Whether the slot is at an open end of the template, or right behind one system text: then at that of the user's text."""
        return is_open(self._template, place) or bool(place == 0 and self._barrier and self._template.literals[0].endswith(self._barrier))

    def are_own(self, kind: np.ndarray) -> bool:
        """Whether the texts of a kind agree in the fixed text of a template rather than in values."""
        agreement = self.agreement(kind)
        return (
            agreement.places_beyond_a_value >= FEWEST_ALIKE
            or self.have_frame(kind)
            or (max(agreement.blocks, default=0) >= FEWEST_WORDS_OF_A_BODY and self._have_a_section(kind))
        )

    def _have_a_section(self, kind: np.ndarray) -> bool:
        """Whether different values of a kind have a label in common, as "Draft:" or "## Draft", that values of others lack by more than chance."""
        inside = np.zeros(self.size, bool)
        inside[kind] = True
        for place, values in ((place, longest(values)) for place, values in self._varied(kind)):
            if len(values) >= FEWEST_OF_A_KIND:
                labels = set.intersection(*map(_labels_of_lines, values))
                others = [_labels_of_lines(self._columns[place][row]) for row in np.flatnonzero(~inside).tolist()] if labels else []
                having = min((sum(label in their for their in others) for label in labels), default=self.size)
                if len(values) * np.log2(self.size / (having + len(kind))) >= BITS_BEYOND_CHANCE:
                    return True
        return False

    def say_otherwise(self, others: np.ndarray, kind: np.ndarray) -> bool:
        """Whether all other texts agree in some words, and at one place at least the texts of a kind agree in other words."""
        places = [place for place in range(len(self._columns)) if not self._is_data[place]]
        theirs = [self._words(place, others) for place in places]
        return (
            len(others) >= FEWEST_OF_A_KIND
            and sum(theirs) >= FEWEST_EDIT_WORDS
            and any(words and self._words(place, kind) for place, words in zip(places, theirs, strict=True))
        )

    def are_of_a_task(self, kind: np.ndarray) -> bool:
        """Whether a kind has a text and a section of its own, and all other texts have some words in the place of the text: an optional part has nothing there."""
        blocks = self.agreement(kind).blocks
        if max(blocks, default=0) < FEWEST_WORDS_OF_A_BODY or not self._have_a_section(kind):
            return False
        others = np.setdiff1d(np.arange(self.size), kind, assume_unique=True).tolist()
        same = _are_equal(self._numbers[:, kind])
        return any(
            len(words_of(column[kind[0]])) >= FEWEST_EDIT_WORDS <= min(len(words_of(column[row])) for row in others)
            for column, is_same, is_data in zip(self._columns, same, self._is_data, strict=True)
            if is_same and not is_data
        )

    def _words(self, place: int, kind: np.ndarray) -> int:
        """The number of words in which the texts of a kind agree at a place: of one text, or at the beginning and end of several."""
        values = list({self._columns[place][row] for row in kind.tolist()})
        return _label(values) if len(values) > 1 else len(words_of(values[0]))

    def have_body(self, kind: np.ndarray) -> bool:
        """Whether different values of a kind share fixed text at an open end."""
        held = self._held(kind, _are_equal(self._numbers[:, kind]))
        varied = (values for place, values in self._varied(kind) if self._is_open(place))
        return any(len(values) > HALF * len(kind) and (_label(values, held) > 0 or _share_a_run(values)) for values in varied)

    def have_instruction(self, kind: np.ndarray) -> bool:
        """Whether the texts of a kind have different values behind or before the same few words at an open end.

        A mark or a line break stands between the words and the values: sentences of people begin alike too. Words between fixed text
        count where the kind has as many words of its own as all texts share: error messages begin alike too. Values that continue
        each other count as one.
        """
        labelled = [
            (self._is_open(place), self._fixed_words(place, values))
            for place, values in ((place, longest(values)) for place, values in self._varied(kind))
            if len(values) >= FEWEST_OF_A_KIND and _are_marked_off(values)
        ]
        if any(at_end and words >= FEWEST_ALIKE for at_end, words in labelled):
            return True
        return any(words for _, words in labelled) and self._is_mostly_own(self.agreement(kind))

    def _is_mostly_own(self, agreement: _Agreement) -> bool:
        """Whether the texts of a kind have words of their own beside values, and as many in all as all texts share."""
        return any(agreement.labels) and sum(agreement.blocks) + sum(agreement.labels) >= max(FEWEST_ALIKE, self._words_of_all)

    @cached_property
    def _words_of_all(self) -> int:
        """The number of words that all texts share."""
        return sum(len(words_of(literal)) for literal in self._template.literals)

    def have_frame(self, kind: np.ndarray) -> bool:
        """Whether values of a kind have fixed text of a template around a variable, and the kind has as many words of its own as all texts share.

        A value that is held stays the same, beside one variable at most, and a history that grows goes on in one way.
        """
        agreement = self.agreement(kind)
        is_long = sum(agreement.labels) + sum(agreement.blocks) >= FEWEST_WORDS_OF_A_LONG_TEXT
        return self._is_mostly_own(agreement) and any(
            _frame_a_variable(values, self._columns[place], MOST_HOLDERS * len(kind), is_long) for place, values in self._varied(kind)
        )

    def _varied(self, kind: np.ndarray) -> Iterator[tuple[int, list[str]]]:
        """(place, the values of a kind) of each place that has several, and no data: records of one shape begin alike."""
        for place, column in enumerate(self._columns):
            values = [] if self._is_data[place] else [*{column[row] for row in kind.tolist()}]
            if len(values) > 1:
                yield place, values

    def _held(self, kind: np.ndarray, is_same: Iterable[bool]) -> frozenset[str]:
        """The words of the texts that the texts of a kind have at a whole place: a name may stand at another place again. is_same: per place."""
        return frozenset(word for column in compress(self._columns, is_same) for word in words_of(column[kind[0]]))

    def agreement(self, kind: np.ndarray) -> _Agreement:
        """The places where the texts of a kind agree; several questions ask for them."""
        key = kind.tobytes()
        if key not in self._agreements:
            self._agreements[key] = self._agreement(kind)
        return self._agreements[key]

    def _agreement(self, kind: np.ndarray) -> _Agreement:
        numbers = self._numbers[:, kind]
        is_same = _are_equal(numbers)
        held = self._held(kind, is_same)
        prose = [place for place, is_data in enumerate(self._is_data) if not is_data]
        own = [place for place, same in enumerate(is_same) if same and self._often[place][numbers[place, 0]] <= MOST_HOLDERS * len(kind)]
        labels = {place: self._fixed_words(place, [self._columns[place][row] for row in kind.tolist()], held) for place in prose if not is_same[place]}
        has_body = any(words >= FEWEST_WORDS_OF_A_BODY and self._is_open(place) for place, words in labels.items())
        blocks = self._blocks(kind[0], [place for place in own if not self._is_data[place]], is_same)
        words, data = [words for _, words in blocks], sum(len(words_of(self._columns[place][kind[0]])) for place in own if self._is_data[place])
        words += [data] * (max(words, default=0) >= FEWEST_WORDS_OF_A_LONG_TEXT <= data)
        return _Agreement(words, [*labels.values()], has_body, self._orders(blocks, is_same))

    def _fixed_words(self, place: int, values: Sequence[str], held: Container[str] = ()) -> int:
        """As `_label` of the values of a kind; 0 for a passage, which stands inside values of other texts too: fixed text does not move."""
        words = _label(values, held)
        if words < FEWEST_WORDS_OF_A_BODY:
            return words
        head, tail, _ = trim(values)
        text, has_it = max((head.strip(), str.startswith), (tail.strip(), str.endswith), key=lambda side: len(side[0]))
        moved = sum(text in value and not has_it(value, text) for value in map(str.strip, self._columns[place]))
        return words if moved <= (MOST_HOLDERS - 1) * len(values) else 0

    def _blocks(self, row: int, places: Iterable[int], is_same: Sequence[bool]) -> list[tuple[int, int]]:
        """(part of the prompt, words) of each block of a text at these places; a text that stands again counts once. is_same: per place whether the texts of a kind are equal."""
        blocks, said, last = list[tuple[int, int]](), {""}, -1
        for place in places:
            text = self._columns[place][row]
            if text not in said:
                goes_on = last >= 0 and all(is_same[last:place]) and not self._are_words_between(last, place)
                part, words = blocks.pop() if goes_on else (self._parts[place], 0)
                blocks.append((part, words + len(words_of(text))))
                said.add(text)
                last = place
        return blocks

    def _are_words_between(self, place: int, later: int) -> bool:
        return any(map(str.isalpha, _NEXT_ITEM.sub("", "".join(self._template.literals[place + 1 : later + 1]))))

    def _orders(self, blocks: Iterable[tuple[int, int]], is_same: Iterable[bool]) -> int:
        """The most blocks of a part without values; 0 where no part has values. is_same: per place whether the texts of a kind are equal."""
        varied = {part for part, same in zip(self._parts, is_same, strict=True) if not same}
        settled = Counter(part for part, _ in blocks if part not in varied)
        return max(settled.values(), default=0) if varied else 0


def _labels_of_lines(value: str) -> set[str]:
    """What lines begin with that is a label: words and a colon, or a heading of Markdown."""
    return {*_LABEL.findall(value)}


def _are_equal(numbers: np.ndarray) -> list[bool]:
    """Whether all texts have the same value, per place. numbers: per place and text."""
    return (numbers == numbers[:, :1]).all(axis=1).tolist()


def _are_marked_off(values: list[str]) -> bool:
    """Whether the common beginning of values ends in a mark, or their common end begins with one; a line break is a mark."""
    head, tail, _ = trim(values)
    said, ending = head.strip(), tail.strip()
    return bool(said and not said[-1].isalnum()) or tail.startswith("\n") or bool(ending and not ending[0].isalnum())


def _frame_a_variable(values: Sequence[str], column: Iterable[str], most: float, is_long: bool) -> bool:
    """Whether different values have fixed text around a variable, which at most `most` of a column have.

    That is several words on both sides, if the kind has a long text in all (is_long); or a long text on one side that goes on in many ways, and words
    inside or on the other side.
    """
    values = longest(values)
    head, tail, _ = trim(values)
    sides = ((head, 1, str.startswith), (tail, -1, str.endswith))
    said = [side for side in sides if len(words_of(side[0])) > FEWEST_EDIT_WORDS]
    own = [(shared, direction) for shared, direction, has_it in said if sum(has_it(value, shared) for value in column) <= most]
    if is_long and len(values) > 1 and len(own) == len(sides):
        return True
    if not own or len(values) < FEWEST_OF_A_KIND:
        return False
    rests = [value[len(head) : len(value) - len(tail)] for value in values]
    inside = "".join(set.intersection(*(set(rest.split("\n")) for rest in rests)))
    return sum(any(map(str.isalpha, shared)) for shared in (head, inside, tail)) > 1 and any(
        len(words_of(shared)) >= FEWEST_WORDS_OF_A_LONG_TEXT and len({edge_words(rest, direction) for rest in rests}) > MOST_EDIT_TEXTS
        for shared, direction in own
    )


def _share_a_run(values: Sequence[str]) -> bool:
    """Whether different values hold the same words in a row."""
    runs = [runs_of(words_of(value)) for value in longest(values)[:FEW]]
    return len(runs) > 1 and bool(set.intersection(*runs))


def _label(values: Sequence[str], held: Container[str] = ()) -> int:
    """The number of words, other than held words, with which all values begin and end; 0 when values continue each other."""
    kinds = list(set(values))
    head = shared_length(kinds)
    rest = [value[head:] for value in kinds]
    tail = shared_end_length(rest)
    if not (head or tail) or all(longer.startswith(shorter) for shorter, longer in pairwise(sorted(kinds, key=len))):
        return 0
    shared = words_of(kinds[0][:head]) + words_of(rest[0][len(rest[0]) - tail :])
    return sum(word not in held and any(map(str.isalnum, word)) for word in shared)
