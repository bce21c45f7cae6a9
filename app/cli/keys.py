"""`promptlode keys create | list | revoke`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import rich_click as click
from click.core import ParameterSource

from app.cli.context import KEY_NAME, PROJECT_NAME, engine_of, settings_of_command
from app.cli.remote.options import formed
from app.cli.remote.output import Cell, Exact, printed
from app.errors import NotFoundError
from app.store import audit, projects
from app.store import keys as store
from app.store.audit import COMMAND
from app.store.engine import transaction
from app.store.keys import DEFAULT_SCOPES, SCOPES, KeySummary

COLUMNS_OF_KEYS: Mapping[str, Cell] = {
    "Id": lambda key: key["id"],
    "Project": lambda key: key["project"],
    "Name": lambda key: key["name"],
    "Ends in": lambda key: key["last4"],
    "Scopes": lambda key: ", ".join(key["scopes"]),
    "Made": Exact("created_at"),
    "Revoked": Exact("revoked_at"),
}


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.option(
    "--project", type=PROJECT_NAME, default="default", show_default=True, help="Project of the key; made if need be."
)
@click.option("--name", type=KEY_NAME, default="", help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=DEFAULT_SCOPES,
    show_default=True,
    help="What the key may do; repeat for several. admin may do everything in its project. operator sees the pipeline and metrics of"
    " all projects; an admin key that is made without --project has it, too.",
)
@click.pass_context
def create(context: click.Context, project: str, name: str, scopes: tuple[str, ...]) -> None:
    """Make a key. It is printed once, alone on standard output; nobody can show it again."""
    if "admin" in scopes and context.get_parameter_source("project") is ParameterSource.DEFAULT:
        scopes = (*dict.fromkeys((*scopes, "operator")),)
    settings = settings_of_command()
    with engine_of(settings) as engine, transaction(engine) as connection:
        owner = projects.find(connection, project) or projects.get_or_create(connection, project)
        created = store.create(connection, owner.id, name, scopes, cell=settings.cell)
        audit.record(
            connection,
            COMMAND,
            "create_key",
            project_id=owner.id,
            subject=created.id,
            details={"scopes": sorted(scopes)},
        )
    click.echo(
        f"Key {created.id} of project {owner.name} ({', '.join(scopes)}). Keep it: it is not shown again.", err=True
    )
    click.echo(created.key)


@keys.command("list")
@click.option("--project", help="Only the keys of this project, by name or id.")
@formed
def list_keys(project: str | None, form: str) -> None:
    """List the keys: whose they are and how they end, never the keys themselves."""
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        owner = None if project is None else projects.existing(connection, project)
        summaries = store.summaries(connection, owner.id if owner else None)
    printed(map(_item, summaries), COLUMNS_OF_KEYS, form)


@keys.command()
@click.argument("key_id", type=click.UUID)
def revoke(key_id: UUID) -> None:
    """Revoke a key by its id (`promptlode keys list`). It writes and deletes nothing from now on, and reads for 30 s at most."""
    with engine_of(settings_of_command()) as engine, transaction(engine) as connection:
        owner_id = store.revoke(connection, key_id)
        if owner_id is None:
            raise NotFoundError(f"There is no key {key_id}. `promptlode keys list` lists all keys.")
        audit.record(connection, COMMAND, "revoke_key", project_id=owner_id, subject=key_id)
    click.echo(f"Key {key_id} is revoked.")


def _item(key: KeySummary) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "project": key.project,
        "name": key.name,
        "last4": key.last4,
        "scopes": list(key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
