"""One call is one trace, also when its spans come in several exports of the same moment, to one web process or to two.

A lock on the tables of calls holds back every statement that stores, so every export has looked at the stored calls
before any export stores.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Engine, select, text

from app.config import Settings
from app.store import tables
from app.store.engine import transaction
from tests.app.api_helpers import new_key, wait_for
from tests.app.front_client import Answer, FrontClient, in_front
from tests.app.otlp_helpers import CALL, PROTOBUF, URL, export, span

SAID = '[{"role": "assistant", "parts": [{"type": "text", "content": "Soon."}]}]'
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@dataclass
class Webs:
    """Two web processes in one, with nothing in common but their servers, and a key of a project."""

    engine: Engine
    fronts: Sequence[FrontClient]
    key: str

    def start(self, front: int, *spans: Span, **headers: str) -> "Future[Answer]":
        data = export(*spans).SerializeToString()
        return self.fronts[front].start(self.key, data, URL, **{"content-type": PROTOBUF, **headers})

    def send(self, front: int, *spans: Span) -> None:
        assert self.start(front, *spans).result(180).status == 200

    def calls(self) -> list[Any]:
        """The stored traces of the calls."""
        with transaction(self.engine) as connection:
            columns = (tables.trace.c.external_id, tables.trace.c.output, tables.trace.c.metadata)
            return list(connection.execute(select(*columns).order_by(tables.trace.c.id)))

    @contextmanager
    def held_back(self, waiting: int) -> Iterator[None]:
        """Requests within the block can read stored traces, and cannot store. The block ends when `waiting` requests wait."""
        with transaction(self.engine) as connection:
            connection.execute(text("LOCK TABLE trace, trace_external_id IN EXCLUSIVE MODE"))
            yield
            wait_for(lambda: connection.execute(text(WAITING)).scalar_one() >= waiting)


@pytest.fixture
def pair(settings: Settings, engine: Engine, webs: Callable[..., Flask]) -> Iterator[Webs]:
    apps = webs(settings, 1), webs(settings, 2)
    with ExitStack() as stack:
        pair = Webs(engine, [stack.enter_context(in_front(app, settings)) for app in apps], new_key(engine, "shop"))
        for front in (0, 1, 0, 1):  # afterwards each process has key, rules and group in its cache
            pair.send(front, alone(front + 1))
        yield pair


def alone(number: int) -> Span:
    """A call in an OpenTelemetry trace of its own."""
    return span(CALL, number, trace_id=number.to_bytes(16, "big"))


def answered(number: int) -> Span:
    """A call whose answer has the same id for every number, in an OpenTelemetry trace of its own."""
    return span(CALL | {"gen_ai.response.id": "chatcmpl-1"}, number, trace_id=number.to_bytes(16, "big"))


def many(number: int) -> list[Span]:
    """More calls than the quick way takes, each in an OpenTelemetry trace of its own."""
    return [alone(number + offset) for offset in range(100)]


PARENT, CHILD = span(CALL, 1), span(CALL, 2, parent=1)


def test_parent_and_child_that_reach_one_process_in_one_moment_are_one_call(pair: Webs) -> None:
    data = [(pair.key, export(sent_span).SerializeToString()) for sent_span in (PARENT, CHILD)]
    answers = pair.fronts[0].post_together(data, URL, PROTOBUF)
    assert [answer.status for answer in answers] == [200, 200]
    assert len(pair.calls()) == 2 + 1


@pytest.mark.parametrize("beside", [[], many(1000)], ids=["quick", "by Flask"])
@pytest.mark.parametrize("other_spans", [[], many(2000)], ids=["quick", "by Flask"])
def test_parent_and_child_that_reach_two_processes_in_one_moment_are_one_call(
    pair: Webs, beside: list[Span], other_spans: list[Span]
) -> None:
    with pair.held_back(2):
        answers = [pair.start(0, PARENT, *beside), pair.start(1, CHILD, *other_spans)]
    assert [answer.result(180).status for answer in answers] == [200, 200]
    assert len(pair.calls()) == 2 + 1 + len(beside) + len(other_spans)


def of_two_instrumentations(beside: list[Span], beside_other: list[Span]) -> list[bytes]:
    """Two exports of one call whose spans share nothing but the id of the answer."""
    exports = [export(answered(number), *spans) for number, spans in ((11, beside), (12, beside_other))]
    exports[1].resource_spans[0].scope_spans[0].scope.name = "another instrumentation"
    return [request.SerializeToString() for request in exports]


@pytest.mark.parametrize("beside", [[], many(1000)], ids=["quick", "by Flask"])
def test_two_instrumentations_that_share_only_the_answers_id_in_one_moment_are_one_call(
    pair: Webs, beside: list[Span]
) -> None:
    data = [(pair.key, body) for body in of_two_instrumentations(beside, beside)]
    answers = pair.fronts[0].post_together(data, URL, PROTOBUF)
    assert [answer.status for answer in answers] == [200, 200]
    assert len(pair.calls()) == 2 + 1 + len(beside)


@pytest.mark.parametrize("beside", [[], many(1000)], ids=["quick", "by Flask"])
@pytest.mark.parametrize("other_spans", [[], many(2000)], ids=["quick", "by Flask"])
def test_two_instrumentations_that_share_only_the_answers_id_at_two_processes_in_one_moment_are_one_call(
    pair: Webs, beside: list[Span], other_spans: list[Span]
) -> None:
    with pair.held_back(2):
        answers = [
            front.start(pair.key, body, URL, **{"content-type": PROTOBUF})
            for front, body in zip(pair.fronts, of_two_instrumentations(beside, other_spans), strict=True)
        ]
    assert [answer.result(180).status for answer in answers] == [200, 200]
    assert len(pair.calls()) == 2 + 1 + len(beside) + len(other_spans)


def test_calls_whose_answers_all_have_the_same_id_are_all_stored(pair: Webs) -> None:
    """A provider without ids of its own: the spans of one instrumentation are calls of their own."""
    with pair.held_back(2):
        answers = [pair.start(number % 2, answered(10 + number)) for number in range(4)]
    assert [answer.result(180).status for answer in answers] == [200] * 4
    assert len(pair.calls()) == 2 + 4


def test_many_exports_of_one_trace_in_one_moment_are_all_stored(pair: Webs) -> None:
    """Each span is another call of one agent: exports that waited look again, and all are stored."""
    messages = [json.dumps([{"role": "user", "content": f"Question {number}"}]) for number in range(24)]
    spans = [span(CALL | {"gen_ai.input.messages": message}, number) for number, message in enumerate(messages, 1)]
    with pair.held_back(2):
        answers = [pair.start(number % 2, span_of_trace) for number, span_of_trace in enumerate(spans)]
    assert {answer.result(180).status for answer in answers} == {200}
    assert len(pair.calls()) == 2 + 24


def test_two_answers_in_one_moment_end_two_calls(pair: Webs) -> None:
    """The same prompt twice at once: each request gets one of the answers, and none is overwritten."""
    pair.send(0, span(CALL, 1, parent=9), span(CALL, 2, parent=9))
    with pair.held_back(2):
        answers = [
            pair.start(number, span(CALL | {"gen_ai.output.messages": SAID}, 5 + number, parent=9)) for number in (0, 1)
        ]
    assert [answer.result(180).status for answer in answers] == [200, 200]
    assert [bool(call.output) for call in pair.calls()[2:]] == [True, True]


def test_a_call_with_an_id_of_its_caller_that_comes_twice_in_one_moment_is_stored_once(pair: Webs) -> None:
    call = {"model": "m", "path": "/p", "input": "Hi", "external_id": "once"}
    for number in (0, 1, 0, 1):
        pair.fronts[number].post(pair.key, call | {"external_id": None})
    with pair.held_back(2):
        answers = [pair.fronts[number].start(pair.key, call) for number in (0, 1)]
    assert sorted(answer.result(180).status for answer in answers) == [200, 201]
    assert len({answer.result(180).json["id"] for answer in answers}) == 1
