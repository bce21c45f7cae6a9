"""Finds the template nearest to a text, and the place where the text departs from it. Pure.

A text follows a template as far as it contains the template's fixed texts, in order, from the beginning and from the end. The nearest
template is the one with the most fixed text followed; at the first departure, the words of the template and those of the call are shown
side by side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SHOWN = 80
"""Characters shown of each side at a departure."""

LEAST_SHARE = 0.2
"""Share of a template's fixed text that a call must follow; below it no template is near."""

Parts = Sequence[str]
"""System, user and input part of a prompt or a template's literals."""


class Departure(NamedTuple):
    """The place where a text departs from a template: characters into the part, the template's text there, and the call's text."""

    part: int
    offset: int
    expected: str
    found: str


@dataclass(frozen=True)
class Follow:
    """The part of a template that a text follows: characters of fixed text in all and followed, and the departure, if any."""

    fixed: int
    followed: int
    leaves: Departure | None

    @property
    def share(self) -> float:
        return self.followed / self.fixed if self.fixed else 0.0


def follow(template: Sequence[Sequence[str]], prompt: Parts) -> Follow:
    """Follows a template from the beginning and the end of a prompt. template: the literals of each part."""
    padded_prompt = [*prompt, *[""] * (len(template) - len(prompt))]
    forth = _forth(template, padded_prompt)
    if forth.leaves is None:
        return forth
    from_end = _forth([_turned(literals) for literals in reversed(template)], _turned(padded_prompt))
    return Follow(forth.fixed, min(forth.fixed, forth.followed + from_end.followed), forth.leaves)


def _turned(texts: Sequence[str]) -> list[str]:
    """The texts read from their ends."""
    return [text[::-1] for text in reversed(texts)]


def _forth(template: Sequence[Sequence[str]], prompt: Parts) -> Follow:
    """Follows a template from the beginning of a prompt alone."""
    fixed = sum(len(literal) for literals in template for literal in literals)
    followed = 0
    for part, literals in enumerate(template):
        characters, departure = _follow(literals, prompt[part])
        followed += characters
        if departure is not None:
            return Follow(fixed, followed, Departure(part, *departure))
    return Follow(fixed, followed, None)


def _follow(literals: Sequence[str], text: str) -> tuple[int, tuple[int, str, str] | None]:
    """The number of the literals' characters that the text has in order, and its departure."""
    first, *further = literals
    if not text.startswith(first):
        length = _common_length(first, text)
        return length, _departure(first, length, text, length)
    place = characters = len(first)
    for number, literal in enumerate(further):
        last = number == len(further) - 1
        start = _place(literal, text, place, last=last)
        if start < 0:
            length, start = _longest_beginning(literal, text, place)
            return characters + length, _departure(literal, length, text, start + length)
        place, characters = start + len(literal), characters + len(literal)
    if place < len(text) and (not further or further[-1]):
        return characters, (place, "", text[place : place + SHOWN])
    return characters, None


def _place(literal: str, text: str, start: int, *, last: bool) -> int:
    """The position of the literal; the last literal must be at the end, except an empty one after a slot."""
    if last and literal:
        start_of_last = len(text) - len(literal)
        return start_of_last if start_of_last >= start and text.endswith(literal) else -1
    return text.find(literal, start)


def _common_length(first: str, second: str) -> int:
    """The length of the common beginning."""
    return next(
        (place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def _longest_beginning(literal: str, text: str, start: int) -> tuple[int, int]:
    """The length of the literal's longest beginning that the text contains, and its position; found by bisection."""
    low, high, last = 0, len(literal), len(text)
    while low < high:
        middle = (low + high + 1) // 2
        occurrence = text.find(literal[:middle], start)
        if occurrence < 0:
            high = middle - 1
        else:
            low, last = middle, occurrence
    return low, last if low else len(text)


def _departure(literal: str, length: int, text: str, offset: int) -> tuple[int, str, str]:
    return offset, literal[length : length + SHOWN], text[offset : offset + SHOWN]


def nearest(templates: Iterable[tuple[int, Sequence[Sequence[str]]]], prompt: Parts) -> tuple[int, Follow] | None:
    """The template that a prompt follows farthest, by its number; None where it follows none by `LEAST_SHARE`."""
    follows = [(number, follow(literals, prompt)) for number, literals in templates]
    near = [candidate for candidate in follows if candidate[1].share >= LEAST_SHARE]
    return max(near, key=lambda candidate: (candidate[1].share, candidate[1].followed), default=None)
