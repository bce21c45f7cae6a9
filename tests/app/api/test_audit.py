"""The audit log says who changed what and when, and holds no text of any call."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.http.auth import Authenticator
from app.keeping import deletion
from app.store import audit, keys
from app.store.audit import COMMAND
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import client_with, new_key
from tests.app.cli_helpers import Cli

MARK = "mxqz7marker"
ASKED = {
    "user_id": MARK,
    "path": f"/{MARK}",
    "external_id": MARK,
    "conversation_id": MARK,
    "since": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine, "shop", "admin")


@pytest.fixture
def admin(web: Flask, key: str) -> FlaskClient:
    return client_with(web, key)


@pytest.fixture
def cli(environment: dict[str, str]) -> Cli:
    return Cli(environment)


def entries(admin: FlaskClient) -> list[Any]:
    return admin.get("/api/v1/audit").json["items"]


def test_a_deletion_is_told_with_the_key_and_the_counts_but_no_value(admin: FlaskClient, key: str) -> None:
    admin.post("/api/v1/traces", json={"model": "m", **ASKED, "since": None})
    admin.post("/api/v1/deletions", json=ASKED)
    (entry,) = entries(admin)
    assert (entry["actor"], entry["key_last4"], entry["action"]) == ("key", key[-4:], "delete_traces")
    assert entry["outcome"] == "done"
    assert entry["details"]["traces"] == 1
    assert entry["details"]["by"] == sorted(ASKED)
    assert MARK not in str(entry)


def test_the_trace_that_was_deleted_is_named_by_its_id(admin: FlaskClient) -> None:
    trace_id = admin.post("/api/v1/traces", json={"model": "m", "path": "/p"}).json["id"]
    admin.delete(f"/api/v1/traces/{trace_id}")
    admin.delete(f"/api/v1/traces/{trace_id}")
    assert [(entry["subject"], entry["outcome"]) for entry in entries(admin)] == [
        (trace_id, "refused"),
        (trace_id, "done"),
    ]


def test_a_refused_request_leaves_an_entry_without_its_values(admin: FlaskClient) -> None:
    admin.post("/api/v1/deletions", json={MARK: MARK})
    (entry,) = entries(admin)
    assert (entry["outcome"], entry["details"]) == ("refused", {})


def test_an_action_that_died_in_its_middle_is_told_as_begun(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries_meanwhile: list[Any] = []
    monkeypatch.setattr(deletion, "delete", lambda *_, **__: entries_meanwhile.extend(entries(admin)) or 1 / 0)
    assert admin.post("/api/v1/deletions", json={"everything": True}).status_code == 500
    assert [entry["outcome"] for entry in entries_meanwhile] == ["begun"]
    assert [entry["outcome"] for entry in entries(admin)] == ["failed"]


def test_a_request_that_needs_no_admin_key_leaves_no_entry(admin: FlaskClient) -> None:
    admin.post("/api/v1/traces", json={"model": "m", "path": "/p"})
    admin.get("/api/v1/traces")
    assert entries(admin) == []


def test_the_audit_log_is_of_one_project_and_for_admin_keys(
    admin: FlaskClient, client: FlaskClient, web: Flask, engine: Engine
) -> None:
    admin.post("/api/v1/deletions", json={"everything": True})
    assert client.get("/api/v1/audit").status_code == 403
    assert entries(client_with(web, new_key(engine, "another", "admin"))) == []


def test_the_audit_log_comes_in_pages(admin: FlaskClient) -> None:
    for _ in range(3):
        admin.post("/api/v1/deletions", json={"everything": True})
    first = admin.get("/api/v1/audit?limit=2").json
    second = admin.get(f"/api/v1/audit?limit=2&cursor={first['next_cursor']}").json
    assert len({entry["id"] for entry in first["items"] + second["items"]}) == 3
    assert second["next_cursor"] is None


def test_keys_that_are_made_and_revoked_are_told_without_the_key(cli: Cli, engine: Engine) -> None:
    key = cli("keys", "create", "--project", "shop", "--name", MARK, "--scope", "admin").stdout.decode().strip()
    holder = Authenticator(engine).holder(key)
    assert holder is not None
    cli("keys", "revoke", str(holder.key_id))
    cli("keys", "revoke", str(uuid4()))
    with transaction(engine) as connection:
        rows = audit.page(connection, holder.project_id, limit=9, before=None)
    assert [(row.action, row.actor, row.subject) for row in rows] == [
        ("revoke_key", "command", holder.key_id),
        ("create_key", "command", holder.key_id),
    ]
    assert key[:-4] not in str(rows)


def test_entries_outlive_their_project(cli: Cli, engine: Engine, project: Project) -> None:
    cli("delete", "--project", project.name, "--everything", "--with-project", "--yes")
    with transaction(engine) as connection:
        rows = audit.page(connection, project.id, limit=9, before=None)
    assert [(row.action, row.outcome) for row in rows] == [("delete_project", "done"), ("delete_traces", "done")]


def test_the_command_shows_the_log(cli: Cli, engine: Engine, project: Project) -> None:
    with transaction(engine) as connection:
        keys.create(connection, project.id)
        audit.record(connection, COMMAND, "delete_traces", project_id=project.id, details={"by": ["path"], "traces": 7})
    shown = cli("audit", "--project", project.name).stdout.decode()
    assert "delete_traces" in shown
    assert "traces: 7" in shown
    assert cli("audit", "--project", "unknown").returncode == 1
    assert "delete_traces" in cli("audit").stdout.decode()


def test_an_entry_that_cannot_be_written_stops_the_deletion(
    admin: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.post("/api/v1/traces", json={"model": "m", "path": "/p"})
    monkeypatch.setattr(audit, "record", lambda *_, **__: 1 / 0)
    assert admin.post("/api/v1/deletions", json={"everything": True}).status_code == 500
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM trace")).scalar_one() == 1
