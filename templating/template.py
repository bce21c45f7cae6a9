"""Template: the fixed texts of a prompt with named slots between them, and its text form.

Shape: literals[0] slot[0] literals[1] ... slot[k-1] literals[k].  Lengths are counted in characters (code points).
The text form follows Mustache's `{{name}}` (mustache(5), "Variables") with a backslash as the one escape; unlike
Mustache it is exact: white space inside the braces makes it no slot, and any string at all can be a literal.
No message of an error holds text of a template: prompts must not reach a log that way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from templating.memory import Memory

OPEN, CLOSE, ESCAPE = "{{", "}}", "\\"


@dataclass(frozen=True, eq=False)
class Template:
    """Fixed texts with slots between them.

    literals: k + 1 strings; only the first and the last may be empty, and at least one is not white space.
              Two slots never touch: no rule could say where one value ends and the next begins.  A template that is
              all slot would match everything.
    slots:    k names, each an identifier (`str.isidentifier`: any script).  Two places with the same name hold the
              same value.
    examples: values of some prompts in which a search found the template, oldest first; a later search that is told of the
              template looks at these prompts again.
    memory:   prompts that the template matched, of a template that `mine` found: a later search may find it anew from them.
    Equality and hash are by literals and by which places share a name: renaming a slot does not make another template.
    Raises TypeError for arguments that are no sequence of str, ValueError for those that break a rule above.
    """

    literals: tuple[str, ...]
    slots: tuple[str, ...] = ()
    examples: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    memory: Memory | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "literals", _strings(self.literals, "literals"))
        object.__setattr__(self, "slots", _strings(self.slots, "slots"))
        _check(self.literals, self.slots)

    @cached_property
    def sharing(self) -> tuple[int, ...]:
        """Per place, the first place of the same name: (0, 1, 0) says that the third place repeats the first."""
        first: dict[str, int] = {}
        return tuple(first.setdefault(name, place) for place, name in enumerate(self.slots))

    @cached_property
    def repeats(self) -> tuple[tuple[int, int], ...]:
        """Pairs (place, first place of its name) for the places whose name came before; empty when all names differ."""
        return tuple((place, first) for place, first in enumerate(self.sharing) if place != first)

    @cached_property
    def fixed(self) -> int:
        """Characters of fixed text: how specific the template is."""
        return sum(map(len, self.literals))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        return self.literals == other.literals and self.sharing == other.sharing

    @cached_property
    def _hash(self) -> int:
        return hash((self.literals, self.sharing))

    def __hash__(self) -> int:
        return self._hash  # templates are keys of mining's inner loops

    def render(self, values: Sequence[str] | Mapping[str, str]) -> str:
        """The prompt that these values make.

        values: a sequence has one value per place, in order, repeats included; a mapping one per name, further names
        ignored.
        Raises ValueError when they do not fit (a missing or surplus value, two values for one name), TypeError for a
        bare str, which is a sequence of its characters and never meant, and for a value that is no str.
        """
        row = self._row(values)
        parts = [self.literals[0]]
        for value, literal in zip(row, self.literals[1:], strict=True):
            parts += value, literal
        return "".join(parts)

    def to_text(self) -> str:
        """Text form: a slot is written {{name}}.

        Literal text that would read as a slot gets one backslash before it (\\{{name}}), and the backslashes that
        stand right before a slot, or before such text, are doubled.  Every other character stays as it is: JSON
        braces, {x}, %, $, a backslash elsewhere.
        """
        parts: list[str] = []
        for literal, name in zip(self.literals, self.slots, strict=False):
            parts += _escaped(literal), ESCAPE * _trailing_escapes(literal, 0, len(literal)), OPEN, name, CLOSE
        return "".join([*parts, _escaped(self.literals[-1])])

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Inverse of to_text: `parse(t.to_text()) == t` with the same names, for every template.

        Of n backslashes before {{name}}, n // 2 are text; it is a slot when n is even and text when n is odd.
        Raises ValueError when the text is no template (two slots touch, nothing but slots and white space).
        O(len(text)).
        """
        literals: list[str] = []
        slots: list[str] = []
        pieces: list[str] = []
        done = 0
        for place in _places(text):
            pieces.append(text[done : place.start - place.escapes + place.escapes // 2])
            done = place.start if place.escapes % 2 else place.end
            if place.escapes % 2 == 0:
                literals.append("".join(pieces))
                slots.append(place.name)
                pieces = []
        pieces.append(text[done:])
        return cls((*literals, "".join(pieces)), tuple(slots))

    def _row(self, values: Sequence[str] | Mapping[str, str]) -> tuple[str, ...]:
        row = self._by_name(values) if isinstance(values, Mapping) else _strings(values, "values")
        if len(row) != len(self.slots):
            raise ValueError(f"{len(self.slots)} values are needed, one per place; got {len(row)}")
        for place, first in self.repeats:
            if row[place] != row[first]:
                raise ValueError(f"places {first} and {place} share a name, their values differ")
        return row

    def _by_name(self, values: Mapping[str, str]) -> tuple[str, ...]:
        missing = [name for name in dict.fromkeys(self.slots) if name not in values]
        if missing:
            raise ValueError(f"no value for {', '.join(missing)}")
        return _strings([values[name] for name in self.slots], "values")


class _Place(NamedTuple):
    """{{name}} in a text: text[start:end], after a run of `escapes` backslashes."""

    start: int
    end: int
    name: str
    escapes: int


def _strings(items: Sequence[str], noun: str) -> tuple[str, ...]:
    if isinstance(items, str):
        raise TypeError(f"{noun} must be a sequence of str, not one str")
    row = tuple(items)
    for index, item in enumerate(row):
        if not isinstance(item, str):
            raise TypeError(f"{noun}[{index}] must be a str, not {type(item).__name__}")
    return row


def _check(literals: tuple[str, ...], slots: tuple[str, ...]) -> None:
    if len(literals) != len(slots) + 1:
        raise ValueError(f"{len(slots)} slots need {len(slots) + 1} literals around them; got {len(literals)}")
    if "" in literals[1:-1]:
        raise ValueError(f"slots {literals.index('', 1) - 1} and {literals.index('', 1)} touch: put text between them")
    if all(not literal or literal.isspace() for literal in literals):
        raise ValueError("a template needs fixed text that is not white space")
    for index, name in enumerate(slots):
        if not name.isidentifier():
            raise ValueError(f"slots[{index}] must be an identifier")


def _places(text: str) -> Iterator[_Place]:
    """Each {{name}} in the text, from the left.

    The search goes by closing braces: a name holds no brace, so the slot that a `}}` closes begins at the last `{{`
    before this `}}` and after the `}}` before that.  Each character is looked at a bounded number of times, also in "{{{{{{" or "}}}}}}".
    """
    done, close = 0, text.find(CLOSE)
    while close >= 0:
        start = text.rfind(OPEN, done, close)
        name = text[start + 2 : close] if start >= 0 else ""
        if name.isidentifier():
            yield _Place(start, close + 2, name, _trailing_escapes(text, done, start))
            done = close + 2
        else:
            done = close + 1
        close = text.find(CLOSE, done)


def _trailing_escapes(text: str, start: int, end: int) -> int:
    """The number of backslashes at the end of text[start:end]; looks back no further than these backslashes."""
    position = end
    while position > start and text[position - 1] == ESCAPE:
        position -= 1
    return end - position


def _escaped(literal: str) -> str:
    """The literal in the text form, in which no part of the literal reads as a slot."""
    parts: list[str] = []
    done = 0
    for place in _places(literal):
        parts += literal[done : place.start], ESCAPE * (place.escapes + 1)
        done = place.start
    return "".join([*parts, literal[done:]])
