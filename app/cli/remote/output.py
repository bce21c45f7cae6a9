"""The output of commands: a table for people, JSON or CSV for programs, templates with coloured slots.

Traffic may contain escape sequences: a terminal never gets them, a file or a pipe gets every character of JSON and CSV.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rich_click as click
from rich.table import Table
from rich.text import Text

from app.cli.printing import plain, show
from app.cli.remote.api import Item
from app.exporting.tables import guarded
from app.words import NO_PRICE, ago, cost_text, parsed
from templating import BARRIER, Template

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
"""Colours of slots, in the order of their names in a template."""

Cell = Callable[[Item], Any]


def printed(
    items: Iterable[Item], columns: Mapping[str, Cell], form: str, *, empty_text: str = "None.", caption: str = ""
) -> None:
    """Print a list.

    columns: titles with the cell that an item has there. form: "table", "json" (a list of the API's items) or "csv".
    empty_text: a sentence instead of a table without rows. caption: stands below a table.
    """
    if form == "json":
        as_json(list(items))
    elif form == "csv":
        _csv(items, columns)
    else:
        show(_table(items, columns, caption), empty_text)


def as_json(value: Any) -> None:
    """Print JSON, for programs."""
    click.echo(json_text(value, indent=2))


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON; on a terminal, characters that do not print are escaped, which changes no value."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(map(_escaped, text)) if sys.stdout.isatty() else text


def _escaped(char: str) -> str:
    return char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]


def exact(value: Any) -> Any:
    """The value, unchanged for a program; on a terminal, a text without control characters."""
    return plain(value).plain if isinstance(value, str) and sys.stdout.isatty() else value


def _csv(items: Iterable[Item], columns: Mapping[str, Cell]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for item in items:
        writer.writerow([exact(guarded(_raw(cell, item))) for cell in columns.values()])


def _raw(cell: Cell, item: Item) -> Any:
    """The value of a cell for programs."""
    return cell.of(item) if isinstance(cell, When | CostCell) else cell(item)


def _table(items: Iterable[Item], columns: Mapping[str, Cell], caption: str) -> Table:
    table = Table(caption_justify="left")
    for title in columns:
        table.add_column(title, no_wrap=title == "Id", min_width=36 if title == "Id" else None, overflow="fold")
    lacks_price = False
    for item in items:
        table.add_row(*(plain(cell(item)) for cell in columns.values()))
        lacks_price = lacks_price or any(
            isinstance(cell, CostCell) and cell(item) == NO_PRICE for cell in columns.values()
        )
    table.caption = " ".join(filter(None, (caption, _REMEDY if lacks_price else ""))) or None
    return table


_REMEDY = "no price: nobody knows what the model costs. Set it in dollars for a million tokens: promptlode prices set MODEL --input 1.25 --output 10"
"""Stands below a table with a cost that nobody knows."""


@dataclass(frozen=True)
class When:
    """A time of an item: in words for people (5 minutes ago), unchanged for programs."""

    field: str
    otherwise: str | None = None
    """The field that holds the time where the first is empty."""

    def of(self, item: Item) -> str | None:
        """The time as in the API's answer."""
        return item.get(self.field) or (item.get(self.otherwise) if self.otherwise else None)

    def __call__(self, item: Item) -> str:
        moment = self.of(item)
        return ago(parsed(moment)) if moment else ""


@dataclass(frozen=True)
class Exact(When):
    """A time of an item to the second, where minutes ago are too vague; unchanged for programs."""

    def __call__(self, item: Item) -> str:
        return (self.of(item) or "")[:19].replace("T", " ")


class CostCell:
    """A cost of an item: dollars as the pages show them for people, the number for programs."""

    def of(self, item: Item) -> float:
        """As the API has it."""
        dollars_spent: float = item["cost"]
        return dollars_spent

    def __call__(self, item: Item) -> str:
        return cost_text(item["cost"], item["cost_estimated"])


def template_text(parts: Sequence[Mapping[str, str]]) -> Text:
    """Parts of a template, each slot in its own colour."""
    colours: dict[str, str] = {}
    text = Text()
    for part in parts:
        text.append(f"{part['role']}\n", style="dim")
        template = _template_of(part)
        text.append_text(_coloured(template, [f"{{{{{name}}}}}" for name in template.slots], colours))
        text.append("\n")
    return text


def call_text(part: Mapping[str, str], values: Mapping[str, str], colours: dict[str, str]) -> Text:
    """A part of a prompt whose values have the colours of their slots.  part: of the template."""
    template = _template_of(part)
    return _coloured(template, [values.get(name, "") for name in template.slots], colours)


def _template_of(part: Mapping[str, str]) -> Template:
    """The part as a template that begins with a barrier: a part may consist of one slot, a template may not."""
    return Template.parse(BARRIER + part["text"])


def _coloured(template: Template, fillings: Sequence[str], colours: dict[str, str]) -> Text:
    """The template with its slots filled.  template: of `_template_of`."""
    text = plain(template.literals[0].removeprefix(BARRIER))
    for name, filling, literal in zip(template.slots, fillings, template.literals[1:], strict=True):
        colour = colours.setdefault(name, COLOURS[len(colours) % len(COLOURS)])
        text.append_text(Text(plain(filling).plain, style=f"bold {colour}"))
        text.append_text(plain(literal))
    return text
