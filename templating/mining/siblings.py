"""One template, or several in one house style?

The prompts of a product share a frame (a preamble, the rules of the answer, a schema), and a set of them looks like one template whose slots
hold what each sibling says.  But slots hold values, and few-valued ones (a document, a persona, a product's name and description) part the texts
just as siblings do.  What tells them apart is where the texts of such a part, a kind, agree with each other and with no others:

body    at an open end their values differ and yet begin or end alike: fixed text of a template next to a variable
label   they do so elsewhere, and another place is their own too
orders  they agree in everything that a part of the prompt says (the system text), at two places, by more than a value
blocks  at two places stand whole texts of many words, or at four places any texts; the fields of one thing are but one long
        text and a few short ones, and a variable that is said twice counts once

Texts that grow out of each other (the turns of a conversation) agree in what was said before, which is no fixed text.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, islice, pairwise, repeat
from typing import NamedTuple

import numpy as np

from templating.matching import BARRIER
from templating.mining.borders import shared_length
from templating.mining.data import are_data
from templating.mining.families import EDIT_UNITS, longest
from templating.mining.mixture import is_open
from templating.mining.skeleton import Skeleton

OWN = 12  # grams that the texts of a kind share beyond those of all
FEWEST = 6  # texts that siblings make up; of fewer, see mixture
COVERED, FRESH = 0.9, 0.3  # of the texts lie in kinds; of a kind lies in none before it
PARTED, APART, REST = 0.6, 0.8, 0.1  # the same for kinds that hardly overlap, and what lies in others than the largest
ALONE = 1.15  # times as many texts as a kind has may hold what is its own
BODY, LABEL, BLOCK = 8, 3, 24  # words
MUCH, HALF = 3.0, 0.5  # times the words that all texts share, and of the texts: a kind that has so many more of its own is no value
PLACES, PLACES_WORDS = 4, 8  # places with texts of a kind's own, and their words in all
ORDERS, ORDERS_WORDS = 2, EDIT_UNITS  # places in a part of the prompt, and words in the longest
SETTLED = 15  # texts of a kind for each further text that a place of such a part may have: an edit is one
LABELLED, LABELLED_TEXTS = 2, 4  # such places beside a label of one word, and texts that rule out that it is chance
RUN, RUN_TEXTS = 3, 8  # words in a row that texts of a kind share, and texts of it that are looked at


def are_siblings(
    found: Skeleton, kinds: Iterable[np.ndarray], barrier: str = BARRIER, tick: Callable[[], object] = bool
) -> bool:
    """Whether what looks like one template is several.

    kinds: per part of the texts that shares OWN grams more, the positions of its texts in `found.members`; the most telling first.
    barrier: separates the parts of a prompt.  tick: called for every kind.
    """
    size, kinds = len(found.members), list(kinds)
    covered = np.zeros(size, bool)
    for kind in kinds:
        covered[kind] = True
    if size < FEWEST or covered.sum() < PARTED * size:
        return False
    places = Places(found, barrier)
    left, apart, largest = np.ones(size, bool), np.ones(size, bool), 0
    for kind in kinds:
        tick()
        fresh = int(left[kind].sum())
        if fresh < max(2, FRESH * len(kind)) or not places.are_own(kind):
            continue
        if len(kind) >= HALF * size and places.agreement(kind).words >= MUCH * places.fixed_words:
            return True
        left[kind] = False
        if fresh >= APART * len(kind):
            apart[kind] = False
            largest = max(largest, len(kind))
        parted = size - int(apart.sum())
        if left.sum() <= (1 - COVERED) * size or (parted >= PARTED * size and parted - largest >= REST * size):
            return True
    return False


class _Agreement(NamedTuple):
    """Where the texts of a kind agree.

    blocks: words per constant text that other texts lack; what no word parts (a numbered list) is one.
    labels: per place with different values, the words with which all begin or end.
    has_body: whether one of these is at an open end and long.
    orders: the most blocks of a part in which the texts agree, but for an edit.
    """

    blocks: list[int]
    labels: list[int]
    has_body: bool
    orders: int

    @property
    def words(self) -> int:
        """In how many words the texts agree."""
        return sum(self.blocks) + sum(self.labels)

    @property
    def says_much(self) -> bool:
        """Whether the blocks are more than a long text and a few short ones, the fields of one thing."""
        blocks = sorted(self.blocks)
        return (len(blocks) > 1 and blocks[-2] >= BLOCK) or (len(blocks) >= PLACES and sum(blocks) >= PLACES_WORDS)


class Places:
    """The slots of a template and what the texts have there."""

    def __init__(self, found: Skeleton, barrier: str) -> None:
        self._template = found.template
        before = accumulate(literal.count(barrier) for literal in found.template.literals) if barrier else repeat(0)
        self._parts = list(islice(before, len(found.template.slots)))
        self._columns = list(zip(*found.values, strict=True))
        kinds: list[dict[str, int]] = [{} for _ in self._columns]
        self._numbers = np.array(
            [[seen.setdefault(v, len(seen)) for v in column] for seen, column in zip(kinds, self._columns, strict=True)],
            np.int32,
        ).reshape(len(self._columns), -1)
        self._often = [np.bincount(row) for row in self._numbers]
        self._is_data = are_data(found.template.literals, found.values, barrier)
        self.fixed_words = sum(len(literal.split()) for literal in found.template.literals)

    def are_own(self, kind: np.ndarray) -> bool:
        """Whether the texts of a kind agree in the fixed text of a template rather than in values."""
        at = self.agreement(kind)
        blocks, labels = sorted(at.blocks), sum(words >= LABEL for words in at.labels)
        return (
            at.has_body
            or (at.orders >= ORDERS and blocks[-1] >= ORDERS_WORDS)
            or (labels > 0 and labels + len(blocks) >= 2)
            or (any(at.labels) and len(blocks) >= LABELLED and len(kind) >= LABELLED_TEXTS)
            or at.says_much
        )

    def have_body(self, kind: np.ndarray) -> bool:
        """Whether different values of a kind have fixed text in common at an open end."""
        ends = ([column[row] for row in kind.tolist()] for place, column in enumerate(self._columns) if is_open(self._template, place))
        return any(len(set(values)) > 1 and (_label(values) > 0 or _share_a_run(values)) for values in ends)

    def agreement(self, kind: np.ndarray) -> _Agreement:
        """Where the texts of a kind agree."""
        numbers = self._numbers[:, kind]
        constant = (numbers == numbers[:, :1]).all(axis=1)
        said, last = set[str](), -1
        blocks, labels, has_body = list[int](), list[int](), False
        most = 1 + len(kind) // SETTLED
        varied = {p for p, row in zip(self._parts, numbers.tolist(), strict=True) if len(set(row)) > most}
        orders = Counter[int]()
        for place, column in enumerate(self._columns):
            if self._is_data[place]:
                continue
            text = column[kind[0]]
            if not constant[place]:
                labels.append(_label([column[row] for row in kind.tolist()]))
                has_body |= labels[-1] >= BODY and is_open(self._template, place)
            elif self._often[place][numbers[place, 0]] <= ALONE * len(kind):
                if not text or text in said:
                    continue
                said.add(text)
                if last < 0 or any(map(str.isalpha, "".join(self._template.literals[last + 1 : place + 1]))):
                    blocks.append(0)
                    orders[self._parts[place]] += 1
                blocks[-1] += len(text.split())
                last = place
        settled = max((n for part, n in orders.items() if varied and part not in varied), default=0)
        return _Agreement(blocks, labels, has_body, settled)


def _share_a_run(values: Sequence[str]) -> bool:
    """Whether different values hold the same words in a row."""
    own = [value.split() for value in longest(values)[:RUN_TEXTS]]
    runs = [set(zip(*(words[at:] for at in range(RUN)), strict=False)) for words in own]
    return len(own) > 1 and bool(set.intersection(*runs))


def _label(values: Sequence[str]) -> int:
    """Words with which all values begin and end; none when they grow out of each other."""
    grown = sorted(set(values), key=len)
    if all(longer.startswith(shorter) for shorter, longer in pairwise(grown)):
        return 0
    head = shared_length(values)
    rest = [value[head:][::-1] for value in values]
    return len(values[0][:head].split()) + len(rest[0][: shared_length(rest)].split())
