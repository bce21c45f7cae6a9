"""Alembic's entry: connects, takes a lock so that two release steps do not collide, runs the revisions.

A database that is at the newest one then gets the partitions of the weeks to come: the reconciler makes them too, but may be down.
"""

import structlog
from alembic import context
from sqlalchemy import Engine, create_engine, exc, pool, text

from app.config import settings, with_driver
from app.keeping.months import make_ahead
from app.logs import describe
from app.store.tables import metadata

_log = structlog.get_logger(__name__)

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
        is_newest = context.get_context().get_current_revision() == context.get_head_revision()
    if is_newest:
        _make_partitions(engine)


def _make_partitions(engine: Engine) -> None:
    """A database that is busy is left to the reconciler: there are weeks left."""
    try:
        make_ahead(engine)
    except exc.OperationalError as error:
        _log.info("partitions_busy", **describe(error))


run()
