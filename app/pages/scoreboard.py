"""Two versions of a task side by side: latency, cost and output of a call. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from app.reading.spending import Spending
from app.store.call_facts import Usage
from app.words import dollars, duration, number, percent

FEW_CALLS = 30
"""Calls of a version below which a difference is most likely chance."""

LITTLE_CHANGE = 0.03
"""A smaller relative change is called neither better nor worse."""

CHANCE = 2.0
"""Standard errors within which two shares of failures differ by chance, in 19 of 20 comparisons of equal versions."""


class ComparedFigure(NamedTuple):
    """A figure of both versions in words; change: as a share of the old one; verdict: better, worse or ""."""

    title: str
    old: str
    new: str
    change: float | None
    verdict: str


@dataclass(frozen=True)
class Scoreboard:
    """The figures, and whether one of the versions has too few calls for a verdict."""

    rows: Sequence[ComparedFigure]
    few: bool


def scoreboard(old: Spending, new: Spending) -> Scoreboard:
    """Both versions, figure by figure."""
    has_few_calls = min(old.used.calls, new.used.calls) < FEW_CALLS
    return Scoreboard([_row(figure, old, new, has_few_calls=has_few_calls) for figure in _FIGURES], has_few_calls)


class _Figure(NamedTuple):
    title: str
    of: Callable[[Spending], float | None]
    words: Callable[[float | None], str]
    less_is_better: bool = False
    is_chance: Callable[[Usage, Usage], bool] = lambda old, new: False


def _a_call(value: Callable[[Spending], float], calls: Callable[[Spending], int]) -> Callable[[Spending], float | None]:
    return lambda spending: value(spending) / calls(spending) if calls(spending) else None


def _calls(spending: Spending) -> int:
    return spending.used.calls


def _latency(share: float) -> Callable[[Spending], float | None]:
    return lambda spending: None if (latency_ms := spending.used.latency_ms(share)) is None else latency_ms / 1000


def _cost(spending: Spending) -> float | None:
    is_unknown = not spending.used.calls or (spending.cost.estimated and not spending.cost.dollars)
    return None if is_unknown else spending.cost.dollars / spending.used.calls


def _fail_alike(old: Usage, new: Usage) -> bool:
    """Whether the shares of failures differ by no more than chance."""
    share = (old.failures + new.failures) / (old.calls + new.calls)
    error = sqrt(share * (1 - share) * (1 / old.calls + 1 / new.calls))
    return abs(old.failures / old.calls - new.failures / new.calls) <= CHANCE * error


_FIGURES = (
    _Figure("Calls", lambda spending: spending.used.calls, number),
    _Figure("Half took at most", _latency(0.5), duration, True),
    _Figure("95 of 100 took at most", _latency(0.95), duration, True),
    _Figure("Input tokens a call", _a_call(lambda spending: spending.used.input_tokens, _calls), number),
    _Figure("Output tokens a call", _a_call(lambda spending: spending.used.output_tokens, _calls), number),
    _Figure("Cost a call", _cost, dollars, True),
    _Figure("Failed", _a_call(lambda spending: spending.used.failures, _calls), percent, True, _fail_alike),
    _Figure(
        "Characters of an output",
        _a_call(lambda spending: spending.used.output_characters, lambda spending: spending.used.answered),
        number,
    ),
)


def _row(figure: _Figure, old: Spending, new: Spending, *, has_few_calls: bool) -> ComparedFigure:
    before, after = figure.of(old), figure.of(new)
    change = None if before is None or after is None or before == 0 else after / before - 1
    verdict = ""
    if figure.less_is_better and before is not None and after is not None and not has_few_calls:
        is_little = abs(after - before) <= LITTLE_CHANGE * before
        if not is_little and not figure.is_chance(old.used, new.used):
            verdict = "better" if after < before else "worse"
    return ComparedFigure(figure.title, figure.words(before), figure.words(after), change, verdict)
