"""A client generated from openapi.json works: the API takes its requests, and the client reads the answers."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.store.projects import Project
from tests.app.api_helpers import know, new_key


@pytest.fixture
def generated(web: Flask, engine: Engine, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The generated package `promptlode_api`, and a client of it with a key."""
    import httpx  # for the one worker that needs it

    document = web.test_client().get("/openapi.json").json
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta=none", "--path=openapi.json"]
    command += ["--config=config.yml", "--output-path=promptlode_api"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert "Endpoint will not be generated" not in result.stdout + result.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    token = new_key(engine, project.name, "admin")
    client = import_module("promptlode_api.client").AuthenticatedClient("http://promptlode", token=token)
    headers = {"Authorization": f"Bearer {token}"}
    return client.set_httpx_client(
        httpx.Client(transport=httpx.WSGITransport(app=web), base_url="http://promptlode", headers=headers)
    )


def test_a_generated_client_sends_calls_and_reads_tasks(generated: Any, engine: Engine, project: Project) -> None:
    know(engine, project, "/chat", "", "Q: {{question}}")
    models = import_module("promptlode_api.models")
    call = models.TraceIn.from_dict({"model": "m", "path": "/chat", "input": "Q: Who?"})
    answer = import_module("promptlode_api.api.traces.create_traces").sync_detailed(client=generated, body=call)
    assert answer.status_code == 201
    assert answer.parsed.variables.to_dict() == {"question": "Who?"}
    listed = import_module("promptlode_api.api.tasks.list_tasks").sync(client=generated)
    assert [(task.path, task.calls) for task in listed.items] == [("/chat", 1)]
    trace = import_module("promptlode_api.api.traces.get_trace").sync(trace_id=answer.parsed.id, client=generated)
    assert [(part.role.value, part.text) for part in trace.prompt] == [("user", "Q: Who?")]
