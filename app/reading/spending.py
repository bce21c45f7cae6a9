"""Usage and cost of tasks and versions in a range of time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.reading import prices, usage
from app.reading.prices import Cost, Prices
from app.reading.usage import Asked, Span, Version
from app.store.call_facts import Usage


class Spent(NamedTuple):
    """The usage and the cost of some calls."""

    used: Usage = Usage()
    cost: Cost = Cost()

    def __add__(self, other: "Spent") -> "Spent":  # type: ignore[override]
        return Spent(self.used + other.used, self.cost + other.cost)

    @classmethod
    def together(cls, some: Iterable["Spent"]) -> "Spent":
        """The sum of several."""
        some = list(some)
        if len(some) == 1:
            return some[0]
        dollars = sum(each.cost.dollars for each in some)
        return cls(
            Usage.together([each.used for each in some]), Cost(dollars, any(each.cost.estimated for each in some))
        )


class Hour(NamedTuple):
    """The usage of a version in an hour or a day."""

    start: datetime
    version: Version
    spent: Spent


def of_versions(
    connection: Connection, asked: Asked, *, timed: bool = True, priced: Prices | None = None
) -> dict[Version, Spent]:
    """The usage of each version with calls in the range.

    timed: with latencies, else only what a cost needs. priced: the prices of the project, where the caller has them.
    """
    priced = priced or prices.of_project(connection, asked.project_id)
    used_by_version = usage.of_versions(connection, asked, timed=timed)
    return {version: Spent(used, priced.cost(version.model, used)) for version, used in used_by_version.items()}


def of_version(connection: Connection, asked: Asked, priced: Prices) -> Spent:
    """The usage of the version that is asked for."""
    return next(iter(of_versions(connection, asked, priced=priced).values()), Spent())


def of_all(connection: Connection, asked: Asked, priced: Prices) -> Spent:
    """What all versions used together, as far as a cost needs it."""
    used_by_model = usage.of_models(connection, asked)
    return Spent.together(Spent(used, priced.cost(model, used)) for model, used in used_by_model.items())


def by_task(spent: Mapping[Version, Spent]) -> dict[UUID, Spent]:
    """The usage of each task."""
    spent_of_tasks: dict[UUID, list[Spent]] = defaultdict(list)
    for version, some in spent.items():
        spent_of_tasks[version.task_id].append(some)
    return {task_id: Spent.together(some) for task_id, some in spent_of_tasks.items()}


def by_time(connection: Connection, asked: Asked, span: Span) -> list[Hour]:
    """The usage of each version in each hour or day with calls, by time and number."""
    priced = prices.of_project(connection, asked.project_id)
    hours = [
        Hour(start, version, Spent(used, priced.cost(version.model, used)))
        for (version, start), used in usage.by_time(connection, asked, span).items()
    ]
    return sorted(hours, key=lambda hour: (hour.start, hour.version.number, hour.version.id))


class Stretch(NamedTuple):
    """The usage of a version in one of the equal stretches of a range."""

    number: int
    version: Version
    spent: Spent


def in_stretches(
    connection: Connection, asked: Asked, begin: datetime, width: timedelta, priced: Prices | None = None
) -> list[Stretch]:
    """The usage of each version in stretches of `width` from `begin` on, as far as a cost needs it; priced as for `of_versions`."""
    priced = priced or prices.of_project(connection, asked.project_id)
    return [
        Stretch(number, version, Spent(used, priced.cost(version.model, used)))
        for version, number, used in usage.in_bins(connection, asked, begin, width)
    ]
