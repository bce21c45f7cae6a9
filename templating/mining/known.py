"""Known templates as texts for a search.

A template keeps a few of its prompts (its examples), so that a search sees new prompts together with old ones: a value that was frozen
into several templates then varies, as if all prompts came at once. A template without examples is shown as probes: texts that render the
template with characters in its slots that no prompt holds. Since probes are unlike any value, they also show what a wider template changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from templating.matching import match
from templating.mining.findings import Finding, Findings
from templating.mining.quantities import MOST_WEAK_CHARACTERS
from templating.mining.sampling import spread
from templating.mining.sieve import Row, are_near
from templating.mining.texts import Texts
from templating.template import Template

MOST_EXAMPLES = 8  # most examples of a template; template F1 loses .07 with 5 (a stream of sessions), .14 with 16 (a stream of a sorted job)
MOST_EXAMPLE_CHARACTERS = 1 << 15  # most characters of a template's examples; longer prompts are no examples, since every batch would align them again
COPIES_PER_TEMPLATE = 3  # probes of one template: the probes share only its fixed text
CALLS_OF_EXAMPLES = 4  # least calls of all examples together, and calls of each probe: enough to tell an edit from a value; with 12, agents' first calls are merged (a stream of sessions: F1 .73 instead of .94)
CALLS_OF_SHORT_EXAMPLES = 16  # least calls of all examples of a short template together, which is found by its number of calls: F1 .94 instead of .92
_PRIVATE, _PRIVATE_SIZE = 0xE000, 0x1900  # Unicode's private use area


def add_known(known: Sequence[tuple[int, Template]], prompts: Iterable[str], texts: Texts, findings: Findings) -> set[str]:
    """Adds the known templates that begin or end like one of the prompts to texts and findings. Returns their examples.

    known: the templates with their numbers in the caller's list.
    """
    if not known:
        return set()
    every, size = set[str](), max(number for number, _ in known) + 1
    for template, numbers in near(known, prompts).items():
        probes, examples, number = probes_of(template), example_prompts(template), max(numbers)
        copies = examples or list(dict.fromkeys(probes))
        for text, its_times in times(template, number, size, [*copies, *probes]).items():
            texts.add(text, its_times, number - size)
        looked = 0 if template.memory is None else template.memory.searched
        findings.add_known(template, Finding([(text, ()) for text in copies], numbers, looked=looked, probes=[(template, probes)]))
        every.update(examples)
    return every


def probes_of(template: Template) -> list[str]:
    """Probes of this template: all their values are unlike any other text and unlike each other."""
    numbers = count()
    texts = []
    for copy in range(COPIES_PER_TEMPLATE):
        names = dict.fromkeys(template.slots)
        texts.append(template.render({name: _filler(next(numbers), 1 + 3 * copy) for name in names}))
    return texts


def examples(template: Template, texts: Sequence[str]) -> tuple[Row, ...]:
    """The examples of a template: values of some of its prompts, evenly over all, oldest first; none of long prompts."""
    some = spread(texts, MOST_EXAMPLES)
    if sum(map(len, some)) > MOST_EXAMPLE_CHARACTERS:
        return ()
    return tuple(values for text in some if (values := match(template, text)) is not None)


def example_prompts(template: Template) -> list[str]:
    """The prompts of the template's examples."""
    return list(dict.fromkeys(map(template.render, template.examples)))


def times(template: Template, number: int, size: int, texts: Sequence[str]) -> dict[str, list[int]]:
    """The times of the texts of known template `number` of `size`: before all prompts, and later for later templates."""
    first = (number - size) * (MOST_EXAMPLES + COPIES_PER_TEMPLATE)
    return {text: [first + place] * _calls(template) for place, text in enumerate(texts)}


def _calls(template: Template) -> int:
    """The calls of each text that stands for the template."""
    if not template.examples:
        return CALLS_OF_EXAMPLES
    least = CALLS_OF_SHORT_EXAMPLES if template.fixed <= MOST_WEAK_CHARACTERS else CALLS_OF_EXAMPLES
    return max(1, least // len(template.examples))


def _filler(number: int, size: int) -> str:
    return "".join(chr(_PRIVATE + (number * 7 + i * 61) % _PRIVATE_SIZE) for i in range(size))


def fixed_pieces(text: str) -> list[str]:
    """The fixed text in a piece of a probe, split at the values."""
    return "".join("\x00" if _PRIVATE <= ord(char) < _PRIVATE + _PRIVATE_SIZE else char for char in text).split("\x00")


def near(known: Iterable[tuple[int, Template]], texts: Iterable[str]) -> Mapping[Template, set[int]]:
    """The templates that begin or end like one of the texts -> their numbers."""
    numbers: dict[Template, set[int]] = {}
    for number, template in known:
        numbers.setdefault(template, set()).add(number)
    close = are_near(numbers, texts)
    return {template: its for template, its in numbers.items() if template in close}
