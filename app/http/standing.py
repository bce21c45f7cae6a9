"""Problems that last, of the whole cell, as Prometheus metrics: a lagging standby, an unfinished move of a project, a failing webhook."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, exc

from app.errors import DatabaseDownError
from app.store import moves, webhooks
from app.store.engine import transaction
from app.store.replica import ReadRouter


class StandingCollector(Collector):
    """Metrics over all projects; none of the database's while it is down, which `promptlode_up` reports."""

    def __init__(self, engine: Engine, reader: ReadRouter) -> None:
        self._engine, self._reader = engine, reader

    def describe(self) -> Iterable[Metric]:
        return []  # registering asks nothing of the database

    def collect(self) -> Iterator[Metric]:
        yield from self._standby()
        with suppress(DatabaseDownError, exc.SQLAlchemyError):
            yield from self._database()

    def _standby(self) -> Iterator[Metric]:
        standing = self._reader.standing()
        if standing is None:
            return
        yield GaugeMetricFamily(
            "promptlode_standby_used", "Whether pages and lists read the standby", value=standing.is_used
        )
        if standing.behind is not None:
            text = "How far the standby is behind the primary, by positions in the log"
            yield GaugeMetricFamily("promptlode_standby_lag_seconds", text, value=standing.behind)

    def _database(self) -> Iterator[Metric]:
        with transaction(self._engine) as connection:
            states, failing = moves.projects_by_state(connection), webhooks.failing(connection)
        moving = GaugeMetricFamily("promptlode_project_moves", "Projects that move or moved", labels=["state"])
        for state, projects in states.items():
            moving.add_metric([state], projects)
        yield moving
        yield GaugeMetricFamily(
            "promptlode_webhooks_failing", "Webhooks whose oldest change waits for an hour", value=failing
        )
