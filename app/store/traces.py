"""Traces: one LLM call each, stored as they were sent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Join,
    Row,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from app.store import inputs, templates
from app.store.beginnings import beginnings_of
from app.store.ids import first_id_of
from app.store.paths import spellings
from app.store.tables import grouping_key, implementation, task, template, trace, trace_external_id
from templating import meanings

CALL_AHEAD = timedelta(hours=25)
"""The time of a call is at most 24 h after it was stored (`app.checks`), and clocks differ. A search for calls since a moment therefore
begins at ids of 25 h before, and spares reading the whole table."""

EARLIEST_STORED = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class StoredTrace:
    """The columns of a stored trace that the answer to a POST needs."""

    id: UUID
    external_id: str | None
    group_id: UUID
    task_id: UUID | None
    implementation_id: UUID | None
    template_id: UUID | None
    slots: Sequence[str] | None
    values: Sequence[str] | None
    has_prompt: bool


@dataclass(frozen=True)
class TraceFilter:
    """The traces of a project that a list shows."""

    path: str | None = None
    task_id: UUID | None = None
    implementation_id: UUID | None = None
    ungrouped: bool = False
    model: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    """Values by the names of their slots."""


def variables_of(slots: Sequence[str] | None, values: Sequence[str] | None) -> dict[str, str] | None:
    """Values by the name of their slot; None for a trace that belongs to no template.

    Two places of one name hold the same value in every call, so a name has one value.
    """
    return None if slots is None or values is None else dict(zip(slots, values, strict=True))


_IDS_OF_NAMED = select(trace_external_id.c.trace_id).where(
    trace_external_id.c.project_id == bindparam("project_id", type_=Uuid()),
    trace_external_id.c.external_id == any_(bindparam("external_ids", type_=ARRAY(Text))),
)
"""One parameter for all ids: SQLAlchemy compiles a statement again for each number of parameters, which takes longer than its execution."""


def by_external_id(connection: Connection, project_id: UUID, external_ids: Iterable[str]) -> dict[str, StoredTrace]:
    """Stored traces by their external ids.

    The ids are read first: PostgreSQL then knows their partitions while it plans.
    """
    ids = (
        connection.execute(_IDS_OF_NAMED, {"project_id": project_id, "external_ids": list(external_ids)})
        .scalars()
        .all()
    )
    if not ids:
        return {}
    query = (
        select(
            trace.c.id,
            trace.c.external_id,
            trace.c.group_id,
            implementation.c.task_id,
            trace.c.implementation_id,
            trace.c.template_id,
            template.c.slots,
            trace.c.variables,
            trace.c.prompt_parts.is_not(None),
        )
        .select_from(_with_template())
        .where(trace.c.id.in_(ids))
    )
    return {row.external_id: StoredTrace(*row) for row in connection.execute(query)}


def page(
    connection: Connection, project_id: UUID, trace_filter: TraceFilter, *, limit: int, before: UUID | None
) -> Sequence[Row[Any]]:
    """Traces of a project, the last one stored first, below the id `before`; ungrouped ones with `prompt_start`."""
    query = _select(*_LISTED, _PROMPT_START).order_by(trace.c.id.desc()).limit(limit)
    if trace_filter.path is not None:
        query = query.where(trace.c.group_id == _group_of(project_id, trace_filter.path))
    if trace_filter.path is None or trace_filter.ungrouped:
        # Redundant beside a group, and it would let the planner scan the whole project for a rare path.
        query = query.where(trace.c.project_id == project_id)
    if trace_filter.implementation_id is not None:
        query = query.where(trace.c.implementation_id == trace_filter.implementation_id)
    if trace_filter.task_id is not None:
        query = query.where(trace.c.implementation_id.in_(_implementations_of(connection, trace_filter.task_id)))
    if trace_filter.ungrouped:
        query = query.where(trace.c.implementation_id.is_(None))
    if before is not None:
        query = query.where(trace.c.id < before)
    return connection.execute(query.where(*_more_conditions(project_id, trace_filter))).all()


def _more_conditions(project_id: UUID, trace_filter: TraceFilter) -> Iterator[ColumnElement[bool]]:
    if trace_filter.model is not None:
        yield trace.c.model == trace_filter.model
    if trace_filter.user_id is not None or trace_filter.conversation_id is not None:
        yield trace.c.project_id == project_id  # the first column of their indexes
    yield from call_conditions(trace_filter)
    for name, value in trace_filter.slots.items():
        yield _holds(project_id, name, value)


class CallFilter(Protocol):
    """Who and when, in a filter of a list or of a deletion; None: all."""

    @property
    def user_id(self) -> str | None: ...
    @property
    def conversation_id(self) -> str | None: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...


def call_conditions(call_filter: CallFilter) -> Iterator[ColumnElement[bool]]:
    """SQL: the call is of this user and conversation, and its time is in the range."""
    for name in ("user_id", "conversation_id"):
        if (value := getattr(call_filter, name)) is not None:
            yield trace.c[name] == value
            # In the form of the index: a value may exceed the size of an index entry.
            yield func.md5(trace.c[name]) == func.md5(value)
    if call_filter.since is not None:
        yield trace.c.seen_at >= call_filter.since
        yield trace.c.id >= first_id_of(_stored_after(call_filter.since))
    if call_filter.until is not None:
        yield trace.c.seen_at < call_filter.until


def _stored_after(moment: datetime) -> datetime:
    """The earliest time of storing of a call made at this moment: a call's own time may be ahead by CALL_AHEAD."""
    return moment - CALL_AHEAD if moment > EARLIEST_STORED + CALL_AHEAD else EARLIEST_STORED


def _holds(project_id: UUID, slot: str, value: str) -> ColumnElement[bool]:
    """The value in that slot, of templates that have it; the templates are few and have an index of their calls."""
    names = meanings(slot)
    templates_of_project = (
        select(template.c.id)
        .join(grouping_key, grouping_key.c.id == template.c.group_id)
        .where(grouping_key.c.project_id == project_id, or_(*(any_(template.c.slots) == name for name in names)))
    )
    place = func.coalesce(*(func.array_position(template.c.slots, name) for name in names))
    return trace.c.template_id.in_(templates_of_project) & (trace.c.variables[place] == value)


def get(connection: Connection, project_id: UUID, trace_id: UUID) -> Any:
    """One trace of the project with everything that was sent, as a row whose texts are whole; None where there is none."""
    query = _select(*_LISTED, *_COLUMNS_SENT).where(trace.c.project_id == project_id, trace.c.id == trace_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else with_texts(row)


def all_of(connection: Connection, project_id: UUID, trace_ids: Sequence[UUID]) -> list[SimpleNamespace]:
    """As `get`, of several, in the order of their ids."""
    query = (
        _select(*_LISTED, *_COLUMNS_SENT)
        .where(trace.c.project_id == project_id, trace.c.id.in_(trace_ids))
        .order_by(trace.c.id)
    )
    return [with_texts(row) for row in connection.execute(query)]


def with_texts(row: Row[Any]) -> SimpleNamespace:
    """A row of `_LISTED` and `_COLUMNS_SENT` with the prompt and the input of the trace as they were sent."""
    parts = row.prompt_parts
    if parts is None and row.parts is not None:
        parts = templates.prompt_of(row.parts, row.variables)
    texts = {"prompt_parts": parts, "input": inputs.unpacked(row.input, row.prompt_source, parts)}
    return SimpleNamespace(**(dict(row._mapping) | texts))


_LISTED = (
    trace.c.id,
    trace.c.group_id,
    trace.c.external_id,
    trace.c.model,
    trace.c.conversation_id,
    trace.c.user_id,
    trace.c.usage,
    trace.c.error,
    trace.c.started_at,
    trace.c.completed_at,
    trace.c.created_at,
    trace.c.implementation_id,
    trace.c.variables,
    grouping_key.c.path,
    implementation.c.task_id,
    implementation.c.version,
    template.c.slots,
)
"""A list shows neither inputs nor outputs: 200 of them may be 200 MB."""

_PROMPT_START = case((trace.c.implementation_id.is_(None), beginnings_of(trace.c.prompt_parts))).label("prompt_start")
"""The beginning of each part of a prompt; a call with a template shows its values."""

_COLUMNS_SENT = (
    trace.c.prompt_parts,
    trace.c.prompt_source,
    trace.c.settings,
    trace.c.tools,
    trace.c.input,
    trace.c.output,
    trace.c.metadata,
    trace.c.considered_run_id,
    template.c.parts,
)


def _select(*columns: Any) -> Select[Any]:
    return select(*columns).select_from(_with_template().join(grouping_key, grouping_key.c.id == trace.c.group_id))


def _with_template() -> Join:
    """Traces beside the implementation they are calls of and the template that their values follow."""
    return trace.outerjoin(implementation, implementation.c.id == trace.c.implementation_id).outerjoin(
        template, template.c.id == trace.c.template_id
    )


def _group_of(project_id: UUID, path: str) -> Any:
    """The group of a path; without one, the group of the path with its ids folded."""
    groups = [
        select(grouping_key.c.id)
        .where(grouping_key.c.project_id == project_id, grouping_key.c.path == spelling)
        .scalar_subquery()
        for spelling in spellings(path)
    ]
    return func.coalesce(*groups)


def _implementations_of(connection: Connection, task_id: UUID) -> Select[Any]:
    """Those of a task, or of the one that it was merged into, which is asked first: the planner knows more of a value than of a query."""
    into = connection.execute(select(task.c.merged_into).where(task.c.id == task_id)).scalar()
    return select(implementation.c.id).where(implementation.c.task_id == (into or task_id))
