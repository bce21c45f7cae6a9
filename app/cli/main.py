"""The command group, and the common parts of all commands."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit
from click.shell_completion import CompletionItem

from app.cli.lazy import LazyCommands
from app.cli.printing import plain, write_every_character
from app.cli.remote.errors import RefusedInputError
from app.errors import DatabaseDownError, PromptlodeError

_PLACES_OF_A_FAULT = 3
"""Innermost places in our code that the line of a fault names: enough to find it, without a text of traffic."""

_FOLDER_OF_PACKAGES = Path(__file__).parent.parent.parent
"""The folder of our packages."""

_OF_CLICK = (Exit, click.Abort, click.ClickException)
"""Errors that click itself turns into a line and an exit code."""


class _Commands(click.RichGroup):
    """Commands whose errors become one line on standard error and exit code 1, or 2 where the command was used wrongly."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with self._described():
            super().format_help(ctx, formatter)  # type: ignore[arg-type]  # rich_click narrows both

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        with self._described():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _described(self) -> Iterator[None]:
        """A list of commands needs their names and docstrings alone."""
        self.commands = _COMMANDS.described()
        try:
            yield
        finally:
            self.commands = _COMMANDS  # type: ignore[assignment]  # click only reads them

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        write_every_character()
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
            message = error.why if isinstance(error, DatabaseDownError) else error
            click.echo(f"Error: {plain(message)}", err=True)
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


_GROUPS = {
    "See what was found": {
        "tasks": "app.cli.remote.tasks:tasks",
        "show": "app.cli.remote.tasks:show",
        "similar": "app.cli.remote.tasks:similar",
        "diff": "app.cli.remote.tasks:diff",
        "traces": "app.cli.remote.calls:traces",
        "values": "app.cli.remote.tasks:values",
        "costs": "app.cli.remote.costs:costs",
        "ungrouped": "app.cli.remote.calls:ungrouped",
        "changes": "app.cli.remote.changes:changes",
        "tail": "app.cli.remote.calls:tail",
        "mcp": "app.cli.remote.mcp:mcp",
    },
    "Send and take away": {
        "import": "app.cli.importing:import_file",
        "send": "app.cli.remote.calls:send",
        "regroup": "app.cli.remote.regrouping:regroup",
        "export": "app.cli.remote.exporting:export",
    },
    "Decide about tasks": {
        "rename": "app.cli.remote.deciding:rename",
        "production": "app.cli.remote.deciding:production",
        "merge": "app.cli.remote.deciding:merge",
        "split": "app.cli.remote.deciding:split",
        "undo": "app.cli.remote.deciding:undo",
        "decisions": "app.cli.remote.deciding:decisions",
    },
    "Run it": {
        "demo": "app.cli.here:demo",
        "up": "app.cli.here:up",
        "status": "app.cli.here:status",
        "down": "app.cli.here:down",
        "logs": "app.cli.here:logs",
        "doctor": "app.cli.doctor:doctor",
        "process": "app.cli.process:process",
    },
    "Look after it": {
        "login": "app.cli.remote.login:login",
        "keys": "app.cli.keys:keys",
        "prices": "app.cli.remote.prices:prices",
        "webhooks": "app.cli.remote.webhooks:webhooks",
        "projects": "app.cli.projects:projects",
        "delete": "app.cli.deleting:delete",
        "retention": "app.cli.keeping:retention_command",
        "audit": "app.cli.auditing:audit",
        "privacy": "app.cli.privacy:privacy_command",
        "migrate": "app.cli.process:migrate",
    },
}
"""Commands by the headings of the help, with their homes."""

HOMES = {name: home for group in _GROUPS.values() for name, home in group.items()}
_COMMANDS = LazyCommands(HOMES)
click.rich_click.COMMAND_GROUPS = {
    "promptlode": [{"name": heading, "commands": list(group)} for heading, group in _GROUPS.items()]
}


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="promptlode")
def main() -> None:
    """Promptlode finds the prompt templates behind LLM traffic.

    Start here: `promptlode demo` shows the tasks behind a week of sample calls. For your own calls, `promptlode up` starts everything on
    this machine, `promptlode import calls.jsonl` reads a log of them, and `promptlode tasks` lists what was found.
    """


main.commands = _COMMANDS  # type: ignore[assignment]  # click only reads them; its constructor would import each
