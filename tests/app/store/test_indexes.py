"""On a filled table PostgreSQL itself chooses the indexes of docs/storage.md: no kind of plan is switched off."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from app.store import changes, projects, webhooks
from app.store.projects import Project
from benchmarks.plans import QUERIES, filled, plan
from tests.app.api_helpers import know


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


VERSIONS_OF_YEARS = text(
    """
    INSERT INTO implementation (id, task_id, template_id, version, model, settings, settings_digest)
    SELECT ('01800000-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid, template.task_id, template.id,
           number, 'model ' || number, '{}', 'digest'
      FROM template, generate_series(1, 20000) AS number
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
    for act in (note_new_versions, lambda connection: webhooks.enqueue(connection, timedelta())):
        plans = plans_of(connection, act)
        assert re.search(r"ix_change_created_at\b.*\n +Index Cond: .*created_at", plans), plans


def note_new_versions(connection: Connection) -> None:
    changes.note_versions(connection, datetime.now(UTC) - timedelta(hours=1))


def test_new_versions_are_found_without_reading_the_old_ones(engine: Engine, project: Project) -> None:
    know(engine, project, "/chat", "system", "Sort this: ")
    with engine.begin() as connection:
        connection.execute(VERSIONS_OF_YEARS)
        connection.execute(text("ANALYZE implementation"))
        plans = plans_of(connection, note_new_versions)
    assert re.search(r"pk_implementation\b.*\n +Index Cond: .*id >=", plans), plans
    assert "Seq Scan on implementation " not in plans.partition("Update on change")[0]
    assert re.search(r"Aggregate.*\n +->  Limit", plans), (
        plans
    )  # of thousands of settings no more are counted than decide


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
