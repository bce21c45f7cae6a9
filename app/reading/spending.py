"""Usage and cost of tasks and versions in a range of time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.reading import prices, usage
from app.reading.prices import Cost, Prices
from app.reading.usage import BilledVersion, BinWidth, UsageScope
from app.store.call_facts import Usage


class Spending(NamedTuple):
    """The usage and the cost of some calls."""

    used: Usage = Usage()
    cost: Cost = Cost()

    def __add__(self, other: "Spending") -> "Spending":  # type: ignore[override]
        return Spending(self.used + other.used, self.cost + other.cost)

    @classmethod
    def together(cls, spendings: Iterable["Spending"]) -> "Spending":
        """The sum of several."""
        spendings = list(spendings)
        if len(spendings) == 1:
            return spendings[0]
        dollars = sum(spending.cost.dollars for spending in spendings)
        return cls(
            Usage.together([spending.used for spending in spendings]),
            Cost(dollars, any(spending.cost.estimated for spending in spendings)),
        )


class Hour(NamedTuple):
    """The usage of a version in an hour or a day."""

    start: datetime
    version: BilledVersion
    spending: Spending


def of_versions(
    connection: Connection, scope: UsageScope, *, timed: bool = True, priced: Prices | None = None
) -> dict[BilledVersion, Spending]:
    """The usage of each version with calls in the range.

    timed: with latencies, else only what a cost needs. priced: the prices of the project, where the caller has them.
    """
    priced = priced or prices.of_project(connection, scope.project_id)
    used_by_version = usage.of_versions(connection, scope, timed=timed)
    return {
        version: Spending(usage_of_version, priced.cost(version.model, usage_of_version))
        for version, usage_of_version in used_by_version.items()
    }


def of_all(connection: Connection, scope: UsageScope, priced: Prices) -> Spending:
    """The usage of all versions together, as far as a cost needs it."""
    used_by_model = usage.of_models(connection, scope)
    return Spending.together(
        Spending(usage_of_model, priced.cost(model, usage_of_model)) for model, usage_of_model in used_by_model.items()
    )


def by_task(by_version: Mapping[BilledVersion, Spending]) -> dict[UUID, Spending]:
    """The usage of each task."""
    spent_of_tasks: dict[UUID, list[Spending]] = defaultdict(list)
    for version, spending in by_version.items():
        spent_of_tasks[version.task_id].append(spending)
    return {task_id: Spending.together(spending) for task_id, spending in spent_of_tasks.items()}


def by_time(connection: Connection, scope: UsageScope, span: BinWidth) -> list[Hour]:
    """The usage of each version in each hour or day with calls, by time and number."""
    priced = prices.of_project(connection, scope.project_id)
    hours = [
        Hour(start, version, Spending(usage_of_hour, priced.cost(version.model, usage_of_hour)))
        for (version, start), usage_of_hour in usage.by_time(connection, scope, span).items()
    ]
    return sorted(hours, key=lambda hour: (hour.start, hour.version.number, hour.version.id))


class Stretch(NamedTuple):
    """The usage of a version in one of the equal stretches of a range."""

    number: int
    version: BilledVersion
    spending: Spending


def in_stretches(
    connection: Connection, scope: UsageScope, begin: datetime, width: timedelta, priced: Prices | None = None
) -> list[Stretch]:
    """The usage of each version in stretches of `width` from `begin` on, as far as a cost needs it; priced as for `of_versions`."""
    priced = priced or prices.of_project(connection, scope.project_id)
    return [
        Stretch(number, version, Spending(usage_of_bin, priced.cost(version.model, usage_of_bin)))
        for version, number, usage_of_bin in usage.in_bins(connection, scope, begin, width)
    ]
