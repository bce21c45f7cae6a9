"""The command group, and what every command shares."""

from typing import Any

import click

from app.cli.auditing import audit
from app.cli.deleting import delete
from app.cli.doctor import doctor
from app.cli.importing import import_file
from app.cli.keeping import retention_command
from app.cli.keys import keys
from app.cli.privacy import privacy_command
from app.cli.projects import projects
from app.errors import PromptlodeError


class _Commands(click.Group):
    """Commands whose errors on purpose become one line on standard error and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PromptlodeError as error:
            raise click.ClickException(str(error)) from None


@click.group(
    cls=_Commands, commands=[import_file, keys, projects, delete, retention_command, audit, privacy_command, doctor]
)
@click.version_option(package_name="promptlode")
def main() -> None:
    """Promptlode finds the prompt templates behind LLM traffic."""
