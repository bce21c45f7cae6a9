"""The web process: `create_app`, which granian and the tests call."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import logs, pages, viewer
from app.api import (
    audit,
    changes,
    comparing,
    decisions,
    deletions,
    exports,
    groups,
    health,
    pipeline,
    tasks,
    traces,
    usage,
    webhooks,
)
from app.api.meta import describing
from app.config import Settings
from app.config import settings as environment
from app.http import admission, metrics, problem
from app.http.base_path import BasePath
from app.http.services import EXTENSION, Services
from app.http.standing import StandingCollector
from app.otlp import counting, langfuse_api
from app.otlp import routes as otlp
from tasks.exporter import collector_of

API = (
    traces.routes,
    otlp.routes,
    langfuse_api.routes,
    tasks.routes,
    usage.routes,
    changes.routes,
    webhooks.routes,
    comparing.routes,
    exports.routes,
    groups.routes,
    decisions.routes,
    deletions.routes,
    audit.routes,
    pipeline.routes,
    health.routes,
    metrics.routes,
)


def create_app(settings: Settings | None = None) -> Flask:
    """A Flask app on these settings, by default those of the environment. Connects to nothing until a request does."""
    settings = settings or environment()
    logs.configure(settings)
    app = Flask("app", static_folder=None)
    app.extensions[EXTENSION] = services = Services.of(settings)
    for routes in (*API, describing(API)):
        app.register_blueprint(routes.blueprint)
    metrics.install(app, services.registry)
    admission.install(app)
    counting.install(app, services.registry)
    services.registry.register(collector_of(services.engine, settings))
    services.registry.register(StandingCollector(services.engine, services.reader))
    problem.install(app)
    pages.install(app, settings, services.engine, services.reader if settings.database_read_url else None)
    viewer.install(app)
    _trust_proxies(app, settings.trusted_proxies)
    return app


def _trust_proxies(app: Flask, number: int) -> None:
    """Take the caller's address and the base path from headers of our own proxies; any client can write such headers."""
    if number:
        app.wsgi_app = ProxyFix(BasePath(app.wsgi_app), x_for=number, x_proto=0)  # type: ignore[method-assign]
