"""Commands that decide about tasks."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from app.store.projects import Project
from tests.app.api_helpers import new_key
from tests.app.cli_helpers import Cli

SYSTEM = "You sort the mail."


@pytest.fixture
def admin_cli(grouped: Cli, engine: Engine, project: Project) -> Cli:
    """A task with two versions, and commands with an admin key."""
    grouped.environment["PROMPTLODE_API_KEY"] = new_key(engine, project.name, "admin", "read")
    return grouped


def read(result: Any) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def names(cli: Cli) -> dict[str, int]:
    """Versions of each task by its name."""
    return {task["name"]: task["versions"] for task in read(cli("tasks", "--json"))}


def test_decisions_are_previewed_taken_listed_and_undone(admin_cli: Cli) -> None:
    # Given a task that a person named
    (task,) = read(admin_cli("tasks", "--json"))
    renamed = admin_cli("rename", task["id"], "Post room").stdout.decode()
    assert "to “Post room”. `promptlode undo " in renamed
    assert b"Nothing has changed" in admin_cli("rename", task["id"], "Post room").stdout

    # If its second version is split off, after a dry run that writes nothing
    preview = admin_cli("split", "Post room", "2", "--dry-run").stdout.decode()
    assert "Post room: 2 versions, 24 calls → 1 version, 12 calls" in preview
    assert "Nothing was written." in preview
    assert names(admin_cli) == {"Post room": 2}
    state = read(admin_cli("split", "Post room", "2", "--dry-run", "--json"))["state"]
    begun = read(admin_cli("split", "Post room", "2", "--expected", state, "--json"))
    assert names(admin_cli) == {"Post room": 1, begun["name"]: 1}
    assert b"nothing to split it from" in admin_cli("split", "Post room", "1").stderr
    assert b"changed since" in admin_cli("merge", begun["id"], "Post room", "--expected", state).stderr

    # and merged again
    assert "Version 2 would be in use:" in admin_cli("merge", begun["id"], "Post room", "--dry-run").stdout.decode()
    assert b"Merged" in admin_cli("merge", begun["id"], "Post room").stdout

    # I expect all of it in the history, and each decision taken back by its id
    decided = read(admin_cli("decisions", "--json"))
    assert [decision["kind"] for decision in decided] == ["merge", "split", "rename"]
    assert b"would be version" in admin_cli("undo", decided[0]["id"], "--dry-run").stdout
    for decision in decided:
        assert admin_cli("undo", decision["id"][:30]).returncode == 0
    assert b"Post room" not in admin_cli("tasks").stdout


def test_a_version_is_put_into_production_shown_and_taken_out(admin_cli: Cli) -> None:
    (task,) = read(admin_cli("tasks", "--json"))
    other_version = 3 - task["version"]
    preview = admin_cli("production", task["id"], str(other_version), "--dry-run").stdout.decode()
    assert f"no version → version {other_version} in production" in preview
    assert f"Version {other_version} would be in use:" in preview
    assert read(admin_cli("show", task["id"], "--json"))["template"] == task["template"]
    other_template = read(admin_cli("show", task["id"], "--version", str(other_version), "--json"))["template"]
    assert other_template != task["template"]

    answer = admin_cli("production", task["id"], str(other_version)).stdout.decode()
    assert "into production. `promptlode undo " in answer
    assert read(admin_cli("show", task["id"], "--json"))["template"] == other_template
    assert b"Nothing has changed" in admin_cli("production", task["id"], str(other_version)).stdout

    assert b"out of production" in admin_cli("production", task["id"], "--none").stdout
    assert read(admin_cli("show", task["id"], "--json"))["template"] == task["template"]
    for arguments, words in (((), b"Give the VERSION"), (("9",), b"no version 9"), (("1", "--none"), b"Give the VERS")):
        result = admin_cli("production", task["id"], *arguments)
        assert (result.returncode, words in result.stderr) == (2, True), result.stderr


def test_slots_are_renamed_and_a_wrong_pair_is_refused(admin_cli: Cli) -> None:
    (task,) = read(admin_cli("tasks", "--json"))
    assert (
        b"Renamed slots: \xe2\x80\x9cticket\xe2\x80\x9d"
        in admin_cli("rename", task["id"], "--slot", "ticket=mail").stdout
    )
    assert admin_cli("values", task["id"], "mail", "--json").returncode == 0
    for arguments, words in (
        (("--slot", "mail"), b"must be OLD=NEW"),
        ((), b"Give a NAME"),
        (("--slot", "none=x"), b"slots.none"),
    ):
        result = admin_cli("rename", task["id"], *arguments)
        assert (result.returncode, words in result.stderr) == (2, True), result.stderr


def test_a_key_that_reads_decides_nothing_and_an_unknown_decision_is_named(
    admin_cli: Cli, engine: Engine, project: Project
) -> None:
    assert b"No decision begins with 'abc'" in admin_cli("undo", "abc").stderr
    admin_cli.environment["PROMPTLODE_API_KEY"] = new_key(engine, project.name, "read")
    assert b"admin" in admin_cli("rename", next(iter(names(admin_cli))), "Mine").stderr
    assert b"None." in admin_cli("decisions").stdout + admin_cli("decisions").stderr


def test_a_renamed_slot_is_no_edit_in_the_difference_of_versions(admin_cli: Cli) -> None:
    (task,) = read(admin_cli("tasks", "--json"))
    admin_cli("rename", task["id"], "--slot", "ticket=mail")

    lines = read(admin_cli("diff", task["id"], "1", "2", "--json"))["diff"]

    assert [line for line in lines if "{{" in line] == [" Ticket: {{mail}}"]


def test_a_beginning_of_two_decisions_is_refused_with_their_number(admin_cli: Cli) -> None:
    (name,) = names(admin_cli)
    for new_name in ("One", "Two"):
        assert admin_cli("rename", name, new_name).returncode == 0
        name = new_name
    assert b"2 decisions begin with '0'" in admin_cli("undo", "0").stderr
