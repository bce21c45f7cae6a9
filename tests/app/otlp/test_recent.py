"""The other web processes know an answer that one web process was told of, and an absent Redis costs no call."""

from uuid import uuid4

from redis import Redis

from app.otlp.deduplication import CallSpan
from app.otlp.dialects import SpanKind
from app.otlp.recent import Recent

PROJECT = uuid4()
HI = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def call_span(span_id: str, scope: str, body: dict[str, object] | None = None) -> CallSpan:
    return CallSpan(span_id, [], scope, SpanKind.CALL, dict(HI if body is None else body), response_id="chatcmpl-1")


def test_an_answer_that_another_process_was_told_of_is_covered(redis_client: Redis) -> None:
    Recent(redis_client).note(PROJECT, [call_span("a:1", "one")])
    spans = [
        call_span("b:2", "two"),
        call_span("c:3", "three", {"model": "m"}),
        call_span("a:1", "one"),
        call_span("d:4", "one"),
    ]
    Recent(redis_client).mark(PROJECT, spans)
    assert [mark.covered for mark in spans] == [True, True, False, False]
    elsewhere = [call_span("b:2", "two")]
    Recent(redis_client).mark(uuid4(), elsewhere)
    assert not elsewhere[0].covered


def test_without_redis_each_process_knows_its_own() -> None:
    recent = Recent(Redis(port=1, socket_connect_timeout=0.5))
    recent.note(PROJECT, [call_span("a:1", "one")])
    next_spans = [call_span("b:2", "two")]
    recent.mark(PROJECT, next_spans)
    assert next_spans[0].covered


def test_no_text_of_a_call_is_in_redis(redis_client: Redis) -> None:
    Recent(redis_client).note(
        PROJECT, [call_span("a:1", "one", HI | {"messages": [{"role": "user", "content": "secret"}]})]
    )
    (key,) = redis_client.scan_iter("promptlode:told:*")
    assert "secret" not in key + redis_client.get(key)
    assert redis_client.ttl(key) > 0
