"""PostgreSQL's plans for the queries that read calls, on a filled table, with the planner's default settings.

python -m benchmarks.plans
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, event, select, text

from app.reading import browse, insights, tasks
from app.reading.template_calls import TemplateCalls
from app.store import calls, deletion, owed, projects, retention, review_times, traces
from app.store.deletion import Selector
from app.store.tables import implementation, task, template, trace
from app.store.traces import TraceFilter
from benchmarks.installation import installed
from benchmarks.lists import GROUPS, fill

CALLS, PROJECTS = 100_000, 8


@dataclass(frozen=True)
class Ids:
    """The ids of stored rows that the queries ask for."""

    project: UUID
    group: UUID
    task: UUID
    template: UUID
    implementation: UUID
    call: UUID


class Query(NamedTuple):
    """A query and its index, or the indexes that are as good where a project or path has much of all calls."""

    run: Callable[[Connection, Ids], Any]
    index: str


def _page(filter_of: Callable[[Ids], TraceFilter]) -> Callable[[Connection, Ids], Any]:
    return lambda connection, ids: traces.page(connection, ids.project, filter_of(ids), limit=50, before=ids.call)


QUERIES = {
    "traces of a project": Query(_page(lambda _: TraceFilter()), "ix_trace_project|pk_trace"),
    "traces of a path": Query(_page(lambda _: TraceFilter(path="/path/7")), "ix_trace_group"),
    "traces without a template": Query(_page(lambda _: TraceFilter(ungrouped=True)), "ix_trace_ungrouped"),
    "one trace": Query(
        lambda connection, ids: traces.get(connection, ids.project, ids.call), "pk_trace|ix_trace_project"
    ),
    "a known external id": Query(
        lambda connection, ids: traces.by_external_id(connection, ids.project, ["call-7"]), "pk_trace_external_id"
    ),
    "calls of a template, on a page": Query(
        lambda connection, ids: browse.calls_page(connection, TemplateCalls(ids.project, ids.template)),
        "ix_trace_implementation",
    ),
    "values of slots, on a page": Query(
        lambda connection, ids: insights.place_statistics(connection, TemplateCalls(ids.project, ids.template), 1),
        "ix_trace_template",
    ),
    "versions of a task": Query(
        lambda connection, ids: tasks.implementations(connection, ids.project, ids.task, limit=50),
        "ix_call_count_implementation_id",
    ),
    "tasks of a project": Query(
        lambda connection, ids: tasks.page(connection, ids.project, path=None, limit=50, before=None),
        "ix_call_count_implementation_id",
    ),
    "owed calls of a run": Query(
        lambda connection, ids: calls.owed_calls(connection, ids.group, 5000), "ix_trace_owed"
    ),
    "residue of a run": Query(lambda connection, ids: calls.residue(connection, ids.group, 5000), "ix_trace_residue"),
    "calls to be matched again": Query(
        lambda connection, ids: calls.of_template_after(connection, ids.template, ids.call, 500), "ix_trace_template"
    ),
    "templates due for a review": Query(
        lambda connection, _: review_times.groups_to_review(connection), "ix_call_count_implementation_id"
    ),
    "groups that wait": Query(lambda connection, _: owed.waiting_groups(connection, 10, 1000), "ix_trace_owed"),
    "calls that retention removes": Query(
        lambda connection, ids: retention.overdue(connection, ids.project, datetime.now(UTC), 1000),
        "ix_trace_project|pk_trace",
    ),
    "calls of a user, to be deleted": Query(
        lambda connection, ids: deletion.selected(
            connection, ids.project, Selector(user_id="u-7"), after=None, limit=500
        ),
        "ix_trace_user",
    ),
}


def plan(connection: Connection, query: Query, ids: Ids) -> list[str]:
    """The plans of the statements on calls that the query sends."""
    statements: list[tuple[str, Any]] = []

    def remember(*arguments: Any) -> None:
        statements.append((arguments[2], arguments[3]))

    event.listen(connection, "before_cursor_execute", remember)
    query.run(connection, ids)
    event.remove(connection, "before_cursor_execute", remember)
    lines: list[str] = []
    for statement, values in statements:
        if re.search(ON_CALLS, statement):
            lines += connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", values).scalars()
    return without_months(connection, lines)


ON_CALLS = r"\b(trace|trace_external_id|call_count)\b"


def without_months(connection: Connection, lines: Iterable[str]) -> list[str]:
    """The lines of a plan without partitions that have no calls; names of partitions become those of the table."""
    of = {row.part: row.whole for row in connection.execute(text(PARTS))}
    return [re.sub(r"\w+", lambda word: of.get(word[0], word[0]), line) for line in lines]


PARTS = """SELECT part.relname AS part, whole.relname AS whole FROM pg_inherits
JOIN pg_class part ON part.oid = inhrelid JOIN pg_class whole ON whole.oid = inhparent
WHERE part.relkind = 'i' OR part.reltuples > 0"""


def filled(engine: Engine, number: int, *, days: int = 1) -> Ids:
    """Stores `number` calls in `PROJECTS` projects over `days` days, a hundredth of them owed. Returns ids of some stored rows."""
    for name in range(PROJECTS):
        with engine.begin() as connection:
            project = projects.get_or_create(connection, f"project {name}")
            connection.execute(text(GROUPS), {"project_id": project.id})
        fill(engine, project.id, 1, number // PROJECTS, days=days)
    with engine.begin() as connection:
        connection.execute(text("UPDATE trace SET considered_run_id = NULL WHERE external_id LIKE 'call-%00'"))
        connection.execute(text("ANALYZE"))
        row = connection.execute(
            select(task.c.group_id, task.c.id, template.c.id, implementation.c.id)
            .join_from(task, template)
            .join(implementation, implementation.c.template_id == template.c.id)
            .where(task.c.project_id == project.id)
            .limit(1)
        ).one()
        trace_ids = select(trace.c.id).where(trace.c.project_id == project.id).order_by(trace.c.id)
        call_id = connection.execute(trace_ids.offset(number // PROJECTS // 2).limit(1)).scalar_one()
    return Ids(project.id, *row, call_id)


def lines_about_calls(lines: list[str]) -> Iterator[str]:
    """The lines of a plan that say how calls are read, without values."""
    for line in lines:
        if re.search(rf" on {ON_CALLS}|Limit|Sort", line):
            yield re.sub(r"'[^']{20,}'", "'…'", line)


def main() -> None:
    with installed() as installation:
        ids = filled(installation.engine, CALLS)
        with installation.engine.begin() as connection:
            for name, query in QUERIES.items():
                print(f"{name}\n")
                print("\n".join(f"    {line}" for line in lines_about_calls(plan(connection, query, ids))), end="\n\n")


if __name__ == "__main__":
    main()
