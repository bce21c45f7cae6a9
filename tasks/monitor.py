"""The state of the pipeline: one snapshot for the API, the pages, Flower and Prometheus.

Everything in it is a row in PostgreSQL, except the length of the queue: it is correct when every worker is dead, and it survives any
restart.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any
from uuid import UUID

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from sqlalchemy import Engine

from app.config import Settings, settings
from app.logs import describe, logger
from app.store import counters, heartbeats, lags, owed
from app.store.engine import transaction
from app.store.heartbeats import Heartbeat
from app.store.lags import Lags
from app.store.pipeline import last_runs
from tasks.ask import publisher_of
from tasks.coalescing.protocol import SKIPS
from tasks.reconcile import CounterFolder
from tasks.wiring import impatient_coalescing

_log = logger(__name__)

SHOWN = ("requests", "coalesced", "messages", "runs", "errors")
"""Counters shown under their own name."""


def pipeline(engine: Engine, project_id: UUID | None, config: Settings | None = None) -> dict[str, Any]:
    """The pipeline of a project, or of all (None), as `GET /api/v1/pipeline` answers it.

    Raises DatabaseDownError. With Redis down the queue's depth is None and the counters are a few seconds old.
    """
    sources = _sources(engine, config or settings())
    queue_depth = sources.refreshed()
    with transaction(engine) as connection:
        all_counts = counters.totals(connection, project_id)
        backlog = owed.backlog(connection, project_id)
        quarantined = owed.quarantined(connection, project_id)
        beats = heartbeats.recent_processes(connection)
        runs = last_runs(connection, project_id)
        refused = counters.refused(connection) if project_id is None else None
    skips = {skip: all_counts.get(skip, 0) for skip in SKIPS}
    counts_shown = {name: all_counts.get(name, 0) for name in SHOWN}
    return {
        "queue_depth": queue_depth,
        "queue_stalled_s": max((beat.stalled_s or 0.0 for beat in beats if beat.alive), default=0.0),
        "owed": backlog.owed,
        "oldest_owed_age_s": round(backlog.oldest_age_s or 0.0, 3),
        **counts_shown,
        "skips": skips,
        "lag": _lag(lags.of(all_counts)),
        "refused": refused,
        "skip_rate": _share(counts_shown["coalesced"] + sum(skips.values()), counts_shown["requests"]),
        "quarantined": len(quarantined),
        "quarantined_groups": [_plain(asdict(group)) for group in quarantined],
        "workers": _of_kind(beats, "worker"),
        "reconcilers": _of_kind(beats, "reconciler"),
        "last_runs": [_plain(asdict(run)) for run in runs],
    }


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
    for name in SHOWN:
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


class _Sources:
    """The figures that only Redis has: counters not folded yet, and the number of waiting messages."""

    def __init__(self, engine: Engine, config: Settings) -> None:
        self._publisher = publisher_of(config)
        self._folder = CounterFolder(engine, impatient_coalescing(config))

    def refreshed(self) -> int | None:
        """Fold the counters and answer the number of waiting messages; None when Redis does not answer."""
        return self._publisher.unless_down(self._fold_and_count)

    def _fold_and_count(self) -> int:
        self._folder.fold()
        return self._publisher.waiting()


@lru_cache(maxsize=4)
def _sources(engine: Engine, config: Settings) -> _Sources:
    return _Sources(engine, config)


def _of_kind(beats: Iterable[Heartbeat], kind: str) -> list[dict[str, Any]]:
    return [
        {"name": beat.name, "alive": beat.alive, "last_seen": beat.last_seen.isoformat()}
        for beat in beats
        if beat.kind == kind
    ]


def _lag(lags: Lags) -> dict[str, Any]:
    """The histogram as JSON, which has no infinity: the last bucket is the total."""
    finite = {end: traces for end, traces in lags.until.items() if end != math.inf}
    buckets = [{"until_s": end, "traces": traces} for end, traces in finite.items()]
    return {"traces": lags.until[math.inf], "sum_s": round(lags.seconds, 3), "buckets": buckets}


def _share(part: int, total: int) -> float:
    return part / total if total else 0.0


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Ids and times as text, everything else as it is."""
    return {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
