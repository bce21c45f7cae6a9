"""The feed of changes, from calls that come in through the real ingest and real runs."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from app.store import changes, rollup
from app.store.engine import transaction
from app.store.tables import call_count, implementation, task
from tests.app.api_helpers import assert_problem
from tests.app.grouping_world import Group, World, summary, triage, triage_edited


@pytest.fixture
def group(world: World) -> Group:
    return world.group("/support/triage")


def note(world: World) -> None:
    with transaction(world.engine) as connection:
        changes.note_versions(connection)


def feed(client: FlaskClient, query: str = "") -> list[Any]:
    return client.get(f"/api/v1/changes{query}").json["items"]


def kinds(client: FlaskClient, query: str = "") -> list[str]:
    return [item["kind"] for item in feed(client, query)]


@pytest.fixture
def edited(world: World, group: Group) -> Group:
    """A task of two versions: the second is an edit of the prompt of the first."""
    group.send(map(triage, range(12)))
    group.run()
    note(world)
    group.send(map(triage_edited, range(20, 40)))
    group.run()
    note(world)
    return group


def test_an_edit_is_told_with_the_words_that_changed(client: FlaskClient, edited: Group) -> None:
    edit, begin = feed(client)
    assert (edit["kind"], edit["version"], edit["path"]) == ("version.new", 2, "/support/triage")
    assert begin["kind"] == "task.new"
    assert edit["task_id"] == begin["task_id"]
    [part] = edit["details"]["diff"]
    changed = [(piece["change"], piece["text"].strip()) for piece in part["pieces"] if piece["change"] != "same"]
    assert changed == [("added", "When in doubt, say other.")]
    assert edit["details"]["changed"] == ["template"]
    assert edit["summary"].startswith("Version 2 of “")


def test_a_feed_goes_on_behind_its_cursor_and_keeps_to_its_range(client: FlaskClient, edited: Group) -> None:
    all_changes = feed(client)
    first = client.get("/api/v1/changes?limit=1").json
    second = client.get(f"/api/v1/changes?limit=1&cursor={first['next_cursor']}").json
    assert [*first["items"], *second["items"]] == all_changes
    assert second["next_cursor"] is None
    edit = all_changes[0]["at"]
    assert kinds(client, f"?since={edit}") == ["version.new"]
    assert kinds(client, f"?until={edit}") == ["task.new"]
    assert kinds(client, "?kind=task.new,model.new") == ["task.new"]
    assert kinds(client, "?path=/other") == []
    assert kinds(client, f"?task_id={all_changes[0]['task_id']}") == ["version.new", "task.new"]


@pytest.mark.parametrize(
    "query",
    [
        "kind=version.old",
        "since=2026-02-01&until=2026-01-01",
        "limit=0",
        "since=yesterday",
        "since=\u0663d",
        "since=\u0662026-01-01",
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    problem = assert_problem(client.get(f"/api/v1/changes?{query}"), 422)
    assert problem["errors"][0]["loc"][0] == "query"


def test_a_change_is_not_told_again_and_a_model_is_news_once(client: FlaskClient, world: World, edited: Group) -> None:
    edited.send(map(triage_edited, range(50, 53)), model="gpt-6")
    note(world)
    note(world)
    edited.send(map(triage_edited, range(60, 63)), model="gpt-6", temperature=0.5)
    note(world)
    assert sorted(kinds(client)) == ["model.new", "task.new", "version.new", "version.new", "version.new"]
    [model] = feed(client, "?kind=model.new")
    assert (model["details"]["model"], model["version"]) == ("gpt-6", 3)


def test_settings_that_vary_from_call_to_call_are_one_line_and_a_later_edit_is_another(
    client: FlaskClient, world: World, group: Group
) -> None:
    group.send(map(triage, range(12)))
    group.run()
    for number in range(10):
        group.send([triage(100 + number)], temperature=number / 20)
        note(world)
    settings, begin = feed(client)
    assert (begin["kind"], settings["kind"], settings["version"]) == ("task.new", "version.new", 2)
    assert (settings["details"]["settings"], settings["details"]["varying"]) == (10, ["temperature"])
    assert settings["summary"].startswith("10 settings of “")
    assert settings["summary"].endswith(" on /support/triage on one day, from version 2 on: temperature varied.")
    group.send(map(triage_edited, range(20, 40)))
    group.run()
    note(world)
    edit = feed(client)[0]
    assert edit["details"]["changed"][0] == "template"
    assert "settings" not in edit["details"]


def made_at(world: World, versions: range, moment: str) -> None:
    with transaction(world.engine) as connection:
        connection.execute(
            update(implementation).where(implementation.c.version.in_(versions)).values(created_at=moment)
        )


def test_settings_of_two_days_are_two_lines(client: FlaskClient, world: World, group: Group) -> None:
    group.send(map(triage, range(12)))
    group.run()
    for number in range(8):
        group.send([triage(100 + number)], temperature=number / 20)
    made_at(world, range(1, 3), "2026-01-01T12:00:00Z")
    made_at(world, range(3, 8), "2026-01-03T23:59:00Z")
    made_at(world, range(8, 10), "2026-01-04T00:00:00Z")
    note(world)
    numbers = {item["version"]: item["details"].get("settings") for item in feed(client)}
    assert numbers == {1: None, 2: None, 3: 5, 8: 2}


def test_settings_whose_first_version_was_a_mistake_are_told_by_the_next_one(
    client: FlaskClient, world: World, group: Group
) -> None:
    group.send(map(triage, range(12)))
    group.run()
    for number in range(3):
        group.send([triage(100 + number)], temperature=number / 20)
    note(world)
    with transaction(world.engine) as connection:
        second = implementation.c.version == 2
        connection.execute(update(implementation).where(second).values(emptied_at=func.clock_timestamp()))
        own = select(implementation.c.id).where(second)
        connection.execute(delete(call_count).where(call_count.c.implementation_id.in_(own)))
    note(world)
    assert {item["version"]: item["details"].get("settings") for item in feed(client)} == {1: None, 3: 2}


def test_an_edit_is_compared_with_the_version_in_use_before_whatever_its_number(
    client: FlaskClient, world: World, group: Group
) -> None:
    """Calls of another temperature are imported last, so their version has the highest number."""
    group.send(map(triage, range(12)))
    group.run()
    group.send(map(triage_edited, range(20, 32)), started_at="2026-01-03T00:00:00Z")
    group.run()
    group.send([triage(40)], started_at="2026-01-02T00:00:00Z", temperature=0.5)
    note(world)
    assert {item["version"]: item["details"].get("from") for item in feed(client)} == {1: None, 2: 1, 3: 1}


def test_another_project_is_told_nothing(other_client: FlaskClient, edited: Group) -> None:
    assert feed(other_client) == []


def test_a_version_that_turned_out_to_be_a_mistake_leaves_the_feed(
    client: FlaskClient, world: World, edited: Group
) -> None:
    with transaction(world.engine) as connection:
        second = implementation.c.version == 2
        connection.execute(update(implementation).where(second).values(emptied_at=func.clock_timestamp()))
        own = select(implementation.c.id).where(second)
        connection.execute(delete(call_count).where(call_count.c.implementation_id.in_(own)))
    assert kinds(client) == ["task.new"]


def test_a_merged_task_is_told_under_the_one_it_went_on_in(
    client: FlaskClient, admin: FlaskClient, world: World, group: Group
) -> None:
    group.send(map(triage, range(12)))
    group.send(map(summary, range(12)))
    group.run()
    note(world)
    merged, target = {item["task_id"] for item in feed(client)}
    assert admin.post(f"/api/v1/tasks/{merged}/merge", json={"into": target}).status_code == 200
    note(world)
    assert {item["task_id"] for item in feed(client)} == {target}
    assert len(feed(client)) == 2


def test_a_price_that_is_set_higher_is_told_at_once(
    client: FlaskClient, admin: FlaskClient, world: World, group: Group
) -> None:
    now = datetime.now(UTC).isoformat()
    usage = {"input_tokens": 1000, "output_tokens": 10}
    group.send(map(triage, range(12)), started_at=now, usage=usage)
    group.run()
    with transaction(world.engine) as connection:
        rollup.add_up(connection)
    for dollars in (1.0, 1.1, 2.2):
        body = {"model": "gpt-5-mini", "input": dollars, "output": dollars}
        assert admin.put("/api/v1/prices", json=body).status_code == 200
    [jump] = feed(client, "?kind=cost.jump")[:1]
    assert jump["details"]["now"] == pytest.approx(2 * jump["details"]["before"])
    assert jump["task_id"] is None


def test_the_feed_in_atom_is_well_formed_whatever_names_hold(
    web: Flask, client: FlaskClient, world: World, edited: Group
) -> None:
    with transaction(world.engine) as connection:
        connection.execute(update(task).values(name="a\x01b ]]> <script>&\ufffe"))
    answer = client.get("/changes.atom")
    assert answer.mimetype == "application/atom+xml"
    root = ElementTree.fromstring(answer.data)
    entries = root.findall("{http://www.w3.org/2005/Atom}entry")
    assert [entry.find("{*}category").get("term") for entry in entries] == ["version.new", "task.new"]  # type: ignore[union-attr]
    assert "+  When in doubt, say other." in (entries[0].find("{*}content").text or "")  # type: ignore[union-attr]
    ids = [entry.findtext("{*}id") for entry in entries]
    assert ids == [f"urn:uuid:{item['id']}" for item in feed(client)]


def test_a_feed_reader_sends_the_key_as_a_password(web: Flask, client: FlaskClient, edited: Group) -> None:
    nobody = web.test_client().get("/changes.atom")
    assert (nobody.status_code, nobody.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    key = client.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    assert web.test_client().get("/changes.atom", auth=("reader", key)).status_code == 200
    assert web.test_client().get("/changes.atom", auth=("reader", "pl_wrong")).status_code == 401
