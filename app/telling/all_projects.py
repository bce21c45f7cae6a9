"""Looks at every project with calls, once an hour."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, select

from app.errors import DatabaseDownError
from app.logs import describe, logger
from app.store import unmatched
from app.store.engine import transaction
from app.store.tables import call_usage
from app.telling import hourly

SETTLED = timedelta(minutes=5)
"""Time between the end of an hour and the look at it: exporters hold calls back for seconds, and a run needs some to match them."""

_log = logger(__name__)


def newest_hour(now: datetime) -> datetime:
    """The newest full hour that may be looked at."""
    return (now - SETTLED).replace(minute=0, second=0, microsecond=0)


def detect_in_all_projects(engine: Engine, hour: datetime) -> int:
    """Note the changes in every project up to a full hour; answers how many are new. A project that fails does not stop the others."""
    with transaction(engine) as connection:
        unmatched.forget(connection, hour)
        recent = (call_usage.c.span == "day") & (call_usage.c.start >= hour - hourly.BLOCKS * hourly.BLOCK)
        projects = list(connection.execute(select(call_usage.c.project_id).where(recent).distinct()).scalars())
    return sum(_detect_in(engine, project_id, hour) for project_id in projects)


def _detect_in(engine: Engine, project_id: UUID, hour: datetime) -> int:
    try:
        with transaction(engine) as connection:
            return hourly.detect_changes(connection, project_id, hour)
    except DatabaseDownError:
        raise
    except Exception as error:  # noqa: BLE001 - the other projects are looked at whatever this one has
        _log.error("look_failed", project=str(project_id), **describe(error))
        return 0
