"""What a command needs of the product: settings, logs to standard error, one engine that is closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.table import Column
from sqlalchemy import Engine

from app import logs
from app.config import Settings
from app.store.engine import make_engine


def id_column() -> Column:
    """A column of ids: other commands take them, so they are never cut, however narrow the terminal."""
    return Column("Id", no_wrap=True, min_width=36)


class ProjectName(click.ParamType):
    """The name of a project that may be made: whoever forgot to fill in a variable of the shell did not mean "" as one."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("the name of a project must not be empty.", param, ctx)
        return value


PROJECT_NAME = ProjectName()


def settings_of_command() -> Settings:
    """The settings of the environment.  A person reads the terminal, so only warnings are logged unless they ask."""
    settings = Settings()
    quiet = (
        settings if "log_level" in settings.model_fields_set else settings.model_copy(update={"log_level": "WARNING"})
    )
    logs.configure(quiet)
    return settings


@contextmanager
def engine_of(settings: Settings) -> Iterator[Engine]:
    """Connections to the database of the settings."""
    engine = make_engine(settings)
    try:
        yield engine
    finally:
        engine.dispose()
