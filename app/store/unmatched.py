"""The number of ungrouped calls of each hour, kept for 35 days: `unmatched_hour`.

Calls without a version are in no cell of `call_usage`. They are counted once, soon after their hour: a run may find a template for them
weeks later, which must not change the rate of that hour.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from app.store.ids import first_id_of
from app.store.owed import IS_RESIDUE
from app.store.tables import grouping_key, trace, unmatched_hour
from app.store.traces import CALL_AHEAD

TIME_KEPT = timedelta(days=35)
"""For which the counts of hours are kept: the rule of the feed looks at four weeks."""


def count(connection: Connection, project_id: UUID, hour: datetime) -> None:
    """Count the calls of an hour that runs have read and that have no template, unless they are counted already."""
    of_project = trace.c.project_id == project_id
    within = (trace.c.seen_at >= hour) & (trace.c.seen_at < hour + timedelta(hours=1))
    counts = (
        select(trace.c.group_id, literal(hour), func.count())
        .where(of_project, within, IS_RESIDUE, trace.c.id >= first_id_of(hour - CALL_AHEAD))
        .group_by(trace.c.group_id)
    )
    columns = [unmatched_hour.c.group_id, unmatched_hour.c.start, unmatched_hour.c.calls]
    connection.execute(insert(unmatched_hour).from_select(columns, counts).on_conflict_do_nothing())


def forget(connection: Connection, now: datetime) -> None:
    """Remove counts that no comparison reads any more."""
    connection.execute(unmatched_hour.delete().where(unmatched_hour.c.start < now - TIME_KEPT))


def in_blocks(
    connection: Connection, project_id: UUID, begin: datetime, until: datetime, width: timedelta
) -> Mapping[UUID, Mapping[int, int]]:
    """Calls by group and number of the block of time, counted from `begin`."""
    query = (
        select(unmatched_hour)
        .join(grouping_key, grouping_key.c.id == unmatched_hour.c.group_id)
        .where(grouping_key.c.project_id == project_id, unmatched_hour.c.start >= begin, unmatched_hour.c.start < until)
    )
    calls: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in connection.execute(query):
        calls[row.group_id][(row.start - begin) // width] += row.calls
    return calls
