"""Options that commands against the API share."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from app.cli.moments import MOMENT, MOMENT_WORDS
from app.cli.numbers import Whole
from app.cli.remote.access import Access, access_of
from app.cli.remote.api import Api

Command = Callable[..., Any]

LIMIT = Whole(1, 1_000_000_000)
"""The number of items of a list; no list has more."""


def connected(command: Command) -> Command:
    """`--url`, `--key` and `--project`; the command gets an `Api` as its first argument."""

    @click.option(
        "--url",
        envvar="PROMPTLODE_URL",
        help="Address of Promptlode; PROMPTLODE_URL, what `login` kept, or this machine's.",
    )
    @click.option(
        "--key", envvar="PROMPTLODE_API_KEY", help="API key; PROMPTLODE_API_KEY, what `login` kept, or this machine's."
    )
    @click.option("--project", help="Project of this machine's Promptlode; elsewhere the key says which.")
    @wraps(command)
    def with_api(url: str | None, key: str | None, project: str | None, **options: Any) -> Any:
        return command(Api(access_of(url, key) if project is None else _access_here(project)), **options)

    return with_api


def _access_here(project: str) -> Access:
    """This machine's Promptlode with a key of a project."""
    source = get_current_context().get_parameter_source
    if ParameterSource.COMMANDLINE in {source("url"), source("key")}:
        raise click.UsageError(
            "Give --project for this machine's Promptlode, or --url and --key of any, whose key says which project."
        )
    from app.cli.remote.projects_here import access_to  # brings SQLAlchemy, which commands with a key do not need

    return access_to(project)


def formed(command: Command) -> Command:
    """`--json` and `--csv`; the command gets `form`."""

    @click.option("--json", "form", flag_value="json", help="Print JSON.")
    @click.option("--csv", "form", flag_value="csv", help="Print CSV.")
    @wraps(command)
    def with_form(form: str | None, **options: Any) -> Any:
        return command(form=form or "table", **options)

    return with_form


def limited(command: Command) -> Command:
    """`--limit`."""
    return click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many.")(command)


def ranged(command: Command) -> Command:
    """`--since` and `--until`."""
    command = click.option("--until", callback=iso, type=MOMENT, help="Before this time; as --since.")(command)
    return click.option("--since", callback=iso, type=MOMENT, help=f"From this time on: {MOMENT_WORDS}.")(command)


def counting(command: Command) -> Command:
    """`--version` and `--model`: the calls that figures of a template count."""
    command = click.option("--model", help="Of the versions with the text in use, only those with this model.")(command)
    return click.option(
        "--version", type=Whole(1), help="This version alone; all versions with the text in use if not given."
    )(command)


def iso(context: click.Context, option: click.Parameter, moment: datetime | None) -> str | None:
    """A time as the API takes it."""
    return moment.isoformat(timespec="seconds") if moment else None
