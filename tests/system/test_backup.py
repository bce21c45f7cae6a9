"""The steps of docs/operations.md: a backup restores every call, and an upgrade keeps the calls of before."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, create_engine, text

from app.config import Settings, with_driver
from app.intake.record import Ingest
from app.intake.trace import read_trace
from app.local.binaries import postgres_prefix
from app.local.postgres import PostgresServer
from app.store import migrate, projects, traces
from app.store.engine import make_engine, transaction
from app.store.ids import new_id
from benchmarks.installation import Installation

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
OLD = "Sort the mail into billing, returns or other.\n\nMail: {}"


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = make_engine(Settings(database_url=with_driver(url), redis_url="redis://127.0.0.1:1/0"))
    try:
        yield engine
    finally:
        engine.dispose()


def documented(command: str, **values: str) -> list[str]:
    """A command of the document, with its variables filled in."""
    [line] = re.findall(rf"^\$PG/{command} .*$", DOCUMENT, re.MULTILINE)
    for name, value in values.items():
        line = line.replace(f"${name}", value)
    _, *arguments = line.split()
    return [str(postgres_prefix() / "bin" / command), *(argument.strip('"') for argument in arguments)]


def rows(engine: Engine) -> dict[str, list[Any]]:
    """All stored rows, by table."""
    with engine.connect() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {name: sorted(map(str, connection.execute(text(f"SELECT * FROM {name}")))) for name in names}


def test_a_backup_restores_every_row_and_takes_calls_at_once(
    postgres_server: PostgresServer, migrated_template: str, tmp_path: Path
) -> None:
    # Given calls, some of them matched to a template
    url = postgres_server.ensure_database("backed_up", template=migrated_template)
    dump = str(tmp_path / "promptlode.dump")
    with engine_of(url) as engine, transaction(engine) as connection:
        project = projects.get_or_create(connection, "shop")
    with engine_of(url) as engine:
        installation = Installation(engine, Settings(database_url=with_driver(url), redis_url="redis://x"), project)
        installation.take([{"model": "m", "path": "/a", "input": OLD.format(n)} for n in range(9)])
        installation.work()
        before = rows(engine)

    # If I do what the document says
    subprocess.run(documented("pg_dump", DATABASE_URL=url, DUMP=dump), check=True)
    restored = postgres_server.ensure_database("restored", template="template0")
    subprocess.run(documented("pg_restore", DATABASE_URL=restored, DUMP=dump), check=True)
    migrate.upgrade(with_driver(restored))

    # I expect the same rows, and that the next call finds its template
    with engine_of(restored) as engine:
        assert rows(engine) == before
        [call] = Ingest(engine, grouping_enabled=True).record(
            project.id, [read_trace({"model": "m", "path": "/a", "input": OLD.format("new")})]
        )
    assert call.state == "matched"


def test_an_upgrade_keeps_the_calls_of_the_first_version(postgres_server: PostgresServer) -> None:
    url = postgres_server.ensure_database("upgraded")
    migrate.upgrade(with_driver(url), "0001")
    project_id, call_id = store_as_the_first_version_did(url)

    migrate.upgrade(with_driver(url))

    with engine_of(url) as engine, transaction(engine) as connection:
        call = traces.get(connection, project_id, call_id)
    assert (call.prompt_parts, call.input) == (["", OLD], {"input": OLD})
    assert migrate.revision_of(with_driver(url)) == migrate.head_revision()


def store_as_the_first_version_did(url: str) -> tuple[UUID, UUID]:
    project_id, group_id, call_id = new_id(), new_id(), new_id()
    statements = {
        "INSERT INTO project (id, name) VALUES (:project, 'shop')": {"project": project_id},
        "INSERT INTO grouping_key (id, project_id, path) VALUES (:group, :project, '/a')": {
            "group": group_id,
            "project": project_id,
        },
        "INSERT INTO trace (id, project_id, group_id, model, prompt_parts, prompt_source, settings, settings_digest, input, seen_at)"
        " VALUES (:call, :project, :group, 'm', ARRAY['', :prompt], 'input', '{}', '', json_build_object('input', :prompt), now())": {
            "call": call_id,
            "project": project_id,
            "group": group_id,
            "prompt": OLD,
        },
    }
    engine = create_engine(with_driver(url))
    with engine.begin() as connection:
        for statement, values in statements.items():
            connection.execute(text(statement), values)
    engine.dispose()
    return project_id, call_id
