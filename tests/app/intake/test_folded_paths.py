"""Calls whose paths differ in an id are of one call site; the sent path stays readable."""

from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.config import Settings
from app.store import privacy
from app.store.engine import transaction
from app.store.projects import Project
from benchmarks.installation import Installation
from tests.app.api_helpers import assert_problem
from tests.app.grouping_world import triage

SITE = "/users/{id}/mail"


def send(client: FlaskClient, number: int) -> str:
    answer = client.post(
        "/api/v1/traces", json={"model": "m", "path": f"/users/{number}/mail", "input": triage(number)}
    )
    assert answer.status_code == 201
    return str(answer.json["id"])


def test_calls_of_many_users_are_one_task(
    client: FlaskClient, engine: Engine, settings: Settings, project: Project
) -> None:
    ids = [send(client, number) for number in range(6)]
    Installation(engine, settings, project).work()
    (task,) = client.get("/api/v1/tasks").json["items"]
    assert (task["path"], task["calls"]) == (SITE, 6)
    call = client.get(f"/api/v1/traces/{ids[3]}").json
    assert (call["path"], call["metadata"]) == (SITE, {"raw_path": "/users/3/mail"})


def test_lists_and_regroup_take_the_path_as_it_was_sent(client: FlaskClient) -> None:
    send(client, 7)
    for path in ("/users/7/mail", SITE):
        assert len(client.get("/api/v1/traces", query_string={"path": path}).json["items"]) == 1
        assert client.post("/api/v1/groups/regroup", json={"path": path, "all": False}).json["path"] == SITE


def test_a_caller_s_own_metadata_win(client: FlaskClient) -> None:
    body = {"model": "m", "path": "/users/7/mail", "input": "x", "metadata": {"raw_path": "mine"}}
    answer = client.post("/api/v1/traces", json=body).json
    assert client.get(f"/api/v1/traces/{answer['id']}").json["metadata"] == {"raw_path": "mine"}


def test_if_the_project_wants_paths_as_they_are_i_expect_them_so(
    client: FlaskClient, engine: Engine, project: Project
) -> None:
    with transaction(engine) as connection:
        privacy.save(connection, project.id, {"fold_paths": False})
    trace_id = send(client, 7)
    assert client.get(f"/api/v1/traces/{trace_id}").json["path"] == "/users/7/mail"


def test_a_path_with_an_id_does_not_delete_the_calls_of_other_ids(admin: FlaskClient) -> None:
    send(admin, 7)
    send(admin, 8)
    answer = admin.post("/api/v1/deletions", json={"path": "/users/7/mail"})
    assert_problem(answer, answer.status_code)
    assert SITE in answer.json["detail"]
    assert len(admin.get("/api/v1/traces").json["items"]) == 2
