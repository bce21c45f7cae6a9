"""Stores the calls of an export together with the stored calls of the same OpenTelemetry traces; HTTP and import call this."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from app.config import Settings
from app.errors import DatabaseDownError, UnseenCallError
from app.intake.record import Ingest
from app.otlp.known import KnownCalls
from app.otlp.translate import Export
from app.store.otel_traces import SeenTraces
from app.store.projects import Project
from tasks.accept import Accepted, accept

_ALONE = threading.Lock()
"""Exports that store alone at once: each holds the traces with one connection of the pool and stores with another."""

READINGS_ALONE = 5
"""Readings of an export that stores alone. Nobody tells calls of its traces meanwhile, but a call with one of its answers may come in another
trace; an answer is told once, so a second such reading is rare.
"""


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
        export = self.read(self.known_calls)
        admit(export)
        try:
            return export, self._store(export, self.known_calls.seen_traces(export))
        except UnseenCallError:
            return self._stored_alone()

    def _stored_alone(self) -> tuple[Export, list[Accepted]]:
        """As `store`, where others stored calls of the same OpenTelemetry traces meanwhile: now they wait until this export is stored.

        Raises DatabaseDownError where a call that gets an answer is deleted meanwhile, or where others tell the export's answers again and
        again.
        """
        with _ALONE, self.known_calls.holding():
            for _ in range(READINGS_ALONE):
                export = self.read(self.known_calls)
                with suppress(UnseenCallError):
                    return export, self._store(export, SeenTraces())
            raise DatabaseDownError("Other requests change calls of the same OpenTelemetry trace at this moment.")

    def _store(self, export: Export, related: SeenTraces) -> list[Accepted]:
        """In as many transactions as the calls need."""
        accepted: list[Accepted] = []
        for start in range(0, len(export.incoming), self.settings.max_batch):
            part = slice(start, start + self.settings.max_batch)
            related_to_part = related.with_answers(self.known_calls.new_answers(export.call_spans[part]))
            accepted += accept(self.ingest, self.settings, self.project, export.incoming[part], related_to_part)
        additions = [
            (call_span.row, call_span.additions, call_span.further_ids)
            for call_span in export.completed
            if call_span.row is not None
        ]
        if additions:
            self.ingest.complete(self.project.id, additions, related)
        return accepted
