"""On a filled table PostgreSQL itself chooses the indexes of docs/storage.md: no kind of plan is switched off."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from app.store import changes, projects, webhooks
from benchmarks.plans import QUERIES, filled, plan


def test_every_main_query_walks_its_index_and_none_reads_all_calls(engine: Engine) -> None:
    ids = filled(engine, 12_000)
    with engine.begin() as connection:
        plans = {name: "\n".join(plan(connection, query, ids)) for name, query in QUERIES.items()}
    walks = r"(using|Bitmap Index Scan on) ({})\b"  # the order of the rows on disk decides between these two
    wrong = {name for name, query in QUERIES.items() if not re.search(walks.format(query.index), plans[name])}
    assert wrong == set(), {name: plans[name] for name in wrong}
    assert {name for name, lines in plans.items() if re.search(r"Seq Scan on trace\b", lines)} == set()


CHANGES_OF_YEARS = text(
    """
    INSERT INTO change (project_id, key, kind, at, created_at)
    SELECT :project, 'version:' || number, 'task.new', now(), now() - number * interval '1 hour' FROM generate_series(1, 20000) AS number
    """
)


def plans_of(connection: Connection, act: Callable[[Connection], object]) -> str:
    """PostgreSQL's plans of all statements of a function."""
    statements: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", remember)
    act(connection)
    event.remove(connection, "before_cursor_execute", remember)
    plans = (connection.exec_driver_sql(f"EXPLAIN {statement}", parameters) for statement, parameters in statements)
    return "\n".join(line for rows in plans for line in rows.scalars())


def test_rounds_that_repeat_every_few_seconds_read_only_recent_changes(connection: Connection) -> None:
    project_id = projects.get_or_create(connection, "shop").id
    webhooks.create(connection, project_id, url="https://h", format="json", kinds=None, include_text=False)
    connection.execute(CHANGES_OF_YEARS, {"project": project_id})
    connection.execute(text("ANALYZE change"))
    for act in (changes.note_versions, lambda connection: webhooks.enqueue(connection, timedelta())):
        plans = plans_of(connection, act)
        assert re.search(r"ix_change_created_at\b.*\n +Index Cond: .*created_at", plans), plans


WITHOUT_INDEX = text(
    """
    SELECT conrelid::regclass || '.' || attname
      FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
     WHERE contype = 'f' AND conparentid = 0
       AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])
    """
)


def test_every_reference_has_an_index_by_which_the_deletion_of_a_row_finds_what_refers_to_it(
    untouched_engine: Engine,
) -> None:
    with untouched_engine.connect() as connection:
        assert connection.execute(WITHOUT_INDEX).scalars().all() == []
