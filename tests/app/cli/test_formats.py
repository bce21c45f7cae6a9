"""Records of every kind of log become bodies of our API."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.checks import TraceLimits
from app.cli.formats.base import Record, RecordContext
from app.cli.formats.detect import FORMATS, detect
from app.intake.trace import Incoming, InvalidTraceError
from tests.app import log_records
from tests.app.cli_helpers import with_spans
from tests.app.log_records import KINDS, Json

CHAT = log_records.chat_completion("Hi")
MESSAGE = log_records.message("Hi")
GENERATION = log_records.generation("Hi")
OBSERVATION = log_records.enriched_observation("Hi")


def body_of(value: Json) -> Json:
    """The only call of a record, read in the format that detection found."""
    (call,) = detect([value]).calls(value)
    assert call is not None
    return call.body


def taken(value: Json, number: int = 1) -> list[Incoming]:
    record = Record(number, orjson.dumps(value), 0)
    reading = RecordContext(TraceLimits(), None, "promptlode.path")
    part = with_spans(detect([value]).take(record, orjson.loads(record.data), reading), reading)
    assert part.problems == []
    return part.incoming


@pytest.mark.parametrize(("name", "record"), KINDS)
def test_every_kind_is_found_and_its_prompt_read_to_the_letter(name: str, record: Callable[[str], Json]) -> None:
    text = " {x}\r\n Where ist it?\t🙂 "
    value = record(text)
    assert detect([value]).name == name
    (incoming,) = taken(value)
    assert incoming.prompt.parts is not None
    assert incoming.prompt.parts[1] == text


@pytest.mark.parametrize(("name", "record"), KINDS)
def test_the_same_record_has_the_same_external_id_every_time(name: str, record: Callable[[str], Json]) -> None:
    (first,), (second,) = taken(record("Hi")), taken(record("Hi"))
    assert first.external_id == second.external_id


# --- openai


def test_a_chat_completion_is_read_by_our_names() -> None:
    body = body_of(CHAT)
    assert body["output"] == [{"role": "assistant", "content": "Hello"}]
    assert (body["max_output_tokens"], body["user_id"], body["reasoning"]) == (9, "u", {"effort": "low"})
    assert body["started_at"] == 1767225600
    counts = {name: body["usage"][name] for name in ("input_tokens", "output_tokens", "total_tokens", "cached_tokens")}
    assert counts == {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6, "cached_tokens": 1}


def test_a_call_of_the_responses_api_is_read_by_our_names() -> None:
    body = body_of(log_records.response("Hi"))
    assert (body["instructions"], body["input"]) == ("Be brief.", "Hi")
    assert body["response_format"] == {"type": "json_object"}
    assert body["output"] == [{"type": "message"}]
    assert body["usage"]["reasoning_tokens"] == 1
    assert "error" not in body


def test_a_line_of_a_batch_file_is_read() -> None:
    line = {
        "custom_id": "q-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": CHAT["request"],
        "response": {"status_code": 200, "body": CHAT["response"]},
    }
    body = body_of(line)
    assert (body["model"], len(body["output"])) == ("gpt-5", 1)
    assert not {"method", "url", "response"} & set(body)


def test_ids_that_a_server_gives_twice_are_two_calls() -> None:
    (first,), (second,) = taken(log_records.chat_completion("Hi")), taken(log_records.chat_completion("Ho"))
    assert first.external_id != second.external_id
    assert str(first.external_id).startswith("chatcmpl-1-")


def test_two_calls_alike_without_an_id_are_two_calls() -> None:
    (first,), (second,) = taken(log_records.promptlode("Hi"), 1), taken(log_records.promptlode("Hi"), 2)
    assert first.external_id != second.external_id


def test_fields_of_ours_beside_the_request_win() -> None:
    body = body_of(CHAT | {"external_id": "x", "started_at": "2026-02-02T00:00:00Z", "model": "mine"})
    assert (body["external_id"], body["started_at"], body["model"]) == ("x", "2026-02-02T00:00:00Z", "mine")


def test_a_request_that_holds_its_response_is_read() -> None:
    body = body_of(CHAT["request"] | {"path": "/p", "response": CHAT["response"]})
    assert body["output"] == [{"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    "response", [None, "text", [], {}, {"choices": 3}, {"choices": [3]}, {"usage": 3}, {"body": 3}]
)
def test_a_response_of_any_other_shape_does_no_harm(response: Any) -> None:
    (call,) = FORMATS["openai"].calls(CHAT | {"response": response})
    assert call is not None
    assert call.body["model"] == "gpt-5"


def test_a_body_of_our_own_is_taken_as_it_is() -> None:
    body = {"model": "m", "path": "/p", "input": "Hi", "usage": {"input_tokens": 1}}
    assert body_of(body) == body


# --- anthropic


def test_a_message_is_read_by_our_names() -> None:
    body = body_of(MESSAGE)
    assert (body["instructions"], body["max_output_tokens"], body["user_id"]) == ("Be brief.", 300, "u")
    assert body["reasoning"] == {"type": "enabled", "budget_tokens": 1024}
    assert body["output"] == [{"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}]


def test_tokens_read_from_the_cache_and_written_into_it_count_as_input() -> None:
    usage = body_of(MESSAGE)["usage"]
    assert (usage["input_tokens"], usage["cached_tokens"], usage["output_tokens"]) == (20, 10, 2)
    assert usage["cache_creation_input_tokens"] == 6


def test_a_system_prompt_of_several_blocks_is_the_system_part() -> None:
    blocks = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]
    (incoming,) = taken(MESSAGE | {"request": MESSAGE["request"] | {"system": blocks}})
    assert incoming.prompt.parts == ("Be brief.\n\nBe kind.", "Hi")


def test_a_system_text_beside_the_messages_is_read_for_every_provider_that_has_one() -> None:
    message = {"role": "user", "content": [{"text": "Hi"}]}
    body = body_of({"modelId": "m", "system": [{"text": "Be brief."}], "messages": [message]})
    assert body["model"] == "m"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_a_request_beside_its_answer_is_read_without_a_name_around_it() -> None:
    body = body_of(MESSAGE["request"] | {"path": "/p", "response": MESSAGE["response"]})
    assert (body["instructions"], body["path"]) == ("Be brief.", "/p")
    assert "response" not in body


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"type": "errored", "error": {"type": "error", "message": "no"}}, {"type": "error", "message": "no"}),
        ({"type": "expired"}, {"type": "expired"}),
        ({"type": "succeeded", "message": MESSAGE["response"]}, None),
    ],
)
def test_a_line_of_a_message_batch_is_read_with_its_result(result: Json, error: Json | None) -> None:
    body = body_of({"custom_id": "q-1", "params": MESSAGE["request"], "result": result})
    assert body.get("error") == error
    assert ("output" in body) == (error is None)


@pytest.mark.parametrize(
    "line", [{"custom_id": "q", "result": {"type": "succeeded"}}, {"custom_id": "q", "response": {"choices": []}}]
)
def test_an_answer_without_its_request_is_refused_with_the_reason(line: Json) -> None:
    with pytest.raises(InvalidTraceError) as refused:
        list(detect([line]).calls(line))
    assert "holds no prompt" in refused.value.problems[0].message


# --- langfuse


def test_a_generation_is_read_by_our_names() -> None:
    body = body_of(GENERATION)
    assert body["path"] == "answer-question/OpenAI-generation"
    assert body["external_id"] == "0102030405060708090a0b0c0d0e0f10:00000000000000bb"
    assert (body["temperature"], body["user_id"]) == (0.2, "u")
    assert body["output"] == [{"role": "assistant", "content": "Hello"}]
    assert body["metadata"]["langfuse.prompt_name"] == "answer"
    assert body["metadata"]["tier"] == "gold"
    assert "max_output_tokens" not in body


def test_a_generation_that_is_read_stays_as_it_is() -> None:
    generation = log_records.generation("Hi")
    body_of(generation)
    assert generation == log_records.generation("Hi")


def test_every_count_of_input_of_langfuse_is_input() -> None:
    usage = body_of(GENERATION)["usage"]
    assert usage == {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6, "cached_tokens": 1}


def test_an_enriched_observation_is_read_by_our_names() -> None:
    body = body_of(OBSERVATION)
    assert (body["path"], body["conversation_id"]) == ("call", "s")
    assert body["error"] == {"message": "too long"}
    assert body["tools"][0]["function"] == {"name": "find", "description": "Finds", "parameters": {"type": "object"}}
    assert "user_id" not in body
    assert len(taken(OBSERVATION)) == 1


@pytest.mark.parametrize(
    "row",
    [
        {"id": "1", "traceId": "2", "type": "SPAN", "startTime": "2026-01-01T00:00:00Z"},
        {"id": "1", "projectId": "p", "timestamp": "2026-01-01T00:00:00Z", "name": "a trace"},
        {"id": "1", "trace_id": "2", "name": "a score", "value": 1},
    ],
)
def test_rows_that_are_no_generation_are_passed_over(row: Json) -> None:
    assert detect([row]).name == "langfuse"
    assert list(detect([row]).calls(row)) == [None]


def test_a_call_as_our_api_answers_it_is_ours() -> None:
    call = {"id": "1", "task_id": "2", "project_id": "3", "model": "m", "path": "/p", "input": "Hi"}
    assert detect([call]).name == "promptlode"


@pytest.mark.parametrize("name", ["observations", "data"])
def test_a_list_of_observations_is_read(name: str) -> None:
    assert len(taken({name: [GENERATION, OBSERVATION, {"type": "SPAN", "id": "1", "traceId": "2"}]})) == 2


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Hi", "Hi"),
        (["Hi"], "Hi"),
        ({"role": "user", "content": "Hi"}, "Hi"),
        ({"prompt": "Hi"}, "Hi"),
        ([[{"role": "user", "content": "Hi"}]], "Hi"),
        ({"messages": [{"role": "user", "content": "Hi"}], "system": "S"}, "Hi"),
        ({"input": "Hi", "instructions": "S"}, "Hi"),
        ([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}], "Hi"),
        ('[{"role": "user", "content": "Hi"}]', "Hi"),
    ],
)
def test_the_input_is_read_in_every_shape_that_integrations_write(prompt: Any, text: str) -> None:
    (incoming,) = taken(GENERATION | {"input": prompt})
    assert incoming.prompt.parts is not None
    assert incoming.prompt.parts[1] == text


def test_an_input_of_unknown_shape_is_kept_under_metadata() -> None:
    body = body_of(GENERATION | {"input": {"question": "why"}})
    assert body["metadata"]["langfuse.input"] == {"question": "why"}
