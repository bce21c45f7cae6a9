"""Small pieces of HTML of which a list has hundreds: Python writes one in a third of the time of a Jinja macro. Every text is escaped."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from app.pages.charts import Spark
from app.reading.pieces import Piece, one_line
from app.words import ago, moment, number

MOST_SLOTS = 200
"""Slots that a page lists, and values of a call: a task of 3,000 slots had a page of 6 MB, of which people read the first screens."""

MOST_SLOTS_DRAWN = 1_000
"""Slots that are drawn in a template or a prompt, some 100 kB; those behind them stand as text."""


def drawn_time(time: datetime | None) -> Markup:
    """The time since a moment; the moment is the title of that text."""
    if time is None:
        return Markup('<span class="faint">never</span>')
    return Markup(f'<time datetime="{time.isoformat()}" title="{moment(time)}">{ago(time)}</time>')  # noqa: S704  ours


def drawn_bar(share: float, colour: str = "") -> Markup:
    """A bar of a share from 0 to 1. colour: a class of ours."""
    return Markup(  # noqa: S704  ours
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/>'
        f'<rect class="fill {escape(colour)}" width="{100 * share:.2f}" height="6"/></svg>'
    )


def drawn_spark(line: Spark | None, words: str) -> Markup:
    """A small line over time, and in words what it shows."""
    if line is None:
        return Markup('<span class="faint">none</span>')
    caption = escape(f"{words} in this range, at most {number(line.largest)} at once")
    return Markup(  # noqa: S704  ours
        f'<svg class="spark" viewBox="0 0 {line.width} 24" preserveAspectRatio="none" role="img" aria-label="{caption}">'
        f'<path d="{line.path}"/></svg>'
    )


def drawn_slot(name: str, colours: Mapping[str, int]) -> Markup:
    """The name of a slot between braces, in its colour."""
    return Markup(_slot(name, colours))  # noqa: S704  ours


def _slot(name: str, colours: Mapping[str, int]) -> str:
    return (
        f'<span class="slot c{colours.get(name, 0)}"><span class="brace">{{{{</span>{escape(one_line(name))}'
        '<span class="brace">}}</span></span>'
    )


def drawn_start(pieces: Sequence[Piece], colours: Mapping[str, int]) -> Markup:
    """The beginning of a template in one line, with its slots."""
    drawn = (escape(one_line(piece.text)) if piece.slot is None else _slot(piece.slot, colours) for piece in pieces)
    return Markup("".join(drawn))  # noqa: S704  escaped


def drawn_options(choices: Sequence[str], chosen: str) -> Markup:
    """The options of a list of choices, the chosen one among them even where it is no choice any more."""
    options = choices if not chosen or chosen in choices else [*choices, chosen]
    drawn = (_option(choice, " selected" if choice == chosen else "") for choice in options)
    return Markup("".join(drawn))  # noqa: S704  escaped


def _option(choice: str, selected: str = "") -> str:
    return f'<option value="{escape(choice)}"{selected}>{escape(one_line(choice))}</option>'


DRAWN: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (drawn_time, drawn_bar, drawn_spark, drawn_slot, drawn_start, drawn_options)
}
