"""The event that holds a whole call, as it comes in logs."""

from typing import Any

from flask.testing import FlaskClient
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from app.otlp.dialects.genai import DETAILS_EVENT
from tests.app.otlp_helpers import CALL, CHAT, PROTOBUF, START, TRACE_ID, any_value, pairs, send, span, traces

URL = "/v1/logs"


def record(attributes: dict[str, Any], number: int = 1, event: str = DETAILS_EVENT, **fields: Any) -> LogRecord:
    values = {"trace_id": TRACE_ID, "span_id": number.to_bytes(8, "big"), "time_unix_nano": START} | fields
    return LogRecord(attributes=pairs(attributes), event_name=event, **values)


def request(*records: LogRecord) -> ExportLogsServiceRequest:
    about = Resource(attributes=pairs({"service.name": "shop"}))
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=about, scope_logs=[ScopeLogs(log_records=records)])]
    )


def rejected(client: FlaskClient, *records: LogRecord) -> tuple[int, str]:
    """(number of records that were not stored, the reason); (0, "") when all were stored."""
    answer = client.post(URL, data=request(*records).SerializeToString(), content_type=PROTOBUF)
    assert answer.status_code == 200, answer.text
    partial = ExportLogsServiceResponse.FromString(answer.data).partial_success
    return partial.rejected_log_records, partial.error_message


def test_the_event_of_a_call_is_stored_as_its_span_would_be(client: FlaskClient) -> None:
    assert rejected(client, record(CALL | {"gen_ai.usage.input_tokens": 7})) == (0, "")
    (trace,) = traces(client)
    assert trace["prompt"] == [{"role": "user", "text": "Where is my refund?"}]
    assert (trace["model"], trace["path"], trace["usage"]) == ("gpt-4o", "shop/chat", {"input_tokens": 7})
    assert trace["completed_at"].startswith("2025-10-09T08:53:20")


def test_the_same_call_in_its_span_and_in_its_event_is_stored_once(client: FlaskClient) -> None:
    send(client, span(CALL))
    assert rejected(client, record(CALL)) == (0, "")
    assert len(traces(client)) == 1


def test_an_event_of_a_call_whose_span_has_no_content_is_what_is_stored(client: FlaskClient) -> None:
    send(client, span(CHAT))
    rejected(client, record(CALL))
    assert len(traces(client)) == 1


def test_an_event_outside_of_any_span_is_stored_once_however_often_it_is_sent(client: FlaskClient) -> None:
    for _ in range(2):
        assert rejected(client, record(CALL, trace_id=b"", span_id=b"")) == (0, "")
    assert len(traces(client)) == 1


def test_an_event_that_is_named_by_an_attribute_and_holds_the_call_in_its_body_is_stored(client: FlaskClient) -> None:
    body = any_value(CALL)
    assert rejected(client, record({"event.name": DETAILS_EVENT}, event="", body=body)) == (0, "")
    assert len(traces(client)) == 1


def test_a_call_that_failed_has_its_error(client: FlaskClient) -> None:
    rejected(client, record(CALL | {"error.type": "timeout"}))
    assert traces(client)[0]["error"] == {"type": "timeout"}


def test_other_logs_are_passed_over_and_the_good_ones_kept(client: FlaskClient) -> None:
    plain = LogRecord(body=any_value("GET / 200"))
    count, message = rejected(client, plain, record(CHAT, 2), record(CALL, 3), record(CALL, 4, trace_id=b"x"))
    assert count == 2
    assert message.startswith("2 of 4 log records were not stored. 1 LLM log records hold no messages; switch")
    assert "Log record 78:0000000000000004: traceId must have 16 bytes" in message
    assert len(traces(client)) == 1


def test_a_call_that_is_sent_in_pieces_is_refused_with_the_switch_to_turn(client: FlaskClient) -> None:
    events = [record({"gen_ai.system": "openai"}, event=name) for name in ("gen_ai.user.message", "gen_ai.choice")]
    count, message = rejected(client, *events)
    assert count == 2
    assert "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental" in message


def test_json_with_hex_ids_is_read(client: FlaskClient) -> None:
    body = json_format.MessageToDict(request(record(CALL)))
    log_record = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    log_record |= {"traceId": TRACE_ID.hex(), "spanId": "00000000000000aa"}
    assert client.post(URL, json=body).json == {}
    assert traces(client)[0]["external_id"] == f"{TRACE_ID.hex()}:00000000000000aa"


def test_a_body_that_is_no_export_of_logs_is_refused(client: FlaskClient) -> None:
    answer = client.post(URL, data=b"\xff", content_type=PROTOBUF)
    assert answer.status_code == 400
    assert b"ExportLogsServiceRequest" in answer.data
