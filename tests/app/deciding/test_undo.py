"""Decisions are kept in a history, previewed before they are taken, and taken back."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from app.store.tables import decision, grouping_key, implementation, metadata, task, template
from tests.app.api_helpers import assert_problem, change, client_with, merge, new_key, split, versions
from tests.app.grouping_world import (
    EDITED,
    TRIAGE,
    Group,
    World,
    miner_that_finds,
    summary,
    triage,
    triage_edited,
)


@pytest.fixture
def group_of_three(world: World, monkeypatch: pytest.MonkeyPatch) -> Group:
    """Three tasks of a path, of six calls each; the first has a second version of three."""
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, SUMMARY))
    group = world.group()
    group.send(kind(number) for number in range(6) for kind in (triage, triage_edited, summary))
    group.run()
    group.send((triage(number) for number in range(6, 9)), model="gpt-6")
    assert group.versions_of_tasks == [[(1, 6), (2, 3)], [(1, 6)], [(1, 6)]]
    return group


SUMMARY = "Summarise the meeting notes for people who were not there.\n\n<notes>\n{{notes}}\n</notes>"


def everything(world: World) -> dict[str, Any]:
    """Tasks, templates and versions with all columns but the counters that tell processes to load a group anew."""
    moving = {"marks", "created_at"}
    return {
        table.name: sorted(
            [
                {name: value for name, value in row._mapping.items() if name not in moving}
                for row in world.rows(select(table))
            ],
            key=lambda row: str(row["id"]),
        )
        for table in (task, template, implementation)
    }


def rows_of_all(world: World) -> dict[str, Any]:
    """Every row of every table but the audit log's."""
    tables = [table for table in metadata.sorted_tables if table.name not in {"audit_entry", "call_count"}]
    return {table.name: sorted(map(str, world.rows(select(table)))) for table in tables}


def history(client: FlaskClient, **query: Any) -> list[Any]:
    return client.get("/api/v1/decisions", query_string=query).json["items"]


def undo(client: FlaskClient, decided: Any) -> Any:
    answer = client.post(f"/api/v1/decisions/{decided['id']}/undo")
    assert answer.status_code == 200, answer.text
    return answer.json


def refused(client: FlaskClient, decided: Any) -> Any:
    return assert_problem(client.post(f"/api/v1/decisions/{decided['id']}/undo"), 409)["errors"][0]


# --- the history


def test_the_history_tells_who_decided_what_and_when_the_newest_first(
    admin: FlaskClient, client: FlaskClient, group_of_three: Group
) -> None:
    first, second, third = group_of_three.tasks
    [version] = versions(admin, second.id)
    change(admin, second.id, name="Post room", description="Sorts mail.", production=version["id"])
    admin.patch(f"/api/v1/implementations/{version['id']}", json={"slots": {version["slots"][0]: "letter"}})
    merge(admin, second.id, first.id)
    begun = split(admin, version["id"])

    decisions = history(client)

    assert [decision["kind"] for decision in decisions] == [
        "split",
        "merge",
        "slots",
        "production",
        "describe",
        "rename",
    ]
    assert decisions[0]["summary"] == f"Split “{begun['name']}” from “Post room”."
    assert (decisions[0]["task_id"], decisions[0]["other_task_id"]) == (str(first.id), begun["id"])
    assert decisions[1]["summary"] == f"Merged “Post room” into “{first.name}”."
    assert decisions[2]["summary"].endswith("to “letter”.")
    assert decisions[5]["before"] == {"name": second.name, "name_by_person": False}
    assert decisions[5]["after"] == {"name": "Post room", "name_by_person": True}
    assert {(decision["actor"], decision["path"], decision["undone_at"]) for decision in decisions} == {
        ("key", group_of_three.path, None)
    }
    assert all(decision["who"].startswith("key …") for decision in decisions)
    assert [decision["kind"] for decision in history(client, task_id=third.id)] == []
    assert [decision["kind"] for decision in history(client, kind="merge")] == ["merge"]
    assert history(client, until="2026-01-01") == []


def test_the_history_is_read_page_by_page(admin: FlaskClient, group_of_three: Group) -> None:
    for name in ("A", "B", "C"):
        change(admin, group_of_three.tasks[0].id, name=name)
    page = admin.get("/api/v1/decisions?limit=2").json
    next_page = admin.get(f"/api/v1/decisions?limit=2&cursor={page['next_cursor']}").json
    assert [decision["after"]["name"] for decision in page["items"] + next_page["items"]] == ["C", "B", "A"]
    assert next_page["next_cursor"] is None


def test_a_change_of_nothing_is_no_decision(admin: FlaskClient, group_of_three: Group) -> None:
    change(admin, group_of_three.tasks[0].id, description="", production=None)
    [version] = versions(admin, group_of_three.tasks[1].id)
    name = version["slots"][0]
    admin.patch(f"/api/v1/implementations/{version['id']}", json={"slots": {name: name}})
    admin.patch(f"/api/v1/implementations/{version['id']}", json={"slots": {name: name}})
    assert [decision["summary"] for decision in history(admin)] == ["Kept the names of slots."]


def test_a_key_with_a_name_is_told_by_it(web: Flask, world: World, group_of_three: Group) -> None:
    from app.store import keys

    with world.engine.begin() as connection:
        key = keys.create(connection, group_of_three.project_id, "Ann", ("admin",)).key
    named = client_with(web, key)
    change(named, group_of_three.tasks[0].id, name="Mine")
    undo(named, history(named)[0])
    assert [(decision["who"], decision["undone_by"]) for decision in history(named)] == [("Ann", "Ann")]


def test_decisions_of_another_project_do_not_exist(
    admin: FlaskClient, client: FlaskClient, web: Flask, engine: Engine, group_of_three: Group
) -> None:
    change(admin, group_of_three.tasks[0].id, name="Mine")
    [decided] = history(admin)
    stranger = client_with(web, new_key(engine, "another", "admin"))
    assert history(stranger) == []
    for decision_id in (decided["id"], uuid4()):
        assert_problem(stranger.post(f"/api/v1/decisions/{decision_id}/undo"), 404)
        assert_problem(stranger.post(f"/api/v1/decisions/{decision_id}/undo?preview=true"), 404)
    assert_problem(client.post(f"/api/v1/decisions/{decided['id']}/undo"), 403)
    assert group_of_three.tasks[0].name == "Mine"


@pytest.mark.parametrize("query", ["kind=gossip", "task_id=x", "cursor=x", "since=2026-03-02&until=2026-03-01", "a=b"])
def test_a_wrong_parameter_of_the_history_is_refused(admin: FlaskClient, query: str) -> None:
    assert_problem(admin.get(f"/api/v1/decisions?{query}"), 422)


# --- undo


def test_every_fact_of_a_task_goes_back(admin: FlaskClient, world: World, group_of_three: Group) -> None:
    first = group_of_three.tasks[0]
    [first_version, second_version] = versions(admin, first.id)
    change(admin, first.id, production=first_version["id"])
    before = everything(world)
    change(
        admin,
        first.id,
        name="Mine",
        description="d",
        response_schema={"type": "string"},
        production=second_version["id"],
    )
    for decided in history(admin)[:4]:
        assert undo(admin, decided)["undone_at"] is not None
    assert everything(world) == before


def test_a_fact_that_was_decided_again_goes_back_once_that_is_undone(admin: FlaskClient, group_of_three: Group) -> None:
    first = group_of_three.tasks[0]
    change(admin, first.id, name="A")
    change(admin, first.id, name="B")
    last_decision, first_decision = history(admin)
    problem = refused(admin, first_decision)
    assert problem["loc"] == ["undo_first", last_decision["id"]]
    assert "Undo the name of" in problem["message"]
    undo(admin, last_decision)
    undo(admin, first_decision)
    assert (group_of_three.tasks[0].name, group_of_three.tasks[0].name_by_person) == (first.name, False)
    assert "already" in refused(admin, first_decision)["message"]


def test_names_of_slots_go_back_place_by_place(admin: FlaskClient, group_of_three: Group) -> None:
    [version] = versions(admin, group_of_three.tasks[1].id)
    address = f"/api/v1/implementations/{version['id']}"
    admin.patch(address, json={"slots": {version["slots"][0]: "letter"}})
    admin.patch(address, json={"slots": {"letter": "mail"}})
    last_decision, first_decision = history(admin)
    assert refused(admin, first_decision)["loc"] == ["undo_first", last_decision["id"]]
    undo(admin, last_decision)
    undo(admin, first_decision)
    assert admin.get(address).json["slots"] == version["slots"]
    assert {tuple(template_row.named_places) for template_row in group_of_three.templates} == {()}
    body = {"path": group_of_three.path, "model": "gpt-5-mini", "input": triage_edited(77)}
    assert admin.post("/api/v1/traces", json=body).json["variables"].keys() == set(version["slots"])


def test_a_merge_goes_back_with_everything_that_it_brought(
    admin: FlaskClient, world: World, group_of_three: Group
) -> None:
    first, second, third = group_of_three.tasks
    [version] = versions(admin, second.id)
    change(admin, second.id, name="Post room", description="d", production=version["id"])
    change(admin, first.id, production=versions(admin, first.id)[0]["id"])
    before = everything(world)
    merge(admin, second.id, first.id)
    merge(admin, third.id, first.id)
    assert group_of_three.versions_of_tasks == [[(1, 6), (2, 3), (3, 6), (4, 6)]]
    third_merge, second_merge = history(admin, kind="merge")

    undo(admin, second_merge)  # the first of the two merges: the lines tell which version is of which task
    assert group_of_three.versions_of_tasks == [[(1, 6), (2, 3), (4, 6)], [(1, 6)]]
    undo(admin, third_merge)

    assert everything(world) == before
    group_of_three.assert_exact()


def test_calls_that_came_to_a_merged_line_go_along_when_the_merge_is_undone(
    admin: FlaskClient, group_of_three: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = group_of_three.tasks
    merge(admin, second.id, first.id)
    edited_again = EDITED.replace("say other.", "say other, and never guess.")
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED, SUMMARY, edited_again))
    group_of_three.send(
        triage_edited(number).replace("say other.", "say other, and never guess.") for number in range(30, 36)
    )
    group_of_three.run()
    group_of_three.send((triage_edited(number) for number in range(40, 42)), model="gpt-7")
    group_of_three.send((triage(number) for number in range(40, 43)), model="gpt-7")
    assert group_of_three.versions_of_tasks[0] == [(1, 6), (2, 3), (3, 6), (4, 6), (5, 2), (6, 3)]

    undo(admin, history(admin)[0])

    assert group_of_three.versions_of_tasks == [[(1, 6), (2, 3), (6, 3)], [(1, 6), (2, 6), (3, 2)], [(1, 6)]]
    group_of_three.assert_exact()


def test_tasks_kept_apart_are_so_again_after_a_merge_is_undone(
    admin: FlaskClient, world: World, group_of_three: Group
) -> None:
    first, second, third = group_of_three.tasks
    merge(admin, second.id, first.id)
    begun = split(admin, versions(admin, first.id)[2]["id"])
    before = everything(world)
    merge(admin, first.id, third.id)
    assert world.rows(select(task.c.apart_from).where(task.c.id == UUID(begun["id"])))[0][0] == [third.id]
    undo(admin, history(admin)[0])
    assert everything(world) == before
    merge(admin, begun["id"], first.id)
    undo(admin, history(admin)[0])
    assert everything(world) == before


def test_a_merge_waits_for_what_was_built_on_it(admin: FlaskClient, group_of_three: Group) -> None:
    first, second, third = group_of_three.tasks
    [version] = versions(admin, second.id)
    merge(admin, second.id, first.id)
    merge(admin, first.id, third.id)
    last_decision, first_decision = history(admin)
    assert refused(admin, first_decision)["loc"] == ["undo_first", last_decision["id"]]
    undo(admin, last_decision)
    split(admin, version["id"])
    assert refused(admin, first_decision)["loc"] == ["undo_first", history(admin)[0]["id"]]
    undo(admin, history(admin)[0])
    undo(admin, first_decision)
    assert group_of_three.versions_of_tasks == [[(1, 6), (2, 3)], [(1, 6)], [(1, 6)]]


def test_lines_that_a_run_made_one_since_a_merge_cannot_be_parted(
    admin: FlaskClient, group_of_three: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = group_of_three.tasks
    merge(admin, second.id, first.id)
    wide = TRIAGE.replace("other.", "other.{{rule}}")
    monkeypatch.setattr(
        "app.grouping.mining.mine_templates", miner_that_finds(wide, SUMMARY, supersedes={wide: TRIAGE})
    )
    group_of_three.want("all")
    group_of_three.run()
    before = group_of_three.versions_of_tasks
    assert "one template" in refused(admin, history(admin)[0])["message"]
    assert group_of_three.versions_of_tasks == before


def test_a_split_goes_back_with_everything_that_came_to_it(
    admin: FlaskClient, world: World, group_of_three: Group
) -> None:
    first, second, _ = group_of_three.tasks
    merge(admin, second.id, first.id)
    before = everything(world)
    [_, _, version] = versions(admin, first.id)
    change(admin, first.id, production=version["id"])
    begun = split(admin, version["id"])
    group_of_three.send((triage_edited(number) for number in range(40, 42)), model="gpt-7")
    assert group_of_three.versions_of_tasks == [[(1, 6), (2, 3)], [(1, 6)], [(1, 6), (2, 2)]]

    decided, production, _ = history(admin)
    undo(admin, decided)

    assert group_of_three.versions_of_tasks[0] == [(1, 6), (2, 3), (3, 6), (4, 2)]
    assert admin.get(f"/api/v1/tasks/{begun['id']}").json == {"merged_into": str(first.id)}
    undo(admin, production)
    now = everything(world)
    assert now["template"] == before["template"]
    assert [task_row for task_row in now["task"] if str(task_row["id"]) != begun["id"]] == before["task"]
    group_of_three.assert_exact()


def test_a_task_whose_name_leaves_with_a_split_is_named_after_what_stays(
    admin: FlaskClient, group_of_three: Group
) -> None:
    # Given a task of two prompts with the name of one of them
    triage_task, _, summary_task = group_of_three.tasks
    named_after_triage, named_after_summary = triage_task.name, summary_task.name
    merge(admin, summary_task.id, triage_task.id)

    # If a person makes that prompt a task of its own
    begun = split(admin, versions(admin, triage_task.id)[0]["id"])

    # I expect each task to have the name of its prompt, and the one name again after the split is undone
    staying = admin.get(f"/api/v1/tasks/{triage_task.id}").json
    assert (staying["name"], begun["name"]) == (named_after_summary, named_after_triage)
    undo(admin, history(admin)[0])
    assert admin.get(f"/api/v1/tasks/{triage_task.id}").json["name"] == named_after_triage


def test_a_name_that_a_person_gave_stays_with_the_task_that_a_split_leaves(
    admin: FlaskClient, group_of_three: Group
) -> None:
    triage_task, _, summary_task = group_of_three.tasks
    merge(admin, summary_task.id, triage_task.id)
    change(admin, triage_task.id, name="Sort the support tickets")
    begun = split(admin, versions(admin, triage_task.id)[0]["id"])
    assert admin.get(f"/api/v1/tasks/{triage_task.id}").json["name"] == "Sort the support tickets"
    assert begun["name"] == triage_task.name


def test_a_split_waits_for_what_was_built_on_it(admin: FlaskClient, group_of_three: Group) -> None:
    first, second, third = group_of_three.tasks
    merge(admin, second.id, first.id)
    begun = split(admin, versions(admin, first.id)[2]["id"])
    parted = history(admin)[0]
    for source, into in ((begun["id"], third.id), (third.id, begun["id"]), (first.id, third.id)):
        merge(admin, source, into)
        last_decision = history(admin)[0]
        assert refused(admin, parted)["loc"] == ["undo_first", last_decision["id"]]
        undo(admin, last_decision)
    undo(admin, parted)
    assert group_of_three.versions_of_tasks[0] == [(1, 6), (2, 3), (3, 6)]


def test_the_name_of_a_task_that_went_on_in_another_goes_back_after_that(
    admin: FlaskClient, group_of_three: Group
) -> None:
    first, second, _ = group_of_three.tasks
    change(admin, second.id, name="Mine")
    merge(admin, second.id, first.id)
    merged, named = history(admin)
    assert refused(admin, named)["loc"] == ["undo_first", merged["id"]]
    undo(admin, merged)
    undo(admin, named)
    assert [task_row.name_by_person for task_row in group_of_three.tasks] == [False, False, False]


def test_a_version_that_left_the_task_does_not_come_back_into_production(
    admin: FlaskClient, group_of_three: Group
) -> None:
    first, second, _ = group_of_three.tasks
    merge(admin, second.id, first.id)
    first_version, _, third_version = versions(admin, first.id)
    change(admin, first.id, production=third_version["id"])
    change(admin, first.id, production=first_version["id"])
    decided = history(admin)[0]
    split(admin, third_version["id"])
    assert refused(admin, decided)["loc"] == ["undo_first", history(admin)[0]["id"]]


def test_deleting_the_text_of_a_task_forgets_the_names_that_we_made_of_it(
    admin: FlaskClient, world: World, group_of_three: Group
) -> None:
    first, second, _ = group_of_three.tasks
    merge(admin, second.id, first.id)
    change(admin, first.id, name="By a person")
    ids = [row.id for row in world.rows(select(template)) if "say other" in str(row.parts)]
    calls = admin.get(f"/api/v1/traces?task_id={first.id}&limit=200").json["items"]
    call_ids = [call["id"] for call in calls if call["version"] == 3]
    for call_id in call_ids:
        admin.post("/api/v1/deletions", json={"trace_id": call_id})
    assert ids
    named, merged = history(admin)
    assert named["before"]["name"] is None
    assert merged["before"]["task"]["name"] is None
    assert "a name that was deleted" in merged["summary"]
    undo(admin, named)
    assert group_of_three.tasks[0].name == first.name


# --- preview, and two people at once


def test_a_preview_tells_what_goes_where_and_writes_nothing(
    admin: FlaskClient, world: World, group_of_three: Group
) -> None:
    first, second, _ = group_of_three.tasks
    [version] = versions(admin, second.id)
    before = rows_of_all(world)

    preview = admin.post(f"/api/v1/tasks/{second.id}/merge?preview=true", json={"into": str(first.id)}).json

    assert rows_of_all(world) == before
    assert (preview["preview"], preview["kind"], preview["calls"]) == (True, "merge", 6)
    assert preview["moves"] == [
        {
            "implementation_id": version["id"],
            "model": "gpt-5-mini",
            "calls": 6,
            "from_task": str(second.id),
            "from_version": 1,
            "to_task": str(first.id),
            "to_version": 3,
        }
    ]
    assert [(task["before"], task["after"]) for task in preview["tasks"]] == [
        ({"versions": 2, "calls": 9}, {"versions": 3, "calls": 15}),
        ({"versions": 1, "calls": 6}, None),
    ]
    merged = merge(admin, second.id, first.id, expected=preview["state"])
    in_use = preview["tasks"][0]["in_use_after"]
    assert (in_use["version"], in_use["template"]) == (merged["version"], merged["template"])
    assert preview["tasks"][1]["in_use_after"] is None
    before = rows_of_all(world)
    parted = admin.post(f"/api/v1/implementations/{version['id']}/split?preview=true")
    assert (parted.status_code, parted.json["moves"][0]["to_task"]) == (200, None)
    assert parted.json["tasks"][1]["before"] is None
    back = admin.post(f"/api/v1/decisions/{history(admin)[0]['id']}/undo?preview=true").json
    assert [(move["from_version"], move["to_version"]) for move in back["moves"]] == [(3, 1)]
    assert rows_of_all(world) == before


def test_a_previewed_decision_is_taken_only_while_the_preview_holds(admin: FlaskClient, group_of_three: Group) -> None:
    first, second, third = group_of_three.tasks
    address, body = f"/api/v1/tasks/{second.id}/merge", {"into": str(first.id)}
    state = admin.post(f"{address}?preview=true", json=body).json["state"]
    group_of_three.send([triage_edited(50)])  # a call of a known version changes nothing
    assert admin.post(f"{address}?preview=true", json=body).json["state"] == state
    merge(admin, third.id, first.id)
    problem = assert_problem(admin.post(address, json=body | {"expected": state}), 409)
    assert problem["errors"][0]["loc"] == ["expected"]
    assert len(group_of_three.tasks) == 2
    version = versions(admin, first.id)[2]
    address = f"/api/v1/implementations/{version['id']}/split"
    state = admin.post(f"{address}?preview=true").json["state"]
    change(admin, first.id, name="Renamed meanwhile")
    assert_problem(admin.post(f"{address}?expected={state}"), 409)


def test_of_two_people_who_change_a_field_the_second_is_told(admin: FlaskClient, group_of_three: Group) -> None:
    first = group_of_three.tasks[0]
    believed = {"name": first.name, "production": None}
    change(admin, first.id, name="Ann's", expected=believed)
    answer = admin.patch(f"/api/v1/tasks/{first.id}", json={"name": "Bob's", "expected": believed})
    assert [error["loc"] for error in assert_problem(answer, 409)["errors"]] == [["expected", "name"]]
    assert group_of_three.tasks[0].name == "Ann's"
    change(admin, first.id, name="Bob's", expected={"name": "Ann's"})
    assert_problem(admin.patch(f"/api/v1/tasks/{first.id}", json={"expected": {"name": "Bob's"}}), 422)


def test_a_preview_of_what_cannot_be_is_refused_as_the_decision_is(
    admin: FlaskClient, client: FlaskClient, group_of_three: Group
) -> None:
    first, second, _ = group_of_three.tasks
    address = f"/api/v1/tasks/{first.id}/merge?preview=true"
    for into in (first.id, uuid4()):
        assert_problem(admin.post(address, json={"into": str(into)}), 422)
    assert_problem(admin.post(f"/api/v1/tasks/{uuid4()}/merge?preview=true", json={"into": str(second.id)}), 404)
    assert_problem(client.post(address, json={"into": str(second.id)}), 403)
    assert_problem(admin.post(f"/api/v1/implementations/{versions(admin, first.id)[0]['id']}/split?preview=true"), 409)
    assert_problem(admin.post(f"/api/v1/tasks/{first.id}/merge?preview=perhaps", json={"into": str(second.id)}), 422)


def test_hostile_names_stand_in_the_history_as_they_are(admin: FlaskClient, group_of_three: Group) -> None:
    hostile = "</script><img src=x onerror=alert(1)>\u202e=cmd|'/c calc'!A1"
    change(admin, group_of_three.tasks[0].id, name=hostile)
    assert history(admin)[0]["after"]["name"] == hostile


def test_a_merge_that_was_undone_interrupts_a_run_that_did_not_know(
    admin: FlaskClient, world: World, group_of_three: Group
) -> None:
    merge(admin, group_of_three.tasks[1].id, group_of_three.tasks[0].id)
    with world.engine.begin() as connection:
        connection.execute(update(grouping_key).values(fence=7))
    undo(admin, history(admin)[0])
    assert group_of_three.row.fence == 8
    assert len(world.rows(select(decision))) == 1
