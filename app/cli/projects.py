"""`promptlode projects`."""

import rich_click as click
from rich.table import Table

from app.cli.context import engine_of, id_column, settings_of_command, show
from app.store import projects as store
from app.store.engine import transaction


@click.command()
def projects() -> None:
    """List the projects and how much is in them."""
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        found = store.summaries(connection)
    table = Table("Project", id_column(), "Paths", "Traces", "Tasks")
    for project in found:
        table.add_row(project.name, str(project.id), str(project.paths), str(project.traces), str(project.tasks))
    show(table)
