"""`promptlode doctor`: checks every dependency and names the remedy."""

import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import rich_click as click
from click import get_current_context
from click.core import ParameterSource
from rich.table import Table

from app import health
from app.cli import ingest_check, local_servers
from app.cli.context import settings_of_command
from app.cli.ingest_check import NamedCheck
from app.cli.printing import show
from app.cli.remote import output
from app.cli.remote.access import access_of
from app.cli.remote.api import Api
from app.config import SERVERS_FILE, Settings
from app.errors import ConfigurationError
from app.health import Check
from app.servers import reasons
from tasks.broker import publishing_connection

OLDEST_PYTHON = (3, 11)


@click.command()
@click.option(
    "--ingest", is_flag=True, help="Send a test span and a test POST, and say what became of what others sent."
)
@click.option("--url", envvar="PROMPTLODE_URL", help="With --ingest: address of Promptlode; this machine's by default.")
@click.option(
    "--key", envvar="PROMPTLODE_API_KEY", help="With --ingest: API key; with the scope admin it sees the counters."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(*, ingest: bool, url: str | None, key: str | None, as_json: bool) -> None:
    """Check each dependency and say how to mend it. Exit code 1 when one is down."""
    source = get_current_context().get_parameter_source
    if not ingest and ParameterSource.COMMANDLINE in {source("url"), source("key")}:
        raise click.UsageError("--url and --key are those of a test by HTTP. Add --ingest.")
    checks = list(ingest_check.checks(Api(access_of(url, key))) if ingest else _all_checks(settings_of_command()))
    if as_json:
        output.as_json([{"check": name, "ok": check.ok, "detail": check.detail} for name, check in checks])
    else:
        show(_table(checks))
    sys.exit(0 if all(check.ok for _, check in checks) else 1)


def _table(checks: list[NamedCheck]) -> Table:
    table = Table("", "What", "State", show_header=False, box=None)
    for name, check in checks:
        table.add_row("[green]ok[/]" if check.ok else "[red]DOWN[/]", name, check.detail)
    return table


def _all_checks(settings: Settings) -> Iterator[NamedCheck]:
    yield "python", _python()
    yield "packages", _packages()
    yield "data folder", _folder(settings.promptlode_data_dir)
    yield "disk", local_servers.disk(settings.promptlode_data_dir)
    yield "servers", _servers(settings)
    try:
        settings.require("database_url", "redis_url")
    except ConfigurationError as error:
        yield "settings", Check(False, str(error))
        return
    for name, check in {**health.checks(settings), "broker": _broker(settings)}.items():
        yield name, local_servers.explained(name, check, settings.promptlode_data_dir)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Check(False, f"{version} is too old. Take Python 3.11 or newer.")
    return Check(True, version)


def _packages() -> Check:
    """Whether the packages in the metadata's requirements are installed."""
    try:
        required = metadata.requires("promptlode") or []
    except metadata.PackageNotFoundError:
        return Check(True, "Run from a checkout that is not installed; not checked.")
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
    missing = [name for name in names if not _installed(name)]
    if missing:
        return Check(False, f"Missing: {', '.join(missing)}. Run: pip install promptlode, or make run in a checkout.")
    return Check(True, f"{len(names)} installed.")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _folder(folder: Path) -> Check:
    """The data folder, or the nearest existing folder above it."""
    existing = local_servers.nearest(folder)
    if os.access(existing, os.W_OK):
        return Check(True, str(folder))
    return Check(False, f"{existing} cannot be written. Set PROMPTLODE_DATA_DIR to a folder that can.")


def _servers(settings: Settings) -> Check:
    """The source of the URLs: the environment, or a local instance."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return Check(True, "DATABASE_URL and REDIS_URL are set.")
    file = settings.promptlode_data_dir / SERVERS_FILE
    if file.exists():
        return Check(True, f"Those of the local instance in {settings.promptlode_data_dir}.")
    return Check(False, "No local instance is running. Run: make run, or set DATABASE_URL and REDIS_URL.")


def _broker(settings: Settings) -> Check:
    """Whether Celery's broker answers; it may be another server than Redis."""
    try:
        with publishing_connection(settings, health.TIMEOUT) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except Exception as error:  # noqa: BLE001  every transport of kombu has its own errors
        return Check(False, reasons.of_broker(error))
    return Check(True, "Answers.")
