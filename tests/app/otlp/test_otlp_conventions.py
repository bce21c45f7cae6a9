"""The attributes of each convention, and the fields that they become."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.app.otlp_helpers import CALL, CHAT, MESSAGES, rejected, send, span, stored, traces

QUESTION = "Where is my refund?"
PARTS = [{"role": "system", "text": "Be brief."}, {"role": "user", "text": QUESTION}]
SYSTEM_PARTS = [{"type": "text", "content": "Be brief."}]
USER_MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]

OLD = {"gen_ai.system": "openai", "llm.request.type": "chat", "gen_ai.request.model": "gpt-4"}
OPENINFERENCE = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-2024-08-06"}


def from_messages(prefix: str, *messages: dict[str, Any]) -> dict[str, Any]:
    """Messages as OpenInference and old OpenLLMetry write them: an attribute for each member."""
    return {
        f"{prefix}.{position}.{name}": value
        for position, message in enumerate(messages)
        for name, value in message.items()
    }


WAYS: dict[str, tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]] = {
    "today, as JSON texts": (
        CHAT
        | {"gen_ai.system_instructions": json.dumps(SYSTEM_PARTS), "gen_ai.input.messages": json.dumps(USER_MESSAGES)},
        [],
    ),
    "today, as values": (
        CHAT | {"gen_ai.system_instructions": SYSTEM_PARTS, "gen_ai.input.messages": USER_MESSAGES},
        [],
    ),
    "today, in the details event": (
        CHAT,
        [
            (
                "gen_ai.client.inference.operation.details",
                {"gen_ai.system_instructions": SYSTEM_PARTS, "gen_ai.input.messages": USER_MESSAGES},
            )
        ],
    ),
    "today, with content instead of parts": (
        CHAT
        | {
            "gen_ai.input.messages": json.dumps(
                [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
            )
        },
        [],
    ),
    "an attribute for each member": (
        OLD
        | from_messages(
            "gen_ai.prompt", {"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}
        ),
        [],
    ),
    "an attribute for each member, content parts as JSON": (
        OLD
        | from_messages(
            "gen_ai.prompt",
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": json.dumps([{"type": "text", "text": QUESTION}, {"type": "image_url"}])},
        ),
        [],
    ),
    "an event for each message": (
        OLD,
        [("gen_ai.system.message", {"content": "Be brief."}), ("gen_ai.user.message", {"content": QUESTION})],
    ),
    "an event for each message, its body as JSON": (
        OLD,
        [
            ("gen_ai.system.message", {"gen_ai.event.content": '{"role": "system", "content": "Be brief."}'}),
            ("gen_ai.user.message", {"gen_ai.event.content": json.dumps({"content": QUESTION})}),
        ],
    ),
    "all in one text": (
        OLD,
        [
            (
                "gen_ai.content.prompt",
                {
                    "gen_ai.prompt": json.dumps(
                        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
                    )
                },
            )
        ],
    ),
    "OpenInference": (
        OPENINFERENCE
        | from_messages(
            "llm.input_messages",
            {"message.role": "system", "message.content": "Be brief."},
            {"message.role": "user", "message.content": QUESTION},
        ),
        [],
    ),
    "OpenInference, content in parts": (
        OPENINFERENCE
        | from_messages(
            "llm.input_messages",
            {"message.role": "system", "message.content": "Be brief."},
            {
                "message.role": "user",
                "message.contents.0.message_content.type": "image",
                "message.contents.0.message_content.image.image.url": "https://example.com/a.png",
                "message.contents.1.message_content.type": "text",
                "message.contents.1.message_content.text": QUESTION,
            },
        ),
        [],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_a_prompt_gives_the_same_prompt(client: FlaskClient, way: str) -> None:
    attributes, events = WAYS[way]
    assert stored(client, span(attributes, events=events))["prompt"] == PARTS


def test_a_prompt_that_is_json_itself_stays_a_text(client: FlaskClient) -> None:
    for number, text in enumerate(('[{"type": "bug", "id": 7}]', '{"type": "text"}', "[1, 2]", "[")):
        send(client, span(OLD | from_messages("gen_ai.prompt", {"role": "user", "content": text}), number + 1))
        assert traces(client)[-1]["prompt"] == [{"role": "user", "text": text}]


def test_messages_stay_in_order_when_there_are_more_than_ten(client: FlaskClient) -> None:
    turns = [{"role": ("user", "assistant")[position % 2], "content": str(position)} for position in range(12)]
    trace = stored(client, span(OLD | from_messages("gen_ai.prompt", *turns)))
    assert [message["content"] for message in trace["messages"]] == [str(position) for position in range(12)]


def test_settings_and_usage_of_today(client: FlaskClient) -> None:
    trace = stored(
        client,
        span(
            CALL
            | {
                "gen_ai.request.temperature": 0.5,
                "gen_ai.request.max_tokens": 100,
                "gen_ai.output.type": "json",
                "gen_ai.tool.definitions": '[{"type": "function", "name": "look_up"}]',
                "gen_ai.conversation.id": "c-1",
                "user.id": "u-1",
                "gen_ai.usage.input_tokens": 31,
                "gen_ai.usage.output_tokens": 7,
                "gen_ai.usage.cache_read.input_tokens": 16,
                "gen_ai.usage.reasoning.output_tokens": 4,
                "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Soon."}]}]',
                "gen_ai.response.model": "gpt-4o-2024-08-06",
                "gen_ai.response.finish_reasons": ["stop"],
            }
        ),
    )
    assert (trace["model"], trace["temperature"], trace["max_output_tokens"]) == ("gpt-4o", 0.5, 100)
    assert (trace["response_format"], trace["tools"]) == ("json", [{"type": "function", "name": "look_up"}])
    assert (trace["conversation_id"], trace["user_id"]) == ("c-1", "u-1")
    assert trace["usage"] == {"input_tokens": 31, "output_tokens": 7, "cached_tokens": 16, "reasoning_tokens": 4}
    assert trace["output"] == [{"role": "assistant", "content": "Soon."}]
    assert trace["metadata"]["gen_ai.response.model"] == "gpt-4o-2024-08-06"
    assert trace["metadata"]["gen_ai.response.finish_reasons"] == ["stop"]


def test_settings_and_usage_of_before(client: FlaskClient) -> None:
    trace = stored(
        client,
        span(
            OLD
            | from_messages("gen_ai.prompt", {"role": "user", "content": QUESTION})
            | from_messages(
                "gen_ai.completion",
                {
                    "role": "assistant",
                    "finish_reason": "tool_calls",
                    "tool_calls.0.id": "call_1",
                    "tool_calls.0.name": "look_up",
                    "tool_calls.0.arguments": '{"order": 7}',
                },
            )
            | {
                "llm.request.functions.0.name": "look_up",
                "llm.request.functions.0.parameters": "{}",
                "gen_ai.usage.prompt_tokens": 31,
                "gen_ai.usage.completion_tokens": 7.0,
                "llm.usage.total_tokens": 38,
                "traceloop.association.properties.session_id": "s-1",
            }
        ),
    )
    function = {"name": "look_up", "arguments": '{"order": 7}'}
    assert trace["output"] == [
        {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    ]
    assert trace["usage"] == {"input_tokens": 31, "output_tokens": 7, "total_tokens": 38}
    assert trace["tools"] == [{"name": "look_up", "parameters": "{}"}]
    assert trace["conversation_id"] == "s-1"


def test_the_choices_of_events_are_the_output(client: FlaskClient) -> None:
    events = [
        ("gen_ai.user.message", {"content": QUESTION}),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": '{"role": "assistant", "content": "Soon."}'},
        ),
        ("gen_ai.choice", {"index": 1, "content": "Later."}),
    ]
    trace = stored(client, span(OLD, events=events))
    assert [message["content"] for message in trace["output"]] == ["Soon.", "Later."]


def test_settings_and_usage_of_openinference(client: FlaskClient) -> None:
    parameters = {"model": "gpt-4o", "temperature": 1, "max_completion_tokens": 9, "tool_choice": "none", "seed": 3}
    trace = stored(
        client,
        span(
            OPENINFERENCE
            | from_messages("llm.input_messages", {"message.role": "user", "message.content": QUESTION})
            | {
                "llm.invocation_parameters": json.dumps(parameters),
                "llm.tools.0.tool.json_schema": '{"type": "function"}',
                "llm.token_count.prompt": 31,
                "llm.token_count.completion": 7,
                "llm.token_count.total": 38,
                "session.id": "s-1",
                "user.id": "u-1",
            }
        ),
    )
    assert trace["model"] == "gpt-4o"
    assert (trace["temperature"], trace["max_output_tokens"], trace["tool_choice"]) == (1, 9, "none")
    assert trace["tools"] == [{"type": "function"}]
    assert trace["usage"] == {"input_tokens": 31, "output_tokens": 7, "total_tokens": 38}
    assert (trace["conversation_id"], trace["user_id"]) == ("s-1", "u-1")
    assert trace["metadata"]["llm.invocation_parameters"] == {"seed": 3}


def test_a_completion_of_openinference_has_its_text_as_the_prompt(client: FlaskClient) -> None:
    attributes = OPENINFERENCE | {"input.value": QUESTION, "input.mime_type": "text/plain", "output.value": "Soon."}
    trace = stored(client, span(attributes))
    assert trace["prompt"] == [{"role": "user", "text": QUESTION}]
    assert trace["output"] == [{"role": "assistant", "content": "Soon."}]


def test_answers_of_tools_within_a_message_come_before_its_text(client: FlaskClient) -> None:
    parts = [
        {"type": "tool_call_response", "id": "call_1", "response": {"state": "shipped"}},
        {"type": "text", "content": "And now?"},
    ]
    turns = [*USER_MESSAGES, {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "f"}]}]
    messages = [*turns, {"role": "user", "parts": parts}]
    trace = stored(client, span(CHAT | {"gen_ai.input.messages": json.dumps(messages)}))
    assert [message["role"] for message in trace["messages"]] == ["user", "assistant", "tool", "user"]
    assert trace["messages"][2]["content"] == '{"state":"shipped"}'


def test_declared_templates_are_kept_whole(client: FlaskClient) -> None:
    template = "Mail: {mail}" + " " * 10_000
    declared = {
        "llm.prompt_template.template": template,
        "llm.prompt_template.variables": '{"mail": "Where is my refund?"}',
        "llm.prompt_template.version": "3",
    }
    messages = from_messages("llm.input_messages", {"message.role": "user", "message.content": QUESTION})
    trace = stored(client, span(OPENINFERENCE | messages | declared))
    assert {name: trace["metadata"][name] for name in declared} == declared
    send(client, span(CALL | {"gen_ai.prompt.name": "triage"}, 2))
    assert traces(client)[-1]["metadata"]["gen_ai.prompt.name"] == "triage"


def test_further_attributes_are_kept_within_limits(client: FlaskClient) -> None:
    further = {f"note.{number}": number for number in range(300)}
    wrong = {"long": "x" * 9000, "nul": "a\0b", "endless": float("inf")}
    metadata = stored(client, span(CALL | wrong | further))["metadata"]
    assert metadata["note.0"] == 0
    assert metadata["otel.span_name"] == "chat gpt-4o"
    assert not set(wrong) & set(metadata)
    assert len(metadata) == 129
    assert metadata["otel.left_out"] > 170


def test_a_call_that_failed_says_so(client: FlaskClient) -> None:
    raised = ("exception", {"exception.type": "RateLimitError", "exception.message": "Slow down."})
    trace = stored(client, span(CALL, status={"code": 2}, events=[raised]))
    assert trace["error"] == {"type": "RateLimitError", "message": "Slow down."}
    send(client, span(CALL | {"error.type": "timeout"}, 2, status={"code": 2, "message": "Took too long."}))
    assert traces(client)[-1]["error"] == {"type": "timeout", "message": "Took too long."}


def test_times_and_ids_of_the_span_are_those_of_the_trace(client: FlaskClient) -> None:
    trace = stored(client, span(CALL))
    assert trace["external_id"] == "0102030405060708090a0b0c0d0e0f10:0000000000000001"
    assert trace["started_at"] == "2025-10-09T08:53:20Z"
    assert trace["completed_at"] == "2025-10-09T08:53:21.500000Z"


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.request.method": "POST"},
        {},
        CHAT | {"gen_ai.operation.name": "embeddings"},
        CHAT | {"gen_ai.operation.name": "invoke_agent"},
        CALL | {"gen_ai.operation.name": "execute_tool"},
        OLD | {"llm.request.type": "embedding"},
        {"openinference.span.kind": "CHAIN", "input.value": "x"},
        {"openinference.span.kind": "EMBEDDING", "input.value": "x"},
    ],
)
def test_an_event_that_is_no_call_of_a_model_is_passed_over(client: FlaskClient, attributes: dict[str, Any]) -> None:
    assert rejected(send(client, span(attributes))) == (0, "")
    assert traces(client) == []


@pytest.mark.parametrize(
    "attributes",
    [
        CHAT,
        CHAT | {"gen_ai.input.messages": "[]"},
        CHAT | {"gen_ai.input.messages": '[{"role": "user", "parts": []}]'},
        OLD | {"gen_ai.prompt.0.role": "user"},
        OPENINFERENCE | {"input.value": "__REDACTED__"},
        OPENINFERENCE
        | {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "__REDACTED__"},
    ],
)
def test_a_call_without_content_is_refused_with_a_hint(client: FlaskClient, attributes: dict[str, Any]) -> None:
    count, message = rejected(send(client, span(attributes)))
    assert count == 1
    assert "switch content capture on" in message


def test_the_same_call_by_otlp_and_by_json_has_the_same_prompt_and_settings(client: FlaskClient) -> None:
    by_otlp = stored(client, span(CALL | {"promptlode.path": "/mail", "gen_ai.request.temperature": 0.5}))
    body = {
        "model": "gpt-4o",
        "path": "/mail",
        "temperature": 0.5,
        "input": json.loads(MESSAGES)[0]["parts"][0]["content"],
    }
    client.post("/api/v1/traces", json=body)
    posted = traces(client)[-1]
    for field in ("path", "model", "prompt", "temperature"):
        assert by_otlp[field] == posted[field]
