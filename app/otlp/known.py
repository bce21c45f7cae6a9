"""The stored calls of the OpenTelemetry traces of an export: another span of the same call may have been in an earlier export."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy import Engine

from app.intake.prompts import INPUT_FIELDS
from app.otlp.deduplication import CallSpan
from app.otlp.dialects import SpanKind
from app.otlp.recent import Recent
from app.otlp.translate import PARENT, SCOPE, Export
from app.otlp.under_way import Answers, answers_of
from app.store import otel_traces
from app.store.engine import transaction

_SAID = ("output", "usage", "error", "started_at", "completed_at", "conversation_id", "user_id", "model")


class KnownCalls:
    """The stored calls of a project that one export may describe again."""

    def __init__(self, engine: Engine, project_id: UUID, recent: Recent) -> None:
        self._trace_ids: frozenset[str] = frozenset()
        self._stored_ids: frozenset[str] = frozenset()
        self._answers: Answers | None = None
        self._engine = engine
        self._project_id = project_id
        self._recent = recent

    def __call__(self, call_spans: Iterable[CallSpan]) -> list[CallSpan]:
        """The stored call spans of the same OpenTelemetry traces; marks call spans whose call another signal described. Raises
        DatabaseDownError.
        """
        call_spans = list(call_spans)
        if self._answers is None:  # an export may be read again, then under locks
            self._answers = self._recent.under_way.take(answers_of(self._project_id, call_spans))
        self._recent.mark(self._project_id, call_spans)
        self._trace_ids = frozenset(call_span.trace_id for call_span in call_spans)
        with transaction(self._engine) as connection:
            stored = otel_traces.of_traces(connection, self._project_id, self._trace_ids)
        self._stored_ids = stored.external_ids
        return [_call_span(row) for row in stored.calls]

    def seen_traces(self, export: Export) -> otel_traces.SeenTraces:
        """The calls known when the export was read, together with its own."""
        return otel_traces.SeenTraces(
            self._trace_ids, self._stored_ids.union(call_span.id for call_span in export.call_spans)
        )

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Within the block, no other transaction stores calls of the export's OpenTelemetry traces. Raises DatabaseDownError."""
        with transaction(self._engine) as connection:
            otel_traces.hold(connection, self._project_id, self._trace_ids)
            yield

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Within the block, no other export of this process describes the answers of this one."""
        try:
            yield
        finally:
            self._recent.under_way.give_back(self._answers or frozenset())

    def note(self, call_spans: Iterable[CallSpan]) -> None:
        """Remember the call spans of the calls just stored."""
        self._recent.note(self._project_id, call_spans)


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
