"""The audit: whether the rows of the database show that the guarantees held."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis
from sqlalchemy import Engine, text

from app.store.engine import transaction
from benchmarks.chaos.plan import TIMES
from benchmarks.pace import fewest_runs
from tasks.pacer import TICK_SECONDS

OWED = "implementation_id IS NULL AND considered_run_id IS NULL AND prompt_parts IS NOT NULL"

OVERLAPS = """
    SELECT count(*) FROM grouping_run a JOIN grouping_run b ON a.group_id = b.group_id AND a.id < b.id
    WHERE a.outcome = ANY(:outcomes) AND b.outcome = ANY(:outcomes)
      AND b.started_at < a.finished_at AND a.started_at < b.finished_at"""

SHARED = """
    SELECT count(*) FROM (SELECT external_id FROM trace GROUP BY external_id
                          HAVING count(*) > 1 OR count(DISTINCT implementation_id) > 1) twice"""

READ_AGAIN = """
    SELECT (SELECT coalesce(sum(owed), 0) FROM grouping_run WHERE outcome = 'committed')
         - (SELECT count(*) FROM trace WHERE considered_run_id IS NOT NULL)"""
"""Every committed run stores how many owed traces it has read. A sum above the number of read traces: two runs read the same trace."""

LAGS = """
    SELECT extract(epoch FROM r.started_at - t.created_at), r.group_id, r.started_at
    FROM trace t JOIN grouping_run r ON r.id = t.considered_run_id WHERE t.implementation_id IS NULL"""
"""The lags of traces without a template: exactly one run, the stored one, has read each."""

LONGEST_RUN = """
    SELECT coalesce(max(extract(epoch FROM finished_at - started_at)), 0) FROM grouping_run WHERE outcome = 'committed'"""

ARRIVALS = """
    SELECT group_id, extract(epoch FROM created_at) FROM trace WHERE considered_run_id IS NOT NULL ORDER BY created_at"""


@dataclass(frozen=True)
class Findings:
    missing: int
    owed: int
    shared: int
    read_again: int
    overlapping_commits: int
    overlapping_runs: int
    stuck_groups: list[str]
    leaked_keys: int
    runs: int
    skips: dict[str, int]
    optimum: int
    lag_p50: float
    lag_p99: float
    queue_p99: float
    longest_run: float

    @property
    def wasted(self) -> int:
        return sum(self.skips.values())

    @property
    def calm_lag(self) -> float:
        """The bound of lag p99 without faults: max_wait, one run under way, the pacer's tick and the queue."""
        return TIMES["GROUPING_MAX_WAIT"] + self.longest_run + TICK_SECONDS + self.queue_p99

    def broken(self, faults: int) -> list[str]:
        """The guarantees that do not hold; empty when all hold."""
        names_of_faults = (
            "missing", "owed", "shared", "read_again", "overlapping_commits", "overlapping_runs", "stuck_groups",
            "leaked_keys",
        )  # fmt: skip
        failures = [f"{name}: {getattr(self, name)}" for name in names_of_faults if getattr(self, name)]
        if self.wasted > 3 * faults + 0.01 * self.runs:
            failures.append(f"wasted claims: {self.skips}")
        if not faults and self.lag_p99 > self.calm_lag:
            failures.append(f"lag p99: {self.lag_p99:.2f} s")
        return failures


def owed_now(engine: Engine) -> int:
    return int(_number(engine, f"SELECT count(*) FROM trace WHERE {OWED}"))


def at_rest(redis_url: str) -> bool:
    """Whether no group is parked, queued or running."""
    return not _not_idle(redis_url)


def _not_idle(redis_url: str) -> list[str]:
    """The groups that are not idle, by their fields. An expired lease or ticket counts as absent, as in every script."""
    with Redis.from_url(redis_url, decode_responses=True) as client:
        now = client.time()[0] * 1000
        hashes = [client.hgetall(key) for key in client.scan_iter(match="promptlode:{*}", count=1000)]
        return [str(fields) for fields in hashes if _waits_for_something(fields, now)]


def _waits_for_something(fields: dict[str, str], now: int) -> bool:
    state = fields.get("state", "idle")
    return state == "parked" or (state != "idle" and int(fields["until"]) > now)


def audit(
    engine: Engine, redis_url: str, accepted: set[str], counts: dict[str, Any], enqueued: Iterable[dict[str, Any]]
) -> Findings:
    """Audits the rows. `enqueued`: the lines of the logs that say when a message began to wait for a worker."""
    stored = set(_column(engine, "SELECT external_id FROM trace"))
    with transaction(engine) as connection:
        lag_rows = connection.execute(text(LAGS)).all()
    lags = [float(lag) for lag, _, _ in lag_rows]
    waits = _waits(enqueued, [(str(group), started.timestamp()) for _, group, started in lag_rows])
    with Redis.from_url(redis_url, decode_responses=True) as client:
        leaked = [key for key in client.scan_iter(match="promptlode*", count=1000) if client.ttl(key) == -1]
    return Findings(
        missing=len(accepted - stored),
        owed=owed_now(engine),
        shared=int(_number(engine, SHARED)),
        read_again=int(_number(engine, READ_AGAIN)),
        overlapping_commits=int(_number(engine, OVERLAPS, outcomes=["committed"])),
        overlapping_runs=int(_number(engine, OVERLAPS, outcomes=["committed", "failed", "stopped", "empty"])),
        stuck_groups=_not_idle(redis_url),
        leaked_keys=len(leaked),
        runs=int(_number(engine, "SELECT count(*) FROM grouping_run")),
        skips=counts["skips"],
        optimum=sum(fewest_runs(times, TIMES["GROUPING_MAX_WAIT"]) for times in _arrivals(engine)),
        lag_p50=quantile(lags, 0.5),
        lag_p99=quantile(lags, 0.99),
        queue_p99=quantile(waits, 0.99),
        longest_run=float(_number(engine, LONGEST_RUN)),
    )


def quantile(values: Iterable[float], part: float) -> float:
    """The quantile of the values; 0 for no values."""
    ordered = sorted(values) or [0.0]
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def _waits(enqueued: Iterable[dict[str, Any]], run_starts: Iterable[tuple[str, float]]) -> list[float]:
    """The waiting time of each run's message: from the group's last message before the run to the start of the run."""
    send_times: dict[str, list[float]] = defaultdict(list)
    for line in enqueued:
        send_times[line["group"]].append(datetime.fromisoformat(line["timestamp"]).timestamp())
    for times in send_times.values():
        times.sort()
    places = ((send_times[group], bisect_right(send_times[group], start), start) for group, start in run_starts)
    return [start - times[place - 1] for times, place, start in places if place]


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
