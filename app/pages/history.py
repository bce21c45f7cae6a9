"""The usage of a task's versions over time, as a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.pages.charts import MOST_LAYERS, Stack, stack
from app.pages.ranging import ShownRange
from app.reading import spending
from app.reading.prices import Prices
from app.reading.spending import Spending, Stretch
from app.reading.usage import UsageScope

SHARE_OF_A_MARK = 1 / 6
"""Of the width of a chart: "12 versions" takes 70 pixels of some 900 on a desk; on a phone, of 280, "v1, v2" takes 40."""

NAMED_OF_A_MARK = 2
"""Versions that a mark names; for more it says how many."""

METRICS = {"calls": "Calls", "cost": "Cost"}
"""What the chart of a task can draw, by its name in the address, and its title."""


@dataclass(frozen=True)
class History:
    """A chart with a mark where each version began, and the usage of each version in the range."""

    chart: Stack | None
    marks: Sequence[tuple[float, str]]
    spending_by_version: Mapping[UUID, Spending]

    @property
    def total(self) -> Spending:
        return sum(self.spending_by_version.values(), Spending())


def history(
    connection: Connection,
    scope: UsageScope,
    versions: Sequence[Any],
    priced: Prices,
    *,
    range_shown: ShownRange,
    metric: str,
) -> History:
    """The usage of a task in a range. scope: of the task; versions: rows of `app.reading.tasks`."""
    spending_by_version = {
        version.id: spending_of_version
        for version, spending_of_version in spending.of_versions(connection, scope, priced=priced).items()
    }
    stretches = spending.in_stretches(connection, scope, range_shown.begin, range_shown.width, priced)
    return History(
        stack(_layers(stretches, range_shown.stretches, metric)),
        list(marks_of(versions, range_shown)),
        spending_by_version,
    )


def _layers(stretches: Sequence[Stretch], count: int, metric: str) -> Mapping[str, Sequence[float]]:
    """One layer for each version, by number; the smallest versions share one."""
    values: dict[int, list[float]] = {}
    for stretch in stretches:
        if 0 <= stretch.number < count:
            line = values.setdefault(stretch.version.number, [0.0] * count)
            line[stretch.number] += stretch.spending.cost.dollars if metric == "cost" else stretch.spending.used.calls
    largest = set(sorted(values, key=lambda number: sum(values[number]), reverse=True)[:MOST_LAYERS])
    layers = {f"v{number}": values[number] for number in sorted(values) if number in largest}
    other_layers = [values[number] for number in values if number not in largest]
    return layers | ({"others": list(map(sum, zip(*other_layers, strict=True)))} if other_layers else {})


def marks_of(versions: Sequence[Any], range_shown: ShownRange) -> Sequence[tuple[float, str]]:
    """The beginnings of versions as shares of the range; versions that began close together share the mark of the first one."""
    marks: list[tuple[float, list[int]]] = []
    begun_versions = [version for version in versions if _began_within(version.first_seen, range_shown)]
    for version in sorted(begun_versions, key=lambda version: (version.first_seen, version.version)):
        place = (version.first_seen - range_shown.begin) / (range_shown.end - range_shown.begin)
        if not marks or place - marks[-1][0] >= SHARE_OF_A_MARK:
            marks.append((place, []))
        marks[-1][1].append(version.version)
    return [(place, _words_of_mark(sorted(numbers))) for place, numbers in marks]


def _words_of_mark(numbers: Sequence[int]) -> str:
    """ "v1, v2", and "12 versions" for more than a mark has room for."""
    return (
        ", ".join(f"v{number}" for number in numbers) if len(numbers) <= NAMED_OF_A_MARK else f"{len(numbers)} versions"
    )


def _began_within(moment: datetime | None, range_shown: ShownRange) -> bool:
    return moment is not None and range_shown.begin < moment < range_shown.end
