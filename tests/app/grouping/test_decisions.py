"""A person's decisions about a task hold until a person changes them, whatever later runs find."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text, update

from app.store import tasks
from app.store.tables import task, template
from tests.app.api_helpers import assert_problem, change, client_with, new_key, versions, wait_for
from tests.app.grouping_world import TRIAGE, Group, World, during_mining, miner_that_finds, triage, triage_edited, words

NARROW, WIDE = TRIAGE.replace("support", "gold"), TRIAGE.replace("support", "{{level}}")


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


# --- name, description, schema, production


def test_a_person_names_and_describes_a_task(admin: FlaskClient, group: Group) -> None:
    schema = {"type": "object", "properties": {"label": {"enum": ["billing", "other"]}}, "a": None}
    answer = change(admin, only(group), name="Post room", description="Sorts mail.", response_schema=schema)
    assert (answer["name"], answer["description"], answer["response_schema"]) == ("Post room", "Sorts mail.", schema)
    assert admin.get(f"/api/v1/tasks/{only(group)}").json == answer
    [listed] = admin.get("/api/v1/tasks").json["items"]
    assert (listed["name"], listed["description"]) == ("Post room", "Sorts mail.")


def test_a_field_left_out_stays_and_null_takes_it_away(admin: FlaskClient, group: Group) -> None:
    change(admin, only(group), name="Post room", response_schema={"type": "string"})
    change(admin, only(group), description="Sorts mail.")
    answer = change(admin, only(group), response_schema=None)
    assert (answer["name"], answer["description"], answer["response_schema"]) == ("Post room", "Sorts mail.", None)


def test_a_version_in_production_says_so(admin: FlaskClient, group: Group) -> None:
    group.send(map(triage, range(3)), model="gpt-6")
    first, second = versions(admin, only(group))
    assert change(admin, only(group), production=second["id"])["production_implementation_id"] == second["id"]
    assert [version["production"] for version in versions(admin, only(group))] == [False, True]
    assert admin.get(f"/api/v1/implementations/{second['id']}").json["production"]
    change(admin, only(group), production=first["id"])
    assert [version["production"] for version in versions(admin, only(group))] == [True, False]
    change(admin, only(group), production=None)
    assert [version["production"] for version in versions(admin, only(group))] == [False, False]


def test_decisions_stay_when_the_task_goes_on_in_a_new_version(admin: FlaskClient, group: Group) -> None:
    [first] = versions(admin, only(group))
    change(admin, only(group), name="Post room", description="Sorts mail.", production=first["id"])
    group.send(map(triage_edited, range(10, 20)))
    group.run()
    answer = admin.get(f"/api/v1/tasks/{only(group)}").json
    assert (answer["name"], answer["description"], answer["versions"]) == ("Post room", "Sorts mail.", 2)
    assert [version["production"] for version in versions(admin, only(group))] == [True, False]


def about_to_be_renamed(world: World) -> Group:
    """A group whose next run finds a better template, and with the template a better name of the task."""
    group = world.group()
    group.send([f"Today is Monday. {triage(number)}" for number in range(6)])
    group.run()
    group.send([f"Today is {day}. {triage(20 + number)}" for number, day in enumerate(["Sunday", "Friday"] * 4)])
    return group


def test_a_name_given_while_a_run_mines_stays_though_it_finds_a_better_template(
    admin: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = about_to_be_renamed(world)
    during_mining(monkeypatch, lambda: change(admin, only(group), name="Post room"))
    assert group.run().outcome == "fenced"
    assert (group.row.attempts, group.row.not_before) == (0, None)
    assert group.run().outcome == "committed"
    assert [template_row.retired_at is None for template_row in group.templates] == [False, True]
    assert [task_row.name for task_row in group.tasks] == ["Post room"]


def test_a_name_given_while_a_run_saves_comes_after_it(
    admin: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = about_to_be_renamed(world)
    only_task, waiting = only(group), text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    changes: list[Future[Any]] = []
    given_name = tasks.given_name

    def named(connection: Any, task_id: UUID) -> str | None:
        name = given_name(connection, task_id)
        changes.append(person.submit(change, admin, only_task, name="Post room"))
        wait_for(lambda: changes[0].done() or bool(world.rows(waiting)[0][0]))
        return name

    # If a person names the task at that moment
    monkeypatch.setattr("app.store.tasks.given_name", named)
    with ThreadPoolExecutor(1) as person:
        assert group.run().outcome == "committed"
        [changing] = changes
        changing.result(180)

    # I expect the person's name
    assert [task_row.name for task_row in group.tasks] == ["Post room"]


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
        ({"name": "a\r\nb"}, ["name"]),
        ({"name": "a\u2028b"}, ["name"]),
        ({"description": 3}, ["description"]),
        ({"response_schema": "string"}, ["response_schema"]),
        ({"response_schema": {"properties": {"a\0b": {"type": "string"}}}}, ["response_schema", "properties"]),
        ({"production": "first"}, ["production"]),
        ({"production": str(uuid4())}, ["production"]),
        ({"path": "/else"}, ["path"]),
    ],
)
def test_a_change_that_cannot_be_is_refused_whole_and_names_the_field(
    admin: FlaskClient, group: Group, changes: Any, loc: list[str]
) -> None:
    before = admin.get(f"/api/v1/tasks/{only(group)}").json
    body = changes if loc in ([], ["name"]) else changes | {"name": "Post room"}
    problem = assert_problem(admin.patch(f"/api/v1/tasks/{only(group)}", json=body), 422)
    assert loc in [error["loc"] for error in problem["errors"]]
    assert admin.get(f"/api/v1/tasks/{only(group)}").json == before


def test_a_version_of_another_task_cannot_be_in_production(admin: FlaskClient, world: World, group: Group) -> None:
    elsewhere = world.group("/other")
    elsewhere.send(map(triage, range(5)))
    elsewhere.run()
    [foreign] = versions(admin, only(elsewhere))
    answer = admin.patch(f"/api/v1/tasks/{only(group)}", json={"production": foreign["id"]})
    assert assert_problem(answer, 422)["errors"][0]["loc"] == ["production"]


def test_only_an_admin_key_decides_and_only_in_its_own_project(
    client: FlaskClient, web: Flask, engine: Engine, group: Group
) -> None:
    url = f"/api/v1/tasks/{only(group)}"
    assert_problem(client.patch(url, json={"name": "Mine"}), 403)
    stranger = client_with(web, new_key(engine, "another", "admin"))
    problems = [
        assert_problem(stranger.patch(address, json={"name": "Mine"}), 404)
        for address in (url, f"/api/v1/tasks/{uuid4()}")
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
    assert [(entry["action"], entry["subject"], entry["outcome"]) for entry in entries] == [
        ("change_task", str(only(group)), "refused"),
        ("change_task", str(only(group)), "done"),
    ]
    assert entries[1]["details"] == {"fields": ["description", "name"]}
    assert "mxqz7marker" not in str(entries)


# --- names of slots


def rename(client: FlaskClient, implementation_id: Any, **names: str) -> Any:
    answer = client.patch(f"/api/v1/implementations/{implementation_id}", json={"slots": names})
    assert answer.status_code == 200, answer.text
    return answer.json


def mail(number: int, added: str = "") -> str:
    sender, recipient, topic, _ = words(number).split()
    return (
        f"From {sender} to {recipient}: write a polite answer to the mail.{added}\n\nMail: {topic} {words(number + 5)}"
    )


@pytest.fixture
def mails(world: World) -> Group:
    """A task whose template has three slots."""
    group = world.group("/mail")
    group.send(map(mail, range(12)))
    group.run()
    return group


def slots_of(client: FlaskClient, group: Group) -> list[list[str]]:
    return [version["slots"] for version in versions(client, only(group))]


def test_calls_old_and_new_have_their_values_under_the_new_name_of_a_slot(admin: FlaskClient, group: Group) -> None:
    [version] = versions(admin, only(group))
    [old_name] = version["slots"]
    admin.post("/api/v1/traces", json={"path": group.path, "model": "gpt-5-mini", "input": triage(20)})

    answer = rename(admin, version["id"], **{old_name: "客户邮件"})

    assert answer["slots"] == ["客户邮件"]
    assert answer["slot_kinds"] == {"客户邮件": version["slot_kinds"][old_name]}
    assert "{{客户邮件}}" in answer["template"][0]["text"]
    call = admin.post("/api/v1/traces", json={"path": group.path, "model": "gpt-5-mini", "input": triage(21)}).json
    assert (call["grouping"], call["variables"]) == ("matched", {"客户邮件": words(21)})
    assert [trace["variables"].keys() for trace in admin.get("/api/v1/traces").json["items"]] == [{"客户邮件"}] * 12
    assert admin.get(f"/api/v1/traces/{call['id']}").json["variables"] == {"客户邮件": words(21)}


def test_slots_are_renamed_all_at_once(admin: FlaskClient, mails: Group) -> None:
    [version] = versions(admin, only(mails))
    first, second, third = version["slots"]
    assert rename(admin, version["id"], **{first: second, second: first})["slots"] == [second, first, third]
    values = admin.get("/api/v1/traces").json["items"][0]["variables"]
    assert [values[second], values[first]] == words(11).split()[:2]


def test_a_later_version_keeps_the_names_of_slots_that_go_on(admin: FlaskClient, mails: Group) -> None:
    [version] = versions(admin, only(mails))
    first, _, third = version["slots"]
    rename(admin, version["id"], **{first: "author", third: "letter"})
    mails.send(mail(number, " Never promise a refund, whatever happens.") for number in range(12, 24))
    mails.run()
    old, new = slots_of(admin, mails)
    assert old == new == ["author", version["slots"][1], "letter"]


def test_a_wider_template_keeps_the_names_of_slots_that_go_on(
    admin: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(NARROW))
    group = world.group()
    group.send(triage(number).replace("support", "gold") for number in range(6))
    group.run()
    rename(admin, versions(admin, only(group))[0]["id"], **{slots_of(admin, group)[0][0]: "letter"})
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(WIDE, supersedes={WIDE: NARROW}))
    group.send(triage(number).replace("support", "silver") for number in range(3))
    group.run()
    [names] = slots_of(admin, group)
    assert (len(names), names[1]) == (2, "letter")


def test_a_template_that_comes_back_has_the_names_of_the_one_that_took_its_place(
    admin: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a template that was widened, and a person who named a slot of the wider one
    group = world.group()
    for prompt, level in ((NARROW, "gold"), (WIDE, "silver")):
        monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(prompt, supersedes={WIDE: NARROW}))
        group.send(triage(number).replace("support", level) for number in range(6))
        group.run()
    rename(admin, versions(admin, only(group))[0]["id"], **{slots_of(admin, group)[0][1]: "letter"})
    assert [template_row.retired_at is None for template_row in group.templates] == [False, True]

    # If a run mines the first one again
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(NARROW))
    group.want("all")
    group.run()

    # I expect the name there too
    first = group.templates[0]
    assert (first.retired_at, first.slots, first.named_places) == (None, ["letter"], [0])


def test_a_name_given_to_a_slot_while_a_run_mines_is_in_what_the_run_saves(
    admin: FlaskClient, mails: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    [version] = versions(admin, only(mails))
    mails.send(mail(number, " Never promise a refund, whatever happens.") for number in range(12, 24))
    during_mining(monkeypatch, lambda: rename(admin, version["id"], **{version["slots"][2]: "letter"}))
    assert mails.run().outcome == "committed"
    assert [names[2] for names in slots_of(admin, mails)] == ["letter", "letter"]
    mails.assert_exact()


@pytest.mark.parametrize(
    ("names", "loc"),
    [
        ({"nothing": "a"}, ["slots", "nothing"]),
        ({"first": "two words"}, ["slots", "first"]),
        ({"first": ""}, ["slots", "first"]),
        ({"first": "2nd"}, ["slots", "first"]),
        ({"first": "a" * 101}, ["slots", "first"]),
        ({"first": "class"}, ["slots", "first"]),
        ({"first": "self"}, ["slots", "first"]),
        ({"first": "_id"}, ["slots", "first"]),
        ({"first": "ｉｄ"}, ["slots", "first"]),
        ({"first": "second"}, ["slots", "first"]),
        ({"first": "same", "second": "same"}, ["slots", "second"]),
        ({"first": None}, ["slots", "first"]),
        ({}, ["slots"]),
        ([], ["slots"]),
    ],
)
def test_a_name_that_no_slot_can_have_is_refused_and_names_the_slot(
    admin: FlaskClient, world: World, mails: Group, names: Any, loc: list[str]
) -> None:
    with world.engine.begin() as connection:
        connection.execute(update(template).values(slots=["first", "second", "third"]))
    [version] = versions(admin, only(mails))
    answer = admin.patch(f"/api/v1/implementations/{version['id']}", json={"slots": names})
    assert [error["loc"] for error in assert_problem(answer, 422)["errors"]] == [loc]
    assert slots_of(admin, mails) == [["first", "second", "third"]]


def test_slots_of_another_project_are_not_renamed(
    client: FlaskClient, admin: FlaskClient, web: Flask, engine: Engine, group: Group
) -> None:
    [version] = versions(admin, only(group))
    url, body = f"/api/v1/implementations/{version['id']}", {"slots": {version["slots"][0]: "mine"}}
    assert_problem(client.patch(url, json=body), 403)
    stranger = client_with(web, new_key(engine, "another", "admin"))
    assert_problem(stranger.patch(url, json=body), 404)
    assert versions(admin, only(group)) == [version]
