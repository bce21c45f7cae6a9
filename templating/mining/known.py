"""Templates found before, as texts that a search can look at.

A template remembers a few of the prompts that it was found in (its examples), so that new prompts meet these in a search: a value that was
frozen into several templates is seen to vary, as if all their prompts came at once.  A template without examples is shown as a few texts that
render it, its slots filled with characters that no prompt holds.  Such probes also tell what a wider template would change, since they are
unlike any value.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from templating.matching import match
from templating.mining.filing import are_near
from templating.mining.sampling import spread
from templating.template import Template

Values = tuple[str, ...]

MOST_EXAMPLES = 8  # prompts that a template remembers; with 5 a stream of sessions is .07 worse, with 16 one of a sorted job .14
MOST_EXAMPLE_CHARACTERS = 1 << 15  # characters of these together; longer prompts are not remembered, since every batch would align them again
COPIES_PER_TEMPLATE = 3  # texts of one template: what all of them share is its fixed text
CALLS_PER_COPY = 4  # how often each of them came: often enough for an edit to be told from a value
CALLS_OF_EXAMPLES = 4  # calls of all examples together, at least; with 12, agents' first calls are merged (a stream of sessions .73 for .94)
CALLS_OF_SHORT_EXAMPLES = 16  # the same of a short template, which is found by how many calls it has: .94 for .92
MOST_SHORT_CHARACTERS = 80  # characters of fixed text of a short template
_PRIVATE, _PRIVATE_SIZE = 0xE000, 0x1900  # Unicode's private use area


def shown(template: Template) -> list[str]:
    """Texts of this template, their values unlike anything else and unlike each other."""
    numbers = count()
    texts = []
    for copy in range(COPIES_PER_TEMPLATE):
        names = dict.fromkeys(template.slots)
        texts.append(template.render({name: _filler(next(numbers), 1 + 3 * copy) for name in names}))
    return texts


def examples(template: Template, texts: Sequence[str]) -> tuple[Values, ...]:
    """What a template remembers of the prompts that it was found in, oldest first: some, evenly over all; nothing of long ones."""
    some = spread(texts, MOST_EXAMPLES)
    if sum(map(len, some)) > MOST_EXAMPLE_CHARACTERS:
        return ()
    return tuple(values for text in some if (values := match(template, text)) is not None)


def remembered(template: Template) -> list[str]:
    """The prompts of its examples."""
    return list(dict.fromkeys(map(template.render, template.examples)))


def times(template: Template, number: int, size: int, texts: Sequence[str]) -> dict[str, list[int]]:
    """When the texts of the known template `number` of `size` came: before all prompts, those of later templates later."""
    first = (number - size) * (MOST_EXAMPLES + COPIES_PER_TEMPLATE)
    return {text: [first + place] * _calls(template) for place, text in enumerate(texts)}


def _calls(template: Template) -> int:
    """How often each text came that stands for the template."""
    if not template.examples:
        return CALLS_PER_COPY
    least = CALLS_OF_SHORT_EXAMPLES if template.fixed <= MOST_SHORT_CHARACTERS else CALLS_OF_EXAMPLES
    return max(1, least // len(template.examples))


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
