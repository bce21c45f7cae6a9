"""`promptlode login`."""

import sys

import rich_click as click

from app.cli.remote.access import Access, keep
from app.cli.remote.api import Api


def _key_of_standard_input() -> str:
    """The key that a person types unseen, or that a program pipes: only a terminal can hide what is typed."""
    if sys.stdin.isatty():
        return str(click.prompt("API key", hide_input=True))
    if not (key := sys.stdin.readline().strip()):
        raise click.UsageError("No key was given. Give --key (or PROMPTLODE_API_KEY), or write it to standard input.")
    return key


@click.command()
@click.option(
    "--url",
    envvar="PROMPTLODE_URL",
    prompt="Address of Promptlode",
    help="Address, for example https://promptlode.example.com.",
)
@click.option(
    "--key",
    envvar="PROMPTLODE_API_KEY",
    default=_key_of_standard_input,
    help="API key; asked for if not given, or read from standard input.",
)
def login(url: str, key: str) -> None:
    """Remember an address and a key for later commands, in a file that only you can read."""
    access = Access(url.strip().rstrip("/"), key.strip())
    Api(access).get("/api/v1/tasks", {"limit": 1})
    click.echo(f"Remembered in {keep(access)}.")
