"""GET of tasks and implementations, and a person's request to mine a path again."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from app.config import Settings
from app.http.services import EXTENSION
from app.store import tables
from app.store.engine import transaction
from app.store.projects import Project
from app.web import create_app
from tests.app.api_helpers import assert_problem, client_with, know, new_key


@pytest.fixture
def task_id(client: FlaskClient, engine: Engine, project: Project) -> UUID:
    """A task of path /chat with two versions: two calls of the first, one of the second."""
    task_id = know(engine, project, "/chat", "Answer in {{language}}.", "Q: {{question}}")
    call(client, "French", "2026-01-01T00:00:00Z")
    call(client, "German", "2026-01-03T00:00:00Z", model="other")
    call(client, "French", "2026-01-02T00:00:00Z")
    return task_id


def call(client: FlaskClient, language: str, started_at: str, model: str = "gpt-5") -> None:
    body = {"path": "/chat", "model": model, "instructions": f"Answer in {language}.", "input": "Q: Who?"}
    assert client.post("/api/v1/traces", json=body | {"started_at": started_at}).json["grouping"] == "matched"


def get(client: FlaskClient, url: str) -> Any:
    answer = client.get(f"/api/v1{url}")
    assert answer.status_code == 200, answer.text
    return answer.json


TEMPLATE = [
    {"role": "system", "text": "Answer in {{language}}."},
    {"role": "user", "text": "Q: {{question}}"},
]


def test_a_task_in_a_list_shows_its_calls_versions_and_template(client: FlaskClient, task_id: UUID) -> None:
    assert get(client, "/tasks")["items"] == [
        {
            "id": str(task_id),
            "name": "Known task",
            "path": "/chat",
            "description": "",
            "versions": 2,
            "version": 2,
            "calls": 3,
            "first_seen": "2026-01-01T00:00:00Z",
            "last_seen": "2026-01-03T00:00:00Z",
            "template": TEMPLATE,
            "calls_in_range": 0,
            "errors": 0,
            "tokens": {"input": 0, "output": 0, "cached": 0, "reasoning": 0},
            "cost": 0.0,
            "cost_estimated": False,
            "latency": {"p50": None, "p95": None},
        }
    ]


def test_tasks_are_listed_by_path_and_in_pages(client: FlaskClient, engine: Engine, project: Project) -> None:
    texts = [("/a", "One {{x}}"), ("/b", "Two {{x}}"), ("/b", "Three {{x}}")]
    known = [str(know(engine, project, path, "", text)) for path, text in texts]
    assert [item["id"] for item in get(client, "/tasks")["items"]] == known[::-1]
    assert [item["id"] for item in get(client, "/tasks?path=/b")["items"]] == [known[2], known[1]]
    page = get(client, "/tasks?limit=2")
    assert [item["id"] for item in get(client, f"/tasks?cursor={page['next_cursor']}")["items"]] == [known[0]]


def test_a_task_without_calls_was_never_seen(client: FlaskClient, engine: Engine, project: Project) -> None:
    know(engine, project, "/a", "", "{{x}} end")
    (item,) = get(client, "/tasks")["items"]
    assert (item["calls"], item["versions"], item["first_seen"], item["last_seen"]) == (0, 0, None, None)


def test_a_task_that_was_merged_into_another_is_left_out(client: FlaskClient, engine: Engine, task_id: UUID) -> None:
    with transaction(engine) as connection:
        connection.execute(update(tables.task).values(merged_into=uuid4()))
    assert get(client, "/tasks")["items"] == []


def test_a_task_shows_the_template_of_its_production_version(
    client: FlaskClient, engine: Engine, task_id: UUID
) -> None:
    first = get(client, f"/tasks/{task_id}/implementations")["items"][0]["id"]
    with transaction(engine) as connection:
        connection.execute(update(tables.task).values(production_implementation_id=UUID(first)))
    assert get(client, f"/tasks/{task_id}")["production_implementation_id"] == first
    assert get(client, "/tasks")["items"][0]["version"] == 1
    versions = get(client, f"/tasks/{task_id}/implementations")["items"]
    assert [version["production"] for version in versions] == [True, False]


def test_an_older_call_that_makes_a_version_does_not_become_the_face_of_the_task(
    client: FlaskClient, task_id: UUID
) -> None:
    call(client, "French", "2025-12-01T00:00:00Z", model="old")
    assert get(client, f"/tasks/{task_id}/implementations")["items"][2]["model"] == "old"
    assert [item["version"] for item in get(client, "/tasks")["items"]] == [2]
    call(client, "French", "2026-01-04T00:00:00Z")
    assert get(client, f"/tasks/{task_id}")["version"] == 1


def test_the_versions_of_a_task_are_listed_from_the_first(client: FlaskClient, task_id: UUID) -> None:
    first, second = get(client, f"/tasks/{task_id}/implementations")["items"]
    assert [(version["version"], version["model"], version["calls"]) for version in (first, second)] == [
        (1, "gpt-5", 2),
        (2, "other", 1),
    ]
    assert first["template"] == TEMPLATE
    assert first["slots"] == ["language", "question"]
    assert first["slot_kinds"]["language"] == {"kind": "free text", "values": [], "optional": False}
    assert (first["first_seen"], first["last_seen"]) == ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")


def test_an_implementation_is_found_by_its_id(client: FlaskClient, task_id: UUID) -> None:
    versions = get(client, f"/tasks/{task_id}/implementations")["items"]
    assert len(versions) == 2
    assert [get(client, f"/implementations/{version['id']}") for version in versions] == versions


def test_text_that_reads_like_a_slot_is_told_apart_and_empty_parts_are_left_out(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    know(engine, project, "/a", "", "Use {json} and \\{{name}} for {{name}}")
    client.post("/api/v1/traces", json={"model": "m", "path": "/a", "input": "Use {json} and {{name}} for x"})
    (item,) = get(client, "/tasks?path=/a")["items"]
    assert item["template"] == [{"role": "user", "text": "Use {json} and \\{{name}} for {{name}}"}]


def test_tasks_of_another_project_are_not_found(client: FlaskClient, other_client: FlaskClient, task_id: UUID) -> None:
    version = get(client, f"/tasks/{task_id}/implementations")["items"][0]["id"]
    assert get(other_client, "/tasks")["items"] == []
    for url in (f"/tasks/{task_id}", f"/tasks/{task_id}/implementations", f"/implementations/{version}"):
        assert_problem(other_client.get(f"/api/v1{url}"), 404)


# --- regroup


def regroup(client: FlaskClient, body: Any) -> Any:
    return client.post("/api/v1/groups/regroup", json=body)


@pytest.mark.parametrize(("all_traces", "wanted"), [(False, "residue"), (True, "all")])
def test_a_person_may_ask_that_a_path_be_mined_again(
    client: FlaskClient, engine: Engine, task_id: UUID, all_traces: bool, wanted: str
) -> None:
    answer = regroup(client, {"path": "/chat", "all": all_traces})
    assert answer.status_code == 202
    assert answer.json["grouping"] in ("requested", "coalesced", "deferred")
    with transaction(engine) as connection:
        row = connection.execute(select(tables.grouping_key.c.wanted, tables.grouping_key.c.wanted_at)).one()
    assert row.wanted == wanted
    assert row.wanted_at is not None


def test_a_smaller_wish_does_not_replace_a_larger_one(client: FlaskClient, engine: Engine, task_id: UUID) -> None:
    regroup(client, {"path": "/chat", "all": True})
    regroup(client, {"path": "/chat"})
    with transaction(engine) as connection:
        assert connection.execute(select(tables.grouping_key.c.wanted)).scalar_one() == "all"


def test_a_path_that_has_no_trace_cannot_be_mined_again(
    client: FlaskClient, other_client: FlaskClient, task_id: UUID
) -> None:
    assert_problem(regroup(client, {"path": "/nothing"}), 404)
    assert_problem(regroup(other_client, {"path": "/chat"}), 404)


def test_a_wish_while_grouping_is_disabled_is_kept_and_answered_off(
    settings: Settings, engine: Engine, project: Project, task_id: UUID
) -> None:
    web = create_app(settings.model_copy(update={"task_grouping_enabled": False}))
    answer = regroup(client_with(web, new_key(engine, project.name)), {"path": "/chat"})
    assert (answer.status_code, answer.json["grouping"]) == (202, "off")
    with transaction(engine) as connection:
        assert connection.execute(select(tables.grouping_key.c.wanted)).scalar_one() == "residue"
    web.extensions[EXTENSION].engine.dispose()


def test_a_quarantined_path_must_be_cleared_first(client: FlaskClient, engine: Engine, task_id: UUID) -> None:
    with transaction(engine) as connection:
        connection.execute(update(tables.grouping_key).values(quarantined_at=func.now()))
    assert "quarantine clear" in assert_problem(regroup(client, {"path": "/chat"}), 409)["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"path": 3}, {"path": "/chat", "all": "yes"}, {"path": "/chat", "more": 1}, {"path": "a\x00"}, []]
)
def test_a_wish_that_is_unclear_is_refused(client: FlaskClient, task_id: UUID, body: Any) -> None:
    assert_problem(regroup(client, body), 422)
