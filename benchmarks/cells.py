"""The cells, cores and disk for 10^6 to 10^10 calls a day, and how evenly projects of very different sizes fill the cells.

    python -m benchmarks.cells [--per-web-core 1300] [--per-database 13800] [--bytes 1490] [--days 30] ...

A model, not a measurement. The defaults are the figures of docs/benchmarks.md, measured on one machine of two cores (single POSTs of 2 KB;
rows of batches with 1,000 templates; rows with indexes). The peak hour is assumed to be three times the mean. The sizes of projects follow
Zipf's law, as those of customers do. A new project lies whole on the cell with the least load. The model fails where one project needs
more than a cell carries.
"""

import argparse
import heapq
import math
import random
from dataclasses import dataclass

PEAK = 3.0
"""Calls in the busiest hour over calls in the mean hour of a day."""

FULL = 0.6
"""The share of a cell's capacity that is used: the rest is for a failover, a vacuum or a burst."""

PROJECTS = 2_000

ZIPF = 1.1


@dataclass(frozen=True)
class Rates:
    """Calls a second of a web core and of a database; stored bytes of a call; seconds of a worker's core for a thousand calls."""

    web_core: float
    database: float
    kept_bytes: float
    days: float
    mining: float


@dataclass(frozen=True)
class Need:
    """The cells, cores and disk for a number of calls a day. fullest: the load of the fullest cell over a cell's capacity."""

    calls: float
    peak: float
    cells: int
    web_cores: int
    worker_cores: int
    terabytes: float
    largest: float
    fullest: float


def need(calls: float, rates: Rates, dice: random.Random) -> Need:
    """The need of `calls` calls a day."""
    peak = calls / 86_400 * PEAK
    carried = rates.database * FULL
    cells = max(1, math.ceil(peak / carried))
    loads = loads_of_cells(project_loads(peak, dice), cells)
    return Need(
        calls,
        peak,
        cells,
        math.ceil(peak / rates.web_core / FULL),
        math.ceil(peak / 1000 * rates.mining / FULL),
        calls * rates.days * rates.kept_bytes / 1e12,
        max(project_loads(peak, dice)) / carried,
        max(loads) / carried,
    )


def project_loads(peak: float, dice: random.Random) -> list[float]:
    """The load of each project, unordered."""
    weights = [1 / (rank + 1) ** ZIPF for rank in range(PROJECTS)]
    dice.shuffle(weights)
    total = sum(weights)
    return [peak * weight / total for weight in weights]


def loads_of_cells(loads: list[float], cells: int) -> list[float]:
    """The load of each cell, where each new project goes to the cell with the least load."""
    heap = [0.0] * cells
    for load in loads:
        heapq.heapreplace(heap, heap[0] + load)
    return heap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-web-core", type=float, default=1300, help="calls a second, each a POST of its own")
    parser.add_argument("--per-database", type=float, default=13800, help="calls a second")
    parser.add_argument("--bytes", type=float, default=1490, help="that a call keeps, indexes too")
    parser.add_argument("--days", type=float, default=30, help="that calls are kept")
    parser.add_argument("--mining", type=float, default=0.5, help="seconds of a worker's core for a thousand calls")
    options = parser.parse_args()
    rates = Rates(options.per_web_core, options.per_database, options.bytes, options.days, options.mining)
    print(
        "| calls a day | peak/s | cells | web cores | worker cores | TB kept | largest project / cell | fullest cell |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for power in range(6, 11):
        needed = need(10.0**power, rates, random.Random(1))
        print(
            f"| 10^{power} | {needed.peak:,.0f} | {needed.cells} | {needed.web_cores} | {needed.worker_cores} "
            f"| {needed.terabytes:,.2f} | {needed.largest:.2f} | {needed.fullest:.2f} |"
        )


if __name__ == "__main__":
    main()
