"""A body in every provider's format becomes the trace of our own format."""

from typing import Any

import pytest

from app.intake.bodies.answers import answer_of
from app.intake.bodies.native import OWN, UnmappedPromptError, native
from app.intake.bodies.requests import prompt_of_value, request_of
from app.intake.bodies.usage import usage_of
from app.intake.prompts import prompt_of
from app.intake.trace_fields import TraceIn

Json = dict[str, Any]
ABOUT = {"model": "m", "path": "/p"}
HI = [{"role": "user", "content": "Hi"}]

# By provider: a request that says "Be brief." as system and "Hi" as user.
REQUESTS: dict[str, Json] = {
    "Chat Completions": {"messages": [{"role": "developer", "content": "Be brief."}, *HI]},
    "Responses": {"instructions": "Be brief.", "input": "Hi"},
    "Responses, items": {"instructions": "Be brief.", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]},
    "Anthropic": {"system": "Be brief.", "messages": HI, "max_tokens": 9},
    "Anthropic, blocks": {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    },
    "Converse": {"system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
    "Gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    },
    "Gemini, by its Python client": {"contents": "Hi", "config": {"system_instruction": "Be brief."}},
    "Gemini, one content without a role": {"system_instruction": "Be brief.", "contents": {"parts": [{"text": "Hi"}]}},
    "Ollama": {"messages": [{"role": "system", "content": "Be brief."}, *HI], "options": {"temperature": 0.5}},
    "Ollama, generate": {"system": "Be brief.", "prompt": "Hi"},
    "Cohere": {"preamble": "Be brief.", "message": "Hi"},
    "LangChain, serialised": {
        "messages": [
            {"lc": 1, "id": ["langchain", "schema", "messages", "SystemMessage"], "kwargs": {"content": "Be brief."}},
            {"lc": 1, "kwargs": {"content": "Hi", "type": "human"}},
        ]
    },
    "LangChain, dumped": {
        "messages": [
            {"type": "system", "data": {"content": "Be brief."}},
            {"type": "human", "data": {"content": "Hi"}},
        ]
    },
    "LangChain, a batch of one": {"messages": [[{"type": "SystemMessage", "content": "Be brief."}, {"type": "human", "content": "Hi"}]]},
    "pairs of role and text": {"messages": [["system", "Be brief."], ["human", "Hi"]]},
    "OpenTelemetry's parts": {
        "messages": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("provider", REQUESTS)
def test_a_request_of_each_provider_has_its_prompt(provider: str) -> None:
    body = native(ABOUT | REQUESTS[provider])
    assert prompt_of(body).parts == ("Be brief.", "Hi")
    assert not _texts(body, OWN) & {"Be brief.", "Hi"}


@pytest.mark.parametrize("provider", REQUESTS)
def test_a_request_of_each_provider_is_known_where_it_stands_as_text(provider: str) -> None:
    body = request_of({"args": [], "kwargs": REQUESTS[provider]})
    assert body is not None
    assert prompt_of(body).parts == ("Be brief.", "Hi")


def _texts(body: Json, but: frozenset[str]) -> set[str]:
    """Texts anywhere in fields that are not ours."""
    return {text for name, value in body.items() if name not in but for text in _leaves(value)}


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _leaves(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _leaves(inner)]
    return [value] if isinstance(value, str) else []


def test_a_body_of_our_own_fields_stays_the_same_object() -> None:
    body = ABOUT | {"messages": HI, "usage": {"input_tokens": 3}, "metadata": {"system": "x"}}
    assert native(body) is body


def test_our_own_fields_are_those_of_the_model() -> None:
    assert set(TraceIn.model_fields) == OWN


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"max_tokens": 9}, "max_output_tokens", 9),
        ({"max_completion_tokens": 9}, "max_output_tokens", 9),
        ({"generationConfig": {"maxOutputTokens": 9}}, "max_output_tokens", 9),
        ({"inferenceConfig": {"maxTokens": 9}}, "max_output_tokens", 9),
        ({"options": {"num_predict": 9}}, "max_output_tokens", 9),
        ({"generationConfig": {"temperature": 0.5}}, "temperature", 0.5),
        ({"inferenceConfig": {"temperature": 0.5}}, "temperature", 0.5),
        ({"reasoning_effort": "low"}, "reasoning", {"effort": "low"}),
        ({"thinking": {"type": "enabled"}}, "reasoning", {"type": "enabled"}),
        ({"text": {"format": {"type": "json_object"}}}, "response_format", {"type": "json_object"}),
        ({"format": "json"}, "response_format", "json"),
        ({"user": "u"}, "user_id", "u"),
        ({"functions": [{"name": "f"}]}, "tools", [{"name": "f"}]),
        ({"toolConfig": {"tools": [{"toolSpec": {}}]}}, "tools", [{"toolSpec": {}}]),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 1}}, "usage", {"input_tokens": 3, "output_tokens": 1}),
        ({"usageMetadata": {"promptTokenCount": 3}}, "usage", {"input_tokens": 3}),
        ({"choices": [{"message": {"role": "assistant", "content": "Yo"}}]}, "output", [{"role": "assistant", "content": "Yo"}]),
        ({"response": {"choices": [{"text": "Yo"}]}}, "output", [{"role": "assistant", "content": "Yo"}]),
    ],
)  # fmt: skip
def test_settings_and_counts_of_a_provider_have_their_place(fields: Json, field: str, value: Any) -> None:
    body = native(ABOUT | {"messages": HI} | fields)
    assert body[field] == value
    assert body.keys() <= OWN


def test_our_own_field_wins_over_a_providers_name_of_it() -> None:
    body = native(ABOUT | {"messages": HI, "max_output_tokens": 1, "max_tokens": 2})
    assert body["max_output_tokens"] == 1


def test_a_word_of_the_callers_own_stays_one() -> None:
    body = native(
        ABOUT | {"messages": HI, "format": "html", "system": {"os": "linux"}, "message": "ok", "response": "x"}
    )
    assert (body["format"], body["system"], body["message"], body["response"]) == ("html", {"os": "linux"}, "ok", "x")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"contents": [3]}, "contents"),
        ({"messages": HI, "prompt": "Hi"}, "prompt"),
        ({"messages": HI, "contents": "Hi"}, "contents"),
        ({"messages": HI, "instructions": "a", "system": "b"}, "system"),
    ],
)
def test_a_prompt_that_cannot_be_mapped_is_refused_by_its_field(fields: Json, field: str) -> None:
    with pytest.raises(UnmappedPromptError) as refused:
        native(ABOUT | fields)
    assert refused.value.field == field


# --- texts that only look like requests


@pytest.mark.parametrize("text", ['{"a": 1}', '{"input": "x"}', '{"prompt": "x"}', "[1, 2]", '[{"type": "bug"}]', "{"])
def test_a_text_of_a_users_own_stays_a_text(text: str) -> None:
    assert prompt_of_value(text, strict=True) == {"input": text}


def test_a_request_held_as_text_is_one() -> None:
    assert prompt_of_value(
        '{"messages": [[{"lc": 1, "kwargs": {"content": "Hi", "type": "human"}}]]}', strict=True
    ) == {"messages": HI}


# --- messages


def test_calls_of_tools_and_their_answers_read_alike_from_every_provider() -> None:
    converse = [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "ok"}]}}]},
    ]
    vercel = [
        {
            "role": "assistant",
            "content": [{"type": "tool-call", "toolCallId": "1", "toolName": "f", "input": {"a": 1}}],
        },
        {
            "role": "tool",
            "content": [{"type": "tool-result", "toolCallId": "1", "output": {"type": "text", "value": "ok"}}],
        },
    ]
    opentelemetry = [
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "ok"}]},
    ]
    expected = [
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "ok"},
    ]
    for written in (converse, vercel, opentelemetry):
        assert native(ABOUT | {"messages": written})["messages"] == expected


@pytest.mark.parametrize("role", [3, ["user"], {"a": 1}, True])
def test_a_role_that_is_no_text_is_left_to_be_refused(role: Any) -> None:
    messages = [{"role": role, "content": "Hi"}]
    assert native(ABOUT | {"messages": messages})["messages"] == messages


# --- answers

YO = [{"role": "assistant", "content": "Yo"}]
ANSWERS: dict[str, Any] = {
    "Chat Completions": {"choices": [{"message": {"role": "assistant", "content": "Yo"}}]},
    "Completions": {"choices": [{"text": "Yo", "index": 0}]},
    "Converse": {"output": {"message": {"role": "assistant", "content": [{"text": "Yo"}]}}},
    "Gemini": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Yo"}]}}]},
    "Ollama": {"model": "l", "message": {"role": "assistant", "content": "Yo"}, "done": True},
    "Ollama, generate": {"response": "Yo", "done": True},
    "Cohere": {"text": "Yo"},
    "LangChain": {"generations": [[{"text": "Yo", "message": {"lc": 1, "kwargs": {"content": "Yo", "type": "ai"}}}]]},
    "Titan": {"results": [{"outputText": "Yo"}]},
    "a text": "Yo",
    "a message": {"role": "assistant", "content": "Yo"},
    "chunks of Chat Completions": [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Y"}}]},
        {"choices": [{"index": 0, "delta": {"content": "o"}}]},
    ],
    "lines of server-sent events": ['data: {"choices": [{"delta": {"content": "Yo"}}]}', "", "data: [DONE]"],
    "chunks of Gemini": [
        {"candidates": [{"content": {"parts": [{"text": "Y"}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "o"}]}}]},
    ],
    "chunks of Ollama": [{"message": {"content": "Y"}, "done": False}, {"message": {"content": "o"}, "done": True}],
    "chunks of Converse": [{"contentBlockDelta": {"delta": {"text": "Y"}}}, {"contentBlockDelta": {"delta": {"text": "o"}}}],
}  # fmt: skip


@pytest.mark.parametrize("provider", ANSWERS)
def test_an_answer_of_each_provider_is_a_message(provider: str) -> None:
    assert answer_of(ANSWERS[provider])["output"] == YO


def test_chunks_of_anthropic_are_one_message() -> None:
    chunks = [
        {"type": "message_start", "message": {"role": "assistant", "content": [], "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Y"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "o"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    ]
    assert answer_of(chunks) == {
        "output": [{"role": "assistant", "content": [{"type": "text", "text": "Yo"}]}],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }


def test_a_call_of_a_tool_in_chunks_is_put_together() -> None:
    pieces = [
        {"index": 0, "id": "1", "function": {"name": "f", "arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ": 1}"}},
    ]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]} for piece in pieces]
    (message,) = answer_of(chunks)["output"]
    assert message["tool_calls"] == [
        {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}, "id": "1"}
    ]


def test_the_last_event_of_a_stream_of_responses_is_the_answer() -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "Yo"}]}]
    chunks = [
        {"type": "response.created", "response": {"output": []}},
        {"type": "response.completed", "response": {"output": output}},
    ]
    assert answer_of(chunks)["output"] == output


def test_an_answer_that_nobody_writes_so_is_taken_as_it_is() -> None:
    assert answer_of({"label": "billing"}) == {"output": {"label": "billing"}}


# --- counts


@pytest.mark.parametrize(
    "counts",
    [
        {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8, "cached_tokens": 4},
        {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 8, "prompt_tokens_details": {"cached_tokens": 4}},
        {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8, "input_tokens_details": {"cached_tokens": 4}},
        {"input_tokens": 2, "output_tokens": 2, "total_tokens": 8, "cache_read_input_tokens": 4},
        {"inputTokens": 2, "outputTokens": 2, "totalTokens": 8, "cacheReadInputTokens": 4},
        {"promptTokenCount": 6, "candidatesTokenCount": 2, "totalTokenCount": 8, "cachedContentTokenCount": 4},
        {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 8, "cache_read_input_tokens": 4},
    ],
)
def test_counts_of_every_provider_are_the_same_counts(counts: Json) -> None:
    usage = usage_of(counts) or {}
    names = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens")
    assert [usage[name] for name in names] == [6, 2, 8, 4]
