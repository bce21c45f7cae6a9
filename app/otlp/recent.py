"""Recent answers, by the id that their provider gave them.

Two signals that describe one call may share no other id: a span and a log event that does not know its span, or two instrumentations whose
spans have no common parent. Redis shares the answers among all web processes (`promptlode:told:{project}:{digest}`: ids and digests, which
expire); while it is down each process knows its own. This is best effort: two signals that reach two processes in the same moment are both
stored; in one process the second one waits (`app.otlp.under_way`).
"""

import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from app.cache import Cache
from app.otlp.deduplication import CallSpan
from app.otlp.under_way import UnderWay

SECONDS_OF_A_CALL = 600
"""Seconds for which an answer is kept: signals of one call are sent within seconds of each other, and exporters retry for minutes."""

MOST_CALLS_KEPT = 50_000
"""Answers kept in each process, about 10 MB."""

SECONDS_OF_SILENCE = 5.0
"""Seconds for which a Redis that did not answer is left alone: one export waits for it, not every one."""


class CallNote(NamedTuple):
    """The signal that described an answer: the id of its span, a digest of all texts, and the instrumentation."""

    span_id: str
    texts: str
    scope: str


class Recent:
    """The answers, by project; safe to share between threads.

    redis: None for an import, which would fill Redis with the answers of years.
    """

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._own: Cache[str, CallNote] = Cache(MOST_CALLS_KEPT, SECONDS_OF_A_CALL)
        self._silent_until = 0.0
        self.under_way = UnderWay()

    def mark(self, project_id: UUID, call_spans: Iterable[CallSpan]) -> None:
        """Mark call spans as covered whose answer another signal has described: call spans without messages, and those with the same messages
        by another instrumentation.
        """
        with_response_id = [call_span for call_span in call_spans if call_span.response_id is not None]
        notes = self._notes([_key(project_id, call_span) for call_span in with_response_id])
        for call_span, note in zip(with_response_id, notes, strict=True):
            call_span.covered = note is not None and _is_told_again(note, call_span)

    def note(self, project_id: UUID, call_spans: Iterable[CallSpan]) -> None:
        """Remember these call spans; the first one of an answer stays."""
        fresh = {
            _key(project_id, call_span): CallNote(call_span.id, _digest(*call_span.texts), call_span.scope)
            for call_span in call_spans
            if call_span.response_id and call_span.has_content
        }
        if not fresh:
            return
        for key, note in fresh.items():
            if self._own.fresh(key) is None:
                self._own.keep(key, note)
        self._share(fresh)

    def _notes(self, keys: Sequence[str]) -> list[CallNote | None]:
        own_notes = [self._own.fresh(key) for key in keys]
        if None not in own_notes:
            return own_notes
        return [own_note or shared_note for own_note, shared_note in zip(own_notes, self._shared(keys), strict=True)]

    # --- with the other processes

    def _shared(self, keys: Sequence[str]) -> list[CallNote | None]:
        if self._redis is not None and time.monotonic() >= self._silent_until:
            try:
                return [_parsed_note(value) for value in self._redis.mget(keys)]
            except RedisError:
                self._silent_until = time.monotonic() + SECONDS_OF_SILENCE
        return [None] * len(keys)

    def _share(self, fresh: dict[str, CallNote]) -> None:
        if self._redis is None or time.monotonic() < self._silent_until:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for key, note in fresh.items():
                    pipeline.set(key, "\n".join(note), ex=SECONDS_OF_A_CALL, nx=True)
                pipeline.execute()
        except RedisError:
            self._silent_until = time.monotonic() + SECONDS_OF_SILENCE


def _is_told_again(note: CallNote, call_span: CallSpan) -> bool:
    if note.span_id == call_span.id:
        return False
    return not call_span.has_content or (note.scope != call_span.scope and note.texts == _digest(*call_span.texts))


def _key(project_id: UUID, call_span: CallSpan) -> str:
    return f"promptlode:told:{project_id}:{_digest(str(call_span.response_id))}"


def _digest(*texts: str) -> str:
    """A short digest, the same in every process."""
    digest = blake2b(digest_size=12)
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _parsed_note(value: bytes | str | None) -> CallNote | None:
    if value is None:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    span_id, _, further_lines = text.partition("\n")
    texts, _, scope = further_lines.partition("\n")
    return CallNote(span_id, texts, scope)
