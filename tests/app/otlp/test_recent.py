"""Which call spans describe an answer that another signal has described."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, text, update

from app.config import Settings, with_driver
from app.errors import UnseenCallError
from app.local.postgres import PostgresServer
from app.otlp.deduplication import CallSpan
from app.otlp.dialects import SpanKind
from app.otlp.recent import answers_of, mark, notes_of
from app.store import migrate, recent_answers
from app.store.engine import make_engine, transaction
from app.store.recent_answers import AnswerNote
from app.store.tables import recent_answer

PROJECT = uuid4()
HI = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def call_span(span_id: str, scope: str, body: dict[str, object] | None = None) -> CallSpan:
    return CallSpan(span_id, [], scope, SpanKind.CALL, dict(HI if body is None else body), response_id="chatcmpl-1")


def notes(*call_spans: CallSpan) -> list[AnswerNote]:
    return [note for note in notes_of(PROJECT, call_spans) if note is not None]


def tell(engine: Engine, *new_notes: AnswerNote) -> None:
    with transaction(engine) as connection:
        recent_answers.take(connection, new_notes)


def told_of(engine: Engine, *call_spans: CallSpan) -> list[AnswerNote]:
    with transaction(engine) as connection:
        return recent_answers.of_answers(connection, answers_of(PROJECT, call_spans))


def test_an_answer_that_was_told_is_covered(engine: Engine) -> None:
    tell(engine, *notes(call_span("a:0000000000000001", "one")))
    spans = [
        call_span("b:0000000000000002", "two"),
        call_span("c:0000000000000003", "three", {"model": "m"}),
        call_span("a:0000000000000001", "one"),
        call_span("d:0000000000000004", "one"),
        call_span("e:0000000000000005", "two", HI | {"instructions": "Be brief."}),
    ]
    mark(PROJECT, spans, told_of(engine, *spans))
    assert [span.covered for span in spans] == [True, True, False, False, False]
    elsewhere = [call_span("b:0000000000000002", "two")]
    mark(uuid4(), elsewhere, told_of(engine, *spans))
    assert not elsewhere[0].covered


def test_an_answer_is_told_once(engine: Engine) -> None:
    first, second, third = (
        notes(call_span("a:0000000000000001", "one")),
        notes(call_span("b:0000000000000002", "two")),
        AnswerNote(1, 2, 3, 4),
    )
    tell(engine, *first)
    with pytest.raises(UnseenCallError):
        tell(engine, third, *second)
    assert told_of(engine, call_span("b:0000000000000002", "two")) == first
    tell(engine, third)  # the refused transaction told nothing


def test_a_key_that_comes_twice_in_an_export_is_noted_once() -> None:
    assert [
        note is not None
        for note in notes_of(PROJECT, [call_span("a:0000000000000001", "one"), call_span("b:0000000000000002", "one")])
    ] == [
        True,
        False,
    ]


def test_answers_are_forgotten_after_minutes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    span = call_span("a:0000000000000001", "one")
    tell(engine, *notes(span))
    with transaction(engine) as connection:
        recent_answers.forget_old(connection)
    assert told_of(engine, span)
    monkeypatch.setattr(recent_answers, "ANSWERS_KEPT", timedelta(0))
    with transaction(engine) as connection:
        recent_answers.forget_old(connection)
    assert not told_of(engine, span)


def age(engine: Engine, minutes: int) -> None:
    """Make all notes older, as if the reconciler had been down."""
    with transaction(engine) as connection:
        connection.execute(update(recent_answer).values(told_at=recent_answer.c.told_at - timedelta(minutes=minutes)))


def test_an_old_note_that_nobody_removed_counts_as_none(engine: Engine) -> None:
    first, second = notes(call_span("a:0000000000000001", "one")), notes(call_span("b:0000000000000002", "two"))
    tell(engine, *first)
    age(engine, minutes=11)
    assert not told_of(engine, call_span("a:0000000000000001", "one"))
    tell(engine, *second)
    assert told_of(engine, call_span("a:0000000000000001", "one")) == second
    age(engine, minutes=9)
    with pytest.raises(UnseenCallError):
        tell(engine, *first)


def test_statistics_hold_no_number_of_an_answer(engine: Engine) -> None:
    tell(engine, *(AnswerNote(number, number, number, number) for number in range(100)))
    with engine.connect() as connection:
        connection.execute(text("ANALYZE recent_answer"))
        assert sampled_columns(connection) <= {"told_at"}


def test_the_samples_of_before_are_gone_after_the_upgrade(postgres_server: PostgresServer, settings: Settings) -> None:
    url = with_driver(postgres_server.ensure_database("recent_answers"))
    migrate.upgrade(url, "recent_answers")
    engine = make_engine(settings.model_copy(update={"database_url": url}))
    tell(engine, *(AnswerNote(number, number, number, number) for number in range(100)))
    with transaction(engine) as connection:
        connection.execute(text("ANALYZE recent_answer"))
        assert "answer" in sampled_columns(connection)
    migrate.upgrade(url, "unsampled_answers")
    with transaction(engine) as connection:
        assert sampled_columns(connection) == {"told_at"}
    engine.dispose()


def sampled_columns(connection: Connection) -> set[str]:
    samples = text("SELECT attname FROM pg_stats WHERE tablename = 'recent_answer'")
    return set(connection.execute(samples).scalars())
