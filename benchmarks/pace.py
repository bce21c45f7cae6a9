"""The pace of `tasks.coalescing.pace` beside the best schedules, which need to know all arrivals in advance.

    python -m benchmarks.pace            one table: runs, lag and cost on three streams

One group, runs of one second that do not overlap; a run that starts at s covers every trace that came until s. The cost of a
schedule is the seconds that runs take plus WAITING for every second that a trace waits for its run to start.

* optimum (runs): the fewest runs so that nobody waits longer than max_wait: run as late as allowed (stabbing intervals,
  greedy is exact).
* optimum (cost): the cheapest schedule when all arrivals are known, by dynamic programming over the last trace of each run;
  it may even overlap runs, so no schedule of ours can reach it on a fast stream.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.coalescing.pace import Pace, Pause
from tasks.pacer import TICK_SECONDS

RUN_SECONDS = 1.0
WAITING = 0.05
"""The cost of a trace's waiting second, in seconds of a run: twenty waiting traces cost as much as running."""

Starts = list[float]
Policy = Callable[[Sequence[float]], Starts]


def poisson(rate: float, seconds: float, dice: random.Random) -> list[float]:
    arrivals, now = [], dice.expovariate(rate)
    while now < seconds:
        arrivals.append(now)
        now += dice.expovariate(rate)
    return arrivals


def bursts(count: int, size: int, within: float, seconds_between: float, dice: random.Random) -> list[float]:
    return sorted(burst * seconds_between + dice.random() * within for burst in range(count) for _ in range(size))


def streams(seed: int = 1) -> dict[str, list[float]]:
    dice = random.Random(seed)
    return {
        "1/s": poisson(1, 4000, dice),
        "20/s": poisson(20, 400, dice),
        "bursts of 30 in 2 s, a minute apart": bursts(120, 30, 2, 60, dice),
    }


def paced(pace: Pace, dice: random.Random) -> Policy:
    """The schedule of the Redis scripts, with a pacer that looks every TICK_SECONDS."""

    def starts(arrivals: Sequence[float]) -> Starts:
        run_starts, first, pause_after, free = [], 0, Pause(), 0.0
        while first < len(arrivals):
            due_at = _due_at(pace, arrivals, first, pause_after, free)
            start = max(due_at, free) + dice.random() * TICK_SECONDS
            run_starts.append(start)
            free = start + RUN_SECONDS
            pause_after, first = pace.rest(start, free), _count_until(arrivals, first, start)
        return run_starts

    return starts


def _due_at(pace: Pace, arrivals: Sequence[float], number: int, pause_after: Pause, free: float) -> float:
    """The due time of the requests from `number` on. Each earlier arrival may move it; FINISH at `free` sets it anew."""
    first, last_arrival = arrivals[number], max(_count_until(arrivals, number, free), number + 1)
    due_at = pace.due(max(first, free), first, last_arrival - number, pause_after)
    while last_arrival < len(arrivals) and arrivals[last_arrival] <= due_at:
        last_arrival += 1
        due_at = pace.due(arrivals[last_arrival - 1], first, last_arrival - number, pause_after)
    return due_at


def _count_until(arrivals: Sequence[float], number: int, when: float) -> int:
    while number < len(arrivals) and arrivals[number] <= when:
        number += 1
    return number


def at_once(arrivals: Sequence[float]) -> Starts:
    """Run at once; requests during a run are merged into the next run."""
    run_starts, number, free = [], 0, 0.0
    while number < len(arrivals):
        run_starts.append(max(arrivals[number], free))
        free = run_starts[-1] + RUN_SECONDS
        number = _count_until(arrivals, number, run_starts[-1])
    return run_starts


def fewest_runs(arrivals: Sequence[float], max_wait: float) -> int:
    runs, number, last = 0, 0, float("-inf")
    while number < len(arrivals):
        last = max(arrivals[number] + max_wait, last + RUN_SECONDS)
        runs, number = runs + 1, _count_until(arrivals, number, last)
    return runs


def cheapest(arrivals: Sequence[float]) -> float:
    """The least cost of covering all traces. best[j]: of the first j traces, where the last run starts when trace j comes."""
    sums, best = [0.0], [0.0]
    for arrival in arrivals:
        sums.append(sums[-1] + arrival)
    for last in range(1, len(arrivals) + 1):
        least, first = float("inf"), last - 1
        while first >= 0:
            waiting = WAITING * ((last - first) * arrivals[last - 1] - (sums[last] - sums[first]))
            if waiting > 4 * RUN_SECONDS:
                break  # two runs are cheaper than one run with so much waiting
            least, first = min(least, best[first] + RUN_SECONDS + waiting), first - 1
        best.append(least)
    return best[-1]


@dataclass(frozen=True)
class Score:
    runs: int
    runs_ratio: float
    lag_p50: float
    lag_p99: float
    cost_ratio: float


def score(arrivals: Sequence[float], starts: Starts, max_wait: float) -> Score:
    lags, number = [], 0
    for start in starts:
        until = _count_until(arrivals, number, start)
        lags += [start - arrival for arrival in arrivals[number:until]]
        number = until
    assert len(lags) == len(arrivals), "a trace that no run covers"
    lags.sort()
    return Score(
        runs=len(starts),
        runs_ratio=len(starts) / fewest_runs(arrivals, max_wait),
        lag_p50=lags[len(lags) // 2],
        lag_p99=lags[int(0.99 * len(lags))],
        cost_ratio=(RUN_SECONDS * len(starts) + WAITING * sum(lags)) / cheapest(arrivals),
    )


def table() -> list[tuple[str, str, Score]]:
    pace, dice = Pace(), random.Random(2)
    policies: dict[str, Policy] = {
        "ours": paced(pace, dice),
        "ours without `crowd`": paced(Pace(crowd=float("inf")), dice),
        "at once": at_once,
        "one run for each trace": list,
    }
    return [
        (stream, name, score(arrivals, policy(arrivals), pace.max_wait))
        for stream, arrivals in streams().items()
        for name, policy in policies.items()
    ]


def main() -> None:
    print("| stream | policy | runs | runs / optimum | lag p50 | lag p99 | cost / optimum |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for stream, name, result in table():
        print(
            f"| {stream} | {name} | {result.runs} | {result.runs_ratio:.2f} | {result.lag_p50:.2f} s | {result.lag_p99:.2f} s"
            f" | {result.cost_ratio:.2f} |"
        )


if __name__ == "__main__":
    main()
