"""The pace costs at most 1.4 times the schedule that knows the future."""

import random

import pytest

from benchmarks.pace import cheapest, fewest_runs, paced, score, streams
from tasks.coalescing.pace import Pace

STREAMS = streams(seed=7)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_pace_costs_at_most_1_4_times_the_optimum(stream: str) -> None:
    pace, arrivals = Pace(), STREAMS[stream]
    scored = score(arrivals, paced(pace, random.Random(1))(arrivals), pace.max_wait)
    assert scored.cost_ratio <= 1.4
    assert scored.lag_p99 <= pace.max_wait + 1.0 + 0.1  # max_wait, a run under way, a tick


def test_a_burst_costs_one_run() -> None:
    burst = [0.05 * number for number in range(30)]
    assert len(paced(Pace(), random.Random(1))(burst)) == 1


def test_many_short_runs_rest_as_if_each_had_taken_a_quarter_of_a_second() -> None:
    assert Pace().pause(0.01, 0) == Pace().pause(0.25, 0) == 1.25


def test_the_optimum_of_two_traces_far_apart_is_two_runs_that_nobody_waits_for() -> None:
    assert cheapest([0.0, 100.0]) == 2.0
    assert fewest_runs([0.0, 100.0], max_wait=5) == 2


def test_the_optimum_merges_what_is_close() -> None:
    assert cheapest([0.0, 1.0]) == pytest.approx(1.05)
    assert fewest_runs([0.0, 1.0, 2.0], max_wait=5) == 1
