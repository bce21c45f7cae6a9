"""`promptlode audit`."""

from typing import Any

import rich_click as click
from rich.table import Table

from app.cli.context import engine_of, settings_of_command, show
from app.errors import NotFoundError
from app.store import audit as store
from app.store import projects
from app.store.engine import transaction


@click.command()
@click.option("--project", help="Only the entries of this project, by name or id.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, the newest first."
)
def audit(project: str | None, limit: int) -> None:
    """Show who changed or took what, and when."""
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        owner = None if project is None else projects.find(connection, project)
        if project is not None and owner is None:
            raise NotFoundError(f"There is no project {project}. `promptlode projects` lists them.")
        rows = store.page(connection, owner.id if owner else None, limit=limit, before=None)
        names = {each.id: each.name for each in projects.summaries(connection)}
    table = Table("When", "Project", "Who", "What", "Of", "Outcome", "Details")
    for row in rows:
        project_name = names.get(row.project_id, row.project_id or "")
        details = ", ".join(f"{name}: {_words(value)}" for name, value in row.details.items())
        actor = f"{row.actor} …{row.key_last4}" if row.key_last4 else row.actor
        when = f"{row.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, str(project_name), actor, row.action, str(row.subject or ""), row.outcome, details)
    show(table, "None: nothing was deleted, no key was made, and no admin key changed anything.")


def _words(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
