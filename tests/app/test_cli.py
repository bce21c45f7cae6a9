"""The command `promptlode`, against real servers."""

import gzip
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, func, select

from app.cli.main import main
from app.store import heartbeats, keys, projects, tables
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import know

ROOT = Path(__file__).parents[2]
NAMELESS = ["keys", "create", "--project", ""]


@dataclass
class Done:
    """A command that ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Cli:
    """Runs commands in one environment, within this process: a Python process each would take most of the time."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment: dict[str, str | None] = {**environment, "COLUMNS": "200"}

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Done:
        result = CliRunner().invoke(main, arguments, input=stdin, env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


@pytest.fixture
def cli(environment: dict[str, str]) -> Cli:
    return Cli(environment)


def log_of(folder: Path, *lines: Any) -> str:
    """A file of these lines; bytes stand as they are, everything else as JSON."""
    file = folder / "calls.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines) + b"\n")
    return str(file)


def call(number: int, **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "path": "/chat", "input": f"Q: {number}"} | fields


def stored(engine: Engine) -> int:
    with transaction(engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.trace)).scalar_one()


# --- import


def test_a_log_is_imported_and_grouping_is_asked_for(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    done = cli("import", log_of(tmp_path, *map(call, range(1200))))
    assert done.returncode == 0, done.stderr
    assert b"1,200 traces stored in project default" in done.stderr
    assert b"will be grouped" in done.stderr
    assert stored(engine) == 1200


def test_importing_a_file_again_stores_nothing_twice(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    same = call(1)  # two calls may be alike, so both are kept
    file = log_of(tmp_path, same, same, call(2, external_id="mine"))
    cli("import", file)
    again = cli("import", file)
    assert b"0 traces stored in project default, 3 were known already" in again.stderr
    assert stored(engine) == 3


def test_bad_lines_are_reported_by_number_and_the_good_ones_kept(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    bad = [b"{", b"[]", {"model": "m"}, call(1, usage={"input_tokens": -1}), b'{"a": "\\ud800"}', b"\xff"]
    done = cli("import", log_of(tmp_path, call(0), *bad, b"", b"   ", call(2)))
    assert done.returncode == 1
    for number in range(2, 8):
        assert f"line {number}:".encode() in done.stderr
    assert b"line 4: path Is required. Give one for all with --path." in done.stderr
    assert b"line 5: usage.input_tokens" in done.stderr
    assert b"6 lines were refused" in done.stderr
    assert stored(engine) == 2


def test_bad_lines_never_show_what_they_hold(cli: Cli, database_url: str, tmp_path: Path) -> None:
    done = cli("import", log_of(tmp_path, b'{"input": "secret', call(1, started_at="secret")))
    assert b"secret" not in done.stderr + done.stdout


def test_calls_without_a_path_get_the_one_of_the_command(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    request = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
    done = cli("import", log_of(tmp_path, {"request": request}), "--path", "/given", "--project", "other")
    assert done.returncode == 0, done.stderr
    with transaction(engine) as connection:
        assert connection.execute(select(tables.grouping_key.c.path)).scalar_one() == "/given"
        assert projects.find(connection, "other") is not None


def test_a_compressed_file_and_standard_input_are_read(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl.gz"
    file.write_bytes(gzip.compress(orjson.dumps(call(1))))
    assert cli("import", str(file)).returncode == 0
    assert cli("import", "-", stdin=orjson.dumps(call(2))).returncode == 0
    assert stored(engine) == 2


@pytest.mark.parametrize("kept", [0, 600])
def test_a_damaged_gz_is_reported_and_what_comes_before_is_kept(
    cli: Cli, engine: Engine, tmp_path: Path, kept: int
) -> None:
    whole = gzip.compress(b"\n".join(orjson.dumps(call(n)) for n in range(kept)) + b"\n")
    file = tmp_path / "calls.jsonl.gz"
    file.write_bytes(whole[:-8] if kept else b"no gzip")
    done = cli("import", str(file))
    assert done.returncode == 1
    assert f"line {kept + 1}: The file is no gzip".encode() in done.stderr
    assert stored(engine) == kept


def test_calls_of_a_known_template_are_matched(cli: Cli, engine: Engine, project: Project, tmp_path: Path) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    done = cli("import", log_of(tmp_path, call(1)), "--project", project.name)
    assert b"1 matched a known template" in done.stderr


def test_an_empty_file_imports_nothing(cli: Cli, database_url: str, tmp_path: Path) -> None:
    assert cli("import", log_of(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "/no/such/file"],
        ["nothing"],
        ["keys", "revoke", "x"],
        NAMELESS,
        ["import", "-", "--project", " "],
    ],
)
def test_a_wrong_command_line_ends_with_2(cli: Cli, arguments: list[str]) -> None:
    assert cli(*arguments).returncode == 2


def test_the_command_runs_as_a_process_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "import", log_of(tmp_path, call(1))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"1 traces stored" in done.stderr


# --- keys and projects


def test_a_key_is_printed_once_and_works(cli: Cli, engine: Engine) -> None:
    done = cli("keys", "create", "--project", "shop", "--name", "ci", "--scope", "ingest")
    key = done.stdout.decode().strip()
    with transaction(engine) as connection:
        holder = keys.holder(connection, keys.hash_of(key))
    assert holder is not None
    assert (holder.project_name, holder.scopes) == ("shop", {"ingest"})
    assert key not in cli("keys", "list").stdout.decode()


def test_a_key_is_revoked_by_its_id(cli: Cli, engine: Engine, project: Project) -> None:
    with transaction(engine) as connection:
        made = keys.create(connection, project.id)
    assert cli("keys", "revoke", str(made.id)).returncode == 0
    with transaction(engine) as connection:
        assert keys.holder(connection, keys.hash_of(made.key)) is None


def test_a_key_that_does_not_exist_cannot_be_revoked(cli: Cli, database_url: str) -> None:
    done = cli("keys", "revoke", "01890000-0000-7000-8000-000000000000")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: There is no key")


@pytest.mark.parametrize("command", [["keys", "list"], ["projects"]])
def test_ids_are_shown_whole_in_a_narrow_terminal(
    cli: Cli, engine: Engine, project: Project, command: list[str]
) -> None:
    with transaction(engine) as connection:
        made = keys.create(connection, project.id, "a name that takes up room")
    cli.environment["COLUMNS"] = "80"
    shown = made.id if command[0] == "keys" else project.id
    assert str(shown).encode() in cli(*command).stdout


def test_keys_are_listed_by_project(cli: Cli, engine: Engine, project: Project) -> None:
    with transaction(engine) as connection:
        keys.create(connection, project.id, "mine")
        keys.create(connection, projects.get_or_create(connection, "other").id, "theirs")
    listed = cli("keys", "list", "--project", project.name).stdout
    assert b"mine" in listed
    assert b"theirs" not in listed
    assert cli("keys", "list", "--project", "nothing").returncode == 1


def test_projects_are_listed_with_what_is_in_them(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, call(1), call(2)), "--project", "shop")
    line = next(line for line in cli("projects").stdout.decode().splitlines() if "shop" in line)
    assert [cell.strip() for cell in line.split("│")][3:6] == ["1", "2", "0"]


# --- doctor


def test_doctor_is_content_when_everything_is_up(cli: Cli, engine: Engine) -> None:
    with transaction(engine) as connection:
        heartbeats.beat(connection, "celery@host", "worker")
        heartbeats.beat(connection, "reconciler@host", "reconciler")
    done = cli("doctor")
    assert done.returncode == 0, done.stdout.decode()
    assert b"DOWN" not in done.stdout


def test_doctor_says_how_to_mend_what_is_down(cli: Cli, database_url: str) -> None:
    cli.environment["REDIS_URL"] = "redis://127.0.0.1:1"
    done = cli("doctor")
    assert done.returncode == 1
    shown = done.stdout.decode()
    for remedy in ("set REDIS_URL", "set BROKER_URL", "celery -A tasks worker", "celery -A tasks reconcile"):
        assert remedy in shown


def test_commands_find_the_servers_of_a_running_local_instance(cli: Cli, tmp_path: Path) -> None:
    servers = {name.lower(): cli.environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
    cli.environment |= {"DATABASE_URL": None, "REDIS_URL": None}
    (tmp_path / "servers.json").write_bytes(orjson.dumps(servers))
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path)
    assert cli("projects").returncode == 0


def test_without_servers_a_command_says_how_to_get_them(cli: Cli, tmp_path: Path) -> None:
    cli.environment |= {"DATABASE_URL": None, "REDIS_URL": None}
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path)
    done = cli("projects")
    assert done.returncode == 1
    assert b"make run" in done.stderr


# --- delete


def test_calls_are_deleted_once_the_person_has_agreed(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, call(1, user_id="u"), call(2, user_id="u"), call(3)))
    refused = cli("delete", "--user-id", "u", stdin=b"n\n")
    assert (refused.returncode, stored(engine)) == (1, 3)
    assert b"Delete 2 traces of project default?" in refused.stderr
    done = cli("delete", "--user-id", "u", "--yes")
    assert (done.returncode, stored(engine)) == (0, 1)
    assert b"Deleted: 2 traces" in done.stdout


def test_a_project_is_deleted_with_its_keys(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, call(1)), "--project", "old")
    cli("keys", "create", "--project", "old")
    assert cli("delete", "--project", "old", "--everything", "--with-project", "--yes").returncode == 0
    assert cli("delete", "--project", "old", "--everything", "--yes").returncode == 1
    with transaction(engine) as connection:
        assert (keys.summaries(connection), projects.find(connection, "old")) == ([], None)


@pytest.mark.parametrize("options", [[], ["--everything", "--path", "/p"], ["--path", "/p", "--with-project"]])
def test_a_deletion_that_does_not_say_what_is_wrong_usage(cli: Cli, options: list[str]) -> None:
    assert cli("delete", "--yes", *options).returncode == 2


def test_a_time_on_the_command_line_is_utc(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, *(call(day, started_at=f"2026-03-0{day}T12:00:00Z") for day in (1, 2, 3))))
    assert cli("delete", "--since", "2026-03-02", "--until", "2026-03-03T12:00:00", "--yes").returncode == 0
    assert stored(engine) == 2
