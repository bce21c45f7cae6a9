"""Store traces, then request grouping of the owed ones. HTTP, OTLP and import all call this.

Grouping is requested after the COMMIT and once for each group: a request that rolled back sends nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.config import Settings
from app.intake.record import Ingest
from app.intake.recorded import Recorded
from app.intake.trace import Incoming
from app.store.otel_traces import SeenTraces
from app.store.projects import Project
from tasks.ask import request_grouping

Grouping = Literal["matched", "requested", "coalesced", "deferred", "off"]


@dataclass(slots=True)
class Accepted:
    """A stored trace and how it will be grouped."""

    recorded: Recorded
    grouping: Grouping


def accept(
    ingest: Ingest,
    settings: Settings,
    project: Project,
    incoming: Sequence[Incoming],
    related: SeenTraces | None = None,
) -> list[Accepted]:
    """Store the traces and request grouping; answers one row each, in order. `related` and what it raises as `Ingest.record`."""
    return accepted_of(settings, project, ingest.record(project.id, incoming, related))


def accepted_of(settings: Settings, project: Project, recorded: Sequence[Recorded]) -> list[Accepted]:
    """The part after the COMMIT: request grouping of owed traces."""
    requested = _request(settings, project, (row for row in recorded if row.state == "owed"))
    return [Accepted(row, _grouping(row, requested)) for row in recorded]


def _request(settings: Settings, project: Project, owed: Iterable[Recorded]) -> dict[UUID, Grouping]:
    """One request for each group; the newest trace of a group names it in the logs."""
    newest = {row.group.id: row for row in owed}
    return {
        group_id: request_grouping(
            group_id,
            project.name,
            row.group.path,
            row.id,
            project_id=project.id,
            has_template=row.group.has_templates,
            config=settings,
        )
        for group_id, row in newest.items()
    }


def _grouping(row: Recorded, requested: dict[UUID, Grouping]) -> Grouping:
    if row.state == "held":
        return "deferred"
    return requested[row.group.id] if row.state == "owed" else row.state
