"""A small export of OpenTelemetry that is answered before Flask gets the same answer, rows, counters and logs as from
Flask.
"""

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from sqlalchemy import func, select, update

from app.config import Settings
from app.front import quick_spans
from app.http.services import EXTENSION
from app.otlp import counting
from app.store import projects, tables, together
from app.store.engine import transaction
from app.store.projects import Project
from app.web import create_app
from benchmarks.senders import recordings
from benchmarks.senders.senders import SENDERS
from tests.app.api_helpers import know, new_key
from tests.app.front_client import in_front
from tests.app.front_twins import KNOWN, Twins
from tests.app.otlp_helpers import CALL, CHAT, PROTOBUF, URL, export, span

COUNTERS = ("http_request_seconds", "otlp_spans", "otlp_reasons", "otlp_odd_fields")
TICKET = "Sort this ticket: where is it? of plan free."


def _said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def call(number: int, text: str = "Where is my refund?", **more_fields: Any) -> Any:
    """A span of a call in an OpenTelemetry trace of its own."""
    fields = {name: more_fields.pop(name) for name in ("parent", "name", "status") if name in more_fields}
    attributes = CHAT | {"gen_ai.input.messages": orjson.dumps([_said(text)]).decode()} | more_fields
    return span(attributes, number, trace_id=number.to_bytes(16, "big"), **fields)


def ticket(number: int) -> Any:
    """A call of the known template."""
    messages = [_said(KNOWN[0], "system"), _said(TICKET)]
    return call(number, **{"promptlode.path": "/known", "gen_ai.input.messages": orjson.dumps(messages).decode()})


def body(*spans: Any) -> bytes:
    return export(*spans).SerializeToString()


def send(twins: Twins, data: bytes, path: str = URL, kind: str = PROTOBUF) -> None:
    """Sends an export to both applications and asserts that both give the same answer."""
    by_flask, by_front = twins.send(data, path, **{"content-type": kind})
    assert by_front == by_flask, data[:2000]


def same(twins: Twins) -> list[Any]:
    """Asserts that both applications stored and counted the same. Returns the rows."""
    by_flask, by_front = twins.rows()
    assert by_front == by_flask
    for name in COUNTERS:
        flask_counted, front_counted = twins.counted(name)
        assert front_counted == flask_counted, name
    return by_front


EXPORTS: list[bytes] = [
    body(call(1)),
    body(ticket(2), ticket(3), call(4)),
    body(call(1)),  # sent again
    body(call(4), call(5)),  # one of the spans again
    body(call(6), call(6)),  # twice in one export
    body(span({"http.method": "GET"}, 7), span({}, 8, name="")),
    body(),
    body(call(9), span(CHAT, 10)),  # without messages
    body(span(CHAT, 11, parent=12)),  # the span around it did not come along
    body(span(CALL, 13, parent=14, name="chat"), span({"a": 1}, 14, name="answer mail")),
    body(call(15, **{"gen_ai.request.temperature": "warm", "gen_ai.usage.input_tokens": "12"})),
    body(call(16, **{"gen_ai.input.messages": "[cut off"})),
    body(call(17, **{"gen_ai.input.messages": "[3]"})),
    body(call(18, "My card is 4111 1111 1111 1111 and my key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD")),
    body(call(19, **{"gen_ai.response.id": "r-1"})),
    body(call(20, **{"gen_ai.response.id": "r-1"})),
    body(span(CHAT | {"gen_ai.response.id": "r-1"}, 21)),
    body(call(22, "x" * 100_000)),
    body(*(call(number) for number in range(100, 170))),
    body(call(23, "a\x00b"), call(24)),
    body(span(CALL, 25, trace_id=b"short"), call(26)),
    body(call(27, **{"promptlode.path": "/users/123/chat"})),
    b"", b"\x0a", b"no protobuf", body(call(28))[:-3], body(call(29)).replace(b"refund", b"ref\xff\xfed"),
]  # fmt: skip


def test_any_export_is_answered_stored_and_counted_as_by_flask(twins: Twins) -> None:
    for data in (*EXPORTS, *EXPORTS, body(call(900), ticket(901))):
        send(twins, data)
    assert len(same(twins)) > 80


def test_exports_in_json_are_answered_as_by_flask(twins: Twins) -> None:
    good = json_format.MessageToDict(export(call(1), ticket(2)))
    for spans in good["resourceSpans"][0]["scopeSpans"]:
        for span_fields in spans["spans"]:
            span_fields |= {name: base64.b64decode(span_fields[name]).hex() for name in ("traceId", "spanId")}
    for data in (good, good, {}, [], {"resourceSpans": 3}, {"resourceSpans": [{"scopeSpans": {"spans": 1}}]}):
        send(twins, orjson.dumps(data), kind="application/json")
    for text in (b"", b"{", b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\\ud800"}]}]}]}', b"[" * 3000):
        send(twins, text, kind="application/json; charset=utf-8")
    assert len(same(twins)) == 2


def _recorded() -> Iterator[tuple[str, bytes, str]]:
    for sender in SENDERS:
        for request in recordings.read_recording(sender.slug)["requests"]:
            path, headers = request["path"], {name.lower(): value for name, value in request["headers"].items()}
            if request["method"] == "POST" and path.endswith("v1/traces") and "content-encoding" not in headers:
                yield path, base64.b64decode(request["body"]), headers["content-type"]


def test_exports_of_real_clients_are_answered_stored_and_counted_as_by_flask(twins: Twins) -> None:
    for path, data, kind in _recorded():
        send(twins, data, path, kind)
    assert len(same(twins)) > 50


def test_exports_of_one_moment_share_a_statement(twins: Twins, statements: list[int]) -> None:
    for number in (1, 2):
        twins.front.post(twins.front_key, body(call(number), ticket(50 + number)), URL, **{"content-type": PROTOBUF})
    del statements[:]
    answers = twins.front.post_together(
        [(twins.front_key, body(call(number), ticket(100 + number))) for number in range(10, 26)], URL, PROTOBUF
    )
    assert {(answer.status, answer.data) for answer in answers} == {(200, b"")}
    assert sum(statements) == 32
    assert max(statements) > 8
    assert len(twins.rows()[1]) == 36


def test_two_signals_of_one_answer_at_one_moment_leave_the_other_calls_in_their_statement(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins.front.post(twins.front_key, body(call(1)), URL, **{"content-type": PROTOBUF})
    stored: list[int] = []
    insert = together.insert_current

    async def counting(connection: Any, rows: Any) -> Any:
        stored_ids = await insert(connection, rows)
        stored.append(len(stored_ids))
        return stored_ids

    monkeypatch.setattr(together, "insert_current", counting)
    signals = [body(call(number, **{"gen_ai.response.id": "r-1"})) for number in (2, 3)]
    further = [body(call(number, **{"gen_ai.response.id": f"r-{number}"})) for number in range(10, 16)]
    answers = twins.front.post_together([(twins.front_key, data) for data in (*signals, *further)], URL, PROTOBUF)
    assert {(answer.status, answer.data) for answer in answers} == {(200, b"")}
    assert sum(stored) == len(further) + 1


def test_a_span_beside_a_call_of_its_trace_that_is_stored_already_is_read_by_flask(
    twins: Twins, statements: list[int]
) -> None:
    """Two instrumentations export one call: the statement keeps the second span out, since both are the same call."""
    for data in (body(span(CALL, 1, parent=2)), body(span(CALL, 2)), body(span(CALL, 3))):
        send(twins, data)
    assert len(same(twins)) == 2
    assert statements


def test_a_version_that_changed_costs_no_call(twins: Twins) -> None:
    for number in (1, 2):
        send(twins, body(ticket(number)))
    for name in ("flask", "front"):
        with transaction(twins.engine) as connection:
            owner = projects.get_or_create(connection, name)
        know(twins.engine, Project(owner.id, name), "/known", "", "Hello {{name}}, how are you?")
    send(twins, body(ticket(3), call(4), ticket(5)))
    assert len(same(twins)) == 5


def test_a_revoked_key_stores_nothing_from_that_moment_on(twins: Twins) -> None:
    for number in (1, 2):
        send(twins, body(call(number)))
    with transaction(twins.engine) as connection:
        connection.execute(update(tables.api_key).values(revoked_at=func.now()))
    for number in (3, 4):
        send(twins, body(call(number)))
    assert len(same(twins)) == 2


def test_a_project_that_moves_is_told_to_come_back_in_protobuf(twins: Twins) -> None:
    for number in (1, 2):
        send(twins, body(call(number)))
    with transaction(twins.engine) as connection:
        ids = connection.execute(select(tables.project.c.id)).scalars().all()
        moves = [{"project_id": project_id, "state": "moved", "peer": ""} for project_id in ids]
        connection.execute(tables.project_move.insert(), moves)
    send(twins, body(call(3)))
    assert len(same(twins)) == 2


def test_an_export_is_counted_against_every_rate_once(environment: dict[str, str], engine: Any) -> None:
    limited = Settings(
        database_url=environment["DATABASE_URL"], redis_url=environment["REDIS_URL"], rate_traces=2, rate_ingest=100
    )
    key, app = new_key(engine, "shop"), create_app(limited)
    with in_front(app, limited) as front:
        exports = [body(call(2 * number), call(2 * number + 1)) for number in range(1, 13)]
        answers = [front.post(key, data, URL, **{"content-type": PROTOBUF}) for data in exports]
    assert [answer.status for answer in answers] == [200] * 10 + [429] * 2
    assert answers[-1].headers["content-type"] == PROTOBUF
    assert int(answers[-1].headers["retry-after"]) > 0
    app.extensions[EXTENSION].engine.dispose()


def test_the_log_says_what_was_not_stored_as_by_flask(
    twins: Twins, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "SAID_EVERY", 0.0)  # a test before may have had the same message within the minute
    send(twins, body(call(1)))
    send(twins, body(span(CHAT, 2), call(3)))
    messages = [record.getMessage() for record in caplog.records if "otlp_spans_not_stored" in record.getMessage()]
    assert len(messages) == 2
    assert all("LLM spans hold no messages" in message for message in messages)


def test_a_reader_that_breaks_leaves_the_export_to_flask(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    send(twins, body(call(1)))
    monkeypatch.setattr(quick_spans, "spans_of", broken)
    for number in (2, 3):
        send(twins, body(call(number)))
    assert len(same(twins)) == 3


def test_an_export_of_the_most_spans_is_read_here(twins: Twins, statements: list[int]) -> None:
    most = quick_spans.QUICK_SPANS
    for spans in ([call(1)], [call(2)], [call(number) for number in range(3, 3 + most)]):
        assert twins.front.post(twins.front_key, body(*spans), URL, **{"content-type": PROTOBUF}).status == 200
    assert statements[-1:] == [most]
    assert len(twins.rows()[1]) == 2 + most
