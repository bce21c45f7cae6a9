"""Alembic's entry: connects, takes a lock so that two release steps do not collide, runs the revisions.

A database that is at the newest one then gets the partitions of the weeks to come: the reconciler makes them too, but may be down. It also gets
the quicker compression, if its server has it.
"""

import time

import structlog
from alembic import context
from sqlalchemy import Engine, create_engine, exc, pool, text

from app.config import settings, with_driver
from app.keeping.months import make_ahead
from app.logs import describe
from app.store import compression
from app.store.migrate import refuse_tables_of_another_program
from app.store.sqlstates import is_busy
from app.store.tables import metadata

_log = structlog.get_logger(__name__)

# Any number, the same in every process: whoever migrates holds this advisory lock.
MIGRATION_LOCK = 0x70726F6D70746C6F

LOCK_MS = 200
"""Milliseconds to wait for a lock on a table: whoever wants the table after us waits behind us, ingest too."""

LOCK_TRIES, LOCK_PAUSE_SECONDS = 150, 0.2
"""For a minute, since a dump or a long transaction holds what we need."""


def database_url() -> str:
    """The URL handed over by `app.store.migrate`, else the one of the settings (the `alembic` command)."""
    return with_driver(context.config.attributes.get("database_url") or settings().require("database_url").database_url)


def run() -> None:
    engine = create_engine(database_url(), poolclass=pool.NullPool, hide_parameters=True)
    for remaining in reversed(range(LOCK_TRIES)):
        try:
            is_newest = _migrate(engine)
            break
        except exc.OperationalError as error:
            if not remaining or not is_busy(error):
                raise
        time.sleep(LOCK_PAUSE_SECONDS)
    if is_newest:
        _make_partitions(engine)
        _prefer_lz4(engine)


def _migrate(engine: Engine) -> bool:
    """Each revision in a transaction of its own; whether the database is at the newest now."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text(f"SET lock_timeout = '{LOCK_MS}ms'"))
        refuse_tables_of_another_program(connection)
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        return context.get_context().get_current_revision() == context.get_head_revision()


def _make_partitions(engine: Engine) -> None:
    """A database that is busy is left to the reconciler: there are weeks left."""
    try:
        make_ahead(engine)
    except exc.OperationalError as error:
        _log.info("partitions_busy", **describe(error))


def _prefer_lz4(engine: Engine) -> None:
    """An account that does not own the database leaves its compression as it is."""
    try:
        with engine.begin() as connection:
            compression.prefer(connection)
    except exc.DBAPIError as error:
        _log.info("compression_left", **describe(error))


run()
