"""Lines of OTLP/JSON, as the collector's file exporter and the SDKs' file exporters write them.

Each line is one export of spans or of logs, so it goes through the same reader as `POST /v1/traces` and `POST /v1/logs`, with the lines around
it as one export. Metrics are passed over.
"""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.checks import Problem
from app.cli.formats.base import Body, Fit, LogFormat, Record, RecordCalls, RecordContext, RecordSpans
from app.otlp import wire
from app.otlp.logs import spans_of_logs
from app.otlp.spans import Span, spans_of
from app.otlp.translate import Export, FindKnownCalls, read_export, read_logs

_SPANS = ("resourceSpans", "resource_spans")
_LOGS = ("resourceLogs", "resource_logs")
_METRICS = ("resourceMetrics", "resource_metrics")

SPAN, LOG_RECORD = "span", "log record"


class Otlp(LogFormat):
    """Exports of spans and of logs."""

    name = "otlp"

    def fit(self, value: Body) -> Fit:
        return Fit.CERTAIN if any(name in value for name in (*_SPANS, *_LOGS, *_METRICS)) else Fit.NO

    def take(self, record: Record, value: Body, reading: RecordContext) -> RecordCalls:
        if any(name in value for name in _METRICS):
            return RecordCalls(passed_over=1)
        if not self.fit(value):
            return RecordCalls(
                problems=[
                    Problem(
                        (),
                        "Must be one export of spans or logs in OTLP/JSON, as the OpenTelemetry Collector's file exporter writes a line.",
                    )
                ]
            )
        try:
            return RecordCalls(spans=_spans(value))
        except wire.UnreadableExportError as error:
            return RecordCalls(problems=[Problem((), str(error))])


def read_spans(spans: list[Span], noun: str, reading: RecordContext, known_calls: FindKnownCalls) -> Export:
    """The calls of the spans or log records of some records."""
    read_request = read_export if noun == SPAN else read_logs
    return read_request(spans, reading.path_attribute, reading.limits, known_calls)


def _spans(value: Body) -> RecordSpans:
    if any(name in value for name in _SPANS):
        exported = wire.from_json(value, ExportTraceServiceRequest)
        return RecordSpans(spans_of(exported.message), exported.unreadable, SPAN, exported.left_out)
    logged = wire.from_json(value, ExportLogsServiceRequest)
    return RecordSpans(spans_of_logs(logged.message), logged.unreadable, LOG_RECORD, logged.left_out)
