"""Lists walk an index in the order of ids: the cost of a page does not depend on the number of stored rows."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, event

from app.reading import placing, tasks, worklist
from app.reading.datasets import examples
from app.reading.template_calls import TemplateCalls
from app.reading.usage import Range
from app.reading.worklist import TaskFilter
from app.store import traces
from app.store.engine import transaction
from app.store.traces import TraceFilter
from benchmarks.plans import without_months

PROJECT, BEFORE = uuid4(), uuid4()


def plan_of(engine: Engine, query: Callable[[Connection], Any]) -> str:
    """PostgreSQL's plan of a query on large tables (an empty table is always read whole)."""
    statements: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append((statement, parameters))

    with transaction(engine) as connection:
        event.listen(connection, "before_cursor_execute", remember)
        query(connection)
        event.remove(connection, "before_cursor_execute", remember)
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off; SET LOCAL enable_incremental_sort = off")
        statement, parameters = statements[-1]
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
        return "\n".join(without_months(connection, rows))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (TraceFilter(), "ix_trace_project"),
        (TraceFilter(path="/p"), "ix_trace_group"),
        (TraceFilter(ungrouped=True), "ix_trace_ungrouped"),
    ],
)
@pytest.mark.parametrize("before", [None, BEFORE])
def test_a_page_of_traces_sorts_nothing(
    untouched_engine: Engine, wanted: TraceFilter, index: str, before: UUID | None
) -> None:
    plan = plan_of(
        untouched_engine, lambda connection: traces.page(connection, PROJECT, wanted, limit=50, before=before)
    )
    assert not re.search(r"-> +(Incremental )?Sort", plan)
    assert index in plan


def test_calls_of_a_path_without_a_template_are_counted_without_those_that_have_one(untouched_engine: Engine) -> None:
    plan = plan_of(untouched_engine, lambda connection: placing.ungrouped_of_group(connection, PROJECT))
    assert "ix_trace_owed" in plan
    assert "ix_trace_residue" in plan


def test_a_page_of_tasks_sorts_no_tasks_and_reads_no_month_of_calls(untouched_engine: Engine) -> None:
    plan = plan_of(
        untouched_engine, lambda connection: tasks.page(connection, PROJECT, path=None, limit=50, before=BEFORE)
    )
    assert "ix_task_project" in plan
    assert "ix_call_count_implementation_id" in plan
    assert " on trace" not in plan


def test_neither_the_page_of_tasks_nor_versions_read_a_month_of_calls(untouched_engine: Engine) -> None:
    listed = plan_of(untouched_engine, lambda connection: worklist.list_tasks(connection, TaskFilter(PROJECT, Range())))
    versions = plan_of(
        untouched_engine, lambda connection: tasks.implementations(connection, PROJECT, BEFORE, limit=50)
    )
    assert "call_count" in listed
    assert "call_count" in versions
    assert " on trace" not in listed + versions


@pytest.mark.parametrize(
    ("calls", "within", "index"),
    [
        (TemplateCalls(PROJECT, uuid4()), None, "ix_trace_template"),
        (TemplateCalls(PROJECT, uuid4()), Range(datetime(2026, 1, 1, tzinfo=UTC)), "ix_trace_implementation"),
        (TemplateCalls(PROJECT, uuid4(), model="gpt-5"), None, "ix_trace_implementation"),
        (TemplateCalls(PROJECT, uuid4(), version_id=uuid4()), None, "ix_trace_implementation"),
    ],
)
def test_a_data_set_reads_as_many_calls_as_it_has(
    untouched_engine: Engine, calls: TemplateCalls, within: Range | None, index: str
) -> None:
    plan = plan_of(untouched_engine, lambda connection: list(examples(connection, calls, within, limit=10)))
    indexes = set(re.findall(r"using \S*?(ix_trace_\w+)", plan))
    assert indexes == {index}, plan
