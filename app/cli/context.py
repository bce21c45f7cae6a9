"""Common parts of commands: settings, logs on standard error, one engine that is closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import rich_click as click
from sqlalchemy import Engine

from app import logs
from app.checks import ONE_LINE, is_blank, is_one_line
from app.config import Settings, read_settings
from app.store.engine import make_engine

LONGEST_NAME = 200
"""Characters of the name of a project or key, as of a task."""


class Name(click.ParamType):
    """The name of a thing that may be made."""

    name = "name"

    def __init__(self, of: str, *, may_be_empty: bool) -> None:
        self._of = of
        self._may_be_empty = may_be_empty

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if is_blank(value) and (value or not self._may_be_empty):
            self.fail(f"the name of a {self._of} must not be {'blank' if value else 'empty'}.", param, ctx)
        if len(value) > LONGEST_NAME:
            self.fail(f"the name of a {self._of} must have at most {LONGEST_NAME} characters.", param, ctx)
        if not is_one_line(value):
            self.fail(f"the name of a {self._of} must be {ONE_LINE}.", param, ctx)
        return value


PROJECT_NAME = Name("project", may_be_empty=False)
"""An empty name of a project mostly comes from a shell variable that is not set."""

KEY_NAME = Name("key", may_be_empty=True)


def settings_of_command() -> Settings:
    """The settings of the environment. A person reads the terminal, so by default only warnings are logged."""
    settings = read_settings()
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
