"""What a person decides about a task: kept until a person changes it, whatever runs find later."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from grouping_world import Group, World, during_mining, triage, triage_edited
from sqlalchemy import Engine, update

from app.config import Settings
from app.store.tables import task
from tests.app.api_helpers import assert_problem, client_with, new_key


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def admin(web: Flask, engine: Engine) -> FlaskClient:
    return client_with(web, new_key(engine, "shop", "admin"))


@pytest.fixture
def group(world: World) -> Group:
    """A task with one version of ten calls."""
    group = world.group()
    group.send(map(triage, range(10)))
    group.run()
    return group


def only(group: Group) -> UUID:
    [shown] = group.tasks
    return shown.id


def change(client: FlaskClient, task_id: UUID, **changes: Any) -> Any:
    answer = client.patch(f"/api/v1/tasks/{task_id}", json=changes)
    assert answer.status_code == 200, answer.text
    return answer.json


def versions(client: FlaskClient, task_id: Any) -> list[Any]:
    return client.get(f"/api/v1/tasks/{task_id}/implementations").json["items"]


# --- name, description, schema, production


def test_a_person_names_and_describes_a_task(admin: FlaskClient, group: Group) -> None:
    schema = {"type": "object", "properties": {"label": {"enum": ["billing", "other"]}}, "a": None}
    answer = change(admin, only(group), name="Post room", description="Sorts mail.", response_schema=schema)
    assert (answer["name"], answer["description"], answer["response_schema"]) == ("Post room", "Sorts mail.", schema)
    assert admin.get(f"/api/v1/tasks/{only(group)}").json == answer
    [listed] = admin.get("/api/v1/tasks").json["items"]
    assert (listed["name"], listed["description"]) == ("Post room", "Sorts mail.")


def test_what_is_left_out_stays_and_null_takes_away(admin: FlaskClient, group: Group) -> None:
    change(admin, only(group), name="Post room", response_schema={"type": "string"})
    change(admin, only(group), description="Sorts mail.")
    answer = change(admin, only(group), response_schema=None)
    assert (answer["name"], answer["description"], answer["response_schema"]) == ("Post room", "Sorts mail.", None)


def test_a_version_in_production_says_so(admin: FlaskClient, group: Group) -> None:
    group.send(map(triage, range(3)), model="gpt-6")
    first, second = versions(admin, only(group))
    assert change(admin, only(group), production=second["id"])["production_implementation_id"] == second["id"]
    assert [each["production"] for each in versions(admin, only(group))] == [False, True]
    assert admin.get(f"/api/v1/implementations/{second['id']}").json["production"]
    change(admin, only(group), production=first["id"])
    assert [each["production"] for each in versions(admin, only(group))] == [True, False]
    change(admin, only(group), production=None)
    assert [each["production"] for each in versions(admin, only(group))] == [False, False]


def test_decisions_stay_when_the_task_goes_on_in_a_new_version(admin: FlaskClient, group: Group) -> None:
    [first] = versions(admin, only(group))
    change(admin, only(group), name="Post room", description="Sorts mail.", production=first["id"])
    group.send(map(triage_edited, range(10, 20)))
    group.run()
    answer = admin.get(f"/api/v1/tasks/{only(group)}").json
    assert (answer["name"], answer["description"], answer["versions"]) == ("Post room", "Sorts mail.", 2)
    assert [each["production"] for each in versions(admin, only(group))] == [True, False]


def test_a_name_given_while_a_run_mines_stays_though_it_finds_a_better_template(
    admin: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = world.group()
    group.send([f"Today is Monday. {triage(number)}" for number in range(6)])
    group.run()
    group.send([f"Today is {day}. {triage(20 + number)}" for number, day in enumerate(["Sunday", "Friday"] * 4)])
    during_mining(monkeypatch, lambda: change(admin, only(group), name="Post room"))
    assert group.run().outcome == "committed"
    assert [each.retired_at is None for each in group.templates] == [False, True]
    assert [each.name for each in group.tasks] == ["Post room"]


@pytest.mark.parametrize(
    ("changes", "loc"),
    [
        ({}, []),
        ([], []),
        ({"name": ""}, ["name"]),
        ({"name": " \n"}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": "a\x00"}, ["name"]),
        ({"description": 3}, ["description"]),
        ({"response_schema": "string"}, ["response_schema"]),
        ({"production": "first"}, ["production"]),
        ({"production": str(uuid4())}, ["production"]),
        ({"path": "/else"}, ["path"]),
    ],
)
def test_a_change_that_cannot_be_is_refused_whole_and_names_the_field(
    admin: FlaskClient, group: Group, changes: Any, loc: list[str]
) -> None:
    before = admin.get(f"/api/v1/tasks/{only(group)}").json
    sent = changes if loc in ([], ["name"]) else changes | {"name": "Post room"}
    problem = assert_problem(admin.patch(f"/api/v1/tasks/{only(group)}", json=sent), 422)
    assert loc in [error["loc"] for error in problem["errors"]]
    assert admin.get(f"/api/v1/tasks/{only(group)}").json == before


def test_a_version_of_another_task_cannot_be_in_production(admin: FlaskClient, world: World, group: Group) -> None:
    other = world.group("/other")
    other.send(map(triage, range(5)))
    other.run()
    [foreign] = versions(admin, only(other))
    answer = admin.patch(f"/api/v1/tasks/{only(group)}", json={"production": foreign["id"]})
    assert assert_problem(answer, 422)["errors"][0]["loc"] == ["production"]


def test_only_an_admin_key_decides_and_only_in_its_own_project(
    client: FlaskClient, web: Flask, engine: Engine, group: Group
) -> None:
    url = f"/api/v1/tasks/{only(group)}"
    assert_problem(client.patch(url, json={"name": "Mine"}), 403)
    stranger = client_with(web, new_key(engine, "another", "admin"))
    problems = [
        assert_problem(stranger.patch(each, json={"name": "Mine"}), 404) for each in (url, f"/api/v1/tasks/{uuid4()}")
    ]
    assert problems[0] == problems[1]
    assert group.tasks[0].name != "Mine"


def test_a_task_that_was_merged_away_is_not_changed(admin: FlaskClient, world: World, group: Group) -> None:
    task_id = only(group)
    with world.engine.begin() as connection:
        connection.execute(update(task).values(merged_into=uuid4()))
    assert_problem(admin.patch(f"/api/v1/tasks/{task_id}", json={"name": "Mine"}), 404)


def test_decisions_are_in_the_audit_log_without_their_texts(admin: FlaskClient, group: Group) -> None:
    change(admin, only(group), name="mxqz7marker", description="mxqz7marker")
    admin.patch(f"/api/v1/tasks/{only(group)}", json={"name": ""})
    entries = admin.get("/api/v1/audit").json["items"]
    assert [(each["action"], each["subject"], each["outcome"]) for each in entries] == [
        ("change_task", str(only(group)), "refused"),
        ("change_task", str(only(group)), "done"),
    ]
    assert entries[1]["details"] == {"fields": ["description", "name"]}
    assert "mxqz7marker" not in str(entries)
