"""What the rows of the database say afterwards."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis import Redis
from sqlalchemy import Engine, text

from app.store.engine import transaction
from benchmarks.chaos.plan import TIMES
from benchmarks.pace import fewest_runs
from tasks.coalescing.protocol import SKIPS

OWED = "implementation_id IS NULL AND considered_run_id IS NULL AND prompt_parts IS NOT NULL"

OVERLAPS = """
    SELECT count(*) FROM grouping_run a JOIN grouping_run b ON a.group_id = b.group_id AND a.id < b.id
    WHERE a.outcome = ANY(:outcomes) AND b.outcome = ANY(:outcomes)
      AND b.started_at < a.finished_at AND a.started_at < b.finished_at"""

LAGS = """
    SELECT extract(epoch FROM r.started_at - t.created_at) FROM trace t JOIN grouping_run r ON r.id = t.considered_run_id
    WHERE t.implementation_id IS NULL"""
"""Of traces that belong to no template: they were read once, by the run that is noted."""

ARRIVALS = """
    SELECT group_id, extract(epoch FROM created_at) FROM trace WHERE considered_run_id IS NOT NULL ORDER BY created_at"""


@dataclass(frozen=True)
class Findings:
    missing: int
    owed: int
    overlapping_commits: int
    overlapping_runs: int
    stuck_groups: int
    leaked_keys: int
    runs: int
    skips: int
    optimum: int
    lag_p50: float
    lag_p99: float

    def broken(self, faults: int) -> list[str]:
        """The guarantees that do not hold; empty when all do."""
        nothing = (
            "missing", "owed", "overlapping_commits", "overlapping_runs", "stuck_groups", "leaked_keys"
        )  # fmt: skip
        found = [f"{name}: {getattr(self, name)}" for name in nothing if getattr(self, name)]
        if self.skips > 3 * faults + 0.01 * self.runs:
            found.append(f"wasted claims: {self.skips}")
        return found


def owed_now(engine: Engine) -> int:
    return int(_number(engine, f"SELECT count(*) FROM trace WHERE {OWED}"))


def at_rest(redis_url: str) -> bool:
    """Whether no group is parked, queued or running."""
    return not _not_idle(redis_url)


def _not_idle(redis_url: str) -> list[str]:
    with Redis.from_url(redis_url, decode_responses=True) as client:
        groups = list(client.scan_iter(match="promptlode:{*}", count=1000))
        return [key for key in groups if client.hget(key, "state") in ("queued", "running", "parked")]


def audit(engine: Engine, redis_url: str, accepted: set[str], counted: dict[str, Any]) -> Findings:
    stored = set(_column(engine, "SELECT external_id FROM trace"))
    lags = sorted(float(lag) for lag in _column(engine, LAGS)) or [0.0]
    with Redis.from_url(redis_url, decode_responses=True) as client:
        leaked = [key for key in client.scan_iter(match="promptlode*", count=1000) if client.ttl(key) == -1]
    return Findings(
        missing=len(accepted - stored),
        owed=owed_now(engine),
        overlapping_commits=int(_number(engine, OVERLAPS, outcomes=["committed"])),
        overlapping_runs=int(_number(engine, OVERLAPS, outcomes=["committed", "failed", "stopped", "empty"])),
        stuck_groups=len(_not_idle(redis_url)),
        leaked_keys=len(leaked),
        runs=int(_number(engine, "SELECT count(*) FROM grouping_run")),
        skips=sum(counted["skips"][skip] for skip in SKIPS),
        optimum=sum(fewest_runs(times, TIMES["GROUPING_MAX_WAIT"]) for times in _arrivals(engine)),
        lag_p50=lags[len(lags) // 2],
        lag_p99=lags[int(0.99 * len(lags))],
    )


def _arrivals(engine: Engine) -> Iterable[list[float]]:
    by_group: dict[Any, list[float]] = defaultdict(list)
    with transaction(engine) as connection:
        for group, when in connection.execute(text(ARRIVALS)):
            by_group[group].append(float(when))
    return by_group.values()


def _number(engine: Engine, query: str, **values: Any) -> Any:
    with transaction(engine) as connection:
        return connection.scalar(text(query), values)


def _column(engine: Engine, query: str) -> list[Any]:
    with transaction(engine) as connection:
        return list(connection.scalars(text(query)))
