"""Lines of OTLP/JSON, as the collector's file exporter and the SDKs' file exporters write them.

Each line is one export of spans or of logs, so it goes through the same reader as `POST /v1/traces` and `POST /v1/logs`. Metrics are
passed over.
"""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.checks import Problem
from app.cli.formats.base import Body, Fit, LogFormat, Record, RecordCalls, RecordContext
from app.otlp import wire
from app.otlp.logs import spans_of_logs
from app.otlp.refusal import summary
from app.otlp.spans import spans_of
from app.otlp.translate import Export, read_export, read_logs

_SPANS = ("resourceSpans", "resource_spans")
_LOGS = ("resourceLogs", "resource_logs")
_METRICS = ("resourceMetrics", "resource_metrics")


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
                        "Must be one export of spans in OTLP/JSON a line, as the Collector's file exporter writes it.",
                    )
                ]
            )
        try:
            export = _export(value, reading)
        except wire.UnreadableExportError as error:
            return RecordCalls(problems=[Problem((), str(error))])
        kind = "span" if any(name in value for name in _SPANS) else "log record"
        reasons = summary(export.refusals, export.spans, noun=kind)
        return RecordCalls(
            export.incoming, [Problem((), reasons)] if reasons else [], export.ignored.total() + export.doubled
        )


def _export(value: Body, reading: RecordContext) -> Export:
    if any(name in value for name in _SPANS):
        spans = wire.from_json(value, ExportTraceServiceRequest)
        export = read_export(spans_of(spans.message), reading.path_attribute, reading.limits)
        export.refuse_spoilt(map(wire.in_words, spans.spoilt))
        return export
    records = wire.from_json(value, ExportLogsServiceRequest)
    export = read_logs(spans_of_logs(records.message), reading.path_attribute, reading.limits)
    export.refuse_spoilt(map(wire.in_words, records.spoilt))
    return export
