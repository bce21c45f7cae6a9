"""The content of the list of tasks: totals, a line and a bill for each task, all over one range of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.pages.charts import Spark, spark
from app.pages.ranging import ShownRange
from app.reading import browse, project_figures, usage, worklist
from app.reading.browse import InUse
from app.reading.pieces import Piece, colours, start_of, template_parts
from app.reading.project_figures import Totals
from app.reading.spending import Spending
from app.reading.worklist import Listed, TaskFilter


@dataclass(frozen=True)
class TaskRow:
    """A task in the list. share: of the cost of all listed tasks, else of the tokens of the newest calls."""

    task: Any
    spending: Spending
    share: float
    spark: Spark | None
    in_use: InUse | None
    start: Sequence[Piece]
    colours: Mapping[str, int]


@dataclass(frozen=True)
class Overview:
    """The list.

    next_task_id: the last task of the page, for the next one. task_count: the number of matching tasks, first_seen: their first call. ungrouped: calls of the range without a
    template, of the whole project.
    """

    lines: Sequence[TaskRow]
    next_task_id: UUID | None
    task_count: int
    first_seen: datetime | None
    spending: Spending
    totals: Totals
    fresh: project_figures.Fresh
    ungrouped: int
    paths: Sequence[str]
    models: Sequence[str]


def overview(
    connection: Connection, task_filter: TaskFilter, range_shown: ShownRange, *, after: UUID | None, limit: int
) -> Overview:
    """The page of matching tasks after `after`. Raises UnknownCursorError."""
    listed = worklist.list_tasks(connection, task_filter)
    ids = listed.after(after)
    rows = listed.in_full(connection, ids[:limit])
    task_ids = [row.row.id for row in rows]
    total = listed.total(connection)
    return Overview(
        list(_lines(connection, rows, range_shown, listed, total)),
        task_ids[-1] if len(ids) > limit and task_ids else None,
        len(listed.ids),
        listed.first_seen,
        total,
        project_figures.totals(connection, task_filter.project_id),
        project_figures.fresh(connection, task_filter.project_id),
        project_figures.ungrouped(connection, task_filter.project_id, range_shown.range),
        browse.paths(connection, task_filter.project_id),
        browse.models(connection, task_filter.project_id),
    )


def _lines(
    connection: Connection, rows: Sequence[Listed], range_shown: ShownRange, listed: worklist.Worklist, total: Spending
) -> Any:
    ids = [row.row.id for row in rows]
    sparks = _sparks(connection, listed, ids, range_shown)
    several = [row.row.id for row in rows if row.row.versions > 1]
    in_use = browse.versions_in_use(connection, several) if several else {}
    shares = _shares(connection, rows, total, listed.task_filter.project_id)
    for line in rows:
        task = line.row
        parts = template_parts(task.parts or [], task.slots or [])
        yield TaskRow(
            task,
            line.spending,
            shares.get(task.id, 0.0),
            sparks.get(task.id),
            in_use.get(task.id),
            start_of(parts),
            colours([task.slots or []]),
        )


def _sparks(
    connection: Connection, listed: worklist.Worklist, ids: Sequence[UUID], range_shown: ShownRange
) -> Mapping[UUID, Spark | None]:
    calls: dict[UUID, list[float]] = {}
    scope = replace(listed.task_filter, task_ids=ids)
    for task_id, places, sums in usage.calls_in_bins(connection, scope, range_shown.begin, range_shown.width):
        _add(calls.setdefault(task_id, [0.0] * range_shown.stretches), places, sums)
    return {task_id: spark(values) for task_id, values in calls.items()}


def _add(values: list[float], places: Sequence[int], sums: Sequence[int]) -> None:
    for place, calls in zip(places, sums, strict=True):
        if 0 <= place < len(values):
            values[place] += calls


def _shares(connection: Connection, rows: Sequence[Listed], total: Spending, project_id: UUID) -> Mapping[UUID, float]:
    if total.cost.dollars > 0:
        return {line.row.id: line.spending.cost.dollars / total.cost.dollars for line in rows}
    return project_figures.token_shares(connection, project_id)
