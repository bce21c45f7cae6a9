"""The state of the pipeline: one snapshot for the API, the pages, Flower and `tasks.exporter`.

Everything in it is a row in PostgreSQL, except the length of the queue: it is correct when every worker is dead, and it survives any
restart.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from app.config import Settings, settings
from app.store import counters, heartbeats, lags, owed
from app.store.engine import transaction
from app.store.heartbeats import Heartbeat
from app.store.lags import Lags
from app.store.pipeline import last_runs
from tasks.ask import publisher_of
from tasks.coalescing.protocol import SKIPS
from tasks.folding import CounterFolder
from tasks.wiring import impatient_coalescing

COUNTERS_SHOWN = ("requests", "coalesced", "messages", "runs", "errors")
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
    counts_shown = {name: all_counts.get(name, 0) for name in COUNTERS_SHOWN}
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
