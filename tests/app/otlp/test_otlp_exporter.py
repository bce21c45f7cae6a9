"""The unchanged exporter of opentelemetry-sdk, against a web process that listens on a port."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask
from flask.testing import FlaskClient
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import Engine

from app.config import Settings, with_driver
from app.http.services import EXTENSION
from app.local.postgres import PostgresServer
from app.otlp.dialects.genai import DETAILS_EVENT
from app.store.engine import make_engine
from app.web import create_app
from tests.app.api_helpers import client_with, new_key, wait_for
from tests.app.otlp_helpers import CALL, CHAT, START, traces


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Keeps the access log silent."""


class Listening:
    """A web process on a port, and the statuses that it answered."""

    def __init__(self, app: Flask) -> None:
        self.statuses: list[int] = []
        self._server = make_server("127.0.0.1", 0, self._noting(app), handler_class=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _noting(self, app: Flask) -> Any:
        def noting(environ: Any, start_response: Any) -> Any:
            def start(status: str, *arguments: Any) -> Any:
                self.statuses.append(int(status[:3]))
                return start_response(status, *arguments)

            return app(environ, start)

        return noting

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def listening(web: Flask) -> Iterator[Listening]:
    server = Listening(web)
    yield server
    server.stop()


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine, "shop")


def exporter(server: Listening, key: str, **options: Any) -> OTLPSpanExporter:
    return OTLPSpanExporter(server.url, headers={"Authorization": f"Bearer {key}"}, **options)


def recorded(*calls: dict[str, Any]) -> list[ReadableSpan]:
    """Finished spans of calls within a span `handle mail`."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("handle mail"):
        for attributes in calls:
            tracer.start_span("chat gpt-4o", attributes=attributes).end()
    provider.shutdown()
    return list(exporter.get_finished_spans())


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_calls_that_the_exporter_sends_are_stored(
    listening: Listening, key: str, client: FlaskClient, compression: Compression
) -> None:
    spans = recorded(CALL, CALL)
    assert exporter(listening, key, compression=compression).export(spans) is SpanExportResult.SUCCESS
    stored = traces(client)
    assert [trace["path"] for trace in stored] == ["handle mail"] * 2
    assert stored[0]["prompt"] == [{"role": "user", "text": "Where is my refund?"}]


def test_the_event_that_the_log_exporter_of_the_sdk_sends_is_stored(
    listening: Listening, key: str, client: FlaskClient
) -> None:
    url = listening.url.replace("/v1/traces", "/v1/logs")
    provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    sending = SimpleLogRecordProcessor(OTLPLogExporter(url, headers={"Authorization": f"Bearer {key}"}))
    provider.add_log_record_processor(sending)
    record = LogRecord(timestamp=START, event_name=DETAILS_EVENT, attributes=CALL | {"promptlode.path": "/triage"})
    provider.get_logger("tests").emit(record)
    provider.shutdown()
    (trace,) = traces(client)
    assert (trace["path"], trace["model"]) == ("/triage", "gpt-4o")


def test_a_second_export_of_the_same_spans_stores_nothing(listening: Listening, key: str, client: FlaskClient) -> None:
    spans = recorded(CALL, CALL)
    for _ in range(2):
        exporter(listening, key).export(spans)
    assert len(traces(client)) == 2


def test_it_does_not_try_again_when_spans_hold_no_content(listening: Listening, key: str) -> None:
    assert exporter(listening, key).export(recorded(CHAT)) is SpanExportResult.SUCCESS
    assert listening.statuses == [200]


def test_it_does_not_try_again_with_a_key_that_is_wrong(listening: Listening) -> None:
    assert exporter(listening, "wrong").export(recorded(CALL)) is SpanExportResult.FAILURE
    assert listening.statuses == [401]


def test_it_tries_again_while_postgresql_is_down_and_loses_nothing(
    own_postgres: PostgresServer, redis_url: str
) -> None:
    settings = Settings(database_url=with_driver(own_postgres.url()), redis_url=redis_url)
    engine, app = make_engine(settings), create_app(settings)
    key = new_key(engine, "shop")
    server = Listening(app)
    own_postgres.stop()
    with ThreadPoolExecutor(1) as pool:
        exporting = pool.submit(exporter(server, key, timeout=60).export, recorded(CALL))
        wait_for(lambda: 503 in server.statuses)
        own_postgres.restart()
        assert exporting.result(timeout=90) is SpanExportResult.SUCCESS
    server.stop()
    assert server.statuses[-1] == 200
    assert len(traces(client_with(app, key))) == 1
    engine.dispose()
    app.extensions[EXTENSION].engine.dispose()
