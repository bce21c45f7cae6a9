"""Imported spans: one call is one trace, whichever lines, files and exports its spans came in."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Engine, select

from app.config import Settings
from app.store import tables
from app.store.engine import transaction
from tests.app.api_helpers import client_with, new_key, stored
from tests.app.cli_helpers import Cli, log_of
from tests.app.otlp_helpers import CALL, CHAT, START, export, send, span

ANSWER = {"gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Soon."}]}]'}
LATE = {"start_time_unix_nano": START + 7 * 10**9, "end_time_unix_nano": START + 7 * 10**9}
INNER, OUTER = span(CALL, 2, parent=1), span(CALL, 1)


def line(*spans: Span) -> dict[str, Any]:
    """A line of the collector's file exporter, which writes ids in hex."""
    exported = MessageToDict(export(*spans))
    for exported_span in exported["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in {"traceId", "spanId", "parentSpanId"} & exported_span.keys():
            exported_span[name] = base64.b64decode(exported_span[name]).hex()
    return exported


@pytest.mark.parametrize("spans", [(INNER, OUTER), (OUTER, INNER)], ids=["inner first", "outer first"])
def test_nested_spans_of_one_call_are_one_trace_in_one_file_and_in_two(
    cli: Cli, engine: Engine, tmp_path: Path, spans: tuple[Span, Span]
) -> None:
    together = cli("import", "--project", "one", log_of(tmp_path, *map(line, spans)))
    assert (together.returncode, stored(engine)) == (0, 1)
    for part in spans:
        assert cli("import", "--project", "two", log_of(tmp_path, line(part))).returncode == 0
    assert stored(engine) == 2


def test_a_span_whose_call_was_exported_before_is_known(
    cli: Cli, engine: Engine, tmp_path: Path, settings: Settings, webs: Callable[..., Flask]
) -> None:
    send(client_with(webs(settings), new_key(engine, "shop")), INNER)
    result = cli("import", "--project", "shop", log_of(tmp_path, line(INNER, OUTER)))
    assert b"0 traces stored in project shop, 1 were known already." in result.stderr
    assert stored(engine) == 1


def test_an_answer_in_a_later_file_is_added_to_its_call(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    cli("import", log_of(tmp_path, line(span(CALL, 1, parent=9))))
    cli("import", log_of(tmp_path, line(span(CALL | ANSWER, 2, parent=9, **LATE))))
    with transaction(engine) as connection:
        outputs = connection.execute(select(tables.trace.c.output)).scalars().all()
    assert outputs == [[{"role": "assistant", "content": "Soon."}]]


def test_a_span_that_is_not_stored_is_named_with_its_line_also_beside_calls_of_other_lines(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    other_trace = {"trace_id": bytes(range(2, 18))}
    lines = [line(span(CALL, 1)), line(span(CHAT, 3, **other_trace)), line(span(CALL, 4, trace_id=b"\0" * 16))]
    result = cli("import", log_of(tmp_path, *lines))
    assert b"line 2: 1 of 1 spans were not stored. 1 LLM spans hold no messages;" in result.stderr
    assert b"line 3: 1 of 1 spans were not stored. Span " in result.stderr
    assert (result.returncode, stored(engine)) == (1, 1)


def test_a_line_whose_service_has_a_faulty_attribute_is_stored_and_not_refused(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    exported = line(INNER)
    faulty = {"key": "instance", "value": {"intValue": "word"}}
    exported["resourceSpans"][0]["resource"]["attributes"].append(faulty)
    result = cli("import", log_of(tmp_path, exported))
    assert b"line 1: Left out, as it cannot be read: resourceSpans.resource.attributes" in result.stderr
    assert b"Of 1 line something was left out." in result.stderr
    assert (b"refused" in result.stderr, result.returncode, stored(engine)) == (False, 0, 1)


def test_importing_spans_again_stores_nothing_twice(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    file = log_of(tmp_path, line(INNER), line(OUTER), line(INNER))
    for _ in range(2):
        assert cli("import", file).returncode == 0
    assert stored(engine) == 1
