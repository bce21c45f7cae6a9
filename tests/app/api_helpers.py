"""Helpers of the API tests: keys, clients, and a known template."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from app.store import groups, keys, projects, tables
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.projects import Project
from app.store.templates import digest_of, to_parts
from templating import BARRIER, Template


def new_key(engine: Engine, project: str, *scopes: str) -> str:
    """A new key of a project; the project is created if it does not exist."""
    with transaction(engine) as connection:
        owner = projects.get_or_create(connection, project)
        return keys.create(connection, owner.id, scopes=scopes or keys.DEFAULT_SCOPES).key


def client_with(web: Flask, key: str) -> FlaskClient:
    """A client that sends this key with every request."""
    client = web.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def metric(admin: FlaskClient, sample: str) -> float:
    """A sample of /metrics by name and labels; 0 if absent. Tests share an application, so they compare samples before and after."""
    lines = [line.rpartition(" ") for line in admin.get("/metrics").text.splitlines()]
    return next((float(value) for name, _, value in lines if name == sample), 0.0)


def stored(engine: Engine) -> int:
    """The number of calls in the database."""
    with transaction(engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.trace)).scalar_one()


def change(client: FlaskClient, task_id: Any, **changes: Any) -> Any:
    """The answer to a change of a task."""
    answer = client.patch(f"/api/v1/tasks/{task_id}", json=changes)
    assert answer.status_code == 200, answer.text
    return answer.json


def know(engine: Engine, project: Project, path: str, *parts: str) -> UUID:
    """Stores a template of a path, as a run would save it. Returns the id of the template's task."""
    template = Template.parse(BARRIER.join(parts))
    task_id, template_id = new_id(), new_id()
    with transaction(engine) as connection:
        group = groups.get_or_create(connection, project.id, [path])[path]
        connection.execute(
            tables.task.insert().values(id=task_id, project_id=project.id, group_id=group.id, name="Known task")
        )
        connection.execute(
            tables.template.insert().values(
                id=template_id,
                group_id=group.id,
                task_id=task_id,
                digest=digest_of(template),
                parts=to_parts(template),
                slots=list(template.slots),
                slot_kinds=[{"kind": "free text", "values": [], "optional": False} for _ in template.slots],
            )
        )
        connection.execute(
            tables.grouping_key.update()
            .where(tables.grouping_key.c.id == group.id)
            .values(templates_version=tables.grouping_key.c.templates_version + 1)
        )
    return task_id


def assert_problem(answer: TestResponse, status: int) -> Any:
    """Asserts a problem of this status with every member that RFC 9457 and the contract promise. Returns the problem."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    body = answer.json
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    assert body["detail"]
    assert body["errors"]
    assert all(set(error) == {"loc", "message"} for error in body["errors"])
    return body


def versions(client: FlaskClient, task_id: Any) -> list[Any]:
    """The versions of a task, as the API lists them."""
    return client.get(f"/api/v1/tasks/{task_id}/implementations").json["items"]


def wait_for(condition: Callable[[], bool], seconds: float = 180.0) -> None:
    """Waits until the condition holds; fails when it does not within the bound."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not hold in time"
        time.sleep(0.005)  # leaves the CPU to the other side


def merge(client: FlaskClient, task_id: Any, into: Any, **options: Any) -> Any:
    answer = client.post(f"/api/v1/tasks/{task_id}/merge", json={"into": str(into), **options})
    assert answer.status_code == 200, answer.text
    return answer.json


def split(client: FlaskClient, implementation_id: Any) -> Any:
    answer = client.post(f"/api/v1/implementations/{implementation_id}/split")
    assert answer.status_code == 201, answer.text
    return answer.json
