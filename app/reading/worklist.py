"""The tasks of a project, sorted and filtered, with their usage in a range of time.

A project has hundreds of tasks, and their cost is known only after prices are applied: all matching tasks are read with few columns, sorted
here, and only the shown ones are read in full.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)

from app.reading import prices, spending, tasks, usage
from app.reading.prices import Prices
from app.reading.ranges import Range
from app.reading.spending import Spending
from app.reading.usage import BilledVersion, Label, UsageScope
from app.store.paths import is_at
from app.store.planned import planned_once
from app.store.shown import is_listed
from app.store.tables import call_count, expired_calls, grouping_key, implementation, task, template, trace

Sort = Literal["last_seen", "calls", "cost", "errors", "p95", "name"]
SortOfPage = Literal[Sort, "used"]
"""A page shows the calls of the range and sorts by them: `used`."""

MOST_WORDS_SEARCHED = 8
"""Words of a search; each is a scan of all templates of the project."""

VALUES_SEARCHED = 2_000
"""Newest calls of the project whose values are searched for a word: some 20 MB at 10 kB a call."""


class UnknownCursorError(Exception):
    """The task of the cursor is no longer in the list."""


@dataclass(frozen=True)
class TaskFilter:
    """The filter and the order. range: of the usage; a user, a conversation or a label also selects tasks by their calls.

    whenever: the calls of that user or conversation, or with that label, may be outside of the range.
    """

    project_id: UUID
    range: Range
    path: str | None = None
    text: str = ""
    model: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    label: Label | None = None
    sort: SortOfPage = "last_seen"
    descending: bool = True
    whenever: bool = False


_NOTHING = Spending()


class Listed(NamedTuple):
    """A task and its usage in the range."""

    row: Row[Any]
    spending: Spending


@dataclass(frozen=True)
class Worklist:
    """All matching tasks, in order. versions: the usage of each version; None where neither order nor filter needs it.

    first_seen: the first call of all these tasks. is_searched: the tasks were selected by a path or by words, which say nothing about calls.
    """

    ids: Sequence[UUID]
    versions: Mapping[BilledVersion, Spending] | None
    priced: Prices
    task_filter: UsageScope
    is_timed: bool
    first_seen: datetime | None = None
    is_searched: bool = False

    def after(self, task_id: UUID | None) -> Sequence[UUID]:
        """The ids after this one. Raises UnknownCursorError."""
        if task_id is None:
            return self.ids
        if task_id not in self.ids:
            raise UnknownCursorError
        return self.ids[self.ids.index(task_id) + 1 :]

    def in_full(self, connection: Connection, ids: Sequence[UUID]) -> list[Listed]:
        """These tasks with all columns of the list, in this order."""
        rows = {row.id: row for row in tasks.by_ids(connection, self.task_filter.project_id, ids)}
        by_task = spending.by_task(self._timed(connection, set(ids)))
        return [Listed(rows[task_id], by_task.get(task_id, _NOTHING)) for task_id in ids if task_id in rows]

    def total(self, connection: Connection) -> Spending:
        """The usage of all selected calls of the matching tasks, those beyond the page included, as far as a cost needs it."""
        if self.versions is None:
            filter_of_total = replace(self.task_filter, task_ids=self.ids) if self.is_searched else self.task_filter
            return spending.of_all(connection, filter_of_total, self.priced)
        if not self.is_searched:
            return Spending.together(self.versions.values())
        ids = set(self.ids)
        return Spending.together(
            spending_of_version for version, spending_of_version in self.versions.items() if version.task_id in ids
        )

    def _timed(self, connection: Connection, ids: set[UUID]) -> dict[BilledVersion, Spending]:
        """The usage of these tasks' versions with latencies; the rest is known for all versions."""
        if self.versions is None:
            return spending.of_versions(connection, replace(self.task_filter, task_ids=list(ids)), priced=self.priced)
        versions_of_tasks = {version: spending for version, spending in self.versions.items() if version.task_id in ids}
        if self.is_timed:
            return versions_of_tasks
        timed = usage.of_versions(connection, replace(self.task_filter, task_ids=list(ids)))
        return {
            version: Spending(timed.get(version, spending.used), spending.cost)
            for version, spending in versions_of_tasks.items()
        }


def list_tasks(connection: Connection, task_filter: TaskFilter) -> Worklist:
    """The tasks that match the filter."""
    scope = UsageScope(
        task_filter.project_id,
        task_filter.range,
        model=task_filter.model,
        user_id=task_filter.user_id,
        conversation_id=task_filter.conversation_id,
        label=task_filter.label,
    )
    is_timed = task_filter.sort == "p95"
    is_needed = task_filter.sort not in _KNOWN_WITHOUT_USE or scope.of_calls
    priced = prices.of_project(connection, task_filter.project_id)
    versions = spending.of_versions(connection, scope, timed=is_timed, priced=priced) if is_needed else None
    spending_by_task = spending.by_task(versions or {})
    query = _matching(connection, task_filter, scope, spending_by_task)
    rows = connection.execute(query, {"project_id": task_filter.project_id}).all()
    return Worklist(
        _in_order(rows, task_filter, spending_by_task),
        versions,
        priced,
        scope,
        is_timed,
        min((row.first_seen for row in rows if row.first_seen), default=None),
        bool(task_filter.path or task_filter.text),
    )


_KNOWN_WITHOUT_USE: frozenset[SortOfPage] = frozenset({"last_seen", "calls", "name"})
"""Orders for which nobody must know what each of hundreds of versions used."""

_IN_SQL: frozenset[SortOfPage] = frozenset({"last_seen", "calls"})
"""Orders in which PostgreSQL gives the tasks; the newest of equals is first in every order."""

_KEYS: Mapping[SortOfPage, Callable[[Spending], Any]] = {
    "cost": lambda spending: spending.cost.dollars,
    "errors": lambda spending: spending.used.failures,
    "p95": lambda spending: spending.used.latency_ms(0.95) or -1.0,
    "used": lambda spending: spending.used.calls,
}


def _in_order(rows: Sequence[Any], task_filter: TaskFilter, spending_by_task: Mapping[UUID, Spending]) -> list[UUID]:
    """The ids of rows (id, name, first_seen), which PostgreSQL gives in the wanted order or the newest first."""
    if task_filter.sort not in _IN_SQL:
        key = _KEYS.get(task_filter.sort)
        rows = sorted(
            rows,
            key=lambda row: key(spending_by_task.get(row[0], _NOTHING)) if key else row[1].casefold(),
            reverse=task_filter.descending,
        )
    return [row[0] for row in rows]


def _matching(
    connection: Connection, task_filter: TaskFilter, scope: UsageScope, spending_by_task: Mapping[UUID, Spending]
) -> Select[Any]:
    query = _shown_tasks(task_filter.sort if task_filter.sort in _IN_SQL else "name", task_filter.descending)
    if task_filter.path is not None:
        query = query.where(is_at(task_filter.path))
    if task_filter.model is not None:
        query = query.where(_has_version(lambda version: version.c.model == task_filter.model))
    if (callers := _of_callers(connection, task_filter, scope, spending_by_task)) is not None:
        query = query.where(task.c.id.in_(callers))
    for word in task_filter.text.split()[:MOST_WORDS_SEARCHED]:
        query = query.where(_contains(task_filter.project_id, word))
    return query


@cache
def _shown_tasks(sort: SortOfPage, descending: bool) -> Select[Any]:
    """Id, name and first call of the tasks: by this column of `_IN_SQL`, else the newest first."""
    orders = {"calls": _calls(), "last_seen": _last_seen()}
    first_seen = func.least(func.min(call_count.c.first_seen), func.min(expired_calls.c.first_seen))
    column = [orders[sort].desc() if descending else orders[sort]] if sort in orders else []
    query: Select[Any] = (
        select(task.c.id, task.c.name, first_seen.label("first_seen"))
        .select_from(
            task.join(grouping_key, grouping_key.c.id == task.c.group_id)
            .outerjoin(implementation, implementation.c.task_id == task.c.id)
            .outerjoin(call_count, call_count.c.implementation_id == implementation.c.id)
            .outerjoin(expired_calls, expired_calls.c.implementation_id == implementation.c.id)
        )
        .where(task.c.project_id == bindparam("project_id", type_=Uuid), is_listed())
        .group_by(task.c.id)
        .order_by(*column, task.c.id.desc())
    )
    return planned_once(query)


def _last_seen() -> ColumnElement[Any]:
    """SQL for the last call of a task, also where retention has removed all its calls; a task without calls was last seen when it was made."""
    return func.coalesce(
        func.greatest(func.max(call_count.c.last_seen), func.max(expired_calls.c.last_seen)), task.c.created_at
    )


def _calls() -> ColumnElement[Any]:
    """SQL for all calls of a task; a version has several rows in `call_count`, so those removed by retention are added up apart."""
    removed = select(func.sum(expired_calls.c.calls)).join_from(expired_calls, implementation)
    removed = removed.where(implementation.c.task_id == task.c.id).correlate(task)
    return func.coalesce(func.sum(call_count.c.calls), 0) + func.coalesce(removed.scalar_subquery(), 0)


def _of_callers(
    connection: Connection, task_filter: TaskFilter, scope: UsageScope, spending_by_task: Mapping[UUID, Spending]
) -> list[UUID] | None:
    """Tasks with calls of the user, of the conversation and with the label; None without these conditions."""
    if not scope.of_calls:
        return None
    if not task_filter.whenever:
        return list(spending_by_task)
    return list(spending.by_task(spending.of_versions(connection, replace(scope, range=Range()))))


# --- search


def _contains(project_id: UUID, word: str) -> ColumnElement[bool]:
    """SQL: the word is in the name, path, template, slots, models, or values of the newest calls of a task."""
    return or_(
        task.c.name.icontains(word, autoescape=True),
        grouping_key.c.path.icontains(word, autoescape=True),
        _in_template(word),
        _has_version(lambda version: version.c.model.icontains(word, autoescape=True)),
        task.c.id.in_(_with_value(project_id, word)),
    )


def _has_version(condition: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    version = implementation.alias("of_task")
    return exists().where(version.c.task_id == task.c.id, condition(version)).correlate(task)


def _in_template(word: str) -> ColumnElement[bool]:
    """SQL: the word is in a text or slot name of a template of the task; the texts are unpacked, since JSON escapes them."""
    part = func.json_array_elements(template.c.parts).table_valued("value", name="part")
    texts = func.json_array_elements_text(literal_column("part.value -> 'literals'")).table_valued(
        "value", name="texts"
    )
    template_of_task = template.c.task_id == task.c.id
    in_texts: Select[Any] = (
        select(literal_column("1"))
        .select_from(template)
        .join(part, true())
        .join(texts, true())
        .where(template_of_task, cast(texts.c.value, Text).icontains(word, autoescape=True))
        .correlate(task)
    )
    names = func.array_to_string(template.c.slots, " ")
    in_names: Select[Any] = (
        select(literal_column("1")).where(template_of_task, names.icontains(word, autoescape=True)).correlate(task)
    )
    return or_(exists(in_texts), exists(in_names))


def _with_value(project_id: UUID, word: str) -> Select[Any]:
    """SQL for tasks with the word in a value of a newest call."""
    newest = (
        select(trace.c.implementation_id, trace.c.variables)
        .where(trace.c.project_id == project_id)
        .order_by(trace.c.id.desc())
        .limit(VALUES_SEARCHED)
        .subquery()
    )
    value = func.unnest(newest.c.variables).table_valued("value", name="one").render_derived()
    return (
        select(implementation.c.task_id)
        .select_from(newest.join(implementation, implementation.c.id == newest.c.implementation_id).join(value, true()))
        .where(cast(value.c.value, Text).icontains(word, autoescape=True))
    )
