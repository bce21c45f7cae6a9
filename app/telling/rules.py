"""The rule for noting a change of a figure. Pure.

One rule for all figures: **the newest portion of at least 30 calls is compared with the portions before; a change is noted when the
difference is large, exceeds the spread of those portions, and is beyond chance.** docs/changes.md has the words, and
`benchmarks/changes.py` tries the rule on a month of traffic.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from operator import eq
from typing import NamedTuple

LEAST_CALLS = 30
"""Least calls of a portion: the mean of fewer says little. A task with ten calls a day is looked at three days at a time."""

MOST_PORTIONS = 28
"""Earlier portions that are compared: a week of a busy task, in blocks of six hours."""

LEAST_PORTIONS = 8
"""Least earlier portions: the spread of fewer is unknown. A busy task is two days old by then."""

SPREADS = 5.0
"""Standard deviations of the earlier portions that the difference must exceed. No portion of the back-test's month exceeds 4.2; each hour
of each task is another try, some 20,000 a month.
"""

CHANCE = 1e-6
"""Highest probability that unchanged calls make such a portion: one false alarm a month in 20,000 tries would be 5e-5."""


class Figures(NamedTuple):
    """Calls of a block of time, and the amount measured over them: failed calls, or dollars."""

    calls: int
    amount: float


@dataclass(frozen=True)
class Measure:
    """A measure of calls. factor, margin: the least rise, as a multiple and in units. is_share: the amount is a number of calls."""

    factor: float
    margin: float
    is_share: bool


SHARE = Measure(factor=2.0, margin=0.05, is_share=True)
"""Failed calls: twice as many, and 5 of 100 more. A rise from 1 % to 3 %, or from 50 % to 55 %, is no news."""

UNMATCHED = Measure(factor=2.0, margin=0.1, is_share=True)
"""Ungrouped calls: 10 of 100 more. An edit tried on a few calls stays ungrouped until three of its calls have come."""

COST = Measure(factor=1.25, margin=0.0, is_share=False)
"""Dollars a call: a quarter more is a change of price, model or prompt; values that people write vary by some 10 % a portion."""


class Jump(NamedTuple):
    """before, now: the amount for a call; calls: the number of calls of `now`; blocks: the number of its blocks of time."""

    before: float
    now: float
    calls: int
    blocks: int


def jump(blocks: Sequence[Figures], measure: Measure) -> Jump | None:
    """The rise of the newest portion above those before it; None without one. blocks: oldest first, the last one ends now."""
    newest, *before = [*_portions(blocks)][: MOST_PORTIONS + 1] or [_Portion(0, 0.0, 0)]
    if len(before) < LEAST_PORTIONS:
        return None
    calls, amount = sum(block.calls for block in before), sum(block.amount for block in before)
    share_before, share_now = amount / calls, newest.amount / newest.calls
    is_large = (
        share_now >= share_before * measure.factor and share_now - share_before >= measure.margin and share_now > 0
    )
    if not is_large or share_now - share_before <= SPREADS * _standard_deviation(before, share_before):
        return None
    if measure.is_share and _at_least(round(newest.amount), newest.calls, (amount + 1) / (calls + 2)) > CHANCE:
        return None
    return Jump(share_before, share_now, newest.calls, newest.blocks)


class _Portion(NamedTuple):
    calls: int
    amount: float
    blocks: int


def _portions(blocks: Sequence[Figures]) -> Iterator[_Portion]:
    """Adjacent blocks that have enough calls together, the newest first; the remainder at the old end has too few."""
    calls, amount, count = 0, 0.0, 0
    for block in reversed(blocks):
        calls, amount, count = calls + block.calls, amount + block.amount, count + 1
        if calls >= LEAST_CALLS:
            yield _Portion(calls, amount, count)
            calls, amount, count = 0, 0.0, 0


def _standard_deviation(portions: Sequence[_Portion], mean: float) -> float:
    """The standard deviation of the portions' amounts for a call around `mean`."""
    squares = [(portion.amount / portion.calls - mean) ** 2 for portion in portions]
    return sqrt(sum(squares) / (len(squares) - 1) * (1 + 1 / len(squares)))


def _at_least(hits: int, tries: int, share: float) -> float:
    """The probability of `hits` or more successes, each with this probability."""
    return sum(exp(_log_binomial(count, tries, share)) for count in range(hits, tries + 1))


def _log_binomial(count: int, tries: int, share: float) -> float:
    ways = lgamma(tries + 1) - lgamma(count + 1) - lgamma(tries - count + 1)
    return ways + count * log(share) + (tries - count) * log(1 - share)


# --- tasks gone quiet

BLOCKS_OF_WEEK = 28
"""Blocks of six hours in a week."""

LEAST_QUIET_BLOCKS = 2
"""Least blocks without a call, twelve hours: a quiet night is no news."""

LONG_QUIET_BLOCKS = 12
"""Blocks from which on other quiet tasks excuse a task no more, three days: longer than a week-end."""

EXPECTED_CALLS = 30.0
"""Calls expected in the quiet time. That none of 30 independent calls comes has a probability of 1e-13; on a day ten times quieter, of
1/20.
"""


class Quiet(NamedTuple):
    """blocks: the length of the time without a call; expected: the calls of the same hours of earlier weeks, at the least."""

    blocks: int
    expected: float


def quiet(own_calls: Sequence[int], other_calls: Sequence[int]) -> Quiet | None:
    """Whether a task has gone quiet. Calls by block, oldest first, the last one ends now; other_calls: of the project's other tasks.

    It has when the same hours of one and of two weeks before had at least 30 calls, as far back as the task exists, which is at least a
    week. Where the other tasks were quieter too, the expected number is reduced in proportion: a quiet week-end is no news.
    """
    silent = next((place for place, calls in enumerate(reversed(own_calls)) if calls), len(own_calls))
    if not LEAST_QUIET_BLOCKS <= silent <= BLOCKS_OF_WEEK:
        return None
    first = next(place for place, calls in enumerate(own_calls) if calls)
    stretches = [_stretch(len(own_calls), silent, weeks) for weeks in (1, 2)]
    stretches_known = [stretch for stretch in stretches if stretch.start >= first]
    expected = [
        _expected(own_calls, other_calls, stretch, _stretch(len(own_calls), silent, 0)) for stretch in stretches_known
    ]
    return Quiet(silent, min(expected)) if expected and min(expected) >= EXPECTED_CALLS else None


def _stretch(length: int, silent: int, weeks: int) -> slice:
    end = length - weeks * BLOCKS_OF_WEEK
    return slice(end - silent, end)


def _expected(own_calls: Sequence[int], other_calls: Sequence[int], period: slice, now: slice) -> float:
    """The calls of the same hours earlier; 0 where all came in one block, as in a batch that a person starts."""
    if sum(calls > 0 for calls in own_calls[period]) < LEAST_QUIET_BLOCKS:
        return 0.0
    excused = (
        1.0 if now.stop - now.start >= LONG_QUIET_BLOCKS else _ratio(sum(other_calls[now]), sum(other_calls[period]))
    )
    return sum(own_calls[period]) * excused


def _ratio(now: int, number: int) -> float:
    return min(1.0, now / number) if number else 0.0


# --- edits that are taken back

IN_USE = 0.8
"""Share of the calls from which on a version counts as the one in use; a trial on a fifth of the traffic does not."""

LEAST_USES = 10
"""Least calls of the blocks that show which version is in use."""

HOURS_OF_A_USE = 6
"""Least hours of such blocks, unless they have `MANY_USES` calls: half of the calls on trial look like four fifths of ten calls in one of 20 hours."""

MANY_USES = 60
"""Calls from which on blocks of any length show the version in use: half of the calls on trial look like four fifths of 60 once in 600,000 times."""


class Uses(NamedTuple):
    """The calls of each version, by its number, in a block of `hours` hours from the hour `start` on."""

    start: int
    hours: int
    calls: Mapping[int, int]


class TakenBack(NamedTuple):
    """version: the one that came back; newer: the one that was taken back; since, newer_since: hours since when they are, or were, in use."""

    version: int
    newer: int
    since: int
    newer_since: int


def taken_back(blocks: Iterable[Uses]) -> TakenBack | None:
    """The version in use, if it was in use before and a newer one in between.

    blocks: oldest first; version numbers rise in the order of first use.
    """
    in_use: list[tuple[int, int]] = []
    for start, version in _versions_in_use(blocks):
        if not in_use or in_use[-1][0] != version:
            in_use.append((version, start))
    if len(in_use) < 3:
        return None
    (newer, newer_since), (restored, since) = in_use[-2:]
    was_there = restored < newer and restored in {version for version, _ in in_use[:-2]}
    return TakenBack(restored, newer, since, newer_since) if was_there else None


def _versions_in_use(blocks: Iterable[Uses]) -> Iterator[tuple[int, int]]:
    """The beginning and the version of each row of neighbouring blocks that shows the version in use."""
    calls = Counter[int]()
    begin: int | None = None
    for block in blocks:
        begin = block.start if begin is None else begin
        calls.update(block.calls)
        total, hours = calls.total(), block.start + block.hours - begin
        if total >= MANY_USES or (total >= LEAST_USES and hours >= HOURS_OF_A_USE):
            [(main_version, calls_of_main)] = calls.most_common(1)
            if calls_of_main >= IN_USE * total:
                yield begin, main_version
            calls, begin = Counter(), None


# --- slots

LEAST_CALLS_BEFORE = 50
"""Least calls of the days before by which a slot is judged."""

LEAST_CALLS_NOW = 20
"""Least calls of the last day by which a slot is judged."""

LEAST_CALLS_OF_ANOTHER_VALUE = 3
"""Least calls with another value from which on a constant slot varies: one such call may be a test."""


def begins_to_vary(before: Sequence[str], now: Sequence[str]) -> bool:
    """Whether a slot had one value and has several now."""
    if len(before) < LEAST_CALLS_BEFORE or len(now) < LEAST_CALLS_NOW or len(set(before)) > 1:
        return False
    return sum(value != before[0] for value in now) >= LEAST_CALLS_OF_ANOTHER_VALUE and len(set(now)) > 1


def ceases_to_vary(before: Sequence[str], now: Sequence[str]) -> bool:
    """Whether a slot varied and has one value now, beyond chance. Values in the order of their calls.

    The chance is the share of earlier neighbouring calls with equal values, to the power of the number of calls now: a date, or the
    document of a batch, keeps one value for a day and is no news.
    """
    if len(before) < LEAST_CALLS_BEFORE or len(now) < LEAST_CALLS_NOW or len(set(now)) > 1:
        return False
    return is_constant_beyond_chance(sum(map(eq, before, before[1:])), len(before), len(now))


def is_constant_beyond_chance(alike: int, before: int, now: int) -> bool:
    """Whether so many calls with one value are none by chance. alike: calls before with the value of the call before them."""
    return (alike + 1) / (before + 1) < CHANCE ** (1 / (now - 1))
