"""Matcher: finds the template of a prompt among many, in about the time that it takes to split the prompt into words.

`key_index` finds the few templates that may fit; the matcher tries them, the most specific first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from templating.key_index import Entry, TemplateIndex
from templating.matching import BARRIER, agree, fit
from templating.template import Template


class Match(NamedTuple):
    """index: the id that `Matcher.add` returned; values: one per place, in order."""

    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    values: tuple[str, ...]


_new_match = tuple.__new__  # a third of the time of Match(...)


class Matcher:
    """Finds, among many templates, the template of a prompt.

    Most specific first: most literal characters, then the one added last.  The answer is that of trying `match` with
    every template in that order; the time is that of a few tries however many there are, as long as they differ in
    their beginning, their end, a whole line or a whole word (figures: benchmarks/matcher.py).
    A template that `mine` found remembers some of the prompts that it matches here (`Template.memory`), unless `remembers` is False.
    add and discard cost O(characters of the template) and rebuild nothing.
    A match beside a change in another thread raises nothing, but may miss a template that the change moves: where that
    matters, hold a lock for changes and matches alike.
    """

    def __init__(self, templates: Iterable[Template] = (), *, barrier: str = BARRIER, remembers: bool = True) -> None:
        self._barrier, self._remembers = barrier, remembers
        self._index = TemplateIndex()
        self._entries: dict[int, Entry] = {}
        self._next = 0
        for template in templates:
            self.add(template)

    def add(self, template: Template) -> int:
        """Match this template too.  The id returned counts up from 0 and is never used again."""
        index, self._next = self._next, self._next + 1
        barriers = sum(literal.count(self._barrier) for literal in template.literals)
        self._entries[index] = Entry(-template.fixed, -index, barriers, template)
        self._index.add(self._entries[index])
        if template.memory is not None and self._remembers:
            template.memory.settle()
        return index

    def discard(self, index: int) -> None:
        """Forget the template of this id; nothing happens when there is none."""
        entry = self._entries.pop(index, None)
        if entry:
            self._index.remove(entry)

    def match(self, prompt: str) -> Match | None:
        """The most specific template that fits, with its values as of `templating.match`, or None."""
        if not isinstance(prompt, str):
            raise TypeError(f"prompt must be a str, not {type(prompt).__name__}")
        barriers = prompt.count(self._barrier) if self._barrier in prompt else 0  # looking is faster than counting
        for _, minus_index, its_barriers, template in self._index.candidates(prompt):
            if its_barriers == barriers:
                values = fit(template.literals, prompt)
                if values is not None and agree(template.repeats, values):
                    if template.memory is not None and self._remembers:
                        template.memory.note(prompt)
                    return _new_match(Match, (-minus_index, values))
        return None

    def __len__(self) -> int:
        return len(self._entries)
