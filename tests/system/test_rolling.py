"""Migrations beside running processes: reads and writes of the code of before work on, and no migration scans tables
while ingest waits.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text

import migrations
from app.config import with_driver
from app.local.postgres import PostgresServer
from app.store import migrate
from app.store.ids import new_id

FIRST_RELEASE = "taking"
"""The first release: the locks of older revisions do not matter."""

SCRIPTS = ScriptDirectory(migrations.__path__[0])
REVISIONS = list(SCRIPTS.walk_revisions(FIRST_RELEASE, "head"))[::-1][1:]

BUSY = ("trace", "grouping_key", "project", "api_key", "task", "template", "implementation")

STRONG = """
SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
 WHERE pid = pg_backend_pid() AND granted AND (relname = ANY(:busy) OR relname LIKE 'trace\\_%')
   AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""

READ = "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_xact_user_tables WHERE relname LIKE 'trace%' OR relname = ANY(:busy)"

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default IS NOT NULL OR is_identity = 'YES'
  FROM information_schema.columns WHERE table_schema = 'public' AND table_name !~ '^trace_(before|later)'
"""


@pytest.fixture(scope="module")
def released(postgres_server: PostgresServer) -> str:
    """A database of the first release, with calls."""
    url = with_driver(postgres_server.ensure_database("rolling"))
    migrate.upgrade(url, FIRST_RELEASE)
    engine = create_engine(url)
    with engine.begin() as connection:
        ids = {name: new_id() for name in ("project", "group")}
        connection.execute(text("INSERT INTO project (id, name) VALUES (:project, 'p')"), ids)
        connection.execute(text("INSERT INTO grouping_key (id, project_id, path) VALUES (:group, :project, '/p')"), ids)
        connection.execute(
            text(
                "INSERT INTO trace (id, project_id, group_id, model, settings, settings_digest, input, seen_at)"
                " SELECT gen_random_uuid(), :project, :group, 'm', '{}', '', '{}', now() FROM generate_series(1, 50)"
            ),
            ids,
        )
    engine.dispose()
    return url


@pytest.fixture
def commits() -> Iterator[list[tuple[int, int]]]:
    """Per transaction: strong locks on ingest's tables, and rows read from these tables by sequential scans."""
    samples: list[tuple[int, int]] = []

    def look(connection: Connection) -> None:
        locks = connection.execute(text(STRONG), {"busy": list(BUSY)}).scalar_one()
        samples.append((locks, int(connection.execute(text(READ), {"busy": list(BUSY)}).scalar_one())))

    event.listen(Engine, "commit", look)
    yield samples
    event.remove(Engine, "commit", look)


def columns(url: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text(COLUMNS)).all()
    engine.dispose()
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def test_every_revision_since_the_first_release_keeps_what_the_code_before_it_uses(
    released: str, commits: list[tuple[int, int]]
) -> None:
    for script in REVISIONS:
        before = columns(released)
        commits.clear()
        migrate.upgrade(released, script.revision)
        assert_ingest_goes_on(script, commits)
        assert_old_code_goes_on(script, before, columns(released))


def assert_ingest_goes_on(script: Script, commits: list[tuple[int, int]]) -> None:
    """Reading a million calls takes seconds, so no migration scans calls while its lock keeps others from writing."""
    assert [read for locks, read in commits if locks and read] == [], f"{script.revision} reads calls under a lock"


def assert_old_code_goes_on(script: Script, before: dict[Any, Any], after: dict[Any, Any]) -> None:
    """No column is gone or of another type, and rows without the new columns can be written."""
    if getattr(script.module, "needs", None) is not None:  # the migration says which release must run everywhere first
        return
    tables = {table for table, _ in before}
    for column, (kind, nullable, _) in before.items():
        assert column in after, f"{script.revision} takes away {column}"
        assert after[column][0] == kind, f"{script.revision} changes the type of {column}"
        assert not (nullable == "YES" and after[column][1] == "NO"), f"{script.revision} wants {column}"
    for column in after.keys() - before.keys():
        _, nullable, has_default = after[column]
        assert column[0] not in tables or nullable == "YES" or has_default, f"{script.revision} wants {column}"
