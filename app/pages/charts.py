"""Charts as geometry: the points of lines, areas and bars, which templates draw as SVG. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

WIDTH, HEIGHT = 960.0, 200.0
"""The size of a large chart in its own units; it is stretched to the page."""

MOST_LAYERS = 8
"""Versions drawn separately; the smallest others form one layer."""


REST = frozenset({"others", "all others"})
REST_COLOUR = 10
"""The grey of values that are not drawn separately."""


class Spark(NamedTuple):
    """A small line over time with the area below it, as one SVG path in a box of `width` by 24; and its largest value.

    The sides and the base of the area lie outside of the box, where nothing is drawn.
    """

    path: str
    width: int
    largest: float


def spark(values: Sequence[float]) -> Spark | None:
    """A line through these values; None where all are zero."""
    highest = max(values, default=0)
    if highest <= 0:
        return None
    heights = {value: f"{23 - 21 * value / highest:.1f}" for value in set(values)}
    points = [heights[value] for value in (values[0], *values, values[-1])]
    return Spark(_through(len(points)) % tuple(points), max(len(values) - 1, 1), highest)


@lru_cache(maxsize=64)
def _through(number: int) -> str:
    """The path through so many points, at x from -1 on, without their heights: all lines of a list share it."""
    points = "L".join(f"{place - 1} %s" for place in range(number))
    return f"M-1 30L{points}L{number - 2} 30Z"


@dataclass(frozen=True)
class Layer:
    """A layer of a stack; total: of all its values."""

    name: str
    colour: int
    total: float
    path: str


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: its position in the box, and its value."""

    position: float
    value: float


@dataclass(frozen=True)
class Stack:
    """Stacked layers; ticks of the height; the largest sum."""

    layers: Sequence[Layer]
    ticks: Sequence[Tick]
    largest: float


def stack(layers: Mapping[str, Sequence[float]]) -> Stack | None:
    """Columns of stacked values, as steps, the first layer lowest; None where all are zero."""
    if not layers or not (highest := max(map(sum, zip(*layers.values(), strict=True)), default=0)) > 0:
        return None
    top = _rounded_up(highest)
    base = [0.0] * len(next(iter(layers.values())))
    bands = []
    for number, (name, values) in enumerate(layers.items()):
        upper = [below + value for below, value in zip(base, values, strict=True)]
        colour = REST_COLOUR if name in REST else number % 10
        bands.append(Layer(name, colour, sum(values), _band(base, upper, top)))
        base = upper
    return Stack(bands, [Tick(HEIGHT * (1 - part / 2), top * part / 2) for part in (0, 1, 2)], highest)


def _band(lower: Sequence[float], upper: Sequence[float], top: float) -> str:
    """The outline between two lines of steps."""
    step = WIDTH / len(upper)
    forth = [f"{x:.1f} {HEIGHT * (1 - y / top):.1f}" for x, y in _steps(upper, step)]
    lower_points = [f"{x:.1f} {HEIGHT * (1 - y / top):.1f}" for x, y in reversed(list(_steps(lower, step)))]
    return "M" + " L".join([*forth, *lower_points]) + " Z"


def _steps(values: Sequence[float], step: float) -> Sequence[tuple[float, float]]:
    return [(x * step, value) for number, value in enumerate(values) for x in (number, number + 1)]


def _rounded_up(highest: float) -> float:
    """The next of 1, 2, 4, 6, 8 or 10 times a power of ten, whose half is a round number too."""
    power = 1.0
    while power * 10 <= highest:
        power *= 10
    while power > highest:
        power /= 10
    return next(power * part for part in (1, 2, 4, 6, 8, 10) if power * part >= highest * 0.999)


class Bar(NamedTuple):
    """A bar of a histogram: x and height in a box of 100 by 40, its label, and its count."""

    x: float
    width: float
    height: float
    label: str
    calls: int


def bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Bars side by side."""
    highest = max((count for _, count in counts), default=0)
    step = 100 / max(len(counts), 1)
    return [
        Bar(number * step + step * 0.08, step * 0.84, 38 * count / highest if highest else 0, label, count)
        for number, (label, count) in enumerate(counts)
    ]
