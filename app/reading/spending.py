"""Usage and cost of tasks and versions in a range of time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from app.reading import prices, usage
from app.reading.prices import Cost
from app.reading.usage import Asked, Span
from app.store.call_facts import Usage


@dataclass(frozen=True)
class Spent:
    """The usage and the cost of some calls."""

    used: Usage = field(default_factory=Usage)
    cost: Cost = field(default_factory=Cost)

    def __add__(self, other: "Spent") -> "Spent":
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


class Version(NamedTuple):
    """A version as a bill names it."""

    id: UUID
    task_id: UUID
    number: int
    model: str


class Hour(NamedTuple):
    """The usage of a version in an hour or a day."""

    start: datetime
    version: Version
    spent: Spent


def of_versions(connection: Connection, asked: Asked, *, timed: bool = True) -> dict[Version, Spent]:
    """The usage of each version with calls in the range; timed: with latencies."""
    used = usage.of_versions(connection, asked, timed=timed)
    known, priced = _versions(connection, used), prices.of_project(connection, asked.project_id)
    return {
        known[each]: Spent(some, priced.cost(known[each].model, some)) for each, some in used.items() if each in known
    }


def of_all(connection: Connection, asked: Asked) -> Spent:
    """The usage of all versions together, without times of calls."""
    priced = prices.of_project(connection, asked.project_id)
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
    used = usage.by_time(connection, asked, span)
    known, priced = _versions(connection, {each for each, _ in used}), prices.of_project(connection, asked.project_id)
    hours = [
        Hour(start, known[each], Spent(some, priced.cost(known[each].model, some)))
        for (each, start), some in used.items()
        if each in known
    ]
    return sorted(hours, key=lambda hour: (hour.start, hour.version.number, hour.version.id))


class Stretch(NamedTuple):
    """The usage of a version in one of the equal stretches of a range."""

    number: int
    version: Version
    spent: Spent


def in_stretches(connection: Connection, asked: Asked, begin: datetime, width: timedelta) -> list[Stretch]:
    """The usage of each version in stretches of `width` from `begin` on, without latencies."""
    bins = usage.in_bins(connection, asked, begin, width)
    known, priced = (
        _versions(connection, {each.version for each in bins}),
        prices.of_project(connection, asked.project_id),
    )
    return [
        Stretch(each.number, version, Spent(each.used, priced.cost(version.model, each.used)))
        for each in bins
        if (version := known.get(each.version)) is not None
    ]


_VERSIONS = text("SELECT id, task_id, version, model FROM implementation WHERE id = ANY(CAST(:ids AS uuid[]))")


def _versions(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Version]:
    """The versions with these ids, passed as one array: SQLAlchemy takes longer for hundreds of parameters than PostgreSQL for the query."""
    rows = connection.execute(_VERSIONS, {"ids": list(map(str, ids))}).all()
    return {row[0]: Version(*row) for row in rows}
