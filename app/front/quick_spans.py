"""The quick way of small OpenTelemetry exports: an app that exports every span at once, or a few spans every few seconds.

Stored calls of the same OpenTelemetry traces, or with the same answers, are not read here. The statement that stores the calls checks
whether there are any; if so, Flask handles the export. An export without calls stores nothing, so its key is not looked up.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import orjson
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.config import Settings
from app.errors import DatabaseDownError
from app.front.answers import Answer, NotQuick, QuickRequest, answer_of, answer_with
from app.front.storing import CallToStore, Storing
from app.http.counting import has_more_values
from app.http.problem import of_outage
from app.http.services import EXTENSION, Services
from app.intake.recorded import Recorded
from app.otlp import counting, wire
from app.otlp.known import KnownCalls
from app.otlp.recent import notes_of
from app.otlp.routes import as_status
from app.otlp.spans import spans_of
from app.otlp.translate import Export, ExportReading

QUICK_SPANS = 64
"""Spans of an export: reading a call takes 0.1 ms, during which every other request waits."""


class QuickSpans:
    """Answers exports of spans."""

    media_types: tuple[str, ...] = (wire.PROTOBUF, wire.JSON)

    def __init__(self, app: Flask, settings: Settings, storing: Storing) -> None:
        services: Services = app.extensions[EXTENSION]
        self._limits = services.limits
        self._settings = settings
        self._storing = storing
        self._engine = services.engine
        self._counts = counting.counts_of(app)
        self._thread = ThreadPoolExecutor(1, "recent")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    async def answer(self, request: QuickRequest) -> Answer | NotQuick:
        """The answer to the export, or NotQuick."""
        reading = self._reading(request)
        if reading is None:
            return NotQuick()
        try:
            await self._mark(request, reading)
            export = reading.export()
            if not _looks_at_all(export, reading):
                return NotQuick()
            stored = await self._storing.store(request, _calls_of(request, export))
            if isinstance(stored, NotQuick):
                return stored
            await self._storing.accepted(request, _newest_of_each_group(stored))
        except DatabaseDownError as error:
            return answer_of(as_status(of_outage(error), request.media_type))
        return self._answer(request, export)

    def _answer(self, request: QuickRequest, export: Export) -> Answer:
        message = export.summary()
        counting.count(self._counts, export, request.holder.project_name, message)
        response = wire.response(len(export.refusals), message)
        return answer_with(200, request.media_type, wire.encoded(response, request.media_type))

    async def _mark(self, request: QuickRequest, reading: ExportReading) -> None:
        """Mark, in a thread, the spans without messages whose answer another signal described; of the other spans the statement finds it."""
        empty = [call_span for call_span in reading.call_spans if call_span.response_id and not call_span.has_content]
        if empty:
            mark = KnownCalls(self._engine, request.holder.project_id).mark
            await asyncio.get_running_loop().run_in_executor(self._thread, mark, empty)

    def _reading(self, request: QuickRequest) -> ExportReading | None:
        """The spans of the body; None when Flask must refuse the body or it holds too many spans."""
        try:
            exported = self._parsed(request)
            if exported is None or exported.left_out or _number_of_spans(exported.message) > QUICK_SPANS:
                return None
            return ExportReading(spans_of(exported.message), self._settings.otlp_path_attribute, self._limits)
        except Exception:  # noqa: BLE001  Flask comes to the same, and has an answer to it
            return None

    def _parsed(self, request: QuickRequest) -> wire.Decoded[ExportTraceServiceRequest] | None:
        if request.media_type == wire.PROTOBUF:
            return wire.valid_protobuf(request.body, ExportTraceServiceRequest)
        if has_more_values(request.body, self._settings.max_json_values):
            return None
        return wire.valid_json(orjson.loads(request.body), ExportTraceServiceRequest)


def _number_of_spans(exported: ExportTraceServiceRequest) -> int:
    return sum(len(scope.spans) for resource in exported.resource_spans for scope in resource.scope_spans)


def _looks_at_all(export: Export, reading: ExportReading) -> bool:
    """Whether the statement checks every OpenTelemetry trace in which a span describes a call; it checks only traces that get a row."""
    return {call_span.trace_id for call_span in reading.call_spans} <= {
        call_span.trace_id for call_span in export.call_spans
    }


def _calls_of(request: QuickRequest, export: Export) -> list[CallToStore]:
    notes = notes_of(request.holder.project_id, export.call_spans)
    return [
        CallToStore(incoming, call_span.trace_id, note)
        for incoming, call_span, note in zip(export.incoming, export.call_spans, notes, strict=True)
    ]


def _newest_of_each_group(stored: list[Recorded]) -> list[Recorded]:
    """The owed calls, one for each group: a group is requested once."""
    return list({row.group.id: row for row in stored if row.state == "owed"}.values())
