"""Lines of OTLP/JSON, as the collector's file exporter and the SDKs' file exporters write them.

Each line is one export, so it goes through the same reader as `POST /v1/traces`. Lines of other signals are passed over.
"""

from app.cli.formats.base import Body, Fit, Format, Reading, Record, Taken
from app.incoming import Problem
from app.otlp import wire
from app.otlp.refusal import summary
from app.otlp.spans import spans_of
from app.otlp.translate import read_export

_SPANS = ("resourceSpans", "resource_spans")
_OTHERS = ("resourceLogs", "resource_logs", "resourceMetrics", "resource_metrics")


class Otlp(Format):
    """Exports of spans."""

    name = "otlp"

    def fit(self, value: Body) -> Fit:
        return Fit.CERTAIN if any(name in value for name in (*_SPANS, *_OTHERS)) else Fit.NO

    def take(self, record: Record, value: Body, reading: Reading) -> Taken:
        if not any(name in value for name in _SPANS):
            known = any(name in value for name in _OTHERS)
            return Taken(passed_over=1) if known else Taken(problems=[Problem((), "Is no line of OTLP/JSON.")])
        try:
            export = read_export(spans_of(wire.from_json(value)), reading.path_attribute, reading.limits)
        except wire.UnreadableExportError as error:
            return Taken(problems=[Problem((), str(error))])
        said = summary(export.refusals, export.spans, maimed=0)
        return Taken(export.incoming, [Problem((), said)] if said else [], export.ignored)
