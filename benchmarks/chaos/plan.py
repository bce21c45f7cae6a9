"""The plan: how much traffic and which faults."""

import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """`seconds`: the least duration of the traffic, over which the faults are spread."""

    traces: int
    groups: int
    seconds: float
    faults: dict[str, int] = field(default_factory=dict)
    seed: int = 1
    scheme: str = "ours"

    def schedule(self) -> list[tuple[float, str]]:
        """(second, fault): faults in random order, evenly spread, none in the first or last tenth of the traffic."""
        names = [name for name, times in sorted(self.faults.items()) for _ in range(times)]
        random.Random(self.seed).shuffle(names)
        step = 0.8 * self.seconds / max(1, len(names))
        return [(0.1 * self.seconds + number * step, name) for number, name in enumerate(names)]


SMALL = Plan(
    traces=1_450,
    groups=90,
    seconds=18,
    faults={
        "kill a child": 1, "kill a worker": 1, "restart Redis": 1, "flush Redis": 1, "restart PostgreSQL": 1,
        "stop a worker for a while": 1, "deploy": 1, "purge the queue": 1,
        "kill every reconciler": 1,
    },
)  # fmt: skip
"""Every kind of fault once, except a Redis that blocks, is read-only or cuts connections (`tests/flows/test_deaf_worker.py`).
The time between two faults is that of twenty faults in a minute."""

FULL = Plan(
    traces=100_000,
    groups=1_000,
    seconds=600,
    faults={
        "kill a child": 25, "kill a worker": 25, "restart Redis": 3, "flush Redis": 2, "block Redis": 1,
        "restart PostgreSQL": 3, "stop a worker for a while": 10, "deploy": 5, "purge the queue": 2, "cut connections": 5, "make Redis read-only": 3,
        "kill a reconciler": 10, "kill every reconciler": 5,
    },
)  # fmt: skip

TIMES = {
    "GROUPING_QUIET": 0.3,
    "GROUPING_MAX_WAIT": 2.0,
    "GROUPING_LEASE": 3.0,
    "GROUPING_TICKET": 5.0,
    "GROUPING_GRACE": 2.5,
    "RECONCILE_PERIOD": 1.0,
    "GROUPING_BACKOFF_MAX": 4.0,
    "GROUPING_MAX_ATTEMPTS": 50,
}
"""Settings of times: shorter than in production and in the same order, so that many leases end in a minute."""

RECOVERY_SECONDS = 2 * (
    TIMES["GROUPING_GRACE"] + TIMES["RECONCILE_PERIOD"] + max(TIMES["GROUPING_TICKET"], TIMES["GROUPING_LEASE"])
)
"""Seconds after the last fault, plus the backlog, until no trace may be owed."""
