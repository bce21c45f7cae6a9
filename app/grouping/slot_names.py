"""Finds the slots of a newer template that continue slots of an older one: they keep the names that people gave, and are no edit. Pure.

The fixed texts of both are aligned word by word, each slot as a word of its own. A slot continues one where both are aligned and the word,
mark or part border right before or right after is the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count
from typing import Protocol

from app.grouping.lineage import IN_ORDER_TOKENS, common_start
from templating import BARRIER, Template
from templating.scripts import tokens

_SLOT = ""
"""A slot among the words; no token is empty."""


class Worded(Protocol):
    """A template, or what is like one: its fixed texts, and a name for each place between them."""

    @property
    def literals(self) -> tuple[str, ...]:
        """One more than there are places."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Names by place."""


@dataclass(frozen=True)
class NamedTemplate:
    """A template, and its places whose names a person gave."""

    template: Template
    places: frozenset[int]


def keeping_names(newer: Template, older: Iterable[NamedTemplate]) -> NamedTemplate:
    """The newer template with people's names of the slots that continue in it; the first older template with a name wins."""
    names: dict[int, str] = {}  # by the first place of a name in the newer template
    for source in older:
        for place, name in _names_of(source, newer):
            if name not in names.values():
                names.setdefault(newer.sharing[place], name)
    places = frozenset(place for place, first in enumerate(newer.sharing) if first in names)
    return NamedTemplate(Template(newer.literals, tuple(_unique(newer, names))), places)


def _names_of(older: NamedTemplate, newer: Template) -> Iterator[tuple[int, str]]:
    """Places of the newer template with the names that a person gave in the older one."""
    for place, follower in going_on(older.template, newer).items():
        if place in older.places:
            yield follower, older.template.slots[place]


def _unique(template: Template, names: dict[int, str]) -> Iterator[str]:
    """The name of each place: a person's where there is one, else its own, numbered where a person took that."""
    names_by_place, names_taken, names_used = dict(names), set(names.values()), {*names.values(), *template.slots}
    for place, first in enumerate(template.sharing):
        if first not in names_by_place:
            own_name = template.slots[place]
            names_by_place[first] = _free(own_name, names_used) if own_name in names_taken else own_name
            names_used.add(names_by_place[first])
        yield names_by_place[first]


def _free(name: str, names_used: set[str]) -> str:
    return next(numbered for number in count(2) if (numbered := f"{name}_{number}") not in names_used)


def going_on(older: Worded, newer: Worded) -> dict[int, int]:
    """The place of the newer template that continues each place of the older one."""
    older_words, newer_words = _words(older), _words(newer)
    beside = _side_by_side(older_words, newer_words)
    places, followers = _places(older_words), _places(newer_words)
    return {
        places[index]: followers[beside[index]]
        for index in places
        if index in beside
        and any(older_words[index + step] and beside.get(index + step) == beside[index] + step for step in (-1, 1))
    }


def renamed(older: Worded, newer: Worded) -> dict[str, str]:
    """The slots of the older template that continue under another name: old name -> new name.

    Left out are a name whose places continue under several names, several names that become one, and names that are exchanged, or that a slot
    without continuation has: the text with the new names would say something else.
    """
    if older.slots == newer.slots:
        return {}
    followers, sources = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for place, follower in going_on(older, newer).items():
        followers[older.slots[place]].add(newer.slots[follower])
        sources[newer.slots[follower]].add(older.slots[place])
    name_after = {name: min(names) for name, names in followers.items() if len(names) == 1}
    name_after = {name: after for name, after in name_after.items() if sources[after] == {name}}
    return {name: after for name, after in name_after.items() if _end_of_chain(name, name_after) not in older.slots}


def _end_of_chain(name: str, name_after: Mapping[str, str]) -> str:
    """The name after the name after ... this one (var_0, var_1, var_2), or this one where the chain is a circle."""
    end = name_after[name]
    while end in name_after and end != name:
        end = name_after[end]
    return end


def _words(template: Worded) -> list[str]:
    """The template word by word, with the borders of its parts and of its slots."""
    words = [BARRIER]
    for number, literal in enumerate(template.literals):
        words += [_SLOT] * bool(number)
        for part, text in enumerate(literal.split(BARRIER)):
            words += [BARRIER] * bool(part)
            words += list(tokens(text)) or [text] * bool(text)  # blanks alone keep two slots apart
    return [*words, BARRIER]


def _places(words: Sequence[str]) -> dict[int, int]:
    """The place of the template for each slot among the words."""
    return {index: place for place, index in enumerate(index for index, word in enumerate(words) if word == _SLOT)}


def _side_by_side(older: list[str], newer: list[str]) -> dict[int, int]:
    """The newer words aligned to the older words.

    The common beginning and end are aligned. Long middles that differ are not: a prompt rewritten as a whole has other slots.
    """
    start = common_start(older, newer)
    end = min(common_start(older[::-1], newer[::-1]), min(len(older), len(newer)) - start)
    beside = {index: index for index in range(start)}
    beside |= {len(older) - distance: len(newer) - distance for distance in range(1, end + 1)}
    middles = older[start : len(older) - end], newer[start : len(newer) - end]
    if max(map(len, middles)) <= IN_ORDER_TOKENS:
        for block in SequenceMatcher(None, *middles, autojunk=False).get_matching_blocks():
            beside |= {start + block.a + step: start + block.b + step for step in range(block.size)}
    return beside
