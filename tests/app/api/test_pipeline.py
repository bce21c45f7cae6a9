"""GET /api/v1/pipeline and its counters in /metrics."""

from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine

from app.api.shapes import Pipeline
from app.config import Settings
from app.grouping import run as grouping
from app.store import counters, groups
from app.store.engine import transaction
from app.store.projects import Project
from tests.app.api_helpers import client_with, new_key

CALL = {"model": "gpt-5", "path": "/chat", "input": "What is the capital of France?"}


def test_a_stored_call_is_seen_as_owed_and_requested(client: FlaskClient, redis_client: Redis) -> None:
    client.post("/api/v1/traces", json=CALL)
    answer = client.get("/api/v1/pipeline")
    assert answer.status_code == 200, answer.text
    now = Pipeline.model_validate(answer.json)
    assert (now.owed, now.requests, now.runs) == (1, 1, 0)


def test_a_key_does_not_see_another_projects_pipeline(
    client: FlaskClient, other_client: FlaskClient, redis_client: Redis
) -> None:
    client.post("/api/v1/traces", json=CALL)
    assert other_client.get("/api/v1/pipeline").json["owed"] == 0


def test_an_admin_of_a_project_sees_its_pipeline_and_no_other(
    web: Flask, client: FlaskClient, engine: Engine, redis_client: Redis
) -> None:
    client.post("/api/v1/traces", json=CALL)
    admin = client_with(web, new_key(engine, "another", "admin"))
    assert admin.get("/api/v1/pipeline").json["owed"] == 0
    assert "promptlode_owed 0.0" in admin.get("/metrics").text
    operator = client_with(web, new_key(engine, "another", "read", "operator"))
    assert operator.get("/api/v1/pipeline").json["owed"] == 1


def test_the_counters_are_metrics(client: FlaskClient, redis_client: Redis) -> None:
    client.post("/api/v1/traces", json=CALL)
    lines = client.get("/metrics").text.splitlines()
    assert "promptlode_up 1.0" in lines
    assert "promptlode_owed 1.0" in lines


def test_metrics_tell_a_key_nothing_of_other_projects(
    web: Flask, client: FlaskClient, other_client: FlaskClient, engine: Engine, redis_client: Redis
) -> None:
    client.post("/api/v1/traces", json=CALL)
    metrics_of_project = other_client.get("/metrics").text
    assert "promptlode_owed 0.0" in metrics_of_project
    assert "promptlode_http_request_seconds" not in metrics_of_project
    all_metrics = client_with(web, new_key(engine, "another", "admin", "operator")).get("/metrics").text
    assert "promptlode_owed 1.0" in all_metrics
    assert "promptlode_http_request_seconds" in all_metrics


def test_traces_that_a_run_has_read_are_in_the_lag_histogram(
    client: FlaskClient, redis_client: Redis, engine: Engine, settings: Settings, project: Project
) -> None:
    client.post("/api/v1/traces", json=CALL)
    with transaction(engine) as connection:
        group = groups.group_named(connection, project.name, CALL["path"])
    grouping.run(engine, group.id, reason="owed", should_stop=lambda: False, settings=settings)
    lines = client.get("/metrics").text.splitlines()
    assert "promptlode_grouping_lag_seconds_count 1.0" in lines
    assert 'promptlode_grouping_lag_seconds_bucket{le="3600.0"} 1.0' in lines


def test_refused_messages_are_a_metric_and_no_projects_business(
    web: Flask, client: FlaskClient, redis_client: Redis, engine: Engine
) -> None:
    with transaction(engine) as connection:
        counters.refuse(connection, "malformed")
    admin = client_with(web, new_key(engine, "shop", "read", "operator"))
    assert 'promptlode_grouping_refused_total{reason="malformed"} 1.0' in admin.get("/metrics").text.splitlines()
    assert "malformed" not in client.get("/metrics").text
    assert Pipeline.model_validate(client.get("/api/v1/pipeline").json).refused is None
