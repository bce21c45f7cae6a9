"""Templates found before, as texts that a search can look at.

A known template is shown as a few texts that render it, its slots filled with characters that no prompt holds.  So a
prompt that nearly fits it (the day that was frozen into it has changed) meets it in the search like any other text.
"""

from collections.abc import Iterable, Mapping
from itertools import count

from templating.mining.filing import are_near
from templating.template import Template

COPIES_PER_TEMPLATE = 3  # texts of one template: what all of them share is its fixed text
CALLS_PER_COPY = 4  # how often each of them came: often enough for an edit to be told from a value
_PRIVATE, _PRIVATE_SIZE = 0xE000, 0x1900  # Unicode's private use area


def shown(template: Template) -> list[str]:
    """Texts of this template, their values unlike anything else and unlike each other."""
    numbers = count()
    texts = []
    for copy in range(COPIES_PER_TEMPLATE):
        names = dict.fromkeys(template.slots)
        texts.append(template.render({name: _filler(next(numbers), 1 + 3 * copy) for name in names}))
    return texts


def times(last: int, size: int) -> list[int]:
    """When the texts of the known template number `last` of `size` came: before all prompts, the later ones later."""
    return [last - size] * CALLS_PER_COPY


def _filler(number: int, size: int) -> str:
    return "".join(chr(_PRIVATE + (number * 7 + i * 61) % _PRIVATE_SIZE) for i in range(size))


def fixed_pieces(text: str) -> list[str]:
    """The fixed text in a piece of a shown text, by the values that part it."""
    return "".join("\x00" if _PRIVATE <= ord(char) < _PRIVATE + _PRIVATE_SIZE else char for char in text).split("\x00")


def near(known: Iterable[tuple[int, Template]], texts: Iterable[str]) -> Mapping[Template, set[int]]:
    """The templates that begin or end like one of the texts, with their numbers."""
    numbers: dict[Template, set[int]] = {}
    for number, template in known:
        numbers.setdefault(template, set()).add(number)
    close = are_near(numbers, texts)
    return {template: its for template, its in numbers.items() if template in close}
