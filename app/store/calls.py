"""The calls that a run reads and what it writes to them: windows, samples, template and values.

Reading is bounded twice, by calls and by characters: one text may be a megabyte.

Windows and samples are in the order of arrival, that of ids, which indexes have; only of a log that is imported later is that not the order in
which calls were made (`seen_at`). By `seen_at` a sample would have to read every row of a template.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Select,
    UnaryExpression,
    Uuid,
    and_,
    bindparam,
    func,
    select,
    text,
    true,
    tuple_,
    update,
)

from app.store.owed import IS_OWED, IS_RESIDUE
from app.store.tables import trace
from app.store.templates import VersionSettings, parts_of, prompt_of
from templating import BARRIER

WINDOW_CHARACTERS = 50_000_000
"""Characters of the texts of one window; the miner needs a few times as much memory. 10,000 calls of 5,000 characters fit."""

FETCHED_ROWS = 20
"""Rows fetched at once, before their texts are counted: one row may have 32 MB."""

OTEL_TRACE_DIGITS, OTEL_SPAN_DIGITS = 32, 16
"""Hexadecimal digits of the ids of OpenTelemetry: 16 and 8 bytes."""

HEXADECIMAL = frozenset("0123456789abcdef")

Parts = Sequence[Mapping[str, Any]]
CallPosition = tuple[datetime, UUID]
"""The time of a call, with its id, which orders the calls of one instant."""


@dataclass(frozen=True, slots=True)
class Call:
    """The part of a trace that mining needs. `template_id`: the template of the call, None while the call is ungrouped.

    author: the user, else the conversation, where the caller named one. session: the conversation, else the OpenTelemetry trace that the
    call was a span of; None where neither is known.
    """

    id: UUID
    prompt: str
    model: str
    settings_digest: str
    seen_at: datetime
    follow_up: bool
    template_id: UUID | None
    author: str | None = None
    session: str | None = None

    @property
    def moment(self) -> CallPosition:
        return (self.seen_at, self.id)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A call gets a template's values. Only the run that holds the fence changes them."""

    call_id: UUID
    template_id: UUID
    implementation_id: UUID
    variables: tuple[str, ...]


def owed_calls(
    connection: Connection, group_id: UUID, limit: int, since: datetime | None = None
) -> tuple[list[Call], bool]:
    """Owed calls, the first to arrive first, and whether some were left out. since: only calls made at this moment or later."""
    condition = and_(trace.c.group_id == group_id, IS_OWED, _since(since))
    return _window(connection, condition, trace.c.id.asc(), limit)


def residue(connection: Connection, group_id: UUID, limit: int, since: datetime | None = None) -> list[Call]:
    """Ungrouped calls that a run considered before, the last to arrive first."""
    condition = and_(trace.c.group_id == group_id, IS_RESIDUE, _since(since))
    return _window(connection, condition, trace.c.id.desc(), limit)[0]


def _since(since: datetime | None) -> ColumnElement[bool]:
    return true() if since is None else trace.c.seen_at >= since


def residue_size(connection: Connection, group_id: UUID, at_most: int) -> int:
    """The number of calls that `residue` would find."""
    sized = select(trace.c.id).where(trace.c.group_id == group_id, IS_RESIDUE).limit(at_most).subquery()
    return connection.execute(select(func.count()).select_from(sized)).scalar_one()


def residue_after(connection: Connection, group_id: UUID, after: UUID, limit: int) -> tuple[list[Call], bool]:
    """The next batch of the residue, by id, and whether there is more."""
    condition = and_(trace.c.group_id == group_id, IS_RESIDUE, trace.c.id > after)
    return _window(connection, condition, trace.c.id.asc(), limit)


def of_template_after(connection: Connection, template_id: UUID, after: UUID, limit: int) -> tuple[list[Call], bool]:
    """The next batch of a template's calls, by id, and whether there is more."""
    condition = and_(trace.c.template_id == template_id, trace.c.id > after)
    return _window(connection, condition, trace.c.id.asc(), limit, parts_of(connection, template_id))


def sample(connection: Connection, template_id: UUID, size: int, since: datetime | None = None) -> list[Call]:
    """Calls of a template, in order: half of them the last to arrive, half spread evenly over those before, so that yesterday's edit and a
    short-lived one are both in the sample.
    """
    numbered = (
        select(trace.c.id, func.row_number().over(order_by=trace.c.id).label("number"))
        .where(trace.c.template_id == template_id, _since(since))
        .subquery()
    )
    total = connection.execute(select(func.count()).select_from(numbered)).scalar_one()
    older = max(0, total - size // 2)
    stride = max(1, -(-older // (size - size // 2)))
    sampled = select(numbered.c.id).where((numbered.c.number > older) | (numbered.c.number % stride == 0))
    parts = parts_of(connection, template_id)
    return _window(connection, trace.c.id.in_(sampled), trace.c.id.asc(), size, parts)[0]


def _window(
    connection: Connection,
    condition: ColumnElement[bool],
    order: UnaryExpression[Any],
    limit: int,
    parts: Parts | None = None,
) -> tuple[list[Call], bool]:
    """At most `limit` calls with at most `WINDOW_CHARACTERS`, but one in any case; and whether there were more."""
    query = _select(condition).order_by(order).limit(limit + 1)
    with connection.execute(query, execution_options={"yield_per": FETCHED_ROWS}) as rows:
        window = list(islice(_within_budget(_calls(rows, parts)), limit + 1))
    is_cut = len(window) > limit or None in window
    return [call for call in window[:limit] if call is not None], is_cut


def _within_budget(calls: Iterator[Call]) -> Iterator[Call | None]:
    """Calls while their texts fit; then None, once."""
    budget = WINDOW_CHARACTERS
    for number, call in enumerate(calls):
        budget -= len(call.prompt)
        if budget < 0 and number:
            yield None
            return
        yield call


def _select(condition: ColumnElement[bool]) -> Select[Any]:
    return select(
        trace.c.id,
        trace.c.prompt_parts,
        trace.c.variables,
        trace.c.model,
        trace.c.settings_digest,
        trace.c.seen_at,
        trace.c.follow_up,
        trace.c.template_id,
        trace.c.external_id,
        trace.c.conversation_id,
        func.coalesce(trace.c.user_id, trace.c.conversation_id).label("author"),
    ).where(condition)


def _calls(rows: Iterable[Row[Any]], parts: Parts | None = None) -> Iterator[Call]:
    """Calls of a template have the text of its parts and their own values; all others have their own text."""
    for row in rows:
        yield Call(
            id=row.id,
            prompt=BARRIER.join(prompt_of(parts, row.variables) if parts else row.prompt_parts),
            model=row.model,
            settings_digest=row.settings_digest,
            seen_at=row.seen_at,
            follow_up=row.follow_up,
            template_id=row.template_id,
            author=row.author,
            session=row.conversation_id or otel_trace_of(row.external_id),
        )


def otel_trace_of(external_id: str | None) -> str | None:
    """The trace of a span, by the external id that a span gets: `traceId:spanId` in hex (docs/ingest.md)."""
    trace_id, colon, span_id = (external_id or "").partition(":")
    is_span = (
        len(trace_id) == OTEL_TRACE_DIGITS
        and len(span_id) == OTEL_SPAN_DIGITS
        and HEXADECIMAL.issuperset(trace_id + span_id)
    )
    return trace_id if colon and is_span else None


def settings_of(connection: Connection, call_ids: Sequence[UUID]) -> dict[UUID, VersionSettings]:
    """Request settings and tools of calls: what their implementations are made of."""
    rows = connection.execute(select(trace.c.id, trace.c.settings, trace.c.tools).where(trace.c.id.in_(call_ids)))
    return {row.id: VersionSettings(row.settings, row.tools) for row in rows}


def assign(connection: Connection, assignments: Sequence[Assignment], *, keep_texts: bool = True) -> int:
    """Write template and values to calls, in place of their text. Answers how many calls were written.

    keep_texts: False removes the texts of inputs as well, as `inputs.without_texts` does.
    """
    batches = (assignments[start : start + 1000] for start in range(0, len(assignments), 1000))
    return sum(_assign(connection, batch, keep_texts) for batch in batches)


_ASSIGN = text(
    """
    UPDATE trace SET template_id = new.template_id, implementation_id = new.implementation_id,
                     variables = new.variables, prompt_parts = NULL
      FROM json_to_recordset(:rows)
        AS new (id uuid, template_id uuid, implementation_id uuid, variables text[])
     WHERE trace.id = new.id
    """
).bindparams(bindparam("rows"))
"""One statement for many rows, their values as one JSON parameter: a row a statement costs a round trip each."""


_FORGET_TEXTS = text(
    "UPDATE trace SET input = '{}' WHERE id = ANY(:ids) AND json_typeof(input) <> 'number'"
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


def _assign(connection: Connection, assignments: Sequence[Assignment], keep_texts: bool) -> int:
    rows = [
        {
            "id": str(assignment.call_id),
            "template_id": str(assignment.template_id),
            "implementation_id": str(assignment.implementation_id),
            "variables": assignment.variables,
        }
        for assignment in assignments
    ]
    if not keep_texts:
        connection.execute(_FORGET_TEXTS, {"ids": [assignment.call_id for assignment in assignments]})
    return connection.execute(_ASSIGN, {"rows": json.dumps(rows)}).rowcount


_UNASSIGN = text(
    """
    UPDATE trace SET template_id = NULL, implementation_id = NULL, variables = NULL, considered_run_id = NULL,
                     prompt_parts = released.parts
      FROM json_to_recordset(:rows) AS released (id uuid, parts text[])
     WHERE trace.id = released.id AND trace.template_id = :template_id
    """
).bindparams(bindparam("rows"), bindparam("template_id", type_=Uuid))
"""The text first becomes the call's own again, in the same statement: its template may be gone one day."""


def unassign(connection: Connection, template_id: UUID, unmatched: Iterable[Call]) -> None:
    """Take these calls, which no template matches any more, from their template; they are owed again."""
    rows = [{"id": str(call.id), "parts": call.prompt.split(BARRIER)} for call in unmatched]
    connection.execute(_UNASSIGN, {"rows": json.dumps(rows), "template_id": template_id})


def consider(connection: Connection, run_id: UUID, call_ids: Sequence[UUID]) -> None:
    """A run that commits has read these: they are owed no more."""
    connection.execute(update(trace).where(trace.c.id.in_(call_ids)).values(considered_run_id=run_id))


def moments(connection: Connection, template_ids: Sequence[UUID]) -> dict[UUID, list[CallPosition]]:
    """When each call of these templates was made, a list for every template."""
    query = select(trace.c.template_id, trace.c.seen_at, trace.c.id)
    of_template: dict[UUID, list[CallPosition]] = {template_id: [] for template_id in template_ids}
    for row in connection.execute(query.where(trace.c.template_id.in_(template_ids))):
        of_template[row.template_id].append((row.seen_at, row.id))
    return of_template


@dataclass(frozen=True)
class StoredCallTimes:
    """The times of a stored template's calls: an `app.grouping.lineage.Life` that asks the database."""

    connection: Connection
    template_id: UUID

    def span(self, strays: float) -> tuple[CallPosition, CallPosition] | None:
        strays_a_side = int(strays * self.total())
        calls = select(trace.c.seen_at, trace.c.id).where(self._of_template).offset(strays_a_side).limit(1)
        first = self.connection.execute(calls.order_by(trace.c.seen_at, trace.c.id)).one_or_none()
        last = self.connection.execute(calls.order_by(trace.c.seen_at.desc(), trace.c.id.desc())).one_or_none()
        return None if first is None or last is None else ((first.seen_at, first.id), (last.seen_at, last.id))

    def total(self) -> int:
        return self._count(self._of_template)

    def between(self, first: CallPosition, last: CallPosition) -> int:
        moment = tuple_(trace.c.seen_at, trace.c.id)
        return self._count(and_(self._of_template, moment > tuple_(*first), moment < tuple_(*last)))

    @property
    def _of_template(self) -> ColumnElement[bool]:
        return trace.c.template_id == self.template_id

    def _count(self, condition: ColumnElement[bool]) -> int:
        return self.connection.execute(select(func.count()).where(condition)).scalar_one()
