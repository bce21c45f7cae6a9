"""Spans of every known instrumentation: which spans are calls, and what the prompts are. The tests use no database."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.checks import TraceLimits
from app.intake.trace import Incoming
from app.otlp.spans import spans_of
from app.otlp.translate import Export, read_export
from tests.app.otlp_helpers import CALL, CHAT, START, export, span

HI = [{"role": "user", "content": "Hi"}]
SAID = json.dumps([{"role": "system", "content": "Be brief."}, *HI])
PARTS = ("Be brief.", "Hi")
MODEL = {"gen_ai.request.model": "m"}
SECOND = 1_000_000_000

Json = dict[str, Any]


def read(*spans: Span, resource: Json | None = None) -> Export:
    return read_export(spans_of(export(*spans, resource=resource)), "promptlode.path", TraceLimits())


def only(exported: Export) -> Incoming:
    assert exported.refusals == []
    (call,) = exported.incoming
    return call


# --- where the messages of a call stand


@pytest.mark.parametrize(
    "text",
    [SAID, "Hi", "", "[]", json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]), json.dumps([{"role": "user"}]),
     json.dumps([{"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "find", "arguments": {}}]}]), "[1]", "[cut o"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["gen_ai.input.messages", "gen_ai.output.messages"])
def test_messages_are_read_the_same_where_a_span_has_an_empty_place_for_more(place: str, text: str) -> None:
    attributes = MODEL | {"gen_ai.operation.name": "chat", "gen_ai.input.messages": SAID} | {place: text}
    exported = read(span(attributes))
    exported_with_place = read(span(attributes | {"gen_ai.system_instructions": ""}))
    assert [(call.prompt, call.columns) for call in exported.incoming] == [
        (call.prompt, call.columns) for call in exported_with_place.incoming
    ]
    assert [refusal.reason for refusal in exported.refusals] == [
        refusal.reason for refusal in exported_with_place.refusals
    ]


# --- operations


@pytest.mark.parametrize(
    "operation",
    ["chat", "acompletion", "responses", "aresponses", "generate", "chat.completions", "text_completion", "anthropic_messages",
     "invoke_model", "agenerate_content", "something new"],
)  # fmt: skip
def test_an_operation_that_is_not_known_to_be_another_is_a_call_where_it_carries_messages(operation: str) -> None:
    attributes = CALL | {"llm.request.type": operation, "gen_ai.operation.name": operation}
    assert only(read(span(attributes))).prompt.parts == ("", "Where is my refund?")


@pytest.mark.parametrize(
    "operation",
    ["embeddings", "embedding", "aembedding", "rerank", "arerank", "moderation", "amoderation", "image_generation",
     "aimage_generation", "transcription", "atranscription", "speech", "execute_tool", "tool", "invoke_agent", "create_agent",
     "chain", "count_tokens"],
)  # fmt: skip
def test_an_operation_that_writes_no_text_is_no_call_and_is_counted_by_its_name(operation: str) -> None:
    exported = read(span(CHAT | {"gen_ai.operation.name": operation}))
    assert (exported.incoming, exported.refusals) == ([], [])
    assert [why.partition(" ")[0] for why in exported.ignored] == [operation]


def test_an_embedding_is_none_even_with_its_text() -> None:
    texts = {"gen_ai.prompt.0.content": "Hi", "llm.request.type": "embedding", "gen_ai.request.model": "e"}
    assert read(span(texts)).incoming == []


def test_a_label_of_a_counter_is_never_the_senders_text() -> None:
    exported = read(span(CHAT | {"gen_ai.operation.name": "a long text, with 12 blanks and more"}))
    assert set(exported.ignored) == {"another operation"}


# --- dialects

INNER = {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": SAID}
LC = {
    "messages": [
        [
            {"lc": 1, "kwargs": {"content": "Be brief.", "type": "system"}},
            {"lc": 1, "kwargs": {"content": "Hi", "type": "human"}},
        ]
    ]
}
REQUEST = {"model": "m", "messages": json.loads(SAID), "temperature": 0.5, "max_tokens": 9}
CONVERSE = {
    "modelId": "m",
    "system": [{"text": "Be brief."}],
    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
}
GEMINI = {
    "model": "m",
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
}
COHERE = {"model": "m", "message": "Hi", "preamble": "Be brief."}

DIALECTS: dict[str, Json] = {
    "Vercel AI SDK": MODEL | INNER,
    "Vercel AI SDK, only its own names": {"ai.model.id": "m"} | INNER,
    "Vercel AI SDK, only the outer span": {"ai.model.id": "m", "ai.operationId": "ai.generateText", "ai.prompt": json.dumps({"system": "Be brief.", "prompt": "Hi"})},
    "Vercel AI SDK, messages of its own": {"ai.model.id": "m", "ai.prompt.messages": json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}])},
    "Langfuse": {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "m", "langfuse.observation.input": SAID},
    "Langfuse, arguments of a function": {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "m", "langfuse.observation.input": json.dumps({"args": [], "kwargs": REQUEST})},
    "MLflow": {"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": json.dumps(REQUEST)},
    "MLflow, without a type": {"mlflow.spanInputs": json.dumps(REQUEST)},
    "MLflow, Converse": {"mlflow.spanType": "LLM", "mlflow.spanInputs": json.dumps(CONVERSE)},
    "MLflow, Gemini": {"mlflow.spanType": "LLM", "mlflow.spanInputs": json.dumps(GEMINI)},
    "MLflow, Cohere": {"mlflow.spanType": "LLM", "mlflow.spanInputs": json.dumps(COHERE)},
    "MLflow, model beside": {"mlflow.spanType": "CHAT_MODEL", "mlflow.llm.model": "m", "mlflow.spanInputs": json.dumps(LC)},
    "LangSmith": MODEL | {"langsmith.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.prompt": json.dumps(LC)},
    "LangSmith, a client that it wraps": {"langsmith.span.kind": "llm", "gen_ai.prompt": json.dumps(REQUEST)},
    "serialised messages without LangSmith's signs": MODEL | {"gen_ai.prompt": json.dumps(LC)},
    "Traceloop": MODEL | {"llm.request.type": "chat", "traceloop.entity.input": json.dumps({"inputs": LC, "tags": []})},
    "Traceloop, of a function": {"traceloop.span.kind": "task", "traceloop.entity.input": json.dumps({"args": [], "kwargs": REQUEST})},
    "OpenInference, the client's request": {"openinference.span.kind": "LLM", "llm.model_name": "m", "input.value": json.dumps(REQUEST), "input.mime_type": "application/json"},
    "OpenInference, Converse": {"openinference.span.kind": "LLM", "input.value": json.dumps(CONVERSE)},
    "Logfire": MODEL | {"request_data": json.dumps(REQUEST)},
    "Pydantic AI of before": MODEL | {"events": json.dumps([{"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system"}, {"event.name": "gen_ai.user.message", "content": "Hi", "role": "user"}])},
    "Agent Development Kit": {"gcp.vertex.agent.llm_request": json.dumps({"model": "m", "contents": GEMINI["contents"], "config": {"system_instruction": "Be brief."}})},
    "a request held as text": {"gen_ai.prompt": json.dumps(REQUEST), "gen_ai.system": "x"},
    "a request of Converse held as text": {"gen_ai.prompt": json.dumps(CONVERSE), "gen_ai.system": "x"},
    "a request of Gemini held as text": {"gen_ai.prompt": json.dumps(GEMINI), "gen_ai.system": "x"},
    "messages as values": MODEL | {"gen_ai.prompt": json.loads(SAID)},
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_span_of_each_dialect_is_a_call_with_its_prompt(dialect: str) -> None:
    call = only(read(span(DIALECTS[dialect], name="call")))
    assert (call.prompt.parts, call.model) == (PARTS, "m")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_prompt_lands_under_metadata(dialect: str) -> None:
    call = only(read(span(DIALECTS[dialect], name="call")))
    assert "Be brief." not in json.dumps(call.columns["metadata"])


def test_a_completion_of_before_has_its_text() -> None:
    request = json.dumps({"model": "m", "prompt": "Hi", "max_tokens": 9})
    for attributes in (
        {"mlflow.spanType": "LLM", "mlflow.spanInputs": request},
        {"gen_ai.prompt": request, "gen_ai.system": "x"},
    ):
        assert only(read(span(attributes))).prompt.parts == ("", "Hi")


@pytest.mark.parametrize("text", ['{"a": 1}', '{"input": "x"}', "[1]", "plain", '{"messages": "none"}'])
def test_a_text_of_the_users_own_stays_that_text(text: str) -> None:
    assert only(read(span(MODEL | {"gen_ai.prompt": text}))).prompt.parts == ("", text)


def test_an_event_whose_content_is_a_list_of_blocks_without_a_type_has_their_text() -> None:
    events = [
        ("gen_ai.system.message", {"content": '[{"text": "Be brief."}]'}),
        ("gen_ai.user.message", {"content": '[{"text": "Hi"}]'}),
        ("gen_ai.choice", {"message": '[{"text": "Yo"}]', "finish_reason": "end_turn"}),
    ]
    call = only(read(span(MODEL | {"gen_ai.operation.name": "chat"}, events=events)))
    assert call.prompt.parts == PARTS
    assert call.columns["output"] == [{"role": "assistant", "content": "Yo"}]


def test_tools_of_strands_read_as_everybody_elses() -> None:
    use = '[{"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}]'
    result = '[{"toolResult": {"toolUseId": "1", "content": [{"text": "ok"}]}}]'
    events = [
        ("gen_ai.user.message", {"content": '[{"text": "Hi"}]'}),
        ("gen_ai.assistant.message", {"content": use}),
        ("gen_ai.tool.message", {"content": result}),
    ]
    call = only(read(span(MODEL | {"gen_ai.operation.name": "chat"}, events=events)))
    _, assistant, tool = call.columns["input"]["messages"]
    assert assistant["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}
    assert tool == {"role": "tool", "tool_call_id": "1", "content": "ok"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat", "gen_ai.prompt": '{"input": "x"}'},
        {"langsmith.span.kind": "tool", "gen_ai.prompt": SAID} | MODEL,
        {"langfuse.observation.type": "embedding", "langfuse.observation.input": "Hi", "langfuse.observation.model.name": "e"},
        {"langfuse.observation.type": "span", "langfuse.observation.input": "Hi"},
        {"mlflow.spanType": '"RETRIEVER"', "mlflow.spanInputs": json.dumps(REQUEST)},
        {"mlflow.spanType": "PARSER", "mlflow.spanInputs": json.dumps({"input": "x"})},
        {"ai.operationId": "ai.embed.doEmbed", "ai.value": "Hi"} | MODEL,
        {"ai.operationId": "ai.toolCall", "ai.toolCall.args": "{}"},
        {"traceloop.span.kind": "workflow", "traceloop.entity.input": '{"inputs": {"question": "Hi"}}'},
        {"openinference.span.kind": "AGENT", "input.value": "Hi"},
    ],
)  # fmt: skip
def test_a_span_that_a_dialect_calls_no_call_is_none(attributes: Json) -> None:
    exported = read(span(attributes))
    assert (exported.incoming, exported.refusals, exported.ignored.total()) == ([], [], 1)


REQUEST = json.dumps({"model": "m", "messages": HI, "temperature": 0.5})
RESPONSE = json.dumps({"choices": [{"message": {"role": "assistant", "content": "Yes"}}]})


@pytest.mark.parametrize(
    ("input_field", "output_field"), [("request_data", "response_data"), ("my.request", "my.response")]
)
def test_a_request_of_a_sender_without_a_dialect_is_a_call_with_its_answer(input_field: str, output_field: str) -> None:
    call = only(read(span({input_field: REQUEST, output_field: RESPONSE})))
    assert (call.model, call.prompt.parts, call.columns["settings"]) == ("m", ("", "Hi"), {"temperature": 0.5})
    assert call.columns["output"] == [{"role": "assistant", "content": "Yes"}]


@pytest.mark.parametrize(
    "text", ['{"messages": []}', '{"a": "\\"messages\\""}', '{"messages": [{"role": "user"', REQUEST + "x"]
)
def test_a_text_that_only_looks_like_a_request_is_no_call(text: str) -> None:
    exported = read(span({"my.text": text}))
    assert (exported.incoming, exported.refusals) == ([], [])


def test_a_captured_body_is_the_call_of_the_span_around_it() -> None:
    inner = span({"http.request.body": REQUEST}, 2, parent=1)
    assert len(read(span(MODEL | {"gen_ai.prompt.0.content": "Hi"}, 1), inner).incoming) == 1


def test_answers_settings_and_counts_of_vercel_have_their_place() -> None:
    attributes = MODEL | INNER | {
        "ai.response.text": "Yo",
        "ai.response.toolCalls": '[{"toolCallId": "1", "toolName": "f", "input": {"a": 1}}]',
        "ai.usage.inputTokens": 3,
        "ai.usage.outputTokens": 2,
        "ai.settings.temperature": 0.5,
        "ai.settings.maxOutputTokens": 9,
        "ai.telemetry.functionId": "triage",
        "ai.telemetry.metadata.userId": "u",
    }  # fmt: skip
    call = only(read(span(attributes, name="ai.generateText.doGenerate")))
    assert call.columns["output"][0]["content"] == "Yo"
    assert call.columns["output"][0]["tool_calls"][0]["function"]["name"] == "f"
    assert call.columns["usage"] == {"input_tokens": 3, "output_tokens": 2}
    assert call.columns["settings"] == {"temperature": 0.5, "max_output_tokens": 9}
    assert (call.path, call.columns["user_id"]) == ("triage", "u")


def test_answers_settings_and_counts_of_langfuse_have_their_place() -> None:
    attributes = DIALECTS["Langfuse"] | {
        "langfuse.observation.output": '{"role": "assistant", "content": "Yo"}',
        "langfuse.observation.usage_details": '{"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}',
        "langfuse.observation.model.parameters": '{"temperature": 0.5, "max_tokens": 9, "top_p": 1}',
        "langfuse.trace.name": "triage",
        "langfuse.observation.prompt.name": "brief",
        "user.id": "u",
        "session.id": "s",
    }
    call = only(read(span(attributes)))
    assert call.columns["output"] == [{"role": "assistant", "content": "Yo"}]
    assert call.columns["usage"] == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    assert call.columns["settings"] == {"temperature": 0.5, "max_output_tokens": 9}
    assert (call.columns["conversation_id"], call.columns["user_id"]) == ("s", "u")
    assert call.columns["metadata"]["langfuse.prompt_name"] == "brief"


def test_answers_and_counts_of_mlflow_have_their_place() -> None:
    outputs = {
        "choices": [{"message": {"role": "assistant", "content": "Yo"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    call = only(read(span(DIALECTS["MLflow"] | {"mlflow.spanOutputs": json.dumps(outputs)})))
    assert call.columns["output"] == [{"role": "assistant", "content": "Yo"}]
    assert call.columns["usage"] == {"input_tokens": 3, "output_tokens": 2}
    assert call.columns["settings"] == {"temperature": 0.5, "max_output_tokens": 9}


def test_the_answer_of_a_run_of_langsmith_is_a_message() -> None:
    outputs = {"generations": [[{"text": "Yo", "message": {"lc": 1, "kwargs": {"content": "Yo", "type": "ai"}}}]]}
    call = only(read(span(DIALECTS["LangSmith"] | {"gen_ai.completion": json.dumps(outputs)})))
    assert call.columns["output"] == [{"role": "assistant", "content": "Yo"}]


def haystack(component: str, input_: Json, output: Json) -> Span:
    attributes = {"haystack.component.type": component, "haystack.component.name": "writer"}
    attributes |= {"haystack.component.input": json.dumps(input_), "haystack.component.output": json.dumps(output)}
    return span(attributes, name="haystack.component.run")


def test_a_chat_generator_of_haystack_is_a_call_with_its_tools() -> None:
    messages = [{"role": "user", "meta": {}, "content": [{"text": "Hi"}]}]
    called = {"tool_call": {"tool_name": "look", "arguments": {"id": 7}, "id": "c"}}
    answered = {"tool_call_result": {"result": "gone", "origin": {"tool_name": "look", "id": "c"}, "error": False}}
    turns = [*messages, {"role": "assistant", "content": [called]}, {"role": "tool", "content": [answered]}]
    input_ = {"messages": turns, "generation_kwargs": {"temperature": 0.2, "max_completion_tokens": 9}}
    meta = {"model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    output = {"replies": [{"role": "assistant", "content": [{"text": "Yes"}], "meta": meta}]}
    call = only(read(haystack("OpenAIChatGenerator", input_, output)))
    assert [turn["role"] for turn in call.columns["input"]["messages"]] == ["user", "assistant", "tool"]
    assert (call.path, call.columns["model"], call.prompt.parts) == ("writer", "m", ("", "Hi"))
    assert call.columns["output"] == [{"role": "assistant", "content": "Yes"}]
    assert call.columns["usage"] == {"input_tokens": 3, "output_tokens": 2}


def test_a_generator_of_haystack_that_takes_a_text_is_a_call_and_a_retriever_none() -> None:
    output = {"replies": ["Yes"], "meta": [{"model": "m", "usage": {"prompt_tokens": 3}}]}
    call = only(read(haystack("OpenAIGenerator", {"prompt": "Hi", "system_prompt": "Be brief."}, output)))
    assert (call.columns["model"], call.prompt.parts) == ("m", PARTS)
    assert read(haystack("InMemoryBM25Retriever", {"query": "Hi"}, {})).incoming == []


def test_a_step_around_a_call_that_says_only_what_it_was_given_is_no_call_of_its_own() -> None:
    kind = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
    step = kind | {"input.value": '{"prompt": "SelectorPromptTemplate()"}', "llm.prompt_template.template": "Say {it}"}
    attributes = kind | {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi"}
    exported = read(span(step, name="OpenAI.predict"), span(attributes, 2, parent=1))
    assert only(exported).prompt.parts == ("", "Hi")
    assert only(exported).path != "OpenAI.predict"
    alone = read(span(kind | {"input.value": "Hi"}))
    assert only(alone).prompt.parts == ("", "Hi")


# --- side fields


@pytest.mark.parametrize(
    ("attribute", "value", "field", "stored"),
    [
        ("gen_ai.request.temperature", "", "temperature", None),
        ("gen_ai.request.temperature", "0.7", "temperature", 0.7),
        ("gen_ai.request.max_tokens", 256.0, "max_output_tokens", 256),
        ("gen_ai.request.max_tokens", -1, "max_output_tokens", None),
        ("gen_ai.request.temperature", "warm", "temperature", None),
    ],
)
def test_an_odd_setting_costs_no_call(attribute: str, value: Any, field: str, stored: Any) -> None:
    assert only(read(span(CALL | {attribute: value}))).columns["settings"].get(field) == stored


@pytest.mark.parametrize(
    ("attribute", "field"), [("user.id", "user_id"), ("gen_ai.conversation.id", "conversation_id")]
)
def test_an_id_that_is_a_number_is_its_text(attribute: str, field: str) -> None:
    assert only(read(span(CALL | {attribute: 42}))).columns[field] == "42"


def test_values_that_could_not_be_read_are_counted_by_field() -> None:
    exported = read(span(CALL | {"gen_ai.request.max_tokens": -1, "gen_ai.usage.input_tokens": "many"}))
    assert exported.unreadable_fields == {"max_output_tokens": 1, "usage.input_tokens": 1}


# --- one call, one trace


def within(number: int, parent: int, attributes: Json, **fields: Any) -> Span:
    return span(attributes, number, parent=parent, **fields)


def test_the_outer_and_the_inner_span_of_vercel_are_one_call() -> None:
    outer = span(
        {"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt": "Hi"}'} | MODEL, 1, name="ai.generateText"
    )
    inner = within(2, 1, MODEL | INNER, name="ai.generateText.doGenerate")
    assert only(read(inner, outer)).external_id == inner_id(2)


def inner_id(number: int) -> str:
    return f"0102030405060708090a0b0c0d0e0f10:{number:016x}"


def test_each_step_of_an_outer_span_is_a_call() -> None:
    outer = span({"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt": "Hi"}'} | MODEL, 1)
    steps = [within(number, 1, MODEL | INNER) for number in (2, 3)]
    assert len(read(outer, *steps).incoming) == 2


def test_an_agent_with_messages_is_a_call_only_where_none_is_within_it() -> None:
    agent = span(CALL | {"gen_ai.operation.name": "invoke_agent"}, 1)
    assert only(read(agent)).external_id == inner_id(1)
    assert only(read(agent, within(2, 1, CALL))).external_id == inner_id(2)


def test_a_span_without_messages_beneath_one_of_the_same_call_is_no_call_and_no_refusal() -> None:
    exported = read(span(CALL, 1), within(2, 1, CHAT))
    assert (only(exported).external_id, exported.doubled) == (inner_id(1), 1)


def test_a_span_without_messages_around_one_of_the_same_call_is_no_call_and_no_refusal() -> None:
    assert only(read(span(CHAT, 1), within(2, 1, CALL))).external_id == inner_id(2)


def test_of_two_nested_spans_of_one_call_the_richer_one_stays_with_what_the_other_knows() -> None:
    answer = {"gen_ai.output.messages": '[{"role": "assistant", "content": "Yo"}]'}
    outer = span(CALL | {"gen_ai.conversation.id": "c"}, 1)
    call = only(read(outer, within(2, 1, CALL | answer | {"gen_ai.usage.input_tokens": 3})))
    assert call.external_id == inner_id(2)
    assert (call.columns["conversation_id"], call.columns["usage"]) == ("c", {"input_tokens": 3})


def test_three_nested_spans_of_one_call_are_one() -> None:
    assert len(read(span(CALL, 1), within(2, 1, CALL), within(3, 2, CALL)).incoming) == 1


def test_any_number_of_spans_without_messages_beneath_one_call_are_that_call() -> None:
    beneath = (span(CHAT, number, parent=1) for number in range(2, 2_000))
    assert len(read(span(CHAT, 1), *beneath, span(CALL, 2_000, parent=1)).incoming) == 1


@pytest.mark.parametrize("second", ["Hi", "Where is my refund?"])
def test_calls_beneath_a_span_without_messages_are_as_many_calls(second: str) -> None:
    further = span(MODEL | {"gen_ai.operation.name": "chat", "gen_ai.prompt.0.content": second}, 3, parent=1)
    assert len(read(span(CHAT, 1), span(CALL, 2, parent=1), further).incoming) == 2


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7),
            st.sampled_from(["chat", "chat", "chat", "invoke_agent", "execute_tool"]),
            st.sampled_from(["", "Hi", "Ho", "Ha"]),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_every_prompt_that_a_call_says_is_stored_however_spans_are_nested(
    drawn: list[tuple[int, str, str, bool]],
) -> None:
    spans = []
    for number, (parent, operation, text, is_answered) in enumerate(drawn, 1):
        prompt = {"gen_ai.prompt.0.content": text} if text else {}
        answer = {"gen_ai.completion.0.content": "Yes"} if is_answered else {}
        attributes = MODEL | {"gen_ai.operation.name": operation} | prompt | answer
        spans.append(span(attributes, number, parent=min(parent, number - 1)))
    expected_prompts = {text for _, operation, text, _ in drawn if operation == "chat" and text}
    assert expected_prompts <= {call.prompt.parts[1] for call in read(*spans).incoming if call.prompt.parts}


def test_two_tries_within_one_span_are_two_calls() -> None:
    exported = read(span(CALL, 1), within(2, 1, CALL), within(3, 1, CALL))
    assert len(exported.incoming) == 2


def scoped(
    attributes: Json, number: int, scope: str, start: float, seconds: float, parent: int = 9, trace: int = 1
) -> Any:
    """A resource's spans of one instrumentation, with one span."""
    times = {
        "start_time_unix_nano": START + int(start * SECOND),
        "end_time_unix_nano": START + int((start + seconds) * SECOND),
    }
    request = export(span(attributes, number, parent=parent, trace_id=bytes([trace] * 16), **times))
    request.resource_spans[0].scope_spans[0].scope.name = scope
    return request.resource_spans[0]


def read_scoped(*parts: Any) -> Export:
    request = export()
    del request.resource_spans[:]
    request.resource_spans.extend(parts)
    return read_export(spans_of(request), "promptlode.path", TraceLimits())


def test_a_streamed_call_beside_itself_by_another_instrumentation_is_one() -> None:
    exported = read_scoped(scoped(CALL, 1, "one", 0, 2), scoped(CALL, 2, "two", 0.001, 1.9))
    assert len(exported.incoming) == 1


def test_a_streamed_call_that_nothing_is_around_is_one_by_two_instrumentations() -> None:
    exported = read_scoped(scoped(CALL, 1, "one", 0, 2, 0, 1), scoped(CALL, 2, "two", 0.001, 1.9, 0, 2))
    assert len(exported.incoming) == 1


def test_the_same_prompt_sent_several_times_at_once_is_several_calls() -> None:
    parts = [scoped(CALL, number, "one", 0, 2) for number in range(1, 6)]
    assert len(read_scoped(*parts).incoming) == 5
    beside = [scoped(CALL, number + 10, "two", 0.001, 1.9) for number in range(1, 6)]
    assert len(read_scoped(*parts, *beside).incoming) == 5


def test_alike_calls_one_after_the_other_are_two_whoever_wrote_them() -> None:
    exported = read_scoped(scoped(CALL, 1, "one", 0, 1), scoped(CALL, 2, "two", 5, 1))
    assert len(exported.incoming) == 2


def test_answers_with_different_ids_are_two_calls() -> None:
    answers = [CALL | {"gen_ai.response.id": name} for name in ("a", "b")]
    assert len(read_scoped(scoped(answers[0], 1, "one", 0, 2), scoped(answers[1], 2, "two", 0, 2)).incoming) == 2


def test_a_request_and_the_log_of_its_stream_are_one_call_with_the_answer() -> None:
    attributes = MODEL | {"request_data": json.dumps(REQUEST)}
    answer = json.dumps({"combined_chunk_content": "Yo", "chunk_count": 2})
    exported = read_scoped(
        scoped(attributes, 1, "logfire", 0, 0.1), scoped(attributes | {"response_data": answer}, 2, "logfire", 3, 0)
    )
    assert only(exported).columns["output"] == [{"role": "assistant", "content": "Yo"}]


def test_the_turns_of_a_conversation_are_calls_of_their_own() -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo"},
        {"role": "user", "content": "So?"},
    ]
    first = CHAT | {"gen_ai.input.messages": json.dumps(turns[:1])}
    second = CHAT | {"gen_ai.input.messages": json.dumps(turns)}
    assert len(read_scoped(scoped(first, 1, "one", 0, 2), scoped(second, 2, "two", 0.5, 2)).incoming) == 2


# --- call sites


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"code.function.name": "shop.support.triage"}, "shop.support.triage"),
        ({"code.function": "triage", "code.namespace": "shop.support"}, "shop.support.triage"),
        ({"code.function": "triage", "code.filepath": "shop/support.py"}, "shop/support.py:triage"),
        ({"code.function": "triage"}, "triage"),
    ],
)
def test_the_function_in_the_code_names_the_call_site(attributes: Json, path: str) -> None:
    assert only(read(span(CALL | attributes, parent=9), span({}, 9, name="POST /mail"))).path == path
    assert only(read(span(CALL, parent=9), span(attributes, 9, name="x"))).path == path


def test_the_nearest_place_around_a_call_names_it() -> None:
    exported = read(
        within(1, 2, CALL), within(2, 3, {}, name="summarise"), span({"code.function.name": "main"}, 3, name="run")
    )
    assert only(exported).path == "summarise"


def test_a_span_around_it_that_is_a_call_itself_or_has_no_name_names_nothing() -> None:
    outer = within(2, 3, {"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt": "Hi"}'}, name="ai.generateText")
    exported = read(within(1, 2, MODEL | INNER), outer, within(3, 4, {}, name=""), span({}, 4, name="POST /mail"))
    assert only(exported).path == "POST /mail"


# --- what is said of what is not stored


def test_a_call_whose_span_around_it_did_not_come_along_is_waited_for_and_counted() -> None:
    exported = read(within(1, 77, CHAT))
    assert (exported.refusals, exported.orphans) == ([], 1)


@pytest.mark.parametrize(
    "text",
    ["[" * 900 + "]" * 900, '{"messages": ' + "[" * 500 + "]" * 500 + "}", '{"input": ' * 300 + "1" + "}" * 300,
     '[{"role": "user", "parts": [{"functionCall": {"args": ' + "[" * 600 + "]" * 600 + "}}]}]"],
)  # fmt: skip
@pytest.mark.parametrize(
    "attribute",
    ["gen_ai.prompt", "gen_ai.input.messages", "gen_ai.output.messages", "ai.prompt", "langfuse.observation.input", "mlflow.spanInputs", "input.value"],
)  # fmt: skip
def test_deeply_nested_attributes_are_no_fault_of_ours(attribute: str, text: str) -> None:
    for attributes in (
        {attribute: text},
        {attribute: text, "openinference.span.kind": "LLM"},
        {attribute: text, "gen_ai.completion": text},
    ):
        assert read(span(MODEL | attributes), span(CALL, 2)).incoming[-1].external_id == inner_id(2)
