"""Usage of calls over any range of time: from the kept weeks, days and hours, and from the calls at the ends of the range."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from app.reading.ranges import ALL_TIME, DAY, HOUR, KEPT_SPANS, WEEK, Range, RangePiece, full
from app.reading.template_calls import VERSIONS_COUNTED, TemplateCalls
from app.store.call_facts import ALL, BILLED, CALLS_ALONE, READ, SUMS_OF_FACTS, Usage, facts
from app.store.planned import planned_once

BinWidth = Literal["hour", "day"]


class Label(NamedTuple):
    """An entry of the metadata of calls: its name, and its value as text (`true`, `7`)."""

    name: str
    value: str


MOST_LABELLED = 20_000
"""Newest calls of the range among which calls with a label are searched, since metadata have no index: some 0.1 s."""


@dataclass(frozen=True)
class UsageScope:
    """A filter of usage; all given conditions hold together.

    The usage of a user or a conversation is read from its calls, which have an index; that of a label from the newest `MOST_LABELLED`
    calls; all other usage from the kept spans.
    """

    project_id: UUID
    range: Range = ALL_TIME
    task_ids: Sequence[UUID] | None = None
    calls: TemplateCalls | None = None
    model: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    label: Label | None = None

    @property
    def of_callers(self) -> bool:
        return self.user_id is not None or self.conversation_id is not None

    @property
    def of_calls(self) -> bool:
        return self.of_callers or self.label is not None

    @property
    def of_some_versions(self) -> bool:
        return self.calls is not None or self.task_ids is not None or self.model is not None

    @property
    def by_version(self) -> bool:
        """Whether the cells of one version after the other are read."""
        return self.of_some_versions and not self.of_calls


class BilledVersion(NamedTuple):
    """A version as a bill names it."""

    id: UUID
    task_id: UUID
    number: int
    model: str


def of_versions(connection: Connection, scope: UsageScope, *, timed: bool = True) -> dict[BilledVersion, Usage]:
    """The usage of each version with calls in the range.

    timed: with latencies and all sums, which take most of the time where there are many versions; else only what a cost needs.
    """
    rows = _of_versions(connection, scope, _NO_PLACE, _pieces(scope), timed=timed)
    return {version: usage for version, _, usage in rows}


def of_models(connection: Connection, scope: UsageScope) -> dict[str, Usage]:
    """The usage of all versions of each model, as far as a cost needs it: a few rows where versions are hundreds."""
    of_versions, values = _statement(scope, _NO_PLACE, _pieces(scope), BILLED)
    query = f"SELECT model, {READ[BILLED]} FROM ({of_versions}) AS cell GROUP BY 1"  # noqa: S608
    return {row[0]: Usage.of(row[1:]) for row in _rows(connection, scope, query, values)}


class Bin(NamedTuple):
    """The usage of a version in one of the equal stretches of a range; stretches without calls are left out."""

    version: BilledVersion
    number: int
    used: Usage


def in_bins(connection: Connection, scope: UsageScope, begin: datetime, width: timedelta) -> list[Bin]:
    """The usage of each version in stretches of `width`, counted from `begin`, as far as a cost needs it."""
    pieces = _stretched(scope, begin, width)
    return [Bin(*row) for row in _of_versions(connection, scope, _number(begin, width), pieces, timed=False)]


def calls_in_bins(
    connection: Connection, scope: UsageScope, begin: datetime, width: timedelta
) -> Iterator[tuple[UUID, Sequence[int], Sequence[int]]]:
    """For each version: its task, the numbers of the stretches with calls, and their calls, for the small lines of a list."""
    number, pieces = _number(begin, width), _stretched(scope, begin, width)
    statement = _gathered if scope.by_version else _statement
    of_versions, values = statement(scope, number, pieces, CALLS_ALONE)
    gathered = f"SELECT task_id, ARRAY[place], ARRAY[calls] FROM ({of_versions}) AS bin"  # noqa: S608
    yield from _rows(connection, scope, of_versions if scope.by_version else gathered, values)


def _stretched(scope: UsageScope, begin: datetime, width: timedelta) -> list[RangePiece]:
    whole_days = width % DAY == timedelta() and begin == full(begin, DAY)
    return _pieces(scope, DAY if whole_days else HOUR)


def _number(begin: datetime, width: timedelta) -> str:
    """SQL for the number of the stretch in which a cell lies."""
    return f"floor((date_part('epoch', start) - {begin.timestamp()}) / {width.total_seconds()})::int"  # extract() is numeric: twice the time


def by_time(connection: Connection, scope: UsageScope, span: BinWidth) -> dict[tuple[BilledVersion, datetime], Usage]:
    """The usage of each version in each hour or day with calls, in UTC."""
    rows = _of_versions(
        connection, scope, f"date_trunc('{span}', start, 'UTC')", _pieces(scope, KEPT_SPANS[span]), timed=True
    )
    return {(version, start): usage for version, start, usage in rows}


_NO_PLACE = "NULL::timestamptz"

_FIELDS_OF_A_VERSION = ", ".join(f"implementation.{name}" for name in ("id", "task_id", "version", "model"))


def _of_versions(
    connection: Connection, scope: UsageScope, place: str, pieces: list[RangePiece], *, timed: bool
) -> Iterator[tuple[BilledVersion, Any, Usage]]:
    """The usage of each version at each place. place: SQL for the place of a cell."""
    of_versions, values = _statement(scope, place, pieces, ALL if timed else BILLED)
    for row in _rows(connection, scope, of_versions, values):
        yield BilledVersion(*row[:4]), row[4], Usage.of(row[5:])


def _rows(connection: Connection, scope: UsageScope, query: str, values: dict[str, Any]) -> Iterable[Any]:
    """The rows of a query; the calls of a user, which may be few or many, are planned for each request."""
    statement = text(query)
    return connection.execute(statement if scope.of_calls else planned_once(statement), values)


def _pieces(scope: UsageScope, longest: timedelta = WEEK) -> list[RangePiece]:
    return (
        [RangePiece("call", scope.range.since, scope.range.until)]
        if scope.of_calls
        else list(scope.range.pieces(longest))
    )


def _statement(
    scope: UsageScope, place: str, pieces: list[RangePiece], columns: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """The query and its values: these columns of the cells of all pieces, added up by version and `place`."""
    source, values = _source(scope, pieces, columns)
    if scope.by_version:
        of_version = f"SELECT {place} AS place, {READ[columns]} FROM ({source}) AS cell GROUP BY 1"  # noqa: S608
        return _beside_versions(scope, of_version), values
    added = f"SELECT implementation_id, {place} AS place, {READ[columns]} FROM ({source}) AS cell GROUP BY 1, 2"  # noqa: S608
    return (
        f"SELECT {_FIELDS_OF_A_VERSION}, place, {', '.join(columns)} FROM ({added}) AS cell"  # noqa: S608
        " JOIN implementation ON implementation.id = implementation_id"
    ), values


def _gathered(
    scope: UsageScope, place: str, pieces: list[RangePiece], columns: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """The query and its values: for each version its task, its places, and the sums there of one column, as arrays."""
    source, values = _source(scope, pieces, columns)
    bins = f"SELECT {place} AS place, {READ[columns]} FROM ({source}) AS cell GROUP BY 1"  # noqa: S608
    arrays = f"SELECT array_agg(place) AS places, array_agg({columns[0]}) AS sums FROM ({bins}) AS bin"  # noqa: S608
    query = f"SELECT task_id, places, sums FROM ({_beside_versions(scope, arrays)}) AS bins WHERE places IS NOT NULL"  # noqa: S608
    return query, values


def _beside_versions(scope: UsageScope, query: str) -> str:
    """SQL for the rows of a query beside each version. OFFSET 0 keeps PostgreSQL from reading the cells of all versions instead."""
    return f"SELECT * FROM ({_versions(scope)}) AS version CROSS JOIN LATERAL ({query} OFFSET 0) AS of_version"  # noqa: S608


def _source(scope: UsageScope, pieces: list[RangePiece], columns: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """SQL for the cells of all pieces, and its values."""
    values = {
        name: value
        for name, value in vars(scope).items()
        if name not in {"range", "label", "calls"} and value is not None
    }
    if scope.calls is not None:
        values |= scope.calls.parameters
    if scope.label is not None:
        values |= {"label": scope.label.name, "labelled": scope.label.value, "most_labelled": MOST_LABELLED}
    if scope.task_ids is not None:
        values["task_ids"] = f"{{{','.join(map(str, scope.task_ids))}}}"
    cells = []
    for number, piece in enumerate(pieces):
        cells.append(_cells(scope, piece, number, columns))
        bounds = {f"since_{number}": piece.since, f"until_{number}": piece.until}
        values |= {name: bound for name, bound in bounds.items() if bound is not None}
    return " UNION ALL ".join(cells), values


def _cells(scope: UsageScope, piece: RangePiece, number: int, columns: Sequence[str]) -> str:
    """SQL for the usage in a piece of the range, by version and hour, day or week."""
    time = "seen_at" if piece.what == "call" else "start"
    conditions = " AND ".join([*_whose(scope, piece), *_bounds(piece, time, number)])
    columns_read = f"SELECT implementation_id, start, {', '.join(columns)}"
    if piece.what == "call":
        return f"{columns_read} FROM ({_of_calls(scope, piece, number, conditions)}) AS part"
    return f"{columns_read} FROM call_usage WHERE span = '{piece.what}' AND {conditions}"


def _of_calls(scope: UsageScope, piece: RangePiece, number: int, conditions: str) -> str:
    among = _newest(piece, number) if scope.label is not None and not scope.of_callers else "trace"
    calls = f"(SELECT * FROM {among} WHERE implementation_id IS NOT NULL AND {conditions})"  # noqa: S608
    start = "full_hour(seen_at) AS start"
    return f"SELECT implementation_id, {start}, {SUMS_OF_FACTS} FROM ({facts(calls)}) AS fact GROUP BY 1, 2"  # noqa: S608


def _newest(piece: RangePiece, number: int) -> str:
    """SQL for the newest calls of a project in a range: a call's own time is that of its row, or somewhat earlier."""
    conditions = " AND ".join(["project_id = :project_id", *_bounds(piece, "seen_at", number)])
    return f"(SELECT * FROM trace WHERE {conditions} ORDER BY id DESC LIMIT :most_labelled) AS newest"  # noqa: S608


def _bounds(piece: RangePiece, time: str, number: int) -> Iterator[str]:
    if piece.since is not None:
        yield f"{time} >= :since_{number}"
    if piece.until is not None:
        yield f"{time} < :until_{number}"


def _whose(scope: UsageScope, piece: RangePiece) -> Iterator[str]:
    """SQL conditions of the filter. Calls without a user are found by their versions: there is no index of all calls of a project by time."""
    if scope.by_version:
        yield "implementation_id = version.id"
        return
    yield "project_id = :project_id"
    if scope.of_some_versions or (piece.what == "call" and not scope.of_calls):
        yield f"implementation_id = ANY(ARRAY(SELECT id FROM ({_versions(scope)}) AS version))"  # noqa: S608
    for name in ("user_id", "conversation_id"):
        if getattr(scope, name) is not None:
            yield f"{name} = :{name} AND md5({name}) = md5(:{name})"
    if scope.label is not None and piece.what == "call":
        yield "metadata ->> :label = :labelled"


def _versions(scope: UsageScope) -> str:
    conditions = ["task.project_id = :project_id"]
    if scope.calls is not None:
        conditions.append(f"implementation.id IN (SELECT id FROM ({VERSIONS_COUNTED}) AS counted)")  # noqa: S608
    if scope.task_ids is not None:
        conditions.append("task.id = ANY(CAST(:task_ids AS uuid[]))")
    if scope.model is not None:
        conditions.append("implementation.model = :model")
    return (
        f"SELECT {_FIELDS_OF_A_VERSION} FROM implementation JOIN task ON task.id = task_id"  # noqa: S608
        f" WHERE {' AND '.join(conditions)}"
    )
