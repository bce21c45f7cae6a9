"""An id of another project gets the answer of an unknown id, on every route."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from app.deciding import decisions
from app.store import history, webhooks
from app.store.audit import COMMAND
from app.store.tables import implementation, task, template, trace
from tests.app.api_helpers import client_with, new_key
from tests.app.grouping_world import World, triage


@pytest.fixture
def foreign(world: World) -> dict[str, UUID]:
    """Ids of a project, by the parameter's name in routes."""
    group = world.group(project="shop")
    [call, *_] = group.send(map(triage, range(5)))
    group.run()
    [(task_id,)] = world.rows(select(task.c.id))
    [(implementation_id,)] = world.rows(select(implementation.c.id))
    with world.engine.begin() as connection:
        hook = webhooks.create(
            connection, group.project_id, url="https://a.example/", format="json", kinds=None, include_text=False
        )
        decisions.change_task(connection, group.project_id, task_id, {"description": "Theirs."}, actor=COMMAND)
        [decided] = history.page(connection, group.project_id, limit=1)
    return {
        "decision_id": decided.id,
        "trace_id": call,
        "task_id": task_id,
        "implementation_id": implementation_id,
        "webhook_id": hook.id,
    }


@pytest.fixture
def slot(world: World, foreign: dict[str, UUID]) -> str:
    """The name of a slot of the other project."""
    [(slots,)] = world.rows(select(template.c.slots))
    return str(slots[0])


def answered(
    client: Any, url: str, foreign_id: UUID, method: str = "GET", json: Any = None
) -> tuple[int, dict[str, str], str]:
    answer = client.open(url, method=method, json=json)
    changing = {"Date", "X-Request-Id"}
    headers = {name: value for name, value in answer.headers.items() if name not in changing}
    return answer.status_code, headers, answer.get_data(as_text=True).replace(str(foreign_id), "ID")


def test_an_id_of_another_project_is_an_id_of_nobody_on_every_route(
    web: Flask, engine: Engine, foreign: dict[str, UUID], slot: str
) -> None:
    client, owner = (client_with(web, new_key(engine, name, "admin")) for name in ("another", "shop"))
    rules = [
        rule
        for rule in web.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and "GET" in (rule.methods or ()) and rule.arguments
    ]
    assert {name for rule in rules for name in rule.arguments} == {*foreign, "name"} - {"decision_id"}
    for rule in rules:
        [name] = rule.arguments - {"name"}
        url = rule.rule.replace("<string:name>", slot)
        answers = [
            answered(caller, url.replace(f"<uuid:{name}>", str(asked_id)), asked_id)
            for caller, asked_id in ((client, foreign[name]), (client, uuid4()), (owner, foreign[name]))
        ]
        assert answers[0] == answers[1], rule.rule
        assert answers[0][0] == 404, rule.rule
        assert answers[2][0] != 404, rule.rule


CHANGES: dict[str, Any] = {
    "change_task": {"name": "Mine"},
    "change_implementation": {"slots": {"ticket": "mine"}},
    "merge_task": {"into": str(uuid4())},
    "split_implementation": None,
    "undo_decision": None,
    "delete_trace": None,
    "delete_webhook": None,
}


def test_rows_of_another_project_are_changed_by_no_route(
    web: Flask, engine: Engine, foreign: dict[str, UUID], world: World
) -> None:
    client = client_with(web, new_key(engine, "another", "admin"))
    rules = [
        rule
        for rule in web.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.arguments and {"PATCH", "POST", "DELETE"} & (rule.methods or set())
    ]
    before = [world.rows(select(table)) for table in (task, template, implementation, trace)]
    assert {rule.endpoint.rpartition(".")[2] for rule in rules} == CHANGES.keys()
    for rule in rules:
        [name], [method] = rule.arguments, (rule.methods or set()) - {"OPTIONS"}
        body = CHANGES[rule.endpoint.rpartition(".")[2]]
        answers = [
            answered(client, rule.rule.replace(f"<uuid:{name}>", str(asked_id)), asked_id, method=method, json=body)
            for asked_id in (foreign[name], uuid4())
        ]
        assert answers[0] == answers[1], rule.rule
        assert answers[0][0] == 404, rule.rule
    assert [world.rows(select(table)) for table in (task, template, implementation, trace)] == before


def test_a_filter_by_another_projects_id_finds_what_one_of_nobody_does(
    web: Flask, engine: Engine, foreign: dict[str, UUID]
) -> None:
    client = client_with(web, new_key(engine, "another"))
    for name in ("task_id", "implementation_id"):
        answers = [
            answered(client, f"/api/v1/traces?{name}={asked_id}", asked_id) for asked_id in (foreign[name], uuid4())
        ]
        assert answers[0] == answers[1], name
