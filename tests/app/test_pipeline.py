"""GET /api/v1/pipeline and its counters in /metrics."""

from flask.testing import FlaskClient
from redis import Redis

from app.api.shapes import Pipeline

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


def test_the_counters_are_metrics(client: FlaskClient, redis_client: Redis) -> None:
    client.post("/api/v1/traces", json=CALL)
    lines = client.get("/metrics").text.splitlines()
    assert "promptlode_up 1.0" in lines
    assert "promptlode_owed 1.0" in lines
