"""How commands print tables, and texts that come from traffic."""

import codecs
import io
import os
import sys
from typing import Any
from unicodedata import category

import rich_click as click
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

UNBOUND = 10_000
"""Columns of an output without an edge."""

_JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner: letters of Persian and Hindi words, and of one emoji made of several, are wrong without them (Unicode 23.2)."""


def write_every_character() -> None:
    """Let no character of traffic end a command: a terminal of another encoding than UTF-8 shows `?` for what it lacks, a file or a pipe gets UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


def show(table: Table, empty_text: str = "None.") -> None:
    """Print a table: as wide as the terminal, or row by row where a word would break; in a pipe or a file as wide as needed, so that nothing is cut off."""
    if not table.row_count:
        click.echo(empty_text)
        return
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNBOUND
    unbound = console.options.update(max_width=UNBOUND)
    fits = Measurement.get(console, unbound, table).minimum <= console.width
    console.print(table if fits or not table.show_header else _row_by_row(table))


def _row_by_row(table: Table) -> Group:
    """Every cell in a line of its own behind the title of its column, as psql does it."""
    lines = Table.grid(padding=(0, 2), expand=False)
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for number, cells in enumerate(zip(*(column.cells for column in table.columns), strict=True)):
        if number:
            lines.add_row()
        for column, cell in zip(table.columns, cells, strict=True):
            if str(cell):
                lines.add_row(column.header, cell)
    return Group(lines, *([table.caption] if table.caption else []))


def plain(value: Any) -> Text:
    """A value as text without control characters and without rich's markup: traffic may contain escape sequences."""
    text = "" if value is None else str(value)
    return Text("".join(char if _is_shown(char) else "·" for char in text))


def _is_shown(char: str) -> bool:
    """Python calls every space but the ASCII one unprintable, also that of Japanese and that before a French colon."""
    return char.isprintable() or char == "\n" or char in _JOINERS or category(char) == "Zs"
