"""`/metrics` for Prometheus: the requests of this process, and the other metrics of its registry."""

import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from app.http.admission import admitted
from app.http.routes import Routes
from app.http.services import services
from tasks.exporter import collector_of

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""From a healthy POST (2 ms) to a request that waits for a hanging dependency (5 s)."""

REQUEST_SECONDS = "promptlode.request_seconds"
"""The extension of the app that holds the histogram of its requests, by method, route and status."""

routes = Routes("metrics")


@routes.route("GET", "/metrics", scope=None, answers={200: "text/plain"})
def metrics() -> Response:
    """Metrics for Prometheus; needs a key unless METRICS_OPEN is true: `read` for those of its project, `operator` for all."""
    return Response(generate_latest(_visible_metrics()), content_type=CONTENT_TYPE_LATEST)


def _visible_metrics() -> CollectorRegistry:
    """The metrics that the caller may see: requests are counted by route, not by project, so only an operator sees them."""
    settings = services().settings
    holder = None if settings.metrics_open else admitted("read")
    if holder is None or holder.may("operator") or settings.local_mode:
        return services().registry
    registry = CollectorRegistry()
    registry.register(collector_of(services().engine, settings, project_id=holder.project_id))
    return registry


def install(app: Flask, registry: CollectorRegistry) -> None:
    """Measure every request of the app into the registry, by route, not by URL: ids would make endless series."""
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    app.extensions[REQUEST_SECONDS] = seconds = Histogram(
        "promptlode_http_request_seconds",
        "Time to answer a request",
        ["method", "route", "status"],
        buckets=_BUCKETS,
        registry=registry,
    )

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def observe(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        seconds.labels(request.method, route, response.status_code).observe(time.perf_counter() - g.started)
        return response
