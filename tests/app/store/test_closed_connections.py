"""A PostgreSQL that ends connections as soon as they are made is down: callers hear that, and no fault of ours."""

import select
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from app.config import Settings
from app.errors import DatabaseDownError
from app.store.engine import make_engine, make_single_statement_engine, transaction
from app.store.prepared import Prepared

BOUND = 30
"""Seconds until the end of a connection has arrived: against hanging."""


def test_a_server_that_ends_new_connections_is_down(settings: Settings, engine: Engine) -> None:
    broken = make_engine(settings)
    event.listen(broken, "connect", _ended_by(engine))
    with pytest.raises(DatabaseDownError), transaction(broken) as connection:
        connection.execute(text("SELECT 1"))
    broken.dispose()


def test_a_server_that_ends_new_connections_is_down_for_single_statements(settings: Settings, engine: Engine) -> None:
    broken = make_engine(settings)
    statements = make_single_statement_engine(settings, broken)
    event.listen(statements, "connect", _ended_by(engine))
    with pytest.raises(DatabaseDownError):
        Prepared("select_one", text("SELECT 1")).rows_changed(statements, {})
    broken.dispose()


def test_a_connection_that_was_ended_while_it_rested_is_replaced(settings: Settings, engine: Engine) -> None:
    ended = make_engine(settings)
    with transaction(ended) as connection:
        first = connection.connection.dbapi_connection
    _ended_by(engine)(first, None)
    with transaction(ended) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    ended.dispose()


def _ended_by(engine: Engine) -> Callable[[Any, Any], None]:
    """A listener that has PostgreSQL end a connection, and waits until the end has arrived."""

    def end(connection: Any, _: Any) -> None:
        with transaction(engine) as admin:
            admin.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": connection.info.backend_pid})
        assert select.select([connection], [], [], BOUND)[0]

    return end
