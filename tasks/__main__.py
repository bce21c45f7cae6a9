"""`python -m tasks worker`, `reconcile` or `flower`: the same as `celery -A tasks`, in less memory.

The command `celery` imports every command that is installed: a prompt shell, and Flower with its web server. These are 10 MB of each process, and Python
returns no memory of a module that is removed.
"""

from importlib import import_module

import click
from celery.bin.base import CLIContext

from tasks.celery import app

_HOMES = {
    "worker": ("celery.bin.worker", "worker"),
    "reconcile": ("tasks.commands", "reconcile"),
    "flower": ("flower.command", "flower"),
}
"""Name of a command -> the module that has it, and its name there."""


class _Commands(click.Group):
    """Commands that are imported when they run."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _HOMES:
            return None
        module, attribute = _HOMES[name]
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=_Commands)
@click.pass_context
def main(context: click.Context) -> None:
    """A process of Promptlode that Celery runs."""
    context.obj = CLIContext(app=app, no_color=False, workdir=None)


if __name__ == "__main__":
    main(prog_name="python -m tasks", auto_envvar_prefix="CELERY")  # the environment of `celery`
