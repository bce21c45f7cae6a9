"""The command group, and the common parts of all commands."""

import errno
import traceback
from itertools import chain
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit

from app.cli.auditing import audit
from app.cli.deleting import delete
from app.cli.doctor import doctor
from app.cli.here import demo, down, logs, status, up
from app.cli.importing import import_file
from app.cli.keeping import retention_command
from app.cli.keys import keys
from app.cli.privacy import privacy_command
from app.cli.process import migrate, process
from app.cli.projects import projects
from app.cli.remote.api import RefusedInputError
from app.cli.remote.calls import send, tail, traces, ungrouped
from app.cli.remote.changes import changes
from app.cli.remote.costs import costs
from app.cli.remote.deciding import decisions, merge, rename, split, undo
from app.cli.remote.exporting import export
from app.cli.remote.login import login
from app.cli.remote.mcp import mcp
from app.cli.remote.output import plain
from app.cli.remote.prices import prices
from app.cli.remote.regrouping import regroup
from app.cli.remote.tasks import diff, show, similar, tasks, values
from app.cli.remote.webhooks import webhooks
from app.errors import PromptlodeError

_PLACES_OF_A_FAULT = 3
"""Innermost places in our code that the line of a fault names: enough to find it, without a text of traffic."""

_FOLDER_OF_PACKAGES = Path(__file__).parent.parent.parent
"""The folder of our packages."""

_OF_CLICK = (Exit, click.Abort, click.ClickException)
"""Errors that click itself turns into a line and an exit code."""


class _Commands(click.RichGroup):
    """Commands whose errors become one line on standard error and exit code 1, or 2 where the command was used wrongly."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for argument in args:
            if any("\ud800" <= character <= "\udfff" for character in argument):
                raise click.UsageError(
                    f"The argument {argument!r} is not UTF-8. Write it in UTF-8; rename a file of such a name."
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PromptlodeError as error:
            click.echo(f"Error: {plain(error)}", err=True)
            ctx.exit(2 if isinstance(error, RefusedInputError) else 1)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # a closed pipe, which click ends in silence
            is_of_file = error.filename is not None or error.errno == errno.ENOSPC
            click.echo(f"Error: {plain(_of_file(error) if is_of_file else _fault(error))}", err=True)
            ctx.exit(1)
        except _OF_CLICK:
            raise
        except Exception as error:  # noqa: BLE001  a traceback tells a user nothing, and may hold a prompt
            click.echo(f"Error: {plain(_fault(error))}", err=True)
            ctx.exit(1)


def _of_file(error: OSError) -> str:
    if error.filename is None:
        return f"The output cannot be written: {error.strerror}. Make room on its disk."
    return f"{error.filename}: {error.strerror}. Check the path and its permissions."


def _fault(error: Exception) -> str:
    """An error that no command expects: its kind and its places in our code, never its message, which may hold a prompt."""
    places = [place for frame in traceback.extract_tb(error.__traceback__) if (place := _place_of(frame))]
    innermost = ", ".join(reversed(places[-_PLACES_OF_A_FAULT:]))
    kind = type(error).__name__
    return f"This is a fault of Promptlode: {kind} at {innermost}. Please report this line and the command."


def _place_of(frame: traceback.FrameSummary) -> str:
    """The file in our packages, and the line; empty for another's code."""
    file = Path(frame.filename)
    if not any(_FOLDER_OF_PACKAGES / package in file.parents for package in ("app", "tasks", "templating")):
        return ""
    return f"{file.relative_to(_FOLDER_OF_PACKAGES)}:{frame.lineno}"


_LOOKING = [tasks, show, similar, diff, traces, values, costs, ungrouped, changes, tail, mcp]
_DOING = [import_file, send, regroup, export]
_DECIDING = [rename, merge, split, undo, decisions]
_RUNNING = [
    demo,
    up,
    status,
    down,
    logs,
    doctor,
    process,
]
_KEEPING = [
    login,
    keys,
    prices,
    webhooks,
    projects,
    delete,
    retention_command,
    audit,
    privacy_command,
    migrate,
]
_GROUPS = {
    "See what was found": _LOOKING,
    "Send and take away": _DOING,
    "Decide about tasks": _DECIDING,
    "Run it": _RUNNING,
    "Look after it": _KEEPING,
}
click.rich_click.COMMAND_GROUPS = {
    "promptlode": [
        {"name": name, "commands": [str(command.name) for command in group]} for name, group in _GROUPS.items()
    ]
}


@click.group(
    cls=_Commands,
    commands=list(chain(*_GROUPS.values())),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="promptlode")
def main() -> None:
    """Promptlode finds the prompt templates behind LLM traffic."""
