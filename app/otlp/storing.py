"""Stores the calls of an export together with the stored calls of the same OpenTelemetry traces; HTTP and import call this."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.config import Settings
from app.errors import DatabaseDownError, UnseenCallError
from app.intake.record import Ingest
from app.intake.trace import Incoming
from app.otlp.known import KnownCalls
from app.otlp.translate import Export
from app.store.otel_traces import SeenTraces
from app.store.projects import Project
from tasks.accept import Accepted, accept

_ALONE = threading.Lock()
"""Exports that store alone at once: each holds the traces with one connection of the pool and stores with another."""


@dataclass(frozen=True)
class ExportStore:
    """Stores one export of a project.

    read: reads the export with the stored calls that it may describe again.
    """

    ingest: Ingest
    settings: Settings
    project: Project
    known_calls: KnownCalls
    read: Callable[[KnownCalls], Export]

    def store(self, admit: Callable[[Export], None] = lambda _: None) -> tuple[Export, list[Accepted]]:
        """The export, whose calls are stored now, and the stored calls. admit: may raise before any call is stored."""
        with self.known_calls.settled():
            return self._stored(admit)

    def _stored(self, admit: Callable[[Export], None]) -> tuple[Export, list[Accepted]]:
        export = self.read(self.known_calls)
        admit(export)
        try:
            accepted = self._store(export, self.known_calls.seen_traces(export))
        except UnseenCallError:
            export, accepted = self._stored_alone()
        self.known_calls.note(export.call_spans)
        return export, accepted

    def _stored_alone(self) -> tuple[Export, list[Accepted]]:
        """As `store`, where others stored calls of the same OpenTelemetry traces meanwhile: now they wait until this export is stored.

        Raises DatabaseDownError where a call that gets an answer is deleted meanwhile.
        """
        with _ALONE, self.known_calls.holding():
            export = self.read(self.known_calls)
            try:
                return export, self._store(export, None)
            except UnseenCallError:
                raise DatabaseDownError(
                    "Other requests change calls of the same OpenTelemetry trace at this moment."
                ) from None

    def _store(self, export: Export, related: SeenTraces | None) -> list[Accepted]:
        """In as many transactions as the calls need."""
        accepted = [
            row
            for part in _in_batches(export.incoming, self.settings.max_batch)
            for row in accept(self.ingest, self.settings, self.project, part, related)
        ]
        additions = [
            (call_span.row, call_span.additions, call_span.further_ids)
            for call_span in export.completed
            if call_span.row is not None
        ]
        if additions:
            self.ingest.complete(self.project.id, additions, related)
        return accepted


def _in_batches(incoming: Sequence[Incoming], size: int) -> Iterator[Sequence[Incoming]]:
    """Batches of at most `size` traces: a collector may send more spans than one transaction should hold; a retry stores no span twice."""
    return (incoming[start : start + size] for start in range(0, len(incoming), size))
