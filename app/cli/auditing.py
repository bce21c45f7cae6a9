"""`promptlode audit`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import rich_click as click

from app.cli.context import engine_of, settings_of_command
from app.cli.numbers import Whole
from app.cli.remote.options import formed
from app.cli.remote.output import Cell, Exact, printed
from app.store import audit as store
from app.store import projects
from app.store.engine import transaction

NO_ENTRY = "None: nothing was deleted, no key was made, and no admin key changed anything."


def _actor(entry: Mapping[str, Any]) -> str:
    return f"{entry['actor']} …{entry['key_last4']}" if entry["key_last4"] else str(entry["actor"])


def _details(entry: Mapping[str, Any]) -> str:
    words = {name: " ".join(value) if isinstance(value, list) else value for name, value in entry["details"].items()}
    return ", ".join(f"{name}: {value}" for name, value in words.items())


COLUMNS_OF_ENTRIES: Mapping[str, Cell] = {
    "When": Exact("created_at"),
    "Project": lambda entry: entry["project"],
    "Who": _actor,
    "What": lambda entry: entry["action"],
    "Of": lambda entry: entry["subject"],
    "Outcome": lambda entry: entry["outcome"],
    "Details": _details,
}


@click.command()
@click.option("--project", help="Only the entries of this project, by name or id.")
@click.option("--limit", type=Whole(1, 10_000), default=50, show_default=True, help="How many, the newest first.")
@formed
def audit(project: str | None, limit: int, form: str) -> None:
    """Show who changed or took what, and when."""
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        owner = None if project is None else projects.existing(connection, project)
        rows = store.page(connection, owner.id if owner else None, limit=limit, before=None)
        names = {summary.id: summary.name for summary in projects.summaries(connection)}
    printed([_entry(row, names) for row in rows], COLUMNS_OF_ENTRIES, form, empty_text=NO_ENTRY)


def _entry(row: Any, names: Mapping[UUID, str]) -> dict[str, Any]:
    """An entry with the fields of the API, and its project."""
    return {
        "id": str(row.id),
        "project": names.get(row.project_id) or (str(row.project_id) if row.project_id else None),
        "actor": row.actor,
        "key_last4": row.key_last4,
        "action": row.action,
        "subject": str(row.subject) if row.subject else None,
        "outcome": row.outcome,
        "details": row.details,
        "created_at": row.created_at.isoformat(),
    }
