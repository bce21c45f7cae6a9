"""Recent answers, by the id that their provider gave them: which call spans describe an answer that another signal has described. Pure.

`app.store.recent_answers` keeps the notes, and says why.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from app.otlp.deduplication import CallSpan
from app.store.recent_answers import AnswerNote


def answers_of(project_id: UUID, call_spans: Iterable[CallSpan]) -> list[int]:
    """The answers that these call spans describe."""
    return [_answer(project_id, call_span) for call_span in call_spans if call_span.response_id]


def notes_of(project_id: UUID, call_spans: Iterable[CallSpan]) -> Iterator[AnswerNote | None]:
    """The note of each call span that has messages and the id of an answer; None for the others, and for a key that was there before."""
    keys = set[tuple[int, int]]()
    for call_span in call_spans:
        note = _note(project_id, call_span)
        yield None if note is None or note.key in keys else note
        if note is not None:
            keys.add(note.key)


def mark(project_id: UUID, call_spans: Iterable[CallSpan], known_notes: Iterable[AnswerNote]) -> None:
    """Mark call spans as covered whose answer another signal has described: call spans without messages, and those with the same messages
    by another instrumentation.
    """
    by_key = {note.key: note for note in known_notes}
    spans_by_answer = {note.answer: note.span for note in by_key.values()}
    if not by_key:
        return
    for call_span in call_spans:
        if call_span.response_id and not call_span.has_content:
            span = spans_by_answer.get(_answer(project_id, call_span))
            call_span.covered = span not in (None, _span(call_span))
        elif own_note := _note(project_id, call_span):
            note = by_key.get(own_note.key)
            call_span.covered = note is not None and note.span != own_note.span and note.scope != own_note.scope


def _note(project_id: UUID, call_span: CallSpan) -> AnswerNote | None:
    if not (call_span.response_id and call_span.has_content):
        return None
    return AnswerNote(
        _answer(project_id, call_span),
        _digest("\0".join(call_span.texts)),
        _span(call_span),
        _remembered_digest(call_span.scope),
    )


def _answer(project_id: UUID, call_span: CallSpan) -> int:
    return _remembered_digest(f"{project_id.hex}{call_span.response_id}")


def _span(call_span: CallSpan) -> int:
    """The id of the span itself, which is a random number of 64 bits, in 16 hex digits."""
    return _signed(bytes.fromhex(call_span.id[-16:]))


def _digest(text: str) -> int:
    """A number of 64 bits, the same in every process."""
    return _signed(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


_remembered_digest = lru_cache(2_000)(_digest)
"""Each answer of an export is looked for, then told; instrumentations are few. 0.5 MB."""


def _signed(number: bytes) -> int:
    return int.from_bytes(number, "big", signed=True)
