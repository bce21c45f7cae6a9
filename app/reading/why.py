"""Why a call is where it is: the template nearest to its text, and where the text leaves it.  Pure.

A text follows a template as far as the template's fixed texts stand in it, in order, from its beginning and from its end. The nearest is
the one of which most fixed text is followed; where the text first leaves it, the words that the template asks for and those that the
call has stand side by side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SHOWN = 80
"""Characters of each side that are shown where a text leaves a template."""

LEAST_SHARE = 0.2
"""Of a template's fixed text that a call must follow, or the template is called near to nothing."""

Parts = Sequence[str]
"""System, user and input part of a prompt or a template's literals."""


class Departure(NamedTuple):
    """Where a text leaves a template: characters into the part, what the template asks for there, what the text has."""

    part: int
    offset: int
    expected: str
    found: str


@dataclass(frozen=True)
class Follow:
    """How far a text follows a template: characters of fixed text that it has, of how many, and where it leaves; None: nowhere."""

    fixed: int
    followed: int
    leaves: Departure | None

    @property
    def share(self) -> float:
        return self.followed / self.fixed if self.fixed else 0.0


def follow(template: Sequence[Sequence[str]], prompt: Parts) -> Follow:
    """How far a prompt follows a template, from its beginning and from its end. template: the literals of each of its parts."""
    whole = [*prompt, *[""] * (len(template) - len(prompt))]
    forth = _forth(template, whole)
    if forth.leaves is None:
        return forth
    back = _forth([_turned(literals) for literals in reversed(template)], _turned(whole))
    return Follow(forth.fixed, min(forth.fixed, forth.followed + back.followed), forth.leaves)


def _turned(texts: Sequence[str]) -> list[str]:
    """The texts read from their ends."""
    return [text[::-1] for text in reversed(texts)]


def _forth(template: Sequence[Sequence[str]], prompt: Parts) -> Follow:
    """How far from the beginning alone."""
    fixed = sum(len(literal) for literals in template for literal in literals)
    followed = 0
    for part, literals in enumerate(template):
        passed, leaves = _follow(literals, prompt[part])
        followed += passed
        if leaves is not None:
            return Follow(fixed, followed, Departure(part, *leaves))
    return Follow(fixed, followed, None)


def _follow(literals: Sequence[str], text: str) -> tuple[int, tuple[int, str, str] | None]:
    """Characters of the literals that the text has in order, and where it leaves them."""
    first, *further = literals
    if not text.startswith(first):
        same = _same(first, text)
        return same, _departure(first, same, text, same)
    place = passed = len(first)
    for number, literal in enumerate(further):
        last = number == len(further) - 1
        start = _place(literal, text, place, last=last)
        if start < 0:
            same, start = _longest_beginning(literal, text, place)
            return passed + same, _departure(literal, same, text, start + same)
        place, passed = start + len(literal), passed + len(literal)
    if place < len(text) and (not further or further[-1]):
        return passed, (place, "", text[place : place + SHOWN])
    return passed, None


def _place(literal: str, text: str, start: int, *, last: bool) -> int:
    """Where the literal stands; the last one must stand at the end, and what ends with a slot ends anywhere."""
    if last and literal:
        start_of_last = len(text) - len(literal)
        return start_of_last if start_of_last >= start and text.endswith(literal) else -1
    return text.find(literal, start)


def _same(first: str, second: str) -> int:
    """Characters that both begin with."""
    return next(
        (place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def _longest_beginning(literal: str, text: str, start: int) -> tuple[int, int]:
    """How much of the literal's beginning stands in the text, and where; found by halving."""
    low, high, stands = 0, len(literal), len(text)
    while low < high:
        middle = (low + high + 1) // 2
        occurrence = text.find(literal[:middle], start)
        if occurrence < 0:
            high = middle - 1
        else:
            low, stands = middle, occurrence
    return low, stands if low else len(text)


def _departure(literal: str, same: int, text: str, offset: int) -> tuple[int, str, str]:
    return offset, literal[same : same + SHOWN], text[offset : offset + SHOWN]


def nearest(templates: Iterable[tuple[int, Sequence[Sequence[str]]]], prompt: Parts) -> tuple[int, Follow] | None:
    """The template that a prompt follows farthest, by its number; None where it follows none by `LEAST_SHARE`."""
    follows = [(number, follow(literals, prompt)) for number, literals in templates]
    near = [each for each in follows if each[1].share >= LEAST_SHARE]
    return max(near, key=lambda each: (each[1].share, each[1].followed), default=None)
