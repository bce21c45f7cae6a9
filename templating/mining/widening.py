"""Widening: which fixed text a known template may lose.

A known template with a frozen value (the day on which it was found) is widened by prompts with another value. An edit
looks alike, but must not widen the template: it makes a template of its own.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from templating.matching import fit
from templating.mining.borders import with_short_moments
from templating.mining.data import are_varied
from templating.mining.known import fixed_pieces
from templating.mining.quantities import CLEAR_MAJORITY, FEWEST_ALIKE, FEWEST_EDIT_WORDS
from templating.mining.units import unit_begins
from templating.template import Template

Row = Sequence[str]


def values_of(literals: tuple[str, ...], texts: Iterable[str]) -> list[tuple[str, ...]]:
    """The values of the texts that these literals fit."""
    return [values for text in texts if (values := fit(literals, text)) is not None]


def may_widen(wide: Template, own: Sequence[Row], new: Sequence[Row], others: Sequence[Row] = ()) -> bool:
    """Whether a known template loses only values to a wider one.

    own: values, in the wide template, of texts of the known template. new: of prompts that the known template did not match.
    others: of texts of the other known templates that are widened together with it; they differ where one of these has a slot.
    """
    columns = [list(zip(*rows, strict=True)) or [()] * len(wide.slots) for rows in (own, new, others)]
    places = [(own, new) for own, new, others in zip(*columns, strict=True) if len(set(own)) != 1 or not are_varied(chain(own, new, others))]
    renamed = {(own[0], *sorted(set(new))) for own, new in places if _is_renamed(own, new)}
    return len(renamed) < 2 and all(_is_value(own, new) for own, new in places)  # one variable may stand at two places


def _is_renamed(own: Sequence[str], new: Sequence[str]) -> bool:
    """Whether one text replaces another without digits: one such place may hold a value, two that change together show a sibling.

    Texts with digits do not count: a date may stand in a prompt twice.
    """
    texts = {*own, *new}
    return len(texts) == 2 and len(set(own)) == 1 and not any(map(str.isdecimal, "".join(texts)))


def _is_value(own: Sequence[str], new: Sequence[str]) -> bool:
    """Whether what the known template's texts have at a place is a value. own, new: as in `may_widen`."""
    if len(set(own)) > 1:  # a slot of the known template, perhaps with text around: it may be an edit until its third call comes
        words = [_words(piece) for piece in fixed_pieces(own[0]) if all(piece in text for text in own)]
        return max(words, default=0) < FEWEST_EDIT_WORDS or len(new) >= FEWEST_ALIKE
    changed = [text for text in new if text != own[0]]
    is_short = max(map(_units, [*own, *new]), default=0) < FEWEST_EDIT_WORDS
    if is_short or not changed:
        return True
    kinds, changes = len(set(changed)), sum(a != b for a, b in pairwise(changed))
    return kinds > 1 and (kinds >= CLEAR_MAJORITY * len(changed) or changes >= kinds)  # one of the texts comes again after another


def _units(text: str) -> int:
    return len(unit_begins(with_short_moments(text)))


def _words(text: str) -> int:
    """The number of words, without marks: JSON of one shape, which a few calls share by chance, is mostly marks."""
    return sum(text[begin].isalnum() for begin in unit_begins(text))
