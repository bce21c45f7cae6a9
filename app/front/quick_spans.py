"""The quick way of small OpenTelemetry exports: an app that exports every span at once, or a few spans every few seconds.

Stored calls of the same OpenTelemetry traces are not read here.  The statement that stores the calls checks whether there are any; if so,
Flask handles the export.  An export without calls stores nothing, so its key is not looked up.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.config import Settings
from app.errors import DatabaseDownError
from app.front.answers import Answer, Asked, NotQuick, answer_of, answer_with
from app.front.storing import Call, Storing
from app.http.counting import has_more_values
from app.http.problem import of_outage
from app.http.services import EXTENSION, Services
from app.intake.record import Recorded
from app.otlp import counting, wire
from app.otlp.known import recent_of
from app.otlp.routes import as_status
from app.otlp.spans import spans_of
from app.otlp.translate import Export, Reading

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
        self._recent = recent_of(app, settings)
        self._counts = counting.counts_of(app)
        self._thread = ThreadPoolExecutor(1, "recent")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    async def answer(self, asked: Asked) -> Answer | NotQuick:
        """The answer to the export, or NotQuick."""
        reading = self._read(asked)
        if reading is None:
            return NotQuick()
        is_answered = any(telling.response_id for telling in reading.tellings)
        if is_answered:
            await self._aside(self._recent.mark, asked.holder.project_id, reading.tellings)
        export = reading.export()
        if not _looks_at_all(export, reading):
            return NotQuick()
        try:
            stored = await self._storing.stored(asked, _calls_of(export))
            if isinstance(stored, NotQuick):
                return stored
            await self._storing.accepted(asked, _newest_of_each_group(stored))
        except DatabaseDownError as error:
            return answer_of(as_status(of_outage(error), asked.media_type))
        if is_answered:
            await self._aside(self._recent.note, asked.holder.project_id, export.tellings)
        return self._said(asked, export)

    def _said(self, asked: Asked, export: Export) -> Answer:
        message = export.summary()
        counting.count(self._counts, export, asked.holder.project_name, message)
        said = wire.response(len(export.refusals), message)
        return answer_with(200, asked.media_type, wire.written(said, asked.media_type))

    async def _aside(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run in a thread work that may wait for Redis."""
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _read(self, asked: Asked) -> Reading | None:
        """The spans of the body; None when Flask must refuse the body or it holds too many spans."""
        try:
            sent = self._parsed(asked)
            if sent is None or sent.spoilt or sent.lack or _number_of_spans(sent.message) > QUICK_SPANS:
                return None
            return Reading(spans_of(sent.message), self._settings.otlp_path_attribute, self._limits)
        except Exception:  # noqa: BLE001  Flask comes to the same, and has an answer to it
            return None

    def _parsed(self, asked: Asked) -> wire.Sent[ExportTraceServiceRequest] | None:
        if asked.media_type == wire.PROTOBUF:
            return wire.from_protobuf(asked.body, ExportTraceServiceRequest)
        if has_more_values(asked.body, self._settings.max_json_values):
            return None
        return wire.from_json(orjson.loads(asked.body), ExportTraceServiceRequest)


def _number_of_spans(sent: ExportTraceServiceRequest) -> int:
    return sum(len(scope.spans) for resource in sent.resource_spans for scope in resource.scope_spans)


def _looks_at_all(export: Export, reading: Reading) -> bool:
    """Whether the statement checks every OpenTelemetry trace in which a span describes a call; it checks only traces that get a row."""
    return {telling.trace_id for telling in reading.tellings} <= {telling.trace_id for telling in export.tellings}


def _calls_of(export: Export) -> list[Call]:
    return [
        Call(incoming, telling.trace_id) for incoming, telling in zip(export.incoming, export.tellings, strict=True)
    ]


def _newest_of_each_group(stored: list[Recorded]) -> list[Recorded]:
    """The owed calls, one for each group: a group is requested once."""
    return list({row.group.id: row for row in stored if row.state == "owed"}.values())
