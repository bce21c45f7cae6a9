"""A dry run announces exactly the effects of the next run, and writes nothing."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from app.api import groups as api_groups
from app.store.tables import metadata
from tests.app.api_helpers import assert_problem, client_with, new_key
from tests.app.grouping_world import EDITED, TRIAGE, Group, World, miner_that_finds, summary, triage, triage_edited

WIDE = TRIAGE.replace("other.", "other.{{rule}}")


def rows_of_all(world: World) -> dict[str, Any]:
    """Every row of every table, fences, attempts and the log of runs included."""
    return {table.name: sorted(map(str, world.rows(select(table)))) for table in metadata.sorted_tables}


def look(client: FlaskClient, group: Group, **options: Any) -> Any:
    answer = client.post("/api/v1/groups/regroup", json={"path": group.path, "dry_run": True, **options})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_dry_run_says_what_the_run_then_does_and_writes_nothing(client: FlaskClient, world: World) -> None:
    group = world.group()
    group.send(kind(number) for number in range(6) for kind in (triage, summary))
    group.send(["Something that is like nothing else."])
    before = rows_of_all(world)

    plan = look(client, group)

    assert rows_of_all(world) == before
    assert (plan["dry_run"], plan["owed"], plan["grouped"], plan["moved"], plan["left"]) == (True, 13, 12, 0, 1)
    assert (plan["unread"], plan["merged"], plan["parted"]) == (False, {}, [])
    assert {(change["becomes"], change["task_id"], change["calls"]) for change in plan["found"]} == {
        ("new task", None, 6)
    }
    group.run()
    stored = client.get("/api/v1/tasks").json["items"]
    assert sorted(change["task_name"] for change in plan["found"]) == sorted(row["name"] for row in stored)
    assert sorted(str(change["template"]) for change in plan["found"]) == sorted(str(row["template"]) for row in stored)
    assert group.runs[-1].grouped == 12
    second_plan = look(client, group)
    assert (second_plan["found"], second_plan["grouped"], second_plan["residue"]) == ([], 0, 1)


def test_a_dry_run_of_everything_says_which_versions_and_tasks_become_one(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(TRIAGE, EDITED))
    group = world.group()
    group.send(kind(number) for number in range(6) for kind in (triage, triage_edited))
    group.run()
    first, second = group.tasks
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(WIDE))
    before = rows_of_all(world)

    plan = look(client, group, all=True)

    assert rows_of_all(world) == before
    [wide] = plan["found"]
    assert (wide["becomes"], wide["task_id"], wide["calls"]) == ("new version", str(first.id), 12)
    assert sorted(wide["replaces"]) == sorted(str(template_row.id) for template_row in group.templates)
    assert (plan["reviewed"], plan["moved"], plan["merged"]) == (12, 12, {str(second.id): str(first.id)})
    group.want("all")
    group.run()
    assert [task_row.id for task_row in group.tasks] == [first.id]
    assert look(client, group, all=True)["found"] == []


def test_a_template_that_would_match_again_is_told_so(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = world.group()
    narrow, wide = TRIAGE.replace("support", "gold"), TRIAGE.replace("support", "{{level}}")
    for text, level in ((narrow, "gold"), (wide, "silver")):
        monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(text, supersedes={wide: narrow}))
        group.send(triage(number).replace("support", level) for number in range(6))
        group.run()
    monkeypatch.setattr("app.grouping.mining.mine_templates", miner_that_finds(narrow))
    assert [change["becomes"] for change in look(client, group, all=True)["found"]] == ["again"]


def test_a_dry_run_reads_calls_since_a_time_only(client: FlaskClient, world: World) -> None:
    group = world.group()
    group.send(map(triage, range(6)))
    begin = world.tick().isoformat()
    group.send(map(summary, range(4)))
    plan = look(client, group, since=begin)
    assert (plan["owed"], len(plan["found"]), plan["grouped"]) == (4, 1, 4)
    assert plan["since"].startswith(begin[:19])


def test_options_that_a_dry_run_does_not_have_are_refused(
    client: FlaskClient, other_client: FlaskClient, web: Flask, engine: Engine, world: World
) -> None:
    group = world.group()
    group.send(map(triage, range(3)))
    body = {"path": group.path, "dry_run": True}
    address = "/api/v1/groups/regroup"
    assert_problem(client.post(address, json={"path": group.path, "since": "2026-01-01"}), 422)
    for wrong in ({"since": "yesterday"}, {"dry_run": "yes"}, {"until": "2026-01-01"}):
        assert_problem(client.post(address, json=body | wrong), 422)
    assert_problem(other_client.post(address, json=body), 404)
    assert_problem(client.post(address, json=body | {"path": "/nowhere"}), 404)
    assert_problem(client_with(web, new_key(engine, "shop", "ingest")).post(address, json=body), 403)
    with api_groups._rehearsing:
        answer = client.post(address, json=body)
        assert_problem(answer, 429)
        assert answer.headers["Retry-After"] == "10"


def test_the_state_of_a_path_follows_the_run(client: FlaskClient, other_client: FlaskClient, world: World) -> None:
    def state() -> tuple[Any, ...]:
        now = client.get("/api/v1/groups/regroup", query_string={"path": group.path}).json
        return now["state"], now["owed"], now["left"], now["grouped"]

    group = world.group()
    assert state() == ("none", 0, 0, 0)
    group.send(map(triage, range(6)))
    assert state() == ("waiting", 6, 0, 0)
    group.run(should_stop=lambda: True)
    assert state() == ("waiting", 6, 0, 0)
    group.run()
    assert state() == ("done", 0, 0, 6)
    group.want("all")
    assert state()[0] == "waiting"
    assert_problem(other_client.get(f"/api/v1/groups/regroup?path={group.path}"), 404)
    assert_problem(client.get("/api/v1/groups/regroup"), 422)
