"""Stored calls that another span of the same OpenTelemetry trace may describe again.

The external id of an OpenTelemetry call is `traceId:spanId`, so the calls of one trace are adjacent in the index of ids.
"""

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.store.tables import trace
from app.store.traces import all_of

MOST_OF_A_TRACE = 100
"""Calls of one trace that are read: a long agent run has some dozens, and reading more would only cost time."""

_FIELDS_SENT_LATER = ("output", "usage", "completed_at", "error", "metadata")

_FIND = text(
    """
    SELECT found.trace_id FROM unnest(cast(:first AS text[]), cast(:last AS text[])) AS wanted (first, last)
     CROSS JOIN LATERAL (SELECT trace_id FROM trace_external_id
                          WHERE project_id = :project AND external_id BETWEEN wanted.first AND wanted.last
                          LIMIT :most) AS found
    """
)


def of_traces(connection: Connection, project_id: UUID, trace_ids: Collection[str]) -> list[SimpleNamespace]:
    """The stored calls of these OpenTelemetry traces, with all their columns."""
    # Both bounds have the length of the ids between them and differ from these in digits alone, so this holds in every collation.
    bounds = {
        "first": [f"{trace_id}:{'0' * 16}" for trace_id in trace_ids],
        "last": [f"{trace_id}:{'f' * 16}" for trace_id in trace_ids],
    }
    ids = connection.execute(_FIND, bounds | {"project": project_id, "most": MOST_OF_A_TRACE}).scalars().all()
    return all_of(connection, project_id, ids) if ids else []


def complete(connection: Connection, project_id: UUID, trace_id: UUID, values: Mapping[str, Any]) -> None:
    """Add an answer to a stored call: some of `output`, `usage`, `completed_at`, `error` and `metadata`."""
    update = trace.update().where(trace.c.id == trace_id, trace.c.project_id == project_id)
    connection.execute(update.values({name: values[name] for name in _FIELDS_SENT_LATER if name in values}))
