"""One call is one trace, also when its spans come in several exports."""

import gc
import json

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.checks import TraceLimits
from app.otlp.deduplication import CallSpan
from app.otlp.spans import spans_of
from app.otlp.translate import ExportReading
from tests.app.api_helpers import metric
from tests.app.otlp_helpers import CALL, CHAT, START, export, rejected, send, send_bytes, span, traces

ANSWER = {
    "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Soon."}]}]',
    "gen_ai.usage.input_tokens": 3,
}
INNER = {
    "gen_ai.request.model": "m",
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.prompt.messages": '[{"role": "user", "content": "Hi"}]',
}
OUTER = {"gen_ai.request.model": "m", "ai.operationId": "ai.generateText", "ai.prompt": '{"prompt": "Hi"}'}


def scoped(scope: str, sent_span: Span) -> bytes:
    """An export of one span by an instrumentation of this name."""
    request = export(sent_span)
    request.resource_spans[0].scope_spans[0].scope.name = scope
    return request.SerializeToString()


@pytest.mark.parametrize("first", ["inner", "outer"])
def test_nested_spans_of_one_call_are_one_trace_whichever_comes_first(client: FlaskClient, first: str) -> None:
    spans = {"inner": span(CALL, 2, parent=1), "outer": span(CALL, 1)}
    for name in sorted(spans, key=lambda name: name != first):
        assert rejected(send(client, spans[name])) == (0, "")
    assert len(traces(client)) == 1


def test_the_outer_span_of_a_framework_that_comes_later_is_no_call(client: FlaskClient) -> None:
    send(client, span(INNER, 2, parent=1))
    send(client, span(OUTER, 1))
    assert len(traces(client)) == 1


def test_the_answer_of_a_stream_that_comes_later_is_added_to_its_call(client: FlaskClient) -> None:
    send(client, span(CALL, 1, parent=9))
    late = {"start_time_unix_nano": START + 7 * 10**9, "end_time_unix_nano": START + 7 * 10**9}
    send(client, span(CALL | ANSWER, 2, parent=9, **late))
    (trace,) = traces(client)
    assert trace["output"] == [{"role": "assistant", "content": "Soon."}]
    assert trace["usage"] == {"input_tokens": 3}
    assert trace["completed_at"].startswith("2025-10-09T08:53:27")


def test_a_stored_answer_stays_where_a_poorer_span_comes_later(client: FlaskClient) -> None:
    send_bytes(client, scoped("one", span(CALL | ANSWER, 1, parent=9)))
    send_bytes(client, scoped("two", span(CALL, 2, parent=9)))
    (trace,) = traces(client)
    assert trace["output"] == [{"role": "assistant", "content": "Soon."}]


def test_an_export_that_is_sent_again_after_its_call_was_completed_changes_nothing(client: FlaskClient) -> None:
    for _ in range(2):
        send(client, span(CALL, 1, parent=9))
        send(client, span(CALL | ANSWER, 2, parent=9))
    assert len(traces(client)) == 1


def test_a_span_without_messages_beneath_a_stored_call_is_no_refusal(client: FlaskClient) -> None:
    send(client, span(CALL, 1))
    assert rejected(send(client, span(CHAT, 2, parent=1))) == (0, "")


def test_calls_of_other_prompts_in_one_trace_stay_calls(client: FlaskClient) -> None:
    for number in range(1, 4):
        messages = json.dumps([{"role": "user", "content": f"Question {number}"}])
        send(client, span(CALL | {"gen_ai.input.messages": messages}, number, parent=9))
    assert len(traces(client)) == 3


def test_an_answer_that_comes_later_is_stored_without_secrets(client: FlaskClient) -> None:
    send(client, span(CALL, 1, parent=9))
    messages = json.dumps([{"role": "assistant", "content": "Your card is 4111 1111 1111 1111."}])
    send(client, span(CALL | {"gen_ai.output.messages": messages}, 2, parent=9))
    (trace,) = traces(client)
    assert "[redacted:card]" in trace["output"][0]["content"]


def test_calls_of_another_project_are_never_looked_at(client: FlaskClient, other_client: FlaskClient) -> None:
    send(client, span(CALL, 2, parent=1))
    send(other_client, span(CALL, 1))
    assert (len(traces(client)), len(traces(other_client))) == (1, 1)


def test_a_call_told_by_two_spans_is_counted(client: FlaskClient, admin: FlaskClient) -> None:
    doubled = 'promptlode_otlp_spans_total{outcome="doubled"}'
    before = metric(admin, doubled)
    send(client, span(CALL, 1), span(CALL, 2, parent=1))
    assert metric(admin, doubled) == before + 1


def test_an_export_that_was_read_is_forgotten_at_once() -> None:
    """Rings of references would keep an export until Python's collector runs, which takes longer than reading the
    export.
    """

    def call_spans() -> int:
        return sum(isinstance(live_object, CallSpan) for live_object in gc.get_objects())

    request = export(*(span(CALL, number) for number in range(1, 20)))
    gc.collect()
    before = call_spans()
    gc.disable()
    try:
        ExportReading(spans_of(request), "promptlode.path", TraceLimits()).export()
        assert call_spans() == before
    finally:
        gc.enable()
