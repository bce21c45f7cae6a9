"""Alembic's entry: connects, takes a lock so that two release steps do not collide, runs the revisions."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from app.config import settings, with_driver
from app.store.tables import metadata

# Any number, the same in every process: whoever migrates holds this advisory lock.
MIGRATION_LOCK = 0x70726F6D70746C6F


def database_url() -> str:
    """The URL handed over by `app.store.migrate`, else the one of the settings (the `alembic` command)."""
    return with_driver(context.config.attributes.get("database_url") or settings().require("database_url").database_url)


def run() -> None:
    engine = create_engine(database_url(), poolclass=pool.NullPool, hide_parameters=True)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            context.run_migrations()


run()
