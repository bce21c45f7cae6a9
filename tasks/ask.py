"""Requests grouping: REQUEST after the COMMIT, once for each group."""

from functools import cache
from uuid import UUID

from app.config import Settings, settings
from tasks.group_traces import group_traces
from tasks.publish import Asked, Publisher
from tasks.wiring import impatient_publisher


@cache
def publisher_of(settings: Settings) -> Publisher:
    """The publisher of a process that accepts traces, one for each process and settings."""
    return impatient_publisher(settings, group_traces)


def request_grouping(
    group_id: UUID,
    project: str,
    path: str,
    trace_id: UUID | None = None,
    *,
    project_id: UUID | None = None,
    has_template: bool,
    urgent: bool = False,
    config: Settings | None = None,
) -> Asked:
    """Ask that a group be grouped, after COMMIT: `requested`, `coalesced`, or `deferred` to the reconciler."""
    publisher = publisher_of(config or settings())
    return publisher.request(
        group_id, project, path, trace_id, project_id=project_id, has_template=has_template, urgent=urgent
    )
