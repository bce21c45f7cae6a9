"""The rule that tells a change of a figure, on invented figures."""

from collections import Counter
from random import Random

import pytest

from app.telling.rules import (
    BLOCKS_OF_WEEK,
    COST,
    SHARE,
    Figures,
    Uses,
    begins_to_vary,
    ceases_to_vary,
    jump,
    quiet,
    taken_back,
)

WEEKS = 4


def steady(calls: int, share: float, seed: int = 0) -> list[Figures]:
    """Four weeks of blocks with this share of failures."""
    r = Random(seed)
    return [Figures(calls, sum(r.random() < share for _ in range(calls))) for _ in range(WEEKS * BLOCKS_OF_WEEK)]


@pytest.mark.parametrize("calls", [3, 10, 40, 200])
def test_a_share_that_wavers_by_chance_is_no_news(calls: int) -> None:
    for seed in range(20):
        assert jump(steady(calls, 0.02, seed), SHARE) is None


@pytest.mark.parametrize(("calls", "high"), [(10, 3), (40, 1), (200, 1)])
def test_a_third_of_calls_that_fail_is_told_with_what_it_was(calls: int, high: int) -> None:
    blocks = [*steady(calls, 0.02)[:-high], *[Figures(calls, calls / 3)] * high]
    change = jump(blocks, SHARE)
    assert change is not None
    assert change.now > 0.3
    assert change.before < 0.1
    assert change.calls >= 30


def test_a_task_of_two_days_has_no_past_to_compare_with() -> None:
    assert jump([*[Figures(40, 0)] * 7, Figures(40, 20)], SHARE) is None


def test_a_rise_within_what_the_portions_had_among_themselves_is_no_news() -> None:
    wavering = [Figures(40, dollars) for dollars in (1.0, 2.0) * 56]
    assert jump([*wavering, Figures(40, 2.2)], COST) is None
    assert jump([*[Figures(40, 1.0)] * 56, Figures(40, 1.3)], COST) is not None
    assert jump([*[Figures(40, 1.0)] * 56, Figures(40, 1.2)], COST) is None


WORKDAY = [40, 40, 40, 10]
WEEK = WORKDAY * 5 + [8, 8, 8, 2] * 2


def test_a_task_whose_calls_cease_is_told_once_enough_were_expected() -> None:
    own, calls_of_others = WEEK * WEEKS, [calls * 3 for calls in WEEK * WEEKS]
    assert quiet([*own[:-1], 0], calls_of_others) is None, "six hours are not enough"
    change = quiet([*own[:-3], 0, 0, 0], calls_of_others)
    assert change is None, "a Sunday has few calls"
    monday = len(own) - 7 * 4 + 2
    stopped = [*own[: monday - 2], 0, 0]
    assert quiet(stopped, calls_of_others[:monday]) is not None


def test_a_day_off_of_the_whole_project_is_no_news_until_it_is_three_days_long() -> None:
    own = WEEK * 3 + WORKDAY * 4
    silent = [*own[:-8], *[0] * 8]
    calls_of_others = [*[calls * 3 for calls in own[:-8]], *[0] * 8]
    assert quiet(silent, calls_of_others) is None
    assert quiet(silent, [calls * 3 for calls in own]) is not None
    long = [*own[:-12], *[0] * 12]
    assert quiet(long, [*[calls * 3 for calls in own[:-12]], *[0] * 12]) is not None


def test_a_batch_that_somebody_starts_now_and_then_is_never_quiet() -> None:
    own = [0] * (WEEKS * BLOCKS_OF_WEEK)
    for place in (10, 40, 66, 90):
        own[place] = 500
    for end in range(60, len(own)):
        assert quiet(own[:end], [100] * end) is None


def in_blocks(*calls_of_blocks: dict[int, int], hours: int = 6) -> list[Uses]:
    return [Uses(number * hours, hours, calls) for number, calls in enumerate(calls_of_blocks)]


def test_an_edit_that_is_taken_back_is_told_and_a_canary_is_not() -> None:
    first, second, mixed = {1: 20}, {2: 20}, {1: 18, 2: 2}
    assert taken_back(in_blocks(first, first, second, second, first)) == (1, 2, 24, 12)
    assert taken_back(in_blocks(first, mixed, mixed, first)) is None
    assert taken_back(in_blocks(first, second, {3: 20})) is None
    assert taken_back(in_blocks(first, {1: 10, 2: 10}, first)) is None
    assert taken_back(in_blocks({1: 4}, {1: 6}, {2: 10}, {1: 3}, {1: 7})) == (1, 2, 18, 12)


def test_an_edit_of_two_hours_of_a_busy_task_is_told_whenever_it_began() -> None:
    for first_minute in range(60, 420, 30):
        edited = range(first_minute, first_minute + 120)
        versions = [2 if minute in edited else 1 for minute in range(900)]
        hours = [Counter(versions[begin : begin + 60]) for begin in range(0, 900, 60)]
        back = taken_back(in_blocks(*hours, hours=1))
        assert back is not None
        assert (back.version, back.newer) == (1, 2)


def test_half_of_few_calls_on_trial_are_no_edit_taken_back() -> None:
    for seed in range(50):
        hours = [Counter(Random(f"{seed}-{hour}").choices((1, 2), k=12)) for hour in range(168)]
        assert taken_back(in_blocks({1: 60}, *hours, hours=1)) is None


def test_a_slot_that_held_many_values_and_holds_one_is_constant() -> None:
    r = Random(1)
    before = [r.choice("abcd") for _ in range(200)]
    assert ceases_to_vary(before, ["a"] * 40)
    assert not ceases_to_vary(before, ["a"] * 10), "too few"
    assert not ceases_to_vary(before, ["a"] * 39 + ["b"])


def test_a_date_that_is_the_same_all_day_is_not_constant() -> None:
    days = [str(day) for day in range(7) for _ in range(30)]
    assert not ceases_to_vary(days, ["7"] * 200)


def test_a_slot_that_held_one_value_begins_to_vary_with_the_third_other() -> None:
    assert begins_to_vary(["a"] * 60, ["a"] * 30 + ["b", "c", "d"])
    assert not begins_to_vary(["a"] * 60, ["a"] * 30 + ["b", "c"])
    assert not begins_to_vary(["a"] * 59 + ["b"], ["a"] * 30 + ["b", "c", "d"])
