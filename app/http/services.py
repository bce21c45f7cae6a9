"""The services of a web process: made once in `create_app`, reached by views through `services()`."""

from dataclasses import dataclass
from typing import cast

from flask import current_app
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from app.checks import TraceLimits
from app.config import Settings
from app.http import limiting
from app.http.auth import Authenticator
from app.http.limiting import Limiter
from app.http.rates import Rates
from app.intake.record import Ingest
from app.store.engine import make_engine, make_single_statement_engine
from app.store.replica import ReadRouter
from tasks.connections import producer_redis

EXTENSION = "promptlode"


@dataclass(frozen=True)
class Services:
    """Connections, caches and settings of this process."""

    settings: Settings
    engine: Engine
    ingest: Ingest
    authenticator: Authenticator
    limits: TraceLimits
    limiter: Limiter
    registry: CollectorRegistry
    reader: ReadRouter

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """All services, made from the settings without connecting yet. Raises ConfigurationError when a setting is missing."""
        settings.require("database_url", "redis_url")
        engine = make_engine(settings)
        statements = make_single_statement_engine(settings, beside=engine)
        return cls(
            settings=settings,
            engine=engine,
            ingest=Ingest(
                engine,
                grouping_enabled=settings.task_grouping_enabled,
                statements=statements,
            ),
            authenticator=Authenticator(statements),
            limits=TraceLimits(settings.max_text_bytes, settings.max_json_depth, settings.max_items),
            limiter=Limiter(Rates(producer_redis(settings)), limiting.RateLimits.of(settings)),
            registry=CollectorRegistry(),
            reader=ReadRouter(settings, engine),
        )


def services() -> Services:
    """The services of the app that answers the current request."""
    return cast(Services, current_app.extensions[EXTENSION])
