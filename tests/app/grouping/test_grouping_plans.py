"""A run reads large tables through indexes only."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, text

from app.store import calls, review_times, unfinished
from benchmarks.plans import without_months

SOME_ID = UUID(int=7)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda connection: calls.owed_calls(connection, SOME_ID, 10), "ix_trace_owed"),
        (lambda connection: calls.residue(connection, SOME_ID, 10), "ix_trace_residue"),
        (lambda connection: calls.residue_after(connection, SOME_ID, SOME_ID, 10), "ix_trace_residue"),
        (lambda connection: calls.of_template_after(connection, SOME_ID, SOME_ID, 10), "ix_trace_template"),
        (lambda connection: calls.sample(connection, SOME_ID, 10), "ix_trace_template"),
        (review_times.groups_to_review, "ix_call_count_implementation_id"),
        (unfinished.groups_with_some, "ix_trace_template"),
    ],
    ids=["owed", "residue", "residue in batches", "calls of a template", "sample", "due reviews", "unfinished"],
)
def test_a_query_of_a_run_uses_its_index(
    untouched_engine: Engine, query: Callable[[Connection], Any], index: str
) -> None:
    with untouched_engine.connect() as connection:
        # On an empty table a sequential scan is the cheaper plan.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        assert index in "\n".join(plans(connection, query))


def plans(connection: Connection, query: Callable[[Connection], Any]) -> list[str]:
    """The plans of all statements that a query function sends."""
    statements: list[tuple[str, Any]] = []
    event.listen(
        connection, "before_cursor_execute", lambda *arguments: statements.append((arguments[2], arguments[3]))
    )
    query(connection)
    lines = [
        line
        for statement, values in list(statements)
        for (line,) in connection.exec_driver_sql(f"EXPLAIN {statement}", values)
    ]
    return without_months(connection, lines)
