"""The snapshot of the pipeline as Prometheus metrics."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from sqlalchemy import Engine

from app.config import Settings
from app.logs import describe, logger
from tasks.snapshot import COUNTERS_SHOWN, pipeline

_log = logger(__name__)


class PipelineCollector(Collector):
    """The snapshot of all projects as Prometheus metrics; nothing at all while PostgreSQL is away."""

    def __init__(self, snapshot: Callable[[], dict[str, Any]]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return []  # registering asks nothing of the database

    def collect(self) -> Iterator[Metric]:
        try:
            now = self._snapshot()
        except Exception as error:  # noqa: BLE001 - a scrape must not fail for it; promptlode_up says so
            _log.warning("pipeline_not_read", **describe(error))
            yield GaugeMetricFamily("promptlode_up", "Whether the pipeline can be read", value=0)
            return
        yield GaugeMetricFamily("promptlode_up", "Whether the pipeline can be read", value=1)
        yield from _gauges(now)
        yield from _counters(now)
        yield _lag_histogram(now)
        yield _alive(now)


def collector_of(
    engine: Engine, config: Settings | None = None, *, project_id: UUID | None = None
) -> PipelineCollector:
    """A collector over a project, or over every one (None)."""
    return PipelineCollector(lambda: pipeline(engine, project_id, config))


def _gauges(now: dict[str, Any]) -> Iterator[Metric]:
    texts = {
        "queue_depth": "Messages that wait for a worker",
        "queue_stalled_s": "Seconds for which messages wait, none is in hand and no worker takes one",
        "owed": "Traces that no run has read yet",
        "oldest_owed_age_s": "Age of the oldest of them in seconds",
        "quarantined": "Groups that failed too often",
    }
    for name, text in texts.items():
        if now[name] is not None:
            yield GaugeMetricFamily(f"promptlode_{name.removesuffix('_s')}", text, value=now[name])
    times = [run["mining_seconds"] for run in now["last_runs"] if run["mining_seconds"] is not None]
    if times:
        yield GaugeMetricFamily("promptlode_run_seconds_max", "Longest of the last runs", value=max(times))
        yield GaugeMetricFamily("promptlode_run_seconds_mean", "Mean of the last runs", value=sum(times) / len(times))


def _counters(now: dict[str, Any]) -> Iterator[Metric]:
    for name in COUNTERS_SHOWN:
        yield CounterMetricFamily(f"promptlode_grouping_{name}", f"Grouping {name}", value=now[name])
    skips = CounterMetricFamily("promptlode_grouping_skips", "Messages that found nothing to do", labels=["reason"])
    for reason, value in now["skips"].items():
        skips.add_metric([reason], value)
    yield skips
    refused = CounterMetricFamily("promptlode_grouping_refused", "Messages that name no known group", labels=["reason"])
    for reason, value in (now["refused"] or {}).items():
        refused.add_metric([reason], value)
    yield refused


def _lag_histogram(now: dict[str, Any]) -> Metric:
    lag = now["lag"]
    buckets = [(floatToGoString(bucket["until_s"]), bucket["traces"]) for bucket in lag["buckets"]]
    return HistogramMetricFamily(
        "promptlode_grouping_lag_seconds",
        "Time from a trace being stored to a run having read it",
        buckets=[*buckets, ("+Inf", lag["traces"])],
        sum_value=lag["sum_s"],
    )


def _alive(now: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily("promptlode_processes_alive", "Processes with a sign of life", labels=["kind"])
    for kind in ("workers", "reconcilers"):
        family.add_metric([kind], sum(process["alive"] for process in now[kind]))
    return family
