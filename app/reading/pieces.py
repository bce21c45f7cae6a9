"""Templates and prompts as pieces for a page: fixed text, slots, and invisible characters. Pure.

A page never builds HTML from text: a Jinja template draws the pieces and escapes each of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from templating import BARRIER, Template

ROLES = ("system", "user", "input")

START_CHARACTERS = 320
"""Characters of the beginning of a template in a list, a line or two."""

COLOURS = 10
"""Colours in the style sheet (`.c0` to `.c9`). A task with more slots uses them again from the first."""


class Piece(NamedTuple):
    """A stretch of a prompt. `slot` names its slot, None for fixed text."""

    text: str
    slot: str | None = None
    change: str = ""  # "added" or "removed" where two templates are compared, "folded" for common text


class Part(NamedTuple):
    """One part of a prompt, in the order of the request."""

    role: str
    pieces: list[Piece]

    @property
    def characters(self) -> int:
        return sum(len(piece.text) for piece in self.pieces)


def template_parts(parts: Sequence[Mapping[str, Any]], slots: Sequence[str]) -> list[Part]:
    """The pieces of a stored template; the piece of a slot has no text. Empty parts are left out."""
    values: Iterator[tuple[str, str]] = ((name, "") for name in slots)
    return _without_empty(Part(part["role"], list(_interleave(part["literals"], values))) for part in parts)


def template_text(part: Part) -> str:
    """A part of a template in text form; text that would read as a slot is escaped."""
    return Template(*wording_of([part])).to_text()[1:-1]


class Wording(NamedTuple):
    """The fixed texts of a template and the names of its places, whatever a name is: no name can cost a page."""

    literals: tuple[str, ...]
    slots: tuple[str, ...]


def wording_of(parts: Sequence[Part]) -> Wording:
    """The wording of these parts, with a barrier around each: a part may consist of one slot, a template may not."""
    literals, slots = [BARRIER], list[str]()
    for part in parts:
        for piece in part.pieces:
            if piece.slot is None:
                literals[-1] += piece.text
            else:
                slots.append(piece.slot)
                literals.append("")
        literals[-1] += BARRIER
    return Wording(tuple(literals), tuple(slots))


def prompt_parts(
    parts: Sequence[Mapping[str, Any]], slots: Sequence[str], values: Sequence[str], prompt: Sequence[str]
) -> list[Part]:
    """The prompt of a call with its values marked; as `plain_parts` where template and values do not make this prompt."""
    places = iter(zip(slots, values, strict=False))
    marked = [Part(part["role"], list(_interleave(part["literals"], places))) for part in parts]
    if ["".join(piece.text for piece in part.pieces) for part in marked] != list(prompt):
        return plain_parts(prompt)
    return _without_empty(marked)


def plain_parts(prompt: Sequence[str]) -> list[Part]:
    """The prompt of a call that has no template."""
    return _without_empty(Part(role, [Piece(text)]) for role, text in zip(ROLES, prompt, strict=False))


def with_plain_rest(parts: Sequence[Part], most_slots: int, *, filled: bool) -> list[Part]:
    """The parts with their first `most_slots` slots; what follows is one text (a text for each change), so that a page is drawn in bounded time and stays whole.

    filled: the slots hold the values of a call; else their names stand in the text.
    """
    slots_left = most_slots
    bounded: list[Part] = []
    for part in parts:
        places = [place for place, piece in enumerate(part.pieces) if piece.slot is not None]
        end = places[slots_left] if len(places) > slots_left else len(part.pieces)
        slots_left -= min(len(places), slots_left)
        further = groupby(part.pieces[end:], key=attrgetter("change"))
        plain_pieces = (
            Piece("".join(_plain(piece, filled) for piece in pieces), None, change) for change, pieces in further
        )
        bounded.append(Part(part.role, [*part.pieces[:end], *plain_pieces]))
    return bounded


def _plain(piece: Piece, filled: bool) -> str:
    return piece.text if filled or piece.slot is None else f"{{{{{piece.slot}}}}}"


def _interleave(literals: Sequence[str], places: Iterator[tuple[str, str]]) -> Iterator[Piece]:
    """literal, slot, literal, slot, literal; it takes one place fewer than there are literals."""
    for number, literal in enumerate(literals):
        if number:
            slot, value = next(places, ("?", ""))
            yield Piece(value, slot)
        if literal:
            yield Piece(literal)


def _without_empty(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part.pieces and part != Part(part.role, [Piece("")])]


def colours(slot_lists: Iterable[Sequence[str]]) -> dict[str, int]:
    """A colour for each slot name of a task, by first appearance, so that a slot looks the same in every version.

    A new slot differs from the slots before and behind it where it first appears.
    """
    colour_of: dict[str, int] = {}
    for slots in slot_lists:
        for place, name in enumerate(slots):
            if name not in colour_of:
                beside = {colour_of.get(neighbour) for neighbour in slots[max(place - 1, 0) : place + 2]}
                in_turn = ((len(colour_of) + step) % COLOURS for step in range(COLOURS))
                colour_of[name] = next(colour for colour in in_turn if colour not in beside)
    return colour_of


def start_of(parts: Sequence[Part]) -> list[Piece]:
    """A template in a line or two, for lists: long fixed texts are shortened, so that the slots are visible."""
    start: list[Piece] = []
    characters_left = START_CHARACTERS
    for piece in (piece for part in parts for piece in (*part.pieces, Piece(" "))):
        text = _shortened(re.sub(r"\s+", " ", piece.text), head=40 if start else 70)[:characters_left]
        start.append(Piece(text, piece.slot))
        characters_left -= len(text) + len(piece.slot or "")
        if characters_left <= 0:
            return [*start, Piece(" …")]
    return start


def _shortened(text: str, head: int, tail: int = 30) -> str:
    """The first and the last words of a text."""
    if len(text) <= head + tail + 20:
        return text
    return f"{text[:head].rpartition(' ')[0] or text[:head]} … {text[-tail:].partition(' ')[2] or text[-tail:]}"


# --- invisible characters

_RUNS = (
    r"\r?\n"  # a line end, shown as one
    r"|\t+"
    r"|  +"
    r"|[\x00-\x1f\x7f-\x9f]"
    r"|[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"  # without width, or changing the direction of the text
    r"|(?<![^\x00-\u02ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff])"  # a joiner that is no part of a Persian or Hindi word, or of an emoji
)
_UNSEEN = re.compile(_RUNS)
_UNSEEN_AND_EDGES = re.compile(_RUNS + r"|^ | $")


class Mark(NamedTuple):
    """A run of one kind: text, line (end), tab, blank, or code (a character shown by its name)."""

    kind: str
    text: str
    title: str = ""


def marks(text: str, edges: bool = True) -> Iterator[Mark]:
    """Split a text into visible and invisible runs; joined, they are the text.

    A blank at an edge counts as invisible: beside a slot it decides whether a template matches.
    """
    if text.isprintable() and "  " not in text and not (edges and text != text.strip(" ")):
        yield from [Mark("text", text)] if text else []  # nearly every text; no pattern has to search it
        return
    end = 0
    for unseen in (_UNSEEN_AND_EDGES if edges else _UNSEEN).finditer(text):
        if unseen.start() > end:
            yield Mark("text", text[end : unseen.start()])
        yield _mark(unseen.group())
        end = unseen.end()
    if end < len(text):
        yield Mark("text", text[end:])


def _mark(run: str) -> Mark:
    if run[-1] == "\n":
        return Mark("line", run, "\\r\\n" if run[0] == "\r" else "\\n")
    if run[0] in "\t ":
        return Mark("tab" if run[0] == "\t" else "blank", run)
    return Mark("code", run, f"U+{ord(run):04X} {unicodedata.name(run, 'control character').lower()}")


_SIGNS = {"line": " ↵ ", "tab": " ", "code": "�"}


def one_line(text: object) -> str:
    """A text for a heading or a cell: characters that break or turn the line are replaced by a visible sign."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(_SIGNS.get(mark.kind, mark.text) for mark in marks(text, edges=False))
