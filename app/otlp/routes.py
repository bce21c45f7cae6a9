"""POST of spans and of log events, as sent by every OpenTelemetry exporter and collector.

The specifications differ for failures: OTLP asks for a google.rpc.Status, our API answers problem+json. A protobuf client gets the Status,
since it reads nothing else; any other client gets the problem, which people can read.
"""

from collections.abc import Callable
from typing import Any

from flask import Response, request
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel, ConfigDict, Field

from app.http.body import check_encoding, parse_json, read_bytes
from app.http.problem import ProblemError
from app.http.routes import Routes
from app.http.services import services
from app.http.shapes import Shape
from app.otlp import wire
from app.otlp.counting import count, counts
from app.otlp.fields import has_more_fields
from app.otlp.known import KnownCalls
from app.otlp.logs import spans_of_logs
from app.otlp.spans import spans_of
from app.otlp.storing import ExportStore
from app.otlp.translate import Export, read_export, read_logs
from app.store.keys import KeyHolder
from app.store.projects import Project

routes = Routes("otlp")

PATH = "/v1/traces"
LANGFUSE_PATH = "/api/public/otel/v1/traces"


class ExportTraces(BaseModel):
    """OTLP's ExportTraceServiceRequest; its fields are those of opentelemetry-proto."""

    model_config = ConfigDict(extra="allow")

    resource_spans: list[dict[str, Any]] = Field(alias="resourceSpans", default_factory=list)


class PartialSuccess(Shape):
    """The number of spans that were not stored, and the first reasons; both absent when none was refused."""

    rejected_spans: str | None = Field(None, alias="rejectedSpans", description="A number, as OTLP/JSON writes it.")
    error_message: str | None = Field(None, alias="errorMessage")


class ExportAnswer(Shape):
    """OTLP's ExportTraceServiceResponse."""

    partial_success: PartialSuccess | None = Field(None, alias="partialSuccess")


class ExportLogs(BaseModel):
    """OTLP's ExportLogsServiceRequest; its fields are those of opentelemetry-proto."""

    model_config = ConfigDict(extra="allow")

    resource_logs: list[dict[str, Any]] = Field(alias="resourceLogs", default_factory=list)


class LogsPartialSuccess(Shape):
    """The number of log records that were not stored, and the first reasons; both absent when none was refused."""

    rejected_log_records: str | None = Field(None, alias="rejectedLogRecords", description="A number, as a text.")
    error_message: str | None = Field(None, alias="errorMessage")


class ExportMetrics(BaseModel):
    """OTLP's ExportMetricsServiceRequest, which is accepted and discarded."""

    model_config = ConfigDict(extra="allow")


class ExportMetricsAnswer(Shape):
    """OTLP's ExportMetricsServiceResponse: empty."""


class ExportLogsAnswer(Shape):
    """OTLP's ExportLogsServiceResponse."""

    partial_success: LogsPartialSuccess | None = Field(None, alias="partialSuccess")


@routes.route(
    "POST",
    PATH,
    scope="ingest",
    body=ExportTraces,
    media_types=(wire.PROTOBUF,),
    answers={200: ExportAnswer},
)
def export_traces(holder: KeyHolder) -> Response:
    """Store the LLM calls among the spans of an OpenTelemetry export."""
    return export_traces_of(holder)


def export_traces_of(holder: KeyHolder) -> Response:
    """The answer to an export of spans."""
    exported = _request(ExportTraceServiceRequest)

    def read_export_of(known_calls: KnownCalls) -> Export:
        spans = spans_of(exported.message)
        return read_export(spans, services().settings.otlp_path_attribute, services().limits, known_calls)

    export = _store_export(holder, read_export_of)
    export.refuse_unreadable(exported.unreadable)
    return _answer(wire.response(len(export.refusals), _message(_count(holder, export, "span"), exported.left_out)))


@routes.route(
    "POST",
    LANGFUSE_PATH,
    scope="ingest",
    body=ExportTraces,
    media_types=(wire.PROTOBUF,),
    answers={200: ExportAnswer},
)
def export_langfuse_traces(holder: KeyHolder) -> Response:
    """As `/v1/traces`, where Langfuse's SDKs send, with Basic auth of any public key and the API key as the secret one."""
    return export_traces_of(holder)


@routes.route(
    "POST",
    "/v1/metrics",
    scope="ingest",
    body=ExportMetrics,
    media_types=(wire.PROTOBUF,),
    answers={200: ExportMetricsAnswer},
)
def export_metrics(holder: KeyHolder) -> Response:
    """Take the metrics of an OpenTelemetry set-up and keep nothing of them: no call stands in them."""
    _check_media_type()
    return _answer(ExportMetricsServiceResponse())


@routes.route(
    "POST",
    "/v1/logs",
    scope="ingest",
    body=ExportLogs,
    media_types=(wire.PROTOBUF,),
    answers={200: ExportLogsAnswer},
)
def export_logs(holder: KeyHolder) -> Response:
    """Store the LLM calls among the log records of an OpenTelemetry export."""
    exported = _request(ExportLogsServiceRequest)

    def read_export_of(known_calls: KnownCalls) -> Export:
        records = spans_of_logs(exported.message)
        return read_logs(records, services().settings.otlp_path_attribute, services().limits, known_calls)

    export = _store_export(holder, read_export_of)
    export.refuse_unreadable(exported.unreadable)
    return _answer(
        wire.logs_response(len(export.refusals), _message(_count(holder, export, "log record"), exported.left_out))
    )


def _store_export(holder: KeyHolder, read_export_of: Callable[[KnownCalls], Export]) -> Export:
    """An export whose calls are stored now."""
    shared, project = services(), Project(holder.project_id, holder.project_name)
    known_calls = KnownCalls(shared.engine, holder.project_id)
    store = ExportStore(shared.ingest, shared.settings, project, known_calls, read_export_of)
    export, _ = store.store(lambda export: shared.limiter.take_traces(holder, len(export.incoming)))
    return export


def _message(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _count(holder: KeyHolder, export: Export, noun: str) -> str:
    """Count an export; answers the message of the answer, empty without problems."""
    message = export.summary(noun)
    count(counts(), export, holder.project_name, message)
    return message


@routes.blueprint.after_app_request
def _as_status(response: Response) -> Response:
    return as_status(response, request.mimetype)


def as_status(response: Response, media_type: str) -> Response:
    """A problem as the Status that a protobuf client reads; status and headers (Retry-After) stay."""
    is_problem = response.mimetype == "application/problem+json"
    if is_problem and media_type == wire.PROTOBUF:
        response.set_data(wire.status((response.get_json(force=True) or {})["detail"]).SerializeToString())
        response.mimetype = wire.PROTOBUF
    return response


def _request(kind: type[wire.M]) -> wire.Decoded[wire.M]:
    """The request in either encoding. Raises ProblemError: 400, 413, 415 or 422."""
    _check_media_type()
    check_encoding()
    settings = services().settings
    data = read_bytes(settings)
    try:
        if request.mimetype == wire.PROTOBUF:
            if has_more_fields(data, kind.DESCRIPTOR, settings.max_json_values):
                raise ProblemError(
                    413,
                    f"The body has more than {settings.max_json_values} fields (MAX_JSON_VALUES). Send fewer spans in one request.",
                )
            return wire.from_protobuf(data, kind)
        return wire.from_json(parse_json(data, settings).value, kind)
    except wire.UnreadableExportError as error:
        raise ProblemError(400, str(error)) from None


def _check_media_type() -> None:
    """Raises ProblemError 415 for a media type that OTLP over HTTP does not define."""
    if request.mimetype not in (wire.PROTOBUF, wire.JSON):
        raise ProblemError(415, f"Send Content-Type: {wire.PROTOBUF} or {wire.JSON}.")


def _answer(message: Message) -> Response:
    return Response(wire.encoded(message, request.mimetype), mimetype=request.mimetype)
