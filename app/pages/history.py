"""The usage of a task's versions over time, as a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.pages.charts import MOST_LAYERS, Stack, stack
from app.pages.ranging import Shown
from app.reading import spending
from app.reading.prices import Prices
from app.reading.spending import Spent, Stretch
from app.reading.usage import Asked

SHARE_OF_A_MARK = 1 / 8
"""Of the width of a chart: "12 versions" takes 70 pixels of some 900 on a desk; on a phone, of 350, the words of two marks just touch."""

NAMED_OF_A_MARK = 2
"""Versions that a mark names; for more it says how many."""

METRICS = {"calls": "Calls", "cost": "Cost"}


@dataclass(frozen=True)
class History:
    """A chart with a mark where each version began, and the usage of each version in the range."""

    chart: Stack | None
    marks: Sequence[tuple[float, str]]
    spent: Mapping[UUID, Spent]

    @property
    def total(self) -> Spent:
        return sum(self.spent.values(), Spent())


def history(
    connection: Connection, asked: Asked, versions: Sequence[Any], priced: Prices, *, shown: Shown, metric: str
) -> History:
    """The usage of a task in a range.  asked: for the task; versions: rows of `app.reading.tasks`."""
    spent = {version.id: some for version, some in spending.of_versions(connection, asked, priced=priced).items()}
    stretches = spending.in_stretches(connection, asked, shown.begin, shown.width, priced)
    return History(stack(_layers(stretches, shown.stretches, metric)), list(marks_of(versions, shown)), spent)


def _layers(stretches: Sequence[Stretch], count: int, metric: str) -> Mapping[str, Sequence[float]]:
    """One layer for each version, by number; the smallest versions share one."""
    values: dict[int, list[float]] = {}
    for each in stretches:
        if 0 <= each.number < count:
            line = values.setdefault(each.version.number, [0.0] * count)
            line[each.number] += each.spent.cost.dollars if metric == "cost" else each.spent.used.calls
    largest = set(sorted(values, key=lambda number: sum(values[number]), reverse=True)[:MOST_LAYERS])
    named = {f"v{number}": values[number] for number in sorted(values) if number in largest}
    others = [values[number] for number in values if number not in largest]
    return named | ({"others": list(map(sum, zip(*others, strict=True)))} if others else {})


def marks_of(versions: Sequence[Any], shown: Shown) -> Sequence[tuple[float, str]]:
    """The beginnings of versions as shares of the range; versions that began close together share the mark of the first one."""
    marks: list[tuple[float, list[int]]] = []
    begun = [version for version in versions if _began_within(version.first_seen, shown)]
    for version in sorted(begun, key=lambda version: (version.first_seen, version.version)):
        place = (version.first_seen - shown.begin) / (shown.end - shown.begin)
        if not marks or place - marks[-1][0] >= SHARE_OF_A_MARK:
            marks.append((place, []))
        marks[-1][1].append(version.version)
    return [(place, _words_of_mark(sorted(numbers))) for place, numbers in marks]


def _words_of_mark(numbers: Sequence[int]) -> str:
    """ "v1, v2", and "12 versions" for more than a mark has room for."""
    return (
        ", ".join(f"v{number}" for number in numbers) if len(numbers) <= NAMED_OF_A_MARK else f"{len(numbers)} versions"
    )


def _began_within(moment: datetime | None, shown: Shown) -> bool:
    return moment is not None and shown.begin < moment < shown.end
