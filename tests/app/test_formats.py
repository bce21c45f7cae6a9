"""Lines of a log of LLM calls become bodies of our API."""

from typing import Any

import pytest

from app.cli.formats import body_of
from app.incoming import read_trace

CHAT: dict[str, Any] = {
    "path": "/chat",
    "request": {
        "model": "gpt-5",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "user": "u",
        "reasoning_effort": "low",
        "seed": 3,
    },
    "response": {
        "id": "chatcmpl-1",
        "created": 1767225600,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}],
        "usage": {
            "prompt_tokens": 4,
            "completion_tokens": 2,
            "total_tokens": 6,
            "prompt_tokens_details": {"cached_tokens": 1},
        },
    },
}
RESPONSES: dict[str, Any] = {
    "path": "/answer",
    "request": {
        "model": "gpt-5",
        "instructions": "Be brief.",
        "input": "Hi",
        "text": {"format": {"type": "json_object"}},
    },
    "response": {
        "id": "resp-1",
        "created_at": 1767225600,
        "error": None,
        "output": [{"type": "message"}],
        "usage": {"input_tokens": 4, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
    },
}


def test_a_chat_completion_is_read_by_our_names() -> None:
    body = body_of(CHAT, "auto")
    assert body["output"] == [{"role": "assistant", "content": "Hello"}]
    assert (body["max_output_tokens"], body["user_id"], body["reasoning"]) == (9, "u", {"effort": "low"})
    assert body["started_at"] == 1767225600
    counts = {name: body["usage"][name] for name in ("input_tokens", "output_tokens", "total_tokens", "cached_tokens")}
    assert counts == {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6, "cached_tokens": 1}


def test_a_call_of_the_responses_api_is_read_by_our_names() -> None:
    body = body_of(RESPONSES, "auto")
    assert (body["instructions"], body["input"]) == ("Be brief.", "Hi")
    assert body["response_format"] == {"type": "json_object"}
    assert body["output"] == [{"type": "message"}]
    assert body["usage"]["reasoning_tokens"] == 1
    assert "error" not in body


def test_a_body_of_our_own_is_taken_as_it_is() -> None:
    body = {"model": "m", "path": "/p", "input": "Hi", "usage": {"input_tokens": 1}}
    assert body_of(body, "auto") == body


def test_a_line_of_a_batch_file_is_read() -> None:
    line = {
        "custom_id": "q-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": CHAT["request"],
        "response": {"status_code": 200, "body": CHAT["response"]},
    }
    body = body_of(line, "auto")
    assert (body["external_id"], body["model"], len(body["output"])) == ("q-1", "gpt-5", 1)
    assert not {"method", "url", "custom_id", "response"} & set(body)


def test_fields_of_ours_beside_the_request_win() -> None:
    body = body_of(CHAT | {"external_id": "x", "started_at": "2026-02-02T00:00:00Z", "model": "mine"}, "auto")
    assert (body["external_id"], body["started_at"], body["model"]) == ("x", "2026-02-02T00:00:00Z", "mine")


def test_a_request_that_holds_its_response_is_read() -> None:
    body = body_of(CHAT["request"] | {"path": "/p", "response": CHAT["response"]}, "auto")
    assert body["output"] == [{"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize("line", [CHAT, RESPONSES])
def test_what_was_read_can_be_stored(line: dict[str, Any]) -> None:
    assert read_trace(body_of(line, "openai")).prompt.parts is not None


@pytest.mark.parametrize(
    "response", [None, "text", [], {}, {"choices": 3}, {"choices": [3]}, {"usage": 3}, {"body": 3}]
)
def test_a_response_of_any_other_shape_does_no_harm(response: Any) -> None:
    assert body_of(CHAT | {"response": response}, "openai")["model"] == "gpt-5"
