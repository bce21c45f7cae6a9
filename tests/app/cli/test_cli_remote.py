"""Commands that ask a Promptlode over HTTP."""

import csv
import io
import json
import os
import pty
import shlex
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import Engine

from app.cli.main import main
from app.cli.remote.access import access_of, login_file
from app.cli.remote.output import CostCell, as_json, call_text, printed, template_text
from app.config import Settings
from app.local.kept_keys import keep_key, key_file
from app.store import projects, rollup
from app.store.engine import transaction
from app.store.projects import Project
from benchmarks.installation import Installation
from tests.app.api_helpers import new_key
from tests.app.cli.registry_standin import KEYS, serving
from tests.app.cli_helpers import Cli
from tests.app.grouping_world import triage, triage_edited

SYSTEM = "You sort the mail."


def read(result: Any) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_tasks_are_listed_as_a_table_as_json_and_as_csv(grouped: Cli) -> None:
    (task,) = read(grouped("tasks", "--json"))
    assert (task["path"], task["versions"], task["calls"]) == ("/mail", 2, 24)
    assert task["id"].encode() in grouped("tasks").stdout
    (row,) = csv.DictReader(io.StringIO(grouped("tasks", "--csv").stdout.decode()))
    assert (row["Id"], row["Calls"]) == (task["id"], "24")


def test_a_template_has_its_slots_in_colour_unless_no_color_is_set(grouped: Cli) -> None:
    (task,) = read(grouped("tasks", "--json"))
    grouped.environment |= {"FORCE_COLOR": "1", "TERM": "xterm-256color", "NO_COLOR": None}
    assert b"\x1b[1;36m{{" in grouped("show", task["id"]).stdout
    grouped.environment["NO_COLOR"] = "1"
    assert b"36m" not in grouped("show", task["id"]).stdout


def test_a_small_cost_is_no_zero() -> None:
    cost = {"cost": 0.0042, "cost_estimated": True}
    assert (CostCell()(cost), CostCell().of(cost)) == ("~$0.0042", 0.0042)


def test_a_cost_that_nobody_knows_is_no_zero_and_says_how_to_set_a_price(capsys: pytest.CaptureFixture[str]) -> None:
    for cost, is_known in ((0.5, True), (0.0, False)):
        printed([{"cost": cost, "cost_estimated": True}], {"Cost": CostCell()}, "table", caption="Of today.")
        words = " ".join(capsys.readouterr().out.split())
        assert ("promptlode prices set MODEL" not in words) is is_known
        assert "~$0 " not in words


def test_the_list_of_tasks_says_the_range_of_its_figures(grouped: Cli) -> None:
    assert b"last 24 hours" in grouped("tasks").stdout
    assert b"since 20" in grouped("tasks", "--since", "7d").stdout


@pytest.mark.parametrize("since", ["24h", "7d", "2w", "30m", "today", "2026-01-01", "2026-01-01T00:00:00Z"])
def test_a_range_begins_at_a_date_or_a_length_of_time_ago(remote: Cli, since: str) -> None:
    assert read(remote("tasks", "--since", since, "--json")) == []


@pytest.mark.parametrize("since", ["soon", "7", "2026", "999999w", "2026-13-01"])
def test_a_time_that_is_none_is_refused_with_examples(remote: Cli, since: str) -> None:
    refused = remote("tasks", "--since", since)
    assert refused.returncode == 2
    assert b"7d" in refused.stderr


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (["tasks"], b"promptlode send"),
        (["tasks", "-q", "x"], b"leave out an option"),
        (["ungrouped"], b"promptlode traces"),
        (["changes"], b"A change is told"),
    ],
)
def test_an_empty_list_is_a_sentence_with_the_next_step(remote: Cli, command: list[str], step: bytes) -> None:
    result = remote(*command)
    assert step in result.stdout
    assert b"Id" not in result.stdout


@pytest.mark.parametrize("charset", ["ascii", "iso-8859-1"])
def test_a_pipe_gets_every_character_whatever_the_encoding_of_the_terminal(remote: Cli, charset: str) -> None:
    assert remote("send", "返信 für Łódź", "--path", "/mail", "--model", "gpt-5").returncode == 0
    result = CliRunner(charset=charset).invoke(main, ["ungrouped"], env=remote.environment)
    assert result.exit_code == 0
    assert "返信 für Łódź" in result.stdout_bytes.decode()


def test_a_reason_without_a_field_is_told_once(grouped: Cli) -> None:
    (task,) = read(grouped("tasks", "--json"))
    assert grouped("rename", task["id"], "Triage").stderr.count(b"lacks the scope admin") == 1


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(remote: Cli) -> None:
    remote.environment |= {"http_proxy": "http://127.0.0.1:1", "no_proxy": None, "NO_PROXY": None}
    assert read(remote("tasks", "--json")) == []


def test_a_proxy_that_does_not_answer_is_named(remote: Cli) -> None:
    remote.environment |= {"http_proxy": "http://127.0.0.1:1", "no_proxy": None, "NO_PROXY": None}
    refused = remote("tasks", "--url", "http://promptlode.example.com").stderr.decode()
    assert "The proxy of the environment" in refused
    assert "NO_PROXY" in refused


def test_a_password_of_netrc_does_not_take_the_place_of_the_key(remote: Cli, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password mine\n")
    remote.environment["NETRC"] = str(netrc)
    assert read(remote("tasks", "--json")) == []


def test_a_key_without_tasks_names_the_other_projects_of_this_machine(remote: Cli) -> None:
    folder = Path(str(remote.environment["PROMPTLODE_DATA_DIR"])) / "keys"
    folder.mkdir(parents=True)
    (folder / "default").write_text(str(remote.environment["PROMPTLODE_API_KEY"]))
    (folder / "demo-1").write_text("pl_other")
    assert "demo-1: promptlode tasks --project demo-1" in remote("tasks").stdout.decode()


def test_the_other_projects_are_named_in_full_however_long_their_names_are(remote: Cli) -> None:
    data, name = Path(str(remote.environment["PROMPTLODE_DATA_DIR"])), "ä" * 60
    for project, key in (("ö" * 60, str(remote.environment["PROMPTLODE_API_KEY"])), (name, "pl_other")):
        keep_key(key_file(data, project), key, project)
    shown = remote("tasks").stdout.decode().replace("\n", "")
    assert f"{name}: promptlode tasks --project {shlex.quote(name)}" in shown


def test_a_project_of_this_machine_is_shown_by_its_name_with_a_key_that_is_made_once(
    grouped: Cli, engine: Engine, settings: Settings, url: str
) -> None:
    # Given this machine's Promptlode, another project's key in the environment, and calls imported into `mine / yours`
    data = Path(str(grouped.environment["PROMPTLODE_DATA_DIR"]))
    with transaction(engine) as connection:
        projects.get_or_create(connection, "mine / yours")
    assert b"`promptlode up`" in grouped("tasks", "--project", "mine / yours").stderr
    servers = {"url": url, "database_url": settings.database_url, "redis_url": settings.redis_url}
    (data / "servers.json").write_text(json.dumps(servers))

    # If it is named
    shown = grouped("send", "Hi", "--path", "/p", "--model", "m", "--project", "mine / yours")

    # I expect its key to be made, and kept for me alone
    assert shown.returncode == 0, shown.stderr
    assert len(read(grouped("traces", "--json", "--project", "mine / yours"))) == 1
    (file,) = (data / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"There are: mine / yours, shop" in grouped("tasks", "--project", "none").stderr
    assert grouped("tasks", "--project", "shop", "--key", "k").returncode == 2


def test_a_task_is_shown_by_id_by_its_beginning_and_by_name(grouped: Cli) -> None:
    (task,) = read(grouped("tasks", "--json"))
    for wanted in (task["id"], task["id"][:13], task["name"]):
        assert read(grouped("show", wanted, "--json"))["id"] == task["id"]
    shown = grouped("show", task["id"]).stdout.decode()
    assert "When in doubt, say other." in shown
    assert "{{ticket}}" in shown


def test_what_a_task_cost_is_shown_by_day_and_slot(grouped: Cli, engine: Engine) -> None:
    with transaction(engine) as connection:
        rollup.add_up(connection)
    (task,) = read(grouped("tasks", "--json"))
    costs = read(grouped("costs", task["id"], "--json"))
    assert {day["version"] for day in costs["days"]} == {1, 2}
    assert sum(day["calls"] for day in costs["days"]) == task["calls"]
    assert [slot["name"] for slot in costs["bill"]["slots"]] == ["ticket"]
    assert b"fixed text" in grouped("costs", task["id"]).stdout
    assert grouped("costs", "--csv").stdout.startswith(b"Id,Task,Path,Calls,Errors,Tokens in")


def test_a_difference_is_of_the_newest_version_and_the_one_before(grouped: Cli) -> None:
    (task,) = read(grouped("tasks", "--json"))
    shown = grouped("diff", task["id"]).stdout.decode()
    assert (
        "+Classify the support ticket below into one of: billing, delivery, other. When in doubt, say other." in shown
    )
    assert read(grouped("diff", task["id"], "--from", "2", "--to", "1", "--json"))["from"]["version"] == 2
    assert b"The task has no version 7" in grouped("diff", task["id"], "--to", "7").stderr
    assert read(grouped("diff", task["id"], "2", "1", "--json"))["from"]["version"] == 2
    assert b"promptlode diff TASK 2 4" in grouped("diff", task["id"], "2").stderr


def test_one_call_with_another_model_hides_nothing_of_a_template(grouped: Cli, engine: Engine) -> None:
    grouped("send", triage_edited(99), "--path", "/mail", "--model", "gpt-6", "--system", SYSTEM)
    with transaction(engine) as connection:
        rollup.add_up(connection)
    (task,) = read(grouped("tasks", "--json"))

    def values(*options: str) -> int:
        return sum(value["calls"] for value in read(grouped("values", task["id"], "ticket", "--json", *options)))

    bills = [
        read(grouped("costs", task["id"], "--json", *options))["bill"]["calls"]
        for options in ((), ("--model", "gpt-6"), ("--version", "3"))
    ]

    assert task["version"] == 3
    assert (values(), values("--model", "gpt-5"), values("--version", "3")) == (13, 12, 1)
    assert bills == [13, 1, 1]
    assert b"--version or --model" in grouped("costs", task["id"], "--version", "3", "--model", "gpt-5").stderr


def test_a_difference_is_of_the_version_in_use_where_an_older_text_has_a_higher_number(
    grouped: Cli,
) -> None:
    (task,) = read(grouped("tasks", "--json"))
    grouped("send", triage(50), "--path", "/mail", "--model", "gpt-5", "--system", SYSTEM)

    compared = read(grouped("diff", task["id"], "--json"))

    assert (compared["from"]["version"], compared["to"]["version"]) == (2, 1)


def test_calls_are_listed_and_those_without_a_template_apart(grouped: Cli) -> None:
    grouped("send", "A text of its own.", "--path", "/mail", "--model", "gpt-5")
    assert len(read(grouped("traces", "--limit", "30", "--json"))) == 25
    assert [call["version"] for call in read(grouped("ungrouped", "--json"))] == [None]
    assert b"A text of its own." in grouped("ungrouped").stdout
    (task,) = read(grouped("tasks", "--json"))
    assert len(read(grouped("traces", "--task", task["name"], "--limit", "5", "--json"))) == 5
    assert read(grouped("traces", "--task", task["id"], "--slot", "ticket=none", "--json")) == []
    assert (
        b"has no slot nosuch. Its slots: ticket."
        in grouped("traces", "--task", task["id"], "--slot", "nosuch=x").stderr
    )


def test_a_call_is_sent_from_options_and_from_standard_input(remote: Cli) -> None:
    answer = read(remote("send", "Hello", "--path", "/p", "--model", "m", "--json"))
    assert answer["grouping"] == "requested"
    body = json.dumps({"path": "/p", "model": "m", "input": "Hello"}).encode()
    assert read(remote("send", "--json", stdin=body))["id"] != answer["id"]
    refused = remote("send", "Hello", "--path", "/p")
    assert refused.returncode == 2
    assert b"model: Is required." in refused.stderr


def test_the_tail_shows_a_call_that_comes_with_its_values(grouped: Cli, url: str) -> None:
    with _sending(grouped, url):
        result = grouped("tail", "--limit", "1")
    assert result.returncode == 0
    assert "amber" in result.stdout.decode()
    assert "Classify the support ticket" in result.stdout.decode()


def test_the_tail_says_that_a_new_prompt_has_no_template_yet(grouped: Cli, url: str) -> None:
    with _sending(grouped, url, "Wie geht es dir?"):
        result = grouped("tail", "--limit", "1")
    assert b"no template yet" in result.stdout


@contextmanager
def _sending(cli: Cli, url: str, prompt: str = triage_edited(12)) -> Iterator[None]:
    """In the block one call is sent after the other; the tail shows none that came before its first look."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(_send_until, over, url, str(cli.environment["PROMPTLODE_API_KEY"]), prompt)
        try:
            yield
        finally:
            over.set()
    sending.result()


def _send_until(over: threading.Event, url: str, key: str, prompt: str) -> None:
    body = {"path": "/mail", "model": "gpt-5", "instructions": SYSTEM, "input": prompt}
    while not over.wait(0.2):
        requests.post(f"{url}/api/v1/traces", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def test_login_reads_a_key_that_a_program_pipes(remote: Cli) -> None:
    key = str(remote.environment.pop("PROMPTLODE_API_KEY"))
    assert remote("login", stdin=f"{key}\n".encode()).returncode == 0
    assert remote("tasks").returncode == 0


def test_login_without_a_key_says_so(remote: Cli) -> None:
    remote.environment["PROMPTLODE_API_KEY"] = None
    result = remote("login", "--url", str(remote.environment["PROMPTLODE_URL"]), stdin=b"")
    assert (result.returncode, b"No key was given" in result.stderr) == (2, True)


def test_login_says_where_it_cannot_write(remote: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    remote.environment["XDG_CONFIG_HOME"] = str(tmp_path / "file")
    result = remote("login")
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'file'}".encode())
    assert b"Not a directory. Check the path and its permissions." in result.stderr


def test_login_keeps_a_key_that_works_in_a_file_of_mode_0600(remote: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    key = remote.environment.pop("PROMPTLODE_API_KEY")
    assert remote("login", "--key", "pl_wrong").returncode == 1
    assert remote("login", "--key", str(key)).returncode == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(remote.environment["XDG_CONFIG_HOME"]))
    assert stat.S_IMODE(login_file().stat().st_mode) == 0o600
    assert remote("tasks").returncode == 0


def test_a_kept_key_that_was_revoked_is_named_with_the_way_to_log_in_again(
    remote: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote("login")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(remote.environment["XDG_CONFIG_HOME"]))
    login = login_file().read_text().replace(str(remote.environment.pop("PROMPTLODE_API_KEY")), "pl_revoked")
    login_file().write_text(login)
    result = remote("tasks")
    assert result.returncode == 1
    assert b"that `promptlode login` stored in" in result.stderr
    assert b"login.json" in result.stderr
    assert b"promptlode login --url http" in result.stderr


@pytest.mark.parametrize(
    "command", [("tasks", "--since", "soon"), ("traces", "--since", "2026-02-01", "--until", "2026-01-01")]
)
def test_a_parameter_that_the_api_refuses_is_wrong_usage(remote: Cli, command: tuple[str, ...]) -> None:
    assert remote(*command).returncode == 2


def test_a_key_that_was_kept_never_goes_to_another_address(remote: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(remote.environment["XDG_CONFIG_HOME"]))
    monkeypatch.setenv("PROMPTLODE_DATA_DIR", str(remote.environment["PROMPTLODE_DATA_DIR"]))
    remote("login")
    assert access_of(None, None).key == remote.environment["PROMPTLODE_API_KEY"]
    assert remote("tasks", "--url", "http://elsewhere.test", "--key", "").returncode == 1
    del remote.environment["PROMPTLODE_API_KEY"]
    assert b"No key for http://elsewhere.test" in remote("tasks", "--url", "http://elsewhere.test").stderr


def test_escape_sequences_of_callers_do_not_reach_the_terminal(remote: Cli) -> None:
    remote("send", "x", "--path", "/\x1b]0;owned\x07", "--model", "m\x1b[2J")
    assert b"\x1b" not in remote("traces").stdout


ESCAPES = "/\x1b[31mred\x9b\u202e"


def on_a_terminal(command: Callable[[], None]) -> str:
    """What the command writes to a terminal."""
    reader, writer = pty.openpty()
    screen = b""
    with os.fdopen(reader, "rb", buffering=0) as output, os.fdopen(writer, "w", encoding="utf-8") as stream:
        with redirect_stdout(stream):
            command()
        print("the end", file=stream, flush=True)
        while b"the end" not in screen:  # a terminal hands over what was written piece by piece
            screen += output.read(4096)
    return screen.decode()


def test_csv_on_a_terminal_has_no_escape_sequences() -> None:
    columns = {"Path": itemgetter("path")}
    assert "/·[31mred··" in on_a_terminal(lambda: printed([{"path": ESCAPES}], columns, "csv"))


def test_a_part_that_is_one_slot_is_shown_as_a_template_and_filled() -> None:
    part = {"role": "user", "text": "{{message}}"}
    assert template_text([part]).plain == "user\n{{message}}\n"
    assert call_text(part, {"message": "Hello"}, {}).plain == "Hello"


def test_an_unexpected_error_is_a_line_with_its_place_and_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("a prompt of somebody")

    monkeypatch.setattr("app.cli.remote.access.login_file", fail)
    result = CliRunner().invoke(main, ["tasks"], env={"PROMPTLODE_URL": "", "PROMPTLODE_API_KEY": ""})
    assert result.exit_code == 1
    assert "fault of Promptlode: ValueError at app/cli/remote/access.py:" in result.stderr
    assert "somebody" not in result.output


def test_json_on_a_terminal_escapes_what_does_not_print() -> None:
    assert "/\\u001b[31mred\\u009b\\u202e" in on_a_terminal(lambda: as_json([ESCAPES]))


def test_a_file_gets_every_character_of_csv_and_json(remote: Cli) -> None:
    remote("send", "x", "--path", ESCAPES, "--model", "m")
    (row,) = csv.DictReader(io.StringIO(remote("traces", "--csv").stdout.decode()))
    (call,) = read(remote("traces", "--json"))
    assert row["Path"] == call["path"] == ESCAPES


def test_a_csv_cell_is_no_formula(remote: Cli) -> None:
    remote("send", "x", "--path", "=1+1", "--model", "m")
    (row,) = csv.DictReader(io.StringIO(remote("traces", "--csv").stdout.decode()))
    assert row["Path"] == "'=1+1"


def test_a_promptlode_that_does_not_answer_is_said_in_a_sentence(remote: Cli) -> None:
    result = remote("tasks", "--url", "http://127.0.0.1:1")
    assert (result.returncode, result.stderr.count(b"\n")) == (1, 1)
    assert result.stderr.startswith(b"Error: http://127.0.0.1:1 does not answer.")


def test_white_space_around_an_address_or_a_key_counts_as_none(remote: Cli) -> None:
    key = remote.environment["PROMPTLODE_API_KEY"]
    assert remote("tasks", "--key", f" {key}\r").returncode == 0
    assert remote("tasks", "--url", f"{remote.environment['PROMPTLODE_URL']}/\r\n").returncode == 0


@pytest.mark.parametrize("key", ["pl_a\nb", "pl_\u201cx\u201d"])
def test_a_key_that_no_header_can_hold_is_the_fault_of_the_key(remote: Cli, key: str) -> None:
    assert b"The API key has characters that no key has." in remote("tasks", "--key", key).stderr


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("export", "Mail", "--to", "http://127.0.0.1:1"), b"Name its kind with --push."),
        (("doctor", "--url", "http://127.0.0.1:1"), b"Add --ingest."),
        (("import", "-", "--column", "input=a", "--column", "input=b"), b"Give each FIELD once."),
    ],
)
def test_an_option_that_would_have_no_effect_is_wrong_usage(
    remote: Cli, arguments: tuple[str, ...], remedy: bytes
) -> None:
    result = remote(*arguments)
    assert (result.returncode, remedy in result.stderr) == (2, True), result.stderr


def test_a_choice_of_calls_of_a_task_needs_the_task(remote: Cli) -> None:
    for option in (("--version", "1"), ("--model", "gpt-5")):
        result = remote("costs", *option)
        assert (result.returncode, b"Name the TASK." in result.stderr) == (2, True)


def test_without_any_promptlode_a_command_says_how_to_name_one(remote: Cli) -> None:
    remote.environment |= {"PROMPTLODE_URL": None, "PROMPTLODE_API_KEY": None}
    assert b"Give --url" in remote("tasks").stderr


# --- export


def test_a_version_is_printed_as_a_file_of_another_tool(grouped: Cli) -> None:
    (task,) = read(grouped("tasks", "--json"))
    newest = grouped("export", task["id"], "--format", "jinja2").stdout.decode()
    assert "{% block system %}You sort the mail.{% endblock %}" in newest
    assert "When in doubt, say other." in newest
    assert b"When in doubt" not in grouped("export", task["id"], "--version", "1").stdout
    assert grouped("export", task["id"], "--version", "9").returncode == 2
    assert grouped("export").returncode == 2


def test_all_tasks_go_into_a_folder_and_the_next_time_only_what_changed_is_said(grouped: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    first = grouped("export", "--all", str(folder)).stdout.decode()
    (file,) = folder.rglob("*.prompt")
    assert first == f"new: {file}\n"
    assert grouped("export", "--all", str(folder)).stdout == b""
    file.write_text(file.read_text().replace("doubt", "question"))
    (folder / "old.prompt").write_text("x")
    second_output = grouped("export", "--all", str(folder)).stdout.decode()
    assert f"changed: {file}" in second_output
    assert "left over" in second_output
    assert "doubt" in file.read_text()


def test_prices_are_listed_set_and_taken_back(remote: Cli, engine: Engine, project: Project) -> None:
    remote.environment["PROMPTLODE_API_KEY"] = new_key(engine, project.name, "admin", "read")
    unused = remote("prices", "set", "house", "--input", "0.5", "--output", "2")
    assert (unused.returncode, b"No call is of a model house so far" in unused.stderr) == (0, True)
    (price,) = json.loads(remote("prices", "list", "--json").stdout)
    assert price == {"model": "house", "input": 0.5, "output": 2.0, "cached": 0.5, "source": "set"}
    assert b"house" in remote("prices", "list").stdout
    assert b"nobody knows it" in remote("prices", "remove", "house").stdout
    assert json.loads(remote("prices", "list", "--json").stdout) == []


def test_a_negative_price_and_one_of_a_reader_are_refused(remote: Cli) -> None:
    assert remote("prices", "set", "m", "--input", "-1", "--output", "2").returncode == 2
    refused = remote("prices", "set", "m", "--input", "1", "--output", "2")
    assert refused.returncode == 1
    assert b"admin" in refused.stderr


# --- push, regroup, similar


def test_every_task_is_pushed_to_a_registry(grouped: Cli) -> None:
    with serving() as standin:
        grouped.environment |= KEYS
        push = ("export", "--push", "langfuse", "--to", standin.url)
        (task,) = read(grouped("tasks", "--json"))
        assert grouped(*push).stdout.decode().startswith("new: mail-")
        assert grouped(*push, task["id"]).stdout.decode().startswith("the same: mail-")
        grouped.environment["LANGFUSE_SECRET_KEY"] = "wrong"
        refused = grouped(*push)
        assert (refused.returncode, b"refuses the keys" in refused.stderr) == (1, True)
        [[prompt]] = standin.kept["langfuse"].values()
    assert "When in doubt, say other." in prompt["prompt"][-1]["content"]
    assert grouped(*push, "--all", "x").returncode == 2


def test_a_dry_run_tells_what_a_regroup_would_change(
    grouped: Cli, engine: Engine, settings: Settings, project: Project
) -> None:
    calls = [
        {"model": "gpt-5", "path": "/notes", "input": f"Summarise the notes of meeting {n} for everybody."}
        for n in range(6)
    ]
    Installation(engine, settings, project).take(calls)
    plan = read(grouped("regroup", "/notes", "--dry-run", "--json"))
    assert (plan["dry_run"], plan["grouped"], plan["found"][0]["becomes"]) == (True, 6, "new task")
    shown = grouped("regroup", "/notes", "--dry-run", "--since", "2026-01-01").stdout.decode()
    assert "1 template\n" in shown
    assert "6 calls would get a template" in shown
    assert "Nothing was written." in shown
    assert grouped("regroup", "/notes", "--since", "2026-01-01").returncode == 2
    (task,) = read(grouped("tasks", "--json"))
    message = grouped("regroup", task["path"], "--dry-run").stdout.decode()
    assert "no call is without a template, so a run would read none, unless --all" in message
    assert read(grouped("similar", task["id"], "--json")) == []
