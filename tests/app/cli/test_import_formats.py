"""Logs of other products: detection knows each by its own signs, prompts are exact, and no recognised record is lost
in silence.
"""

import json
from typing import Any

import orjson
import pytest

from app.checks import TraceLimits
from app.cli.formats.base import Record, RecordCalls, RecordContext
from app.cli.formats.batch import lonely
from app.cli.formats.detect import detect, is_unknown, kind_of
from tests.app.cli_helpers import with_spans

Json = dict[str, Any]

TEXT = " {x}\r\n Where ist it?\t🙂 "
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT}]
ANSWER = {"role": "assistant", "content": "Hello"}
RESPONSE = {
    "id": "chatcmpl-1",
    "choices": [{"index": 0, "message": ANSWER, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
}
CHUNKS = [
    {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
    {"id": "c", "choices": [{"index": 0, "delta": {"content": "lo"}}]},
    {"id": "c", "choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}},
]
EVENTS = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n\n"


def lc(kind: str, text: str) -> Json:
    """A message as LangChain serialises it."""
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", kind],
        "kwargs": {"content": text},
    }


def hexed(name: str) -> str:
    return {"trace": "0102030405060708090a0b0c0d0e0f10", "span": "00000000000000bb"}[name]


LITELLM = {
    "id": "a", "trace_id": "b", "call_type": "acompletion", "model": "gpt-5", "messages": MESSAGES, "response": RESPONSE,
    "model_parameters": {"temperature": 0.2, "max_tokens": 9}, "startTime": 1767225600.25, "endTime": 1767225601.5, "end_user": "u",
    "metadata": {"user_api_key_alias": "shop"}, "status": "success",
}  # fmt: skip
SPEND_LOG = {
    "request_id": "r", "call_type": "acompletion", "spend": 0.1, "model": "gpt-5", "messages": "{}", "response": json.dumps(RESPONSE),
    "startTime": "2026-01-01T00:00:00Z", "proxy_server_request": json.dumps({"model": "gpt-5", "messages": MESSAGES}),
}  # fmt: skip
RUN = {
    "id": "r1", "trace_id": "t1", "run_type": "llm", "name": "ChatOpenAI", "session_name": "shop", "start_time": "2026-01-01T00:00:00",
    "end_time": "2026-01-01T00:00:01", "inputs": {"messages": [[lc("SystemMessage", "Be brief."), lc("HumanMessage", TEXT)]]},
    "outputs": {
        "generations": [[{"text": "Hello", "message": lc("AIMessage", "Hello")}]],
        "llm_output": {"token_usage": RESPONSE["usage"]},
    },
    "extra": {"invocation_params": {"model": "gpt-5", "temperature": 0.3, "_type": "openai-chat"}, "metadata": {"thread_id": "s"}},
}  # fmt: skip
HELICONE = {
    "request_id": "h", "request_created_at": "2026-01-01T00:00:00Z", "request_path": "https://x.example/v1/chat/completions",
    "request_model": "gpt-5", "request_body": {"model": "gpt-5", "messages": MESSAGES}, "response_body": RESPONSE, "request_user_id": "u",
    "request_properties": {"Helicone-Session-Id": "s"},
}  # fmt: skip
BEDROCK = {
    "schemaType": "ModelInvocationLog", "timestamp": "2026-01-01T00:00:00Z", "requestId": "q", "operation": "Converse",
    "modelId": "arn:aws:bedrock:eu:1:inference-profile/gpt-5",
    "input": {
        "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": TEXT}]}], "system": [{"text": "Be brief."}]},
        "inputTokenCount": 4,
    },
    "output": {"outputBodyJson": {"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}}, "outputTokenCount": 2},
}  # fmt: skip
RESULT = {
    "id": "x", "promptIdx": 1, "testIdx": 0, "provider": {"id": "openai:chat:gpt-5"}, "vars": {"q": "1"},
    "prompt": {"raw": json.dumps(MESSAGES), "label": "first"},
    "response": {"output": "Hello", "tokenUsage": {"prompt": 4, "completion": 2, "total": 6}},
}  # fmt: skip
PHOENIX = {
    "name": "ChatCompletion", "span_kind": "LLM", "parent_id": None, "start_time": "2026-01-01T00:00:00+00:00", "end_time": 1767225601000,
    "context.span_id": hexed("span"), "context.trace_id": hexed("trace"), "attributes.llm.model_name": "gpt-5",
    "attributes.llm.input_messages": [{"message.role": message["role"], "message.content": message["content"]} for message in MESSAGES],
    "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": "Hello"}],
    "attributes.llm.token_count.prompt": 4, "attributes.llm.token_count.completion": 2,
}  # fmt: skip
MLFLOW_SPAN = {
    "trace_id": "AQIDBAUGBwgJCgsMDQ4PEA==", "span_id": "AAAAAAAAALs=", "name": "Completions", "start_time_unix_nano": 1767225600000000000,
    "attributes": {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"model": "gpt-5", "messages": MESSAGES}),
        "mlflow.spanOutputs": json.dumps(RESPONSE),
    },
}  # fmt: skip
VERCEL = {
    "traceId": hexed("trace"), "id": hexed("span"), "name": "ai.generateText.doGenerate", "timestamp": 1767225600000000,
    "attributes": {
        "gen_ai.request.model": "gpt-5", "ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": json.dumps(MESSAGES),
        "ai.response.text": "Hello", "gen_ai.usage.input_tokens": 4, "gen_ai.usage.output_tokens": 2,
    },
}  # fmt: skip
GEMINI = {
    "request": {
        "model": "gpt-5", "contents": [{"role": "user", "parts": [{"text": TEXT}]}], "systemInstruction": {"parts": [{"text": "Be brief."}]},
    },
    "response": {
        "candidates": [{"content": {"parts": [{"text": "Hello"}]}}],
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2},
    },
}  # fmt: skip
BATCH = {
    "custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-5", "messages": MESSAGES},
    "response": {"status_code": 200, "body": RESPONSE}, "error": None,
}  # fmt: skip

KINDS: list[tuple[str, str, Json]] = [
    ("LiteLLM", "litellm", LITELLM),
    ("LiteLLM, streamed", "litellm", LITELLM | {"response": CHUNKS}),
    ("LiteLLM, spend log", "litellm", SPEND_LOG),
    ("LangSmith", "langsmith", RUN),
    ("LangSmith, OpenAI's own shape", "langsmith", RUN | {"inputs": {"messages": MESSAGES}, "outputs": RESPONSE}),
    ("LangSmith, a row of its table", "langsmith", RUN | {name: json.dumps(RUN[name]) for name in ("inputs", "outputs", "extra")}),
    ("Helicone", "helicone", HELICONE),
    ("Helicone, bodies as texts", "helicone", HELICONE | {"request_body": json.dumps(HELICONE["request_body"])}),
    ("Helicone, streamed", "helicone", HELICONE | {"response_body": {"streamed_data": EVENTS}}),
    ("Helicone, answers of its API", "helicone", {"data": [HELICONE], "error": None}),
    ("Bedrock", "bedrock", BEDROCK),
    ("promptfoo", "promptfoo", {"evalId": "e", "results": {"version": 3, "results": [RESULT]}, "config": {}}),
    ("promptfoo, a line", "promptfoo", RESULT),
    ("Phoenix", "spans", PHOENIX),
    ("MLflow", "spans", {"info": {"trace_id": "tr-1"}, "data": {"spans": [MLFLOW_SPAN]}}),
    ("Vercel", "spans", VERCEL),
    ("Gemini", "openai", GEMINI),
    ("a stream's chunks", "openai", {"request": {"model": "gpt-5", "messages": MESSAGES}, "response": CHUNKS}),
    ("a stream's events", "openai", {"request": {"model": "gpt-5", "messages": MESSAGES}, "response": EVENTS}),
    ("a batch's line", "batch", BATCH),
]  # fmt: skip


def take(*values: Json, path: str | None = "/p", **how: Any) -> list[RecordCalls]:
    """The content of each record, as an import of all records reads it; records without their other half come last."""
    reading = RecordContext(TraceLimits(), path, "promptlode.path", **how)
    expected = detect(values)
    batches = []
    for number, value in enumerate(values, 1):
        record = Record(number, orjson.dumps(value), 0)
        batches.append(with_spans(kind_of(value, expected).take(record, orjson.loads(record.data), reading), reading))
    return batches + [taken for _, taken in lonely(reading.batches, reading)]


def only(*values: Json, **how: Any) -> Any:
    """The columns of the only call."""
    taken = take(*values, **how)
    assert [problem for batch in taken for problem in batch.problems] == []
    (incoming,) = [incoming for batch in taken for incoming in batch.incoming]
    return incoming


@pytest.mark.parametrize(("name", "kind", "value"), KINDS, ids=[name for name, _, _ in KINDS])
def test_each_is_known_by_its_own_signs(name: str, kind: str, value: Json) -> None:
    assert detect([value]).name == kind


@pytest.mark.parametrize("value", [value for _, _, value in KINDS], ids=[name for name, _, _ in KINDS])
def test_prompt_answer_usage_and_model_are_found(value: Json) -> None:
    incoming = only(value)
    assert incoming.prompt.parts == ("Be brief.", TEXT)
    assert incoming.model == "gpt-5"
    assert incoming.columns["output"] == [ANSWER]
    counts = {name: incoming.columns["usage"][name] for name in ("input_tokens", "output_tokens")}
    assert counts == {"input_tokens": 4, "output_tokens": 2}


@pytest.mark.parametrize(
    "time", ["\u00b2", "\u0663" * 10, "9" * 5000, 1e300, -5, ["x", None], [1, 2, 3], "9" * 400], ids=range(8)
)
def test_a_span_with_an_odd_time_is_a_call(time: Any) -> None:
    assert only(PHOENIX | {"start_time": time, "end_time": time}).prompt.parts == ("Be brief.", TEXT)


@pytest.mark.parametrize(
    "time", [-1_700_000_000, -1.7e12, [-5, 0], [10**18, 0], "1969-07-20T20:17:00Z", "0001-01-01", "9999-12-31"]
)
def test_a_span_with_a_time_that_otlp_cannot_hold_is_a_call_without_it(time: Any) -> None:
    incoming = only(PHOENIX | {"start_time": time, "end_time": time})
    assert (incoming.prompt.parts, incoming.columns["started_at"]) == (("Be brief.", TEXT), None)


# --- what is no call, and what is one without its prompt


@pytest.mark.parametrize(
    "value",
    [
        LITELLM | {"call_type": "aembedding", "messages": ["x"]},
        LITELLM | {"call_type": "moderation"},
        RUN | {"run_type": "chain"},
        HELICONE | {"request_path": "https://x.example/v1/embeddings"},
        BEDROCK | {"modelId": "amazon.titan-embed-text-v2:0"},
        {"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"model": "e", "input": "x"}},
        {"custom_id": "1", "method": "POST", "url": "/v1/moderations", "body": {"model": "e", "input": "x"}},
        {"custom_id": "1", "response": {"status_code": 200, "body": {"object": "list", "data": [{"embedding": [1]}]}}},
    ],
)
def test_a_record_that_is_no_call_is_passed_over_and_counted(value: Json) -> None:
    taken = take(value)
    assert sum(batch.passed_over for batch in taken) == 1
    assert [batch.incoming or batch.problems for batch in taken if batch.incoming or batch.problems] == []


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (LITELLM | {"messages": {}}, "store_prompts_in_spend_logs"),
        (RUN | {"inputs": {}}, "No prompt was found"),
        (HELICONE | {"request_body": {}}, "export with bodies"),
        (BEDROCK | {"input": {"inputBodyS3Path": "s3://bucket/x"}}, "lies in S3"),
        (RESULT | {"prompt": {"raw": ""}}, "No prompt was found"),
        (BATCH | {"body": {"model": "gpt-5"}}, "No prompt was found"),
        ({"id": "1", "traceId": "2", "type": "GENERATION", "model": "m", "input": None}, "No prompt was found"),
    ],
)
def test_a_call_whose_prompt_is_not_found_is_a_problem_that_says_why(value: Json, remedy: str) -> None:
    taken = take(value)
    assert [batch.incoming for batch in taken if batch.incoming] == []
    assert remedy in " ".join(problem.message for batch in taken for problem in batch.problems)


def test_an_odd_side_field_never_costs_a_call() -> None:
    odd = LITELLM | {"model_parameters": {"temperature": "warm", "max_tokens": 256.0}, "end_user": 7}
    incoming = only(odd)
    assert incoming.columns["settings"] == {"max_output_tokens": 256}
    assert incoming.columns["user_id"] == "7"


def test_fields_that_no_kind_has_are_unknown() -> None:
    assert is_unknown([{"foo": 1, "bar": "x"}])
    assert not is_unknown([{"foo": 1}, LITELLM])


# --- batches


REQUEST_LINE = {name: BATCH[name] for name in ("custom_id", "method", "url", "body")}
ANSWER_LINE = {"id": "b", "custom_id": "1", "response": BATCH["response"], "error": None}


@pytest.mark.parametrize("lines", [(REQUEST_LINE, ANSWER_LINE), (ANSWER_LINE, REQUEST_LINE)])
def test_requests_and_answers_are_joined_in_any_order(lines: tuple[Json, Json]) -> None:
    incoming = only(*lines)
    assert incoming.prompt.parts == ("Be brief.", TEXT)
    assert incoming.columns["output"] == [ANSWER]


def test_requests_of_anthropic_find_their_results() -> None:
    request = {
        "custom_id": "1",
        "params": {"model": "c", "max_tokens": 9, "system": "Be brief.", "messages": MESSAGES[1:]},
    }
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello"}]}
    incoming = only(request, {"custom_id": "1", "result": {"type": "succeeded", "message": message}})
    assert incoming.prompt.parts == ("Be brief.", TEXT)
    assert "Hello" in str(incoming.columns["output"])


def test_a_request_without_an_answer_is_a_call_and_an_answer_without_a_request_is_none() -> None:
    *_, request, answer = take(REQUEST_LINE, ANSWER_LINE | {"custom_id": "2"})
    assert [incoming.prompt.parts for incoming in request.incoming] == [("Be brief.", TEXT)]
    assert "together with its requests" in answer.problems[0].message


def test_a_completion_and_a_response_of_a_batch_have_their_prompts() -> None:
    completion = {"custom_id": "1", "url": "/v1/completions", "body": {"model": "m", "prompt": TEXT}}
    response = {
        "custom_id": "1",
        "url": "/v1/responses",
        "body": {"model": "m", "input": TEXT, "instructions": "Be brief."},
    }
    assert only(completion).prompt.parts == ("", TEXT)
    assert only(response).prompt.parts == ("Be brief.", TEXT)


# --- files that name no model or path


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [*MESSAGES, ANSWER]},
        {"input": {"messages": MESSAGES}, "preferred_output": [ANSWER], "non_preferred_output": []},
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": TEXT}]}, {"role": "model", "parts": [{"text": "Hello"}]}],
        },
    ],
)
def test_the_last_answer_of_an_example_for_fine_tuning_is_the_output(value: Json) -> None:
    assert detect([value]).name == "fine-tuning"
    incoming = only(value, default_model="m")
    assert incoming.prompt.parts == ("Be brief.", TEXT)
    assert incoming.columns["output"] == [ANSWER]
    assert incoming.model == "m"


def test_a_model_that_nobody_names_is_asked_for() -> None:
    (taken,) = take({"messages": [*MESSAGES, ANSWER]})
    assert [problem.loc for problem in taken.problems] == [("model",)]


def test_the_path_is_the_fields_else_the_commands_else_the_usual_one() -> None:
    tagged = LITELLM | {"metadata": {"user_api_key_alias": "shop", "feature": {"name": "/triage"}}}
    assert only(tagged, path_field="feature.name").path == "/triage"
    assert only(tagged).path == "/p"
    assert only(tagged, path=None).path == "litellm/shop"
