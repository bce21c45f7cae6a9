"""The stored calls that an export may describe again: calls of its OpenTelemetry traces, and calls with one of its answers."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy import Connection, Engine

from app.intake.prompts import INPUT_FIELDS
from app.otlp import recent
from app.otlp.deduplication import CallSpan
from app.otlp.dialects import SpanKind
from app.otlp.translate import PARENT, SCOPE, Export
from app.store import otel_traces, recent_answers
from app.store.engine import transaction
from app.store.recent_answers import AnswerNote

_SAID = ("output", "usage", "error", "started_at", "completed_at", "conversation_id", "user_id", "model")


class KnownCalls:
    """The stored calls of a project that one export may describe again."""

    def __init__(self, engine: Engine, project_id: UUID) -> None:
        self._trace_ids: frozenset[str] = frozenset()
        self._stored_ids: frozenset[str] = frozenset()
        self._keys_told: frozenset[tuple[int, int]] = frozenset()
        self._engine = engine
        self._project_id = project_id

    def __call__(self, call_spans: Iterable[CallSpan]) -> list[CallSpan]:
        """The stored call spans of the same OpenTelemetry traces; marks call spans whose call another signal described. Raises
        DatabaseDownError.
        """
        call_spans = list(call_spans)
        self._trace_ids = frozenset(call_span.trace_id for call_span in call_spans)
        with transaction(self._engine) as connection:
            self._mark(connection, call_spans)
            stored = otel_traces.of_traces(connection, self._project_id, self._trace_ids)
        self._stored_ids = stored.external_ids
        return [_call_span(row) for row in stored.calls]

    def mark(self, call_spans: Sequence[CallSpan]) -> None:
        """Mark call spans whose call another signal described. Raises DatabaseDownError."""
        with transaction(self._engine) as connection:
            self._mark(connection, call_spans)

    def _mark(self, connection: Connection, call_spans: Sequence[CallSpan]) -> None:
        known_notes = recent_answers.of_answers(connection, recent.answers_of(self._project_id, call_spans))
        recent.mark(self._project_id, call_spans, known_notes)
        self._keys_told = frozenset(note.key for note in known_notes)

    def seen_traces(self, export: Export) -> otel_traces.SeenTraces:
        """The calls known when the export was read, together with its own."""
        return otel_traces.SeenTraces(
            self._trace_ids, self._stored_ids.union(call_span.id for call_span in export.call_spans)
        )

    def new_answers(self, call_spans: Iterable[CallSpan]) -> list[AnswerNote]:
        """The notes of the answers of these calls that nobody had told when the export was read."""
        notes = recent.notes_of(self._project_id, call_spans)
        return [note for note in notes if note is not None and note.key not in self._keys_told]

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Within the block, no other transaction stores calls of the export's OpenTelemetry traces. Raises DatabaseDownError."""
        with transaction(self._engine) as connection:
            otel_traces.hold(connection, self._project_id, self._trace_ids)
            yield


def _call_span(row: SimpleNamespace) -> CallSpan:
    metadata = row.metadata or {}
    trace_id = str(row.external_id).partition(":")[0]
    parent = metadata.get(PARENT)
    body = {name: value for name in INPUT_FIELDS if (value := (row.input or {}).get(name)) is not None}
    body |= {name: value for name in _SAID if (value := getattr(row, name)) is not None}
    body["metadata"] = metadata
    ancestors = [f"{trace_id}:{parent}"] if parent else []
    scope = str(metadata.get(SCOPE, ""))
    return CallSpan(
        row.external_id,
        ancestors,
        scope,
        SpanKind.CALL,
        body,
        stored=True,
        row=row.id,
        further_ids=otel_traces.also_of(metadata),
    )
