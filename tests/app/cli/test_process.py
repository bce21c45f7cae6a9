"""The processes of images and service managers are those of the Procfile."""

import shlex
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from app.cli.process import commands
from app.config import with_driver
from app.local.postgres import PostgresServer
from tests.app.cli_helpers import Cli

ROOT = Path(__file__).parents[3]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


@pytest.mark.parametrize("name", sorted(PROCFILE.keys() - {"release"}))
def test_a_process_has_the_options_of_the_procfile(name: str) -> None:
    words = shlex.split(PROCFILE[name].replace("${PORT:-8000}", "8000").replace("${FLOWER_PORT:-5555}", "5555"))
    python, *command = commands({})[name]
    assert python == sys.executable
    assert command == (["-m", "tasks", *words[3:]] if words[:3] == ["celery", "-A", "tasks"] else ["-m", *words])


def test_ports_come_from_the_environment() -> None:
    started = commands({"PORT": "9", "FLOWER_PORT": "10"})
    assert "9" in started["web"]
    assert "--port=10" in started["flower"]


def test_release_brings_the_database_to_the_schema_of_this_version(cli: Cli) -> None:
    assert cli("migrate").returncode == 0
    assert commands({})["release"][1:] == ["-m", "app.cli", "migrate"]


def test_a_database_of_a_newer_release_is_left_as_it_is_with_the_remedy(cli: Cli, engine: Engine) -> None:
    with engine.begin() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-the-future'"))
    try:
        refused = cli("migrate")
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})
    assert refused.returncode == 1
    assert "A newer release of Promptlode" in refused.stderr.decode()
    assert "Traceback" not in refused.stderr.decode()


@pytest.mark.parametrize("table", ["project", "decision"], ids=["of the first revision", "of a later revision"])
def test_a_database_of_another_program_is_left_as_it_is_with_the_remedy(
    cli: Cli, postgres_server: PostgresServer, table: str
) -> None:
    # Given the database of the user's own app, which has a table of one of our names
    cli.environment["DATABASE_URL"] = url = with_driver(postgres_server.ensure_database(f"with_a_{table}_of_its_own"))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {table} (secret text)"))

    # If it is brought to our schema, I expect the remedy, and no table of ours
    refused = cli("migrate").stderr.decode()
    assert "The database has tables of another program" in refused
    assert "a database of its own in DATABASE_URL" in refused
    assert inspect(engine).get_table_names() == [table]
    engine.dispose()


@pytest.mark.parametrize(
    "command",
    [
        ["migrate"],
        ["projects"],
        ["projects", "import", "FILE", "--to", "TO"],
        ["projects", "move", "default", "--to", "TO"],
    ],
)
def test_a_database_that_does_not_exist_is_told_with_the_remedy(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    absent = f"{cli.environment['DATABASE_URL']}_that_nobody_made"
    if command[-1] == "TO":
        assert cli("keys", "create").returncode == 0
        sentence = "Of the other database: There is no such database in PostgreSQL. Make it, or correct its URL."
    else:
        cli.environment["DATABASE_URL"] = absent
        sentence = "There is no such database in PostgreSQL. Make it, or correct DATABASE_URL."

    refused = cli(*({"TO": absent, "FILE": str(tmp_path / "file")}.get(word, word) for word in command))

    assert refused.returncode == 1
    assert refused.stderr.decode() == f"Error: {sentence}\n"
