"""The pace costs at most 1.3 times the schedule that knows the future."""

import random

import pytest

from benchmarks.pace import cheapest, fewest_runs, paced, score, streams
from tasks.coalescing.pace import Pace, Pause

STREAMS = streams(seed=7)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_pace_costs_at_most_1_3_times_the_optimum(stream: str) -> None:
    pace, arrivals = Pace(), STREAMS[stream]
    scored = score(arrivals, paced(pace, random.Random(1))(arrivals), pace.max_wait)
    assert scored.cost_ratio <= 1.3
    assert scored.lag_p99 <= pace.max_wait + 1.0 + 0.1  # max_wait, a run under way, a tick


def test_a_burst_costs_one_run() -> None:
    burst = [0.05 * number for number in range(30)]
    assert len(paced(Pace(), random.Random(1))(burst)) == 1


def test_many_short_runs_rest_as_if_each_had_taken_a_quarter_of_a_second() -> None:
    assert Pace().rest(9.99, 10.0).until == Pace().rest(9.75, 10.0).until == 10 + 0.25 * Pace().gap


def test_a_pause_ends_when_the_requests_have_waited_as_long_as_a_crowd_for_a_run() -> None:
    pace = Pace(gap=100, max_wait=100, crowd=20)
    pause = pace.rest(0.0, 1.0)
    assert pace.due(1.0, 0.0, 1, pause) == 1.0 + 19.5
    assert pace.due(1.0, 0.0, 10, pause) == 1.0 + (20 - 10 / 2) / 10
    assert pace.due(5.0, 0.0, 10, pause) == 5.0


def test_a_large_crowd_waits_less_for_silence() -> None:
    pace = Pace(quiet=1.0, crowd=20)
    assert pace.due(3.0, 2.9, 5, Pause()) == 3.0 + 1.0
    assert pace.due(3.0, 2.0, 40, Pause()) == 3.0 + 0.5


def test_the_optimum_of_two_traces_far_apart_is_two_runs_that_nobody_waits_for() -> None:
    assert cheapest([0.0, 100.0]) == 2.0
    assert fewest_runs([0.0, 100.0], max_wait=5) == 2


def test_the_optimum_merges_what_is_close() -> None:
    assert cheapest([0.0, 1.0]) == pytest.approx(1.05)
    assert fewest_runs([0.0, 1.0, 2.0], max_wait=5) == 1
