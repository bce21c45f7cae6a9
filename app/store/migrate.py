"""Bring a database to a revision of the schema. The same code serves the release step, the embedded default and tests.

Alembic is imported on demand: a web process needs it only for /readyz.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import migrations
from app.errors import ConfigurationError
from app.store.engine import outages_named
from app.store.sqlstates import DUPLICATE_TABLE, code_of

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_TABLE_OF_REVISION = "alembic_version"

_OWN_DATABASE = "give Promptlode a database of its own in DATABASE_URL, or unset DATABASE_URL where Promptlode brings its own server."


def alembic_config(database_url: str) -> "Config":
    """Alembic's configuration for one database; no ini file, so the working directory does not matter."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Upgrade; safe to call from several processes at once (an advisory lock lets one in).

    Raises ConfigurationError for a database that a newer release has upgraded or that another program uses, DatabaseDownError for one that
    does not answer.
    """
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError
    from sqlalchemy.exc import ProgrammingError

    config = alembic_config(database_url)
    try:
        with outages_named():
            command.upgrade(config, revision)
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        raise ConfigurationError(
            f"A newer release of Promptlode upgraded the database. This release knows schemas up to "
            f"{ScriptDirectory.from_config(config).get_current_head()}. Install the newer release again, or restore the backup "
            f"made before the upgrade (docs/operations.md). If another program made the database: {_OWN_DATABASE} Nothing was changed."
        ) from None
    except ProgrammingError as error:
        if code_of(error) != DUPLICATE_TABLE:
            raise
        raise ConfigurationError(
            "The database has a table of another program, with a name that this release of Promptlode needs. Rename that table, then give the "
            "same command again: the upgrade goes on where it stopped."
        ) from None


def refuse_tables_of_another_program(connection: "Connection") -> None:
    """Raise ConfigurationError for a database that Promptlode never upgraded and that has tables with names of ours, before any revision is committed."""
    from sqlalchemy import inspect

    from app.store.tables import metadata

    names = set(inspect(connection).get_table_names())
    if _TABLE_OF_REVISION not in names and not names.isdisjoint(metadata.tables):
        raise ConfigurationError(
            f"The database has tables of another program, with names that Promptlode needs: {_OWN_DATABASE} Nothing was changed."
        )


def downgrade(database_url: str, revision: str) -> None:
    """Downgrade to a revision, or to nothing with "base"."""
    from alembic import command

    command.downgrade(alembic_config(database_url), revision)


def revision_of(database_url: str) -> str | None:
    """The revision the database is at; None before the first upgrade. Raises DatabaseDownError for a database that does not answer."""
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine

    engine = create_engine(database_url, hide_parameters=True)
    try:
        with outages_named(), engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def head_revision() -> str | None:
    """The newest revision that this code knows."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config("")).get_current_head()
