"""`promptlode delete`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

import rich_click as click
from sqlalchemy import Engine

from app.cli.context import engine_of, settings_of_command
from app.cli.moments import MOMENT, MOMENT_WORDS
from app.cli.remote.output import as_json
from app.config import Settings
from app.keeping.deletion import forms_of
from app.local.project_keys import forget_keys
from app.store import audit, deletion, projects
from app.store.audit import COMMAND, Detail
from app.store.deletion import DeletedRows, Selector
from app.store.engine import transaction
from app.store.projects import Project
from tasks.forget import delete as delete_selected


@click.command()
@click.option("--project", "project_name", default="default", show_default=True, help="Project, by name or id.")
@click.option("--trace", "trace_id", type=click.UUID, help="One call, by its id.")
@click.option("--external-id", help="One call, by your own id.")
@click.option("--path", help="Calls of this path.")
@click.option("--user-id", help="Calls of this user.")
@click.option("--conversation-id", help="Calls of this conversation.")
@click.option("--since", type=MOMENT, help=f"Calls made then or later, in UTC: {MOMENT_WORDS}.")
@click.option("--until", type=MOMENT, help="Calls made before then, in UTC.")
@click.option("--everything", "delete_all", is_flag=True, help="Everything of the project but its keys.")
@click.option("--with-project", is_flag=True, help="With --everything: the project itself and its keys too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
def delete(
    project_name: str, *, delete_all: bool, with_project: bool, yes: bool, as_json_: bool, **selection: Any
) -> None:
    """Delete the calls that match every option given, and what was made of these calls alone.

    Templates, versions, tasks and paths that keep no call go with the last one. It cannot be undone.
    """
    selector = Selector(**selection)
    if delete_all == (selector != Selector()) or (with_project and not delete_all):
        raise click.UsageError(
            "Select calls by --path, --user-id or another condition, or give --everything without conditions; --with-project needs --everything."
        )
    settings = settings_of_command().require("database_url", "redis_url")
    with engine_of(settings) as engine:
        owner = _confirmed(engine, project_name, selector, with_project=with_project, yes=yes)
        with _audited(engine, owner.id, selector) as details:
            removed = _delete(engine, settings, owner.id, selector, delete_all=delete_all)
            details.update(asdict(removed))
        if with_project:
            with transaction(engine) as connection:
                forget_keys(connection, settings.promptlode_data_dir, owner)
                deletion.delete_project(connection, owner.id)
                audit.record(connection, COMMAND, "delete_project", project_id=owner.id, subject=owner.id)
    if as_json_:
        as_json(asdict(removed) | {"is_project_deleted": with_project})
        return
    _show(removed)
    if with_project:
        click.echo(f"The project {project_name} and its keys are deleted.")


@contextmanager
def _audited(engine: Engine, project_id: UUID, selector: Selector) -> Iterator[dict[str, Detail]]:
    """An audit entry that is written before anything is deleted."""
    details: dict[str, Detail] = dict(selector.described())
    with transaction(engine) as connection:
        entry = audit.record(
            connection, COMMAND, "delete_traces", project_id=project_id, outcome="begun", details=details
        )
    yield details
    with transaction(engine) as connection:
        audit.finish(connection, entry, "done", details)


def _confirmed(engine: Engine, project_name: str, selector: Selector, *, with_project: bool, yes: bool) -> Project:
    """The project, after the person has seen the number of calls and confirmed."""
    with transaction(engine) as connection:
        owner = projects.existing(connection, project_name)
    if not yes:
        forms = forms_of(engine, owner.id, selector)
        with transaction(engine) as connection:
            calls = sum(deletion.count(connection, owner.id, form) for form in forms)
        further = ", and the project itself with its keys and webhooks" if with_project else ""
        click.confirm(f"Delete {calls:,} traces of project {owner.name}{further}?", abort=True, err=True)
    return owner


def _delete(
    engine: Engine, settings: Settings, project_id: UUID, selector: Selector, *, delete_all: bool
) -> DeletedRows:
    """Delete in rounds until nothing is left."""
    removed = DeletedRows()
    while True:
        deleted = delete_selected(engine, settings, project_id, selector, delete_all=delete_all)
        removed += deleted.removed
        if deleted.complete:
            return removed
        click.echo(f"{removed.traces:,} traces deleted, going on.", err=True)


def _show(removed: DeletedRows) -> None:
    click.echo(
        f"Deleted: {removed.traces:,} traces, {removed.versions:,} versions, {removed.templates:,} templates, "
        f"{removed.tasks:,} tasks, {removed.paths:,} paths."
    )
