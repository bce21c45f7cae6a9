"""The index of a Matcher: a prompt finds the few templates that may fit without trying the rest.

A prompt of a template begins with its first literal, ends with its last, and has in it every line, sentence and word that stands whole
inside a literal. Each of these is a *key*: a text that every prompt of the template has. A template is filed under one of its keys; a
prompt asks for all the keys that it has. So a template that fits is always found, and the rarer its key, the fewer others are found. A
found template is a candidate: `matching.fit` decides.

This is the rarest-word index of selective dissemination (Yan and Garcia-Molina, "Index Structures for Selective Dissemination of
Information Under the Boolean Model", TODS 1994). Nothing is ever rebuilt: an addition files one template and moves at most MOVES others.
"""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

from templating.template import Template
from templating.trie import PrefixSet

Literals = tuple[str, ...]

MOVES = 8
"""Templates that one addition moves at most, some 50 us each; others wait for the next addition."""

LIMIT = 512
"""Keys of one kind that a template is looked up with: enough to find a rare one beside a long shared text, and a bound on the time of an
addition.
"""


class Entry(NamedTuple):
    """A template in an index.  Entries sort by their first two fields: most literal characters, then added last."""

    minus_fixed: int
    minus_index: int
    barriers: int
    template: Template


PostingList = tuple[Entry, ...]
"""The entries of one key, most specific first."""


class Index(ABC):
    """Posting lists by keys of one kind.

    patience: how many templates may have a key before those under it are better off with the next kind of index: about
    as many as can be tried in vain (0.5 to 1 us each) in the time that the next kind takes for its search.
    posting_lists: by key; an index without any need not be searched.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.posting_lists: dict[str, PostingList] = {}
        self._having: Counter[str] = Counter()  # templates that have the key, filed under it or not

    @abstractmethod
    def keys(self, literals: Literals) -> list[str]:
        """Distinct keys of this kind that every prompt of these literals has, the best first."""

    @abstractmethod
    def present(self, prompt: str) -> Iterable[str]:
        """The keys of this kind that the prompt has and that file an entry."""

    def count(self, keys: list[str]) -> list[Entry]:
        """One more template has these keys; the entries under a key that becomes crowded by it."""
        self._having.update(keys)
        crowded = [key for key in keys if self._having[key] == self.patience + 1]
        return [entry for key in crowded for entry in self.posting_lists.get(key, ())]

    def uncount(self, keys: list[str]) -> None:
        self._having.subtract(keys)
        for key in keys:
            if not self._having[key]:
                del self._having[key]

    def rarest(self, keys: list[str]) -> tuple[int, str]:
        """(templates that have it, key) of the rarest key, the first of the equally rare."""
        return min(((self._having[key], key) for key in keys), key=lambda pair: pair[0])

    def put(self, key: str, entry: Entry) -> None:
        self.posting_lists[key] = tuple(sorted((*self.posting_lists.get(key, ()), entry)))

    def drop(self, key: str, entry: Entry) -> None:
        remaining = tuple(other for other in self.posting_lists[key] if other is not entry)
        if remaining:
            self.posting_lists[key] = remaining
        else:
            del self.posting_lists[key]

    def find(self, prompt: str) -> list[PostingList]:
        """The posting lists of all keys of the prompt."""
        return [self.posting_lists.get(key, ()) for key in self.present(prompt)]


class Beginnings(Index):
    """Index by the whole first literal; a part of it would not do, since a shared preamble makes whole families begin alike."""

    def __init__(self, patience: int) -> None:
        super().__init__(patience)
        self._heads = PrefixSet()

    def keys(self, literals: Literals) -> list[str]:
        return [literals[0]] if literals[0] else []

    def present(self, prompt: str) -> Iterable[str]:
        return self._heads.prefixes(prompt)

    def put(self, key: str, entry: Entry) -> None:
        super().put(key, entry)
        self._heads.add(key)

    def drop(self, key: str, entry: Entry) -> None:
        super().drop(key, entry)
        if key not in self.posting_lists:
            self._heads.remove(key)


class Endings(Index):
    """Index by the last characters of the last literal, cut to one of a few lengths: a search costs a look-up for each length."""

    LENGTHS = (64, 32, 16, 8, 4)  # under four characters ("?", a line end) an ending says too little

    def __init__(self, patience: int) -> None:
        super().__init__(patience)
        self._used: tuple[int, ...] = ()  # lengths that were ever filed: mostly one or two

    def put(self, key: str, entry: Entry) -> None:
        super().put(key, entry)
        self._used = tuple(sorted({*self._used, len(key)}))

    def keys(self, literals: Literals) -> list[str]:
        fitting = [length for length in self.LENGTHS if length <= len(literals[-1])]
        return [literals[-1][-length:] for length in fitting[:1]]

    def present(self, prompt: str) -> Iterable[str]:
        return {prompt[-length:] for length in self._used}

    def find(self, prompt: str) -> list[PostingList]:
        posting_lists: list[PostingList] = []
        for length in self._used:
            its = self.posting_lists.get(prompt[-length:])
            if its and length <= len(prompt):  # else a shorter length has the whole prompt too
                posting_lists.append(its)
        return posting_lists


class Pieces(Index):
    """Index by a piece of a literal between separators, hence a piece of every prompt: a line, a sentence, a word.

    The longest come first: long pieces are seldom part of a value.
    """

    def __init__(self, patience: int, separator: str | None) -> None:
        """separator: as for `str.split`, None for runs of white space."""
        super().__init__(patience)
        self._separator = separator

    def keys(self, literals: Literals) -> list[str]:
        last = len(literals) - 1
        pieces = (self._enclosed(literal, place > 0, place < last) for place, literal in enumerate(literals))
        distinct = dict.fromkeys(filter(None, chain.from_iterable(pieces)))
        return sorted(distinct, key=len, reverse=True)[:LIMIT]

    def present(self, prompt: str) -> Iterable[str]:
        return self.posting_lists.keys() & prompt.split(self._separator)

    def _enclosed(self, literal: str, open_left: bool, open_right: bool) -> list[str]:
        """Pieces with a separator or an end of the prompt on both sides; a side is open where a value may go on."""
        pieces = ("x" * open_left + literal + "x" * open_right).split(self._separator)
        return pieces[open_left : len(pieces) - open_right]


class Everything(Index):
    """Index with one key that every prompt has: for the few templates that have no other key so far.

    Trying those few costs less than to search the next kind of index for every prompt; when they become many, they move there.  A template
    such as `{{a}}: {{b}}` has no other key but its grams.
    """

    def keys(self, literals: Literals) -> list[str]:
        return [""]

    def present(self, prompt: str) -> Iterable[str]:
        return ("",)

    def find(self, prompt: str) -> list[PostingList]:
        return [self.posting_lists.get("", ())]


class Grams(Index):
    """Index by any three consecutive characters: when many templates have no other key, or all share the others.

    A search looks at every position of the prompt, some 100 us for 1,500 characters, for any number of templates.
    """

    def keys(self, literals: Literals) -> list[str]:
        grams = islice(chain.from_iterable(map(_grams, literals)), 16 * LIMIT)
        return list(dict.fromkeys(grams))[:LIMIT]

    def present(self, prompt: str) -> Iterable[str]:
        return self.posting_lists.keys() & _grams(prompt)


def _grams(text: str) -> Iterable[str]:
    return map("".join, zip(text, text[1:], text[2:], strict=False))


@dataclass
class _Filed:
    """The place of an entry; the first `asked` indexes have counted its keys."""

    entry: Entry
    asked: int = 0
    home: Index | None = None
    key: str = ""


class TemplateIndex:
    """All indexes, the cheapest to search first, and the place of each entry."""

    def __init__(self) -> None:
        self._indexes: tuple[Index, ...] = (
            Beginnings(patience=4),
            Endings(patience=4),
            Everything(patience=4),  # then lines: 3 us for 1,500 characters
            Pieces(patience=16, separator="\n"),
            Everything(patience=6),  # then sentences: 5 us
            Pieces(patience=16, separator="."),
            Everything(patience=16),  # then words: 15 us
            Pieces(patience=64, separator=None),
            Everything(patience=128),  # then grams: 100 us
            Grams(patience=64),
        )
        self._finds: tuple[Callable[[str], list[PostingList]], ...] = ()  # `find` of the indexes that have an entry
        self._filed: dict[int, _Filed] = {}
        self._crowded: deque[int] = deque()  # entries (by minus_index) that may have a better place by now

    def add(self, entry: Entry) -> None:
        self._filed[entry.minus_index] = _Filed(entry)
        self._file(self._filed[entry.minus_index])
        for _ in range(min(MOVES, len(self._crowded))):
            moved = self._filed.get(self._crowded.popleft())
            if moved:
                self._file(moved)

    def remove(self, entry: Entry) -> None:
        filed = self._filed.pop(entry.minus_index)
        if filed.home:
            filed.home.drop(filed.key, filed.entry)
        self._finds = tuple(index.find for index in self._indexes if index.posting_lists)
        for index in self._indexes[: filed.asked]:
            index.uncount(index.keys(entry.template.literals))

    def candidates(self, prompt: str) -> Iterable[Entry]:
        """The entries of all templates that may fit, most specific first."""
        posting_lists: list[PostingList] = []
        for find in self._finds:
            posting_lists += find(prompt)
        if len(posting_lists) == 1:
            return posting_lists[0]
        return sorted(chain.from_iterable(posting_lists)) if posting_lists else ()

    def _file(self, filed: _Filed) -> None:
        """Put the entry under the first key that is not crowded, else under the least crowded of all."""
        if filed.home:
            filed.home.drop(filed.key, filed.entry)
        filed.home, filed.key = self._place(filed)
        filed.home.put(filed.key, filed.entry)
        self._finds = tuple(index.find for index in self._indexes if index.posting_lists)

    def _place(self, filed: _Filed) -> tuple[Index, str]:
        offers: list[tuple[int, Index, str]] = []
        for position, index in enumerate(self._indexes):
            keys = index.keys(filed.entry.template.literals)
            if position == filed.asked:
                filed.asked += 1
                self._crowded += [entry.minus_index for entry in index.count(keys)]
            if keys:
                crowd, key = index.rarest(keys)
                if crowd <= index.patience:
                    return index, key
                offers.append((crowd, index, key))
        _, home, key = min(offers, key=lambda offer: offer[0])
        return home, key
