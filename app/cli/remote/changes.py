"""`promptlode changes`."""

from typing import Any

import rich_click as click

from app.cli.remote.api import Api
from app.cli.remote.options import connected, formed, limited, ranged
from app.cli.remote.output import Cell, When, printed

CHANGES: dict[str, Cell] = {
    "When": When("at"),
    "Kind": lambda item: item["kind"],
    "What changed": lambda item: item["summary"],
}


@click.command()
@click.option("--kind", help="Of these kinds, with commas between: version.new,version.back.")
@click.option("--path", help="Of this path only.")
@ranged
@limited
@formed
@connected
def changes(api: Api, form: str, limit: int, **query: Any) -> None:
    """List what changed, newest first: tasks and versions that began, edits taken back, jumps of errors and costs."""
    empty_text = "No change fits. A change is told once a task was found and its next version, slot or cost differs."
    printed(api.items("/api/v1/changes", query, limit), CHANGES, form, empty_text=empty_text)
