"""Recorded spans of published instrumentations (see otlp_recordings/README.md) become the calls that were made."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.app.otlp_helpers import rejected, send_bytes, traces

RECORDINGS = Path(__file__).parent / "otlp_recordings"
WITH_CONTENT = ("openinference", "openllmetry", "opentelemetry")
SYSTEM = "Sort the mail into billing, returns or other."


def replay(client: FlaskClient, name: str) -> list[Any]:
    """The stored traces of a recording, oldest first."""
    rejected(send_bytes(client, (RECORDINGS / f"{name}.pb").read_bytes()))
    return sorted(traces(client), key=lambda trace: trace["started_at"])


def prompts(stored: list[Any]) -> list[dict[str, str]]:
    return [{part["role"]: part["text"] for part in trace["prompt"]} for trace in stored]


@pytest.mark.parametrize("name", WITH_CONTENT)
def test_the_first_call_is_stored_with_everything_it_said(client: FlaskClient, name: str) -> None:
    first = replay(client, name)[0]
    assert prompts([first]) == [{"system": SYSTEM, "user": "Mail: where is my refund?"}]
    assert first["model"] == "gpt-4o"
    assert first["path"] == "triage mail"
    assert (first["temperature"], first["max_output_tokens"]) == (0.2, 50)
    assert first["output"] == [{"role": "assistant", "content": "billing"}]
    assert first["usage"]["input_tokens"] == 31
    assert first["usage"]["output_tokens"] == 1
    assert first["started_at"] < first["completed_at"]
    assert first["metadata"]["service.name"] == "shop"


@pytest.mark.parametrize("name", WITH_CONTENT)
def test_a_call_of_a_tool_is_kept_and_a_follow_up_has_the_same_prompt(client: FlaskClient, name: str) -> None:
    tool_call, follow_up = (
        trace for trace in replay(client, name) if {"user": "Where is order 7?"} in prompts([trace])
    )
    (message,) = tool_call["output"]
    assert message["tool_calls"][0]["function"]["name"] == "look_up"
    assert message["tool_calls"][0]["function"]["arguments"].replace(" ", "") == '{"order":7}'
    question, call, result = follow_up["messages"]
    assert (question["role"], question["content"]) == ("user", "Where is order 7?")
    assert call["tool_calls"][0]["id"] == "call_1"
    assert (result["role"], result["tool_call_id"], result["content"]) == ("tool", "call_1", "shipped")


@pytest.mark.parametrize("name", ["openinference", "openllmetry"])
def test_tools_pictures_and_formats_are_kept(client: FlaskClient, name: str) -> None:
    stored = replay(client, name)
    assert any("look_up" in str(trace["tools"]) for trace in stored)
    assert any("example.com/a.png" in str(trace["messages"]) for trace in stored)
    assert any(trace["response_format"] == {"type": "json_object"} for trace in stored)
    assert any(trace["user_id"] == "u-1" for trace in stored)
    assert {"user": "Mail: see the picture."} in prompts(stored)


def test_calls_of_the_responses_api_have_the_same_prompts_as_chat_completions(client: FlaskClient) -> None:
    prompts_found = prompts(replay(client, "openinference"))
    assert prompts_found.count({"system": SYSTEM, "user": "Mail: where is my refund?"}) == 2
    assert {"system": SYSTEM, "user": "Mail: hello"} in prompts_found


def test_an_instrumentation_that_keeps_its_content_back_is_told_how_to_capture_it(client: FlaskClient) -> None:
    recording = (RECORDINGS / "opentelemetry-without-content.pb").read_bytes()
    count, message = rejected(send_bytes(client, recording))
    assert count == 5
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in message
    assert "TRACELOOP_TRACE_CONTENT" in message
    assert "OPENINFERENCE_HIDE_INPUTS" in message
    assert traces(client) == []


@pytest.mark.parametrize("name", WITH_CONTENT)
def test_a_retried_export_makes_no_second_row(client: FlaskClient, name: str) -> None:
    stored_at_first = len(replay(client, name))
    assert len(replay(client, name)) == stored_at_first
