"""The latest runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select

from app.store.tables import grouping_key, grouping_run


@dataclass(frozen=True)
class LastRun:
    """A run as the pipeline's page shows it."""

    id: UUID
    path: str
    reason: str
    outcome: str
    owed: int
    residue: int
    reviewed: int
    grouped: int
    templates: int
    worker: str
    error: str | None
    started_at: datetime
    finished_at: datetime | None
    mining_seconds: float | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> "LastRun":
        """A run of the table; its reason is `review` where it read calls of known templates and none that was owed."""
        run = cls(*row)
        return replace(run, reason=REVIEW) if run.reviewed and not run.owed else run


REVIEW = "review"

RUNS_SHOWN = 20
"""Runs of the page of the pipeline: the last minutes of a busy project."""


def last_runs(connection: Connection, project_id: UUID | None) -> list[LastRun]:
    """The runs that began last, the latest first."""
    query = _runs().order_by(grouping_run.c.id.desc()).limit(RUNS_SHOWN)
    if project_id is not None:
        query = query.where(grouping_key.c.project_id == project_id)
    return [LastRun.of(row) for row in connection.execute(query)]


def latest_run(connection: Connection, group_id: UUID) -> LastRun | None:
    """The run of a group that began last."""
    query = _runs().where(grouping_key.c.id == group_id).order_by(grouping_run.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else LastRun.of(row)


def _runs() -> Select[Any]:
    columns = [grouping_key.c.path if name == "path" else grouping_run.c[name] for name in LastRun.__dataclass_fields__]
    return select(*columns).select_from(grouping_run.join(grouping_key))
