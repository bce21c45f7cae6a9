"""The command `promptlode`, against real servers."""

import csv
import json
from pathlib import Path

import orjson
import pytest
import rich_click as click
from click.testing import CliRunner
from hypothesis import given
from hypothesis.strategies import from_regex
from sqlalchemy import Engine, make_url

from app.cli.lazy import LazyCommands
from app.cli.main import HOMES, main
from app.cli.numbers import Decimal, Whole
from app.cli.process import commands
from app.config import _USUAL_URL, DataFolder, Settings, default_data_dir, read_settings
from app.local.project_keys import key_of, projects_with_key
from app.store import heartbeats, keys, projects
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import stored
from tests.app.cli_helpers import Cli, call, log_of


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["keys", "revoke", "x"],
        ["keys", "create", "--project", ""],
        ["import"],
        ["import", "/no/such/file"],
        ["import", "-", "--project", " "],
        ["import", "-", "--format", "nothing"],
        ["keys", "create", "--name", "x" * 201],
        ["keys", "create", "--project", "x" * 201],
        ["keys", "create", "--project", "a\nb"],
        ["retention", "default", "36501"],
        ["tasks", "--limit", "99999999999999999999"],
        ["privacy", "default", "--min-distinct", "99999999999999999999"],
    ],
)
def test_a_wrong_command_line_ends_with_2(cli: Cli, arguments: list[str]) -> None:
    assert cli(*arguments).returncode == 2


@pytest.mark.parametrize("command", ["projects export", "keys create --project", "delete --user-id", "tasks --path"])
def test_an_argument_that_is_no_text_is_named(cli: Cli, command: str) -> None:
    """Python reads bytes of the command line that are not UTF-8 as lone surrogates, which no server takes."""
    result = cli(*command.split(), "a\udcffb")
    assert result.returncode == 2
    assert rb"'a\udcffb' is not UTF-8" in result.stderr


# --- keys and projects


def test_a_key_is_printed_once_and_works(cli: Cli, engine: Engine) -> None:
    result = cli("keys", "create", "--project", "shop", "--name", "ci", "--scope", "ingest")
    key = result.stdout.decode().strip()
    with transaction(engine) as connection:
        holder = keys.holder(connection, keys.hash_of(key))
    assert holder is not None
    assert (holder.project_name, holder.scopes) == ("shop", {"ingest"})
    assert key not in cli("keys", "list").stdout.decode()


def test_a_key_carries_its_cell_and_is_known_like_any(cli: Cli, engine: Engine) -> None:
    cli.environment["CELL"] = "eu-1"
    key = cli("keys", "create", "--project", "shop").stdout.decode().strip()
    assert key.startswith("pl_eu-1.")
    with transaction(engine) as connection:
        assert keys.holder(connection, keys.hash_of(key)) is not None


def test_a_key_is_revoked_by_its_id(cli: Cli, engine: Engine, project: Project) -> None:
    with transaction(engine) as connection:
        key_row = keys.create(connection, project.id)
    assert cli("keys", "revoke", str(key_row.id)).returncode == 0
    with transaction(engine) as connection:
        assert keys.holder(connection, keys.hash_of(key_row.key)) is None


def test_a_key_that_does_not_exist_cannot_be_revoked(cli: Cli, database_url: str) -> None:
    result = cli("keys", "revoke", "01890000-0000-7000-8000-000000000000")
    assert result.returncode == 1
    assert result.stderr.startswith(b"Error: There is no key")


@pytest.mark.parametrize("command", [["keys", "list"], ["projects"]])
def test_ids_are_shown_whole_in_a_narrow_terminal(
    cli: Cli, engine: Engine, project: Project, command: list[str]
) -> None:
    with transaction(engine) as connection:
        key_row = keys.create(connection, project.id, "a name that takes up room")
    cli.environment["COLUMNS"] = "80"
    shown = key_row.id if command[0] == "keys" else project.id
    assert str(shown).encode() in cli(*command).stdout


def test_a_pipe_gets_the_whole_of_a_table(cli: Cli, engine: Engine, project: Project) -> None:
    name = "the key of the cron job that imports last night's calls"
    with transaction(engine) as connection:
        keys.create(connection, project.id, name)
    cli.environment["COLUMNS"] = None
    assert name.encode() in cli("keys", "list").stdout


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


@pytest.mark.parametrize(
    ("command", "field"), [(["keys", "list"], "last4"), (["projects"], "traces"), (["audit"], "action")]
)
def test_lists_of_the_database_come_as_json_and_csv(cli: Cli, command: list[str], field: str) -> None:
    cli("keys", "create", "--project", "shop")
    [item] = json.loads(cli(*command, "--json").stdout)
    assert field in item
    header, row = csv.reader(cli(*command, "--csv").stdout.decode().splitlines())
    assert dict(zip(header, row, strict=True))["Project"] == "shop"


@pytest.mark.parametrize(("options", "is_operators"), [([], True), (["--project", "shop"], False)])
def test_an_admin_key_for_no_project_is_an_operators(
    cli: Cli, engine: Engine, options: list[str], is_operators: bool
) -> None:
    key = cli("keys", "create", "--scope", "admin", *options).stdout.decode().strip()
    with transaction(engine) as connection:
        holder = keys.holder(connection, keys.hash_of(key))
    assert holder is not None
    assert holder.may("operator") is is_operators


# --- doctor


def test_doctor_is_content_when_everything_is_up(cli: Cli, engine: Engine) -> None:
    with transaction(engine) as connection:
        heartbeats.beat(connection, "celery@host", "worker")
        heartbeats.beat(connection, "reconciler@host", "reconciler")
    result = cli("doctor")
    assert result.returncode == 0, result.stdout.decode()
    assert b"DOWN" not in result.stdout


def test_doctor_says_how_to_mend_what_is_down(cli: Cli, database_url: str) -> None:
    cli.environment["REDIS_URL"] = "redis://127.0.0.1:1"
    result = cli("doctor")
    assert result.returncode == 1
    shown = result.stdout.decode()
    for remedy in ("set REDIS_URL", "set BROKER_URL", "celery -A tasks worker", "celery -A tasks reconcile"):
        assert remedy in shown


def test_programs_read_the_doctor_as_json(cli: Cli) -> None:
    cli.environment["REDIS_URL"] = "redis://127.0.0.1:1"
    result = cli("doctor", "--json")
    checks = {check["check"]: check["ok"] for check in json.loads(result.stdout)}
    assert (result.returncode, checks["database"], checks["redis"]) == (1, True, False)


def test_commands_find_the_servers_of_a_running_local_instance(cli: Cli, tmp_path: Path) -> None:
    servers = {name.lower(): cli.environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
    cli.environment |= {"DATABASE_URL": None, "REDIS_URL": None}
    (tmp_path / "servers.json").write_bytes(orjson.dumps(servers))
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path)
    assert cli("projects").returncode == 0


def test_without_servers_a_command_says_how_to_get_them(cli: Cli, tmp_path: Path) -> None:
    cli.environment |= {"DATABASE_URL": None, "REDIS_URL": None}
    cli.environment["PROMPTLODE_DATA_DIR"] = str(tmp_path)
    result = cli("projects")
    assert result.returncode == 1
    assert b"make run" in result.stderr


# --- delete


def test_calls_are_deleted_once_the_person_has_agreed(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, call(1, user_id="u"), call(2, user_id="u"), call(3)))
    refused = cli("delete", "--user-id", "u", stdin=b"n\n")
    assert (refused.returncode, stored(engine)) == (1, 3)
    assert b"Delete 2 traces of project default?" in refused.stderr
    result = cli("delete", "--user-id", "u", "--yes")
    assert (result.returncode, stored(engine)) == (0, 1)
    assert b"Deleted: 2 traces" in result.stdout


def test_a_project_is_deleted_with_its_keys(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, call(1)), "--project", "old")
    cli("keys", "create", "--project", "old")
    data_folder = Settings().promptlode_data_dir
    with transaction(engine) as connection:
        key_of(connection, data_folder, projects.existing(connection, "old"), cell="")
    assert "old" in projects_with_key(data_folder)
    deleted = cli("delete", "--project", "old", "--everything", "--with-project", "--yes", "--json")
    assert orjson.loads(deleted.stdout)["is_project_deleted"] is True
    assert cli("delete", "--project", "old", "--everything", "--yes").returncode == 1
    with transaction(engine) as connection:
        assert (keys.summaries(connection), projects.find(connection, "old")) == ([], None)
    assert "old" not in projects_with_key(data_folder)


@pytest.mark.parametrize("options", [[], ["--everything", "--path", "/p"], ["--path", "/p", "--with-project"]])
def test_a_deletion_that_does_not_say_what_is_wrong_usage(cli: Cli, options: list[str]) -> None:
    assert cli("delete", "--yes", *options).returncode == 2


def test_a_time_on_the_command_line_is_utc(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, *(call(day, started_at=f"2026-03-0{day}T12:00:00Z") for day in (1, 2, 3))))
    assert cli("delete", "--since", "2026-03-02", "--until", "2026-03-03T12:00:00", "--yes").returncode == 0
    assert stored(engine) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "secret"),
        ("DATABASE_URL", "mysql://me:secret@host/database"),
        ("DATABASE_URL", "postgresql://me:secret@host:port/database"),
        ("REDIS_URL", "http://me:secret@host"),
        ("PORT", "secret"),
        ("GROUPING_LEASE", "0"),
        ("BODY_TIMEOUT", "inf"),
        ("DATABASE_STATEMENT_TIMEOUT", "3000000"),
        ("GROUPING_GAP_FACTOR", "nan"),
        ("LOG_LEVEL", "secret"),
        ("LOG_FORMAT", "secret"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_not_shown(cli: Cli, name: str, value: str) -> None:
    cli.environment[name] = value
    result = cli("projects")
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {name} is wrong: must be ".encode())
    assert result.stderr.count(b"\n") == 1
    assert b"secret" not in result.stderr


def test_the_help_begins_with_the_commands_that_a_newcomer_needs() -> None:
    text = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    beginning, _, _ = text.partition("Options")
    assert [
        name
        for name in ("demo", "up", "import", "tasks")
        if f"`promptlode {name}" not in " ".join(beginning.split("\n"))
    ] == []


def test_a_setting_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields.keys() - {"promptlode_data_dir"}:
        monkeypatch.setenv(name.upper(), "")
    assert read_settings().model_fields_set <= {"promptlode_data_dir"}
    monkeypatch.setenv("PROMPTLODE_DATA_DIR", "")
    assert DataFolder().promptlode_data_dir == default_data_dir()


def test_a_setting_that_is_required_is_named_where_it_is_empty(cli: Cli) -> None:
    cli.environment["DATABASE_URL"] = ""
    result = cli("projects")
    assert result.returncode == 1
    assert result.stderr.startswith(b"Error: DATABASE_URL is not set")


def test_the_ports_of_processes_are_the_usual_ones_where_the_variables_are_empty() -> None:
    assert commands({"PORT": "", "FLOWER_PORT": ""}) == commands({})


@pytest.mark.parametrize("number", ["\u0663", "1_0", "+5", " 5", "nan", "inf", "0x5", ""])
@pytest.mark.parametrize("type_", [Whole(0, 100), Decimal(0, 100)], ids=["whole", "decimal"])
def test_a_number_on_the_command_line_is_of_ascii_digits(type_: click.ParamType, number: str) -> None:
    if isinstance(type_, Decimal) and number in {"+5", " 5"}:
        assert type_.convert(number, None, None) == 5
        return
    with pytest.raises(click.BadParameter):
        type_.convert(number, None, None)


def test_a_number_on_the_command_line_is_within_its_bounds() -> None:
    assert (Whole(1, 9).convert("7", None, None), Decimal(0, 9).convert("0.5", None, None)) == (7, 0.5)
    for type_, number in ((Whole(1, 9), "-7"), (Whole(1, 9), "10"), (Decimal(0, 9), "1e3")):
        with pytest.raises(click.BadParameter, match="not in the range"):
            type_.convert(number, None, None)


@pytest.mark.parametrize("name", [" ", "\u200b", "\u00a0"])
def test_a_project_or_key_with_a_name_that_nobody_can_see_is_not_made(cli: Cli, name: str) -> None:
    for command in (("import", "-", "--project", name), ("keys", "create", "--project", "default", "--name", name)):
        result = cli(*command)
        assert result.returncode == 2
        assert b"must not be blank" in result.stderr


@pytest.mark.parametrize(
    "url", ["postgres://h/d", "postgresql://u:p%23@h:1/d?sslmode=require", "postgresql://u:p#w@h/d"]
)
def test_a_url_of_postgresql_is_taken_as_platforms_give_it(url: str) -> None:
    assert Settings(database_url=url).database_url == "postgresql+psycopg2://" + url.partition("://")[2]


@pytest.mark.parametrize(
    "address", ["h", "h/d", "u@h/d", "u:p@h.net:5432/d-1", "u:p%23@h/d?sslmode=require&connect_timeout=5"]
)
def test_a_url_that_is_taken_without_sqlalchemy_is_one_that_sqlalchemy_takes(address: str) -> None:
    url = f"postgresql+psycopg2://{address}"
    assert (_USUAL_URL.fullmatch(url) is not None) == ("/" in address)
    assert make_url(url).get_backend_name() == "postgresql"


@given(from_regex(_USUAL_URL, fullmatch=True))
def test_sqlalchemy_takes_every_url_that_is_taken_without_it(url: str) -> None:
    assert make_url(url).get_backend_name() == "postgresql"


def test_a_list_of_commands_tells_of_each_what_the_command_tells_of_itself() -> None:
    lists = LazyCommands(HOMES)
    in_list = {name: command.get_short_help_str(200) for name, command in lists.described().items()}
    assert in_list == {name: command.get_short_help_str(200) for name, command in lists.items()}
    assert "" not in in_list.values()
