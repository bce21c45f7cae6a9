"""`promptlode retention`."""

import rich_click as click

from app.cli.context import engine_of, settings_of_command
from app.cli.numbers import Whole
from app.cli.remote.output import as_json
from app.config import MOST_RETENTION_DAYS
from app.store import projects, retention
from app.store.engine import transaction


@click.command("retention")
@click.argument("project")
@click.argument("days", type=Whole(1, MOST_RETENTION_DAYS), required=False)
@click.option("--for-ever", is_flag=True, help="Remove nothing, whatever RETENTION_DAYS says.")
@click.option("--default", "as_set", is_flag=True, help="As RETENTION_DAYS says again.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
def retention_command(project: str, days: int | None, *, for_ever: bool, as_set: bool, as_json_: bool) -> None:
    """Show how long PROJECT keeps its calls, or set it to so many DAYS."""
    if sum((days is not None, for_ever, as_set)) > 1:
        raise click.UsageError("Give only one of DAYS, --for-ever and --default.")
    settings = settings_of_command()
    with engine_of(settings) as engine, transaction(engine) as connection:
        owner = projects.existing(connection, project)
        if days is not None or for_ever or as_set:
            retention.set_days(connection, owner.id, retention.FOR_EVER if for_ever else days)
        own_days = retention.days_of(connection, owner.id)
    days_kept = settings.retention_days if own_days is None else own_days
    if as_json_:
        as_json(
            {
                "project": owner.name,
                "days": None if days_kept == retention.FOR_EVER else days_kept,
                "is_default": own_days is None,
            }
        )
        return
    click.echo(f"{owner.name}: {_sentence(days_kept)}")


def _sentence(days: int) -> str:
    return "calls are kept for ever" if days == retention.FOR_EVER else f"calls are removed after {days} days"
