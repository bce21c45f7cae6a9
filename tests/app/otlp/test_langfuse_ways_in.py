"""Langfuse's SDKs send here with only their host and two keys set."""

import base64
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.otlp.ingestion import SECONDS_OF_PIECES, PartialGenerations
from tests.app.api_helpers import new_key
from tests.app.otlp_helpers import PROTOBUF, export, span, traces

URL = "/api/public/ingestion"
GENERATION = {
    "id": "g-1",
    "traceId": "t-1",
    "name": "sort",
    "startTime": "2026-01-01T00:00:00.000Z",
    "model": "m",
    "modelParameters": {"temperature": "0.5", "max_tokens": 9, "top_p": 1},
    "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    "promptName": "brief",
}
END = {
    "id": "g-1",
    "traceId": "t-1",
    "endTime": "2026-01-01T00:00:02.000Z",
    "output": {"role": "assistant", "content": "Yo"},
    "usage": {"input": 3, "output": 2, "total": 5, "unit": "TOKENS"},
}
TRACE = {"id": "t-1", "name": "triage", "userId": 7, "sessionId": "s", "tags": ["a"]}


@pytest.fixture
def langfuse(web: Flask, engine: Engine) -> FlaskClient:
    """A client that sends in the way of Langfuse's SDKs."""
    client = web.test_client()
    keys = base64.b64encode(f"pk-anything:{new_key(engine, 'shop')}".encode()).decode()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Basic {keys}"
    return client


def event(kind: str, body: Any, number: int = 1) -> dict[str, Any]:
    return {"id": f"e-{number}", "type": kind, "timestamp": "2026-01-01T00:00:00.000Z", "body": body}


def ingest(client: FlaskClient, *events: Any) -> Any:
    answer = client.post(URL, json={"batch": list(events), "metadata": {"sdk_name": "python"}})
    assert answer.status_code == 207, answer.text
    return answer.json


def test_an_event_whose_id_no_answer_can_hold_is_stored_and_told_of(langfuse: FlaskClient) -> None:
    batch = (
        b'{"batch": [{"id": "\\ud800", "type": "generation-create", "body": {"id": "g", "model": "m", "input": "Hi"}}]}'
    )
    answer = langfuse.post(URL, data=batch, content_type="application/json")
    assert (answer.status_code, len(answer.get_json()["successes"])) == (207, 1)


def test_spans_of_the_newer_sdks_are_stored(langfuse: FlaskClient) -> None:
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "m",
        "langfuse.observation.input": "Hi",
    }
    data = export(span(attributes)).SerializeToString()
    assert langfuse.post("/api/public/otel/v1/traces", data=data, content_type=PROTOBUF).data == b""
    assert traces(langfuse)[0]["prompt"] == [{"role": "user", "text": "Hi"}]


@pytest.mark.parametrize(
    "header", ["Basic", "Basic x", "Basic " + base64.b64encode(b"pk:wrong").decode(), "Basic eA==", "basic \xff"]
)
def test_a_wrong_pair_of_keys_is_refused(web: Flask, header: str) -> None:
    answer = web.test_client().post(URL, json={"batch": []}, headers={"Authorization": header})
    assert answer.status_code == 401


def test_the_sdks_check_of_its_keys_names_the_project(langfuse: FlaskClient) -> None:
    assert langfuse.get("/api/public/projects").json["data"][0]["name"] == "shop"
    assert langfuse.get("/api/public/health").json["status"] == "OK"


def test_a_generation_in_one_batch_is_a_call_with_everything_it_says(langfuse: FlaskClient) -> None:
    events = [
        event("generation-create", GENERATION, 1),
        event("generation-update", END, 2),
        event("trace-create", TRACE, 3),
    ]
    answer = ingest(langfuse, *events)
    assert {success["id"] for success in answer["successes"]} == {"e-1", "e-2", "e-3"}
    assert answer["errors"] == []
    (trace,) = traces(langfuse)
    assert trace["prompt"] == [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "Hi"}]
    assert (trace["path"], trace["external_id"], trace["model"]) == ("triage/sort", "t-1:g-1", "m")
    assert (trace["temperature"], trace["max_output_tokens"]) == (0.5, 9)
    assert trace["output"] == [{"role": "assistant", "content": "Yo"}]
    assert trace["usage"] == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    assert (trace["user_id"], trace["conversation_id"]) == ("7", "s")
    assert trace["metadata"]["langfuse.prompt_name"] == "brief"


def test_the_end_of_a_generation_that_comes_in_another_batch_is_added(langfuse: FlaskClient) -> None:
    ingest(langfuse, event("generation-create", GENERATION))
    ingest(langfuse, event("generation-update", END))
    (trace,) = traces(langfuse)
    assert trace["output"] == [{"role": "assistant", "content": "Yo"}]
    assert trace["usage"] == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def test_the_end_of_a_generation_is_added_also_where_another_process_stored_it(
    web: Flask, langfuse: FlaskClient
) -> None:
    ingest(langfuse, event("generation-create", GENERATION))
    web.extensions.pop("promptlode.langfuse")
    assert ingest(langfuse, event("generation-update", END))["errors"] == []
    (trace,) = traces(langfuse)
    assert trace["output"] == [{"role": "assistant", "content": "Yo"}]
    assert trace["completed_at"] is not None


def test_the_end_of_a_generation_that_nobody_knows_is_refused(langfuse: FlaskClient) -> None:
    (refused,) = ingest(langfuse, event("generation-update", END))["errors"]
    assert "no call with this id" in refused["message"]


def test_a_generation_whose_model_comes_at_its_end_is_stored_then(langfuse: FlaskClient) -> None:
    ingest(langfuse, event("generation-create", {name: value for name, value in GENERATION.items() if name != "model"}))
    assert traces(langfuse) == []
    ingest(langfuse, event("generation-update", END | {"model": "m"}))
    assert traces(langfuse)[0]["model"] == "m"


def test_a_batch_that_is_sent_again_stores_nothing_twice(langfuse: FlaskClient) -> None:
    for _ in range(2):
        ingest(langfuse, event("generation-create", GENERATION), event("generation-update", END, 2))
    assert len(traces(langfuse)) == 1


def test_other_events_are_taken_and_passed_over(langfuse: FlaskClient) -> None:
    answer = ingest(langfuse, event("span-create", {"id": "s"}), event("score-create", {"id": "x"}, 2))
    assert (len(answer["successes"]), answer["errors"]) == (2, [])
    assert traces(langfuse) == []


def test_an_event_that_cannot_be_stored_is_refused_with_the_field_and_the_others_kept(langfuse: FlaskClient) -> None:
    nameless = {"id": "g-2", "traceId": "t-1", "input": "Hi", "output": "Yo"}
    answer = ingest(
        langfuse,
        event("generation-create", nameless),
        event("generation-create", GENERATION, 2),
        event("nonsense", {}, 3),
        event("generation-create", 5, 4),
    )
    assert [success["id"] for success in answer["successes"]] == ["e-2"]
    assert {error["id"]: error["message"].partition(":")[0] for error in answer["errors"]} == {
        "e-1": "model",
        "e-3": "type",
        "e-4": "body",
    }
    assert len(traces(langfuse)) == 1


@pytest.mark.parametrize(
    "body", [{}, {"batch": 3}, [], 3, {"batch": [3, None, {}, {"type": []}, {"type": "generation-create", "body": 3}]}]
)
def test_nothing_that_is_sent_is_a_fault_of_ours(langfuse: FlaskClient, body: Any) -> None:
    assert langfuse.post(URL, json=body).status_code in (207, 422)


def test_pieces_of_generations_are_bounded_by_their_size_the_oldest_go_first() -> None:
    pieces, project = PartialGenerations(most_bytes=50_000), uuid4()
    for number in range(100):
        pieces.joined(project, f"g-{number}", {"input": "x" * 1_000})
    remaining = [number for number in range(100) if pieces.of(project, f"g-{number}")]
    assert 10 < len(remaining) < 50
    assert remaining == list(range(100 - len(remaining), 100))


def test_pieces_of_generations_are_forgotten_after_an_hour() -> None:
    now = [0.0]
    pieces, project = PartialGenerations(clock=lambda: now[0]), uuid4()
    pieces.joined(project, "g", {"input": "Hi"})
    now[0] = SECONDS_OF_PIECES / 2
    assert pieces.joined(project, "g", {"model": "m"}) == {"input": "Hi", "model": "m"}
    now[0] += SECONDS_OF_PIECES
    assert pieces.of(project, "g") == {}
