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
from templating.mining.mixture import is_open
from templating.mining.quantities import CLEAR_MAJORITY, FEWEST_ALIKE, FEWEST_EDIT_WORDS
from templating.mining.shared_text import edge_words
from templating.mining.units import unit_begins
from templating.template import Template

MOST_LOST_CHARACTERS = 300  # most characters of fixed text that a known template may lose, unless many other texts stand in its place
FEWEST_OTHER_TEXTS = 5  # least other texts that count as many
FEWEST_BODY_WORDS = 15  # least words around a slot at an open end that a template may not lose together with the slot: the body behind a preamble

Row = Sequence[str]


def values_of(literals: tuple[str, ...], texts: Iterable[str]) -> list[tuple[str, ...]]:
    """The values of the texts that these literals fit."""
    return [values for text in texts if (values := fit(literals, text)) is not None]


def may_widen(known: Template, wide: Template, own: Sequence[Row], new: Sequence[Row], others: Sequence[Sequence[Row]] = ()) -> bool:
    """Whether the known template loses only values.

    own: values, in the wide template, of texts of the known template. new: of prompts that the known template did not match.
    others: per other known template that is widened together with it, of its texts.
    """
    firsts, slots = [rows[0] for rows in others if rows], [row for rows in others for row in rows]
    columns = [list(zip(*rows, strict=True)) or [()] * len(wide.slots) for rows in (own, new, firsts, slots)]
    varied = [_is_varied(*values) for values in zip(*columns, strict=True)]
    places = list(zip(*columns[:2], strict=True))
    if known.fixed - wide.fixed > MOST_LOST_CHARACTERS and len({tuple(row) for row in new}) < FEWEST_OTHER_TEXTS and not any(varied):
        return False
    rest = [values for values, is_varied in zip(places, varied, strict=True) if not is_varied]
    renamed = {(own[0], *sorted(set(new))) for own, new in rest if _is_renamed(own, new)}
    if len(renamed) > 1:  # one variable may stand at two places
        return False
    return all(
        is_varied or _is_value(own, new, is_open(wide, place))
        for place, (is_varied, (own, new)) in enumerate(zip(varied, places, strict=True))
    )


def _is_varied(own: Sequence[str], new: Sequence[str], others: Sequence[str], slots: Sequence[str]) -> bool:
    """Whether a lost text is one of more texts than an edit has; the text is a whole place, or the beginning or end of a slot's values.

    others: a text of each other known template. slots: all their texts, which differ where another known template has a slot.
    """
    if len(set(own)) == 1:
        return are_varied(chain(own, new, slots))
    pieces = fixed_pieces(own[0]) if own else [""]
    directions = [direction for piece, direction in ((pieces[0], 1), (pieces[-1], -1)) if _words(piece) >= FEWEST_EDIT_WORDS]
    return bool(directions) and all(
        are_varied(edge_words(text, direction) for text in chain(own[:1], new, others)) for direction in directions
    )


def _is_renamed(own: Sequence[str], new: Sequence[str]) -> bool:
    """Whether one text replaces another without digits: one such place may hold a value, two that change together show a sibling.

    Texts with digits do not count: a date may stand in a prompt twice.
    """
    texts = {*own, *new}
    return len(texts) == 2 and len(set(own)) == 1 and not any(map(str.isdecimal, "".join(texts)))


def _is_value(own: Sequence[str], new: Sequence[str], at_end: bool) -> bool:
    """Whether what the known template's texts have at a place is a value. own, new: as in `may_widen`. at_end: whether the place is an open end."""
    if len(set(own)) > 1:  # a slot of the known template, perhaps with text around: it may be an edit until its third call comes
        words = [_words(piece) for piece in fixed_pieces(own[0]) if all(piece in text for text in own)]
        return (not at_end or sum(words) < FEWEST_BODY_WORDS) and (max(words, default=0) < FEWEST_EDIT_WORDS or len(new) >= FEWEST_ALIKE)
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
