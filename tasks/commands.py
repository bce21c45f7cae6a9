"""Commands of `celery -A tasks`: regroup, reconcile, quarantine. Exit codes: 0 done, 1 failed, 2 usage.

Celery imports this module for every command of its own, so it imports nothing of ours before one is called.
"""

import functools
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

    from app.config import Settings
    from app.store.pipeline import LastRun

SECONDS_BETWEEN_ANSWERS = 0.3
"""Seconds between two looks of --wait."""


def _translated(command: Callable[..., None]) -> Callable[..., None]:
    """Print an expected error as one line on standard error, and exit with 1."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        from app.errors import PromptlodeError

        try:
            command(*arguments, **options)
        except PromptlodeError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)

    return run


@contextmanager
def _engine() -> Iterator[tuple["Engine", "Settings"]]:
    from app import logs
    from app.config import settings
    from app.store.engine import make_engine

    logs.configure(settings())
    engine = make_engine(settings())
    try:
        yield engine, settings()
    finally:
        engine.dispose()


@click.command()
@click.argument("project")
@click.argument("path")
@click.option("--all", "regroup_all", is_flag=True, help="Also mine the traces that are grouped already.")
@click.option("--wait", is_flag=True, help="Wait until it is done.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds that --wait waits at most.")
@_translated
def regroup(project: str, path: str, regroup_all: bool, wait: bool, timeout: float) -> None:
    """Group the traces of PATH in PROJECT (name or id) anew."""
    from app.store import groups
    from app.store.engine import transaction
    from tasks.regroup import regroup as ask

    with _engine() as (engine, settings):
        with transaction(engine) as connection:
            group = groups.group_named(connection, project, path)
        if group.quarantined_at is not None:
            command = shlex.join(["celery", "-A", "tasks", "quarantine", "clear", project, path])
            raise click.ClickException(f"The path {path} is quarantined. Clear the quarantine first: {command}")
        before = _latest_run(engine, group.id)
        answer = ask(engine, settings, group.id, regroup_all=regroup_all)
        click.echo(f"{path}: {answer}")
        if wait and answer == "off":
            raise click.ClickException("Grouping is disabled. Set TASK_GROUPING_ENABLED=true.")
        if wait:
            run = _wait_for_run(engine, group.id, before, timeout)
            click.echo(f"{run.outcome}: {run.grouped} traces grouped, {run.templates} templates found")


def _wait_for_run(engine: "Engine", group_id: "UUID", before: "LastRun | None", timeout: float) -> "LastRun":
    """Wait for the run that serves the wish; a failed run ends the wait, a run that yields to a newer one does not."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        run = _latest_run(engine, group_id)
        if run is not None and (before is None or run.id != before.id):
            if run.outcome == "committed":
                return run
            if run.outcome == "failed":
                raise click.ClickException(
                    f"The run failed ({run.error}) and will be repeated. The log of the worker says why."
                )
        time.sleep(SECONDS_BETWEEN_ANSWERS)
    raise click.ClickException(
        f"The run did not end within {timeout:g} s. `promptlode doctor` says whether a worker runs."
    )


def _latest_run(engine: "Engine", group_id: "UUID") -> "LastRun | None":
    from app.store.engine import transaction
    from app.store.pipeline import latest_run

    with transaction(engine) as connection:
        return latest_run(connection, group_id)


@click.command()
@click.option("--once", is_flag=True, help="Do every duty once and end.")
@_translated
def reconcile(once: bool) -> None:
    """Find what Redis or a dead process forgot; runs until it is stopped."""
    from app import logs
    from app.config import settings
    from tasks.reconcile import reconciler_of, serve

    logs.configure(settings())
    if once:
        click.echo(f"sent for {reconciler_of(settings()).once()} groups")
    else:
        serve(settings())


@click.group()
def quarantine() -> None:
    """Groups that failed too often and are left alone until a person looks."""


@quarantine.command("list")
@_translated
def list_quarantined() -> None:
    """Quarantined groups, the latest first."""
    from app.store.engine import transaction
    from app.store.owed import quarantined

    with _engine() as (engine, _), transaction(engine) as connection:
        groups_found = quarantined(connection)
    for group in groups_found:
        click.echo(f"{group.since:%Y-%m-%d %H:%M}  {group.project}  {group.path}  failed {group.attempts} times")
    if not groups_found:
        click.echo("no group is quarantined")


@quarantine.command("clear")
@click.argument("project")
@click.argument("path")
@_translated
def clear(project: str, path: str) -> None:
    """Let the group of PATH in PROJECT run again."""
    from app.store import groups, owed
    from app.store.engine import transaction
    from tasks.regroup import regroup as ask

    with _engine() as (engine, settings):
        with transaction(engine) as connection:
            group = groups.group_named(connection, project, path)
            owed.end_quarantine(connection, group.id)
        click.echo(f"{path}: cleared, {ask(engine, settings, group.id)}")
