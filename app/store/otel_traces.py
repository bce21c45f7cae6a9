"""Stored calls that another span of the same OpenTelemetry trace may describe again.

The external id of an OpenTelemetry call is `traceId:spanId`, so the calls of one trace are adjacent in the index of ids.

Two exports may describe one call in the same moment. A transaction that stores calls of an OpenTelemetry trace therefore holds a lock of
the trace until COMMIT, and looks again, under the lock, for calls that it has not seen.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, select, text

from app.errors import UnseenCallError
from app.store import recent_answers
from app.store.recent_answers import AnswerNote
from app.store.tables import trace
from app.store.traces import all_of

MOST_CALLS_OF_A_TRACE = 100
"""Calls of one trace that are read: a long agent run has some dozens, and reading more would only cost time."""

MOST_TRACES_HELD = 32
"""Locks of one transaction: PostgreSQL has room for 64 (max_locks_per_transaction), and tables and indexes take some."""

ALSO = "otel.answer_of"
"""Field of a call's metadata: ids of spans that brought its answer after it was stored."""

_FIELDS_SENT_LATER = ("output", "usage", "completed_at", "error", "metadata")

_FINDING = """
    SELECT found.trace_id, found.external_id FROM unnest(string_to_array(:traces, ' ')) AS wanted (trace)
     CROSS JOIN LATERAL (SELECT trace_id, external_id FROM trace_external_id
                          WHERE project_id = :project
                           AND external_id BETWEEN wanted.trace || '\\:0000000000000000' AND wanted.trace || '\\:ffffffffffffffff' {0}
                          LIMIT :most) AS found
"""
"""The ids are one text: the driver would quote a thousand texts one by one. Both bounds have the length of the ids between them and differ
from these in digits alone, so this holds in every collation.
"""

_FIND = text(_FINDING.format(""))
_FIND_OF_OTHERS = text(_FINDING.format("AND xmin <> pg_current_xact_id()::xid"))
"""As `_FIND`, without the rows that this transaction has stored."""

HOLD_OTEL_TRACES = """
    SELECT pg_advisory_xact_lock_shared(held.project), pg_advisory_xact_lock(held.trace)
     FROM unnest({0}, {1}) AS held (project, trace)
"""
"""Holds OpenTelemetry traces, each beside others of its project; in the order of both arrays, as `locks_in_order` has it."""

_HOLD_FEW = text(HOLD_OTEL_TRACES.format("cast(:projects AS bigint[])", "cast(:traces AS bigint[])"))
_HOLD_PROJECT = text("SELECT pg_advisory_xact_lock(:project)")


@dataclass(frozen=True)
class CallsOfTraces:
    """The stored calls of some OpenTelemetry traces, each with all its columns, and the external ids that are taken there.

    The row of a taken id may be gone: retention drops months of calls.
    """

    calls: list[SimpleNamespace]
    external_ids: frozenset[str]


@dataclass(frozen=True)
class SeenTraces:
    """The calls of some OpenTelemetry traces that a transaction knows.

    external_ids: of the stored calls, and of those to be stored. answers: of the calls to be stored, those that nobody has told.
    """

    trace_ids: frozenset[str] = frozenset()
    external_ids: frozenset[str] = frozenset()
    answers: Collection[AnswerNote] = ()

    def with_answers(self, answers: Collection[AnswerNote]) -> "SeenTraces":
        """The same traces, with these answers."""
        return replace(self, answers=answers)


def of_traces(connection: Connection, project_id: UUID, trace_ids: Collection[str]) -> CallsOfTraces:
    """The stored calls of these OpenTelemetry traces."""
    locks = _locked_rows(connection, project_id, trace_ids, _FIND)
    calls = all_of(connection, project_id, [row.trace_id for row in locks]) if locks else []
    return CallsOfTraces(calls, frozenset(row.external_id for row in locks))


def _locked_rows(
    connection: Connection, project_id: UUID, trace_ids: Collection[str], query: TextClause
) -> list[Row[Any]]:
    values = {"traces": " ".join(trace_ids), "project": project_id, "most": MOST_CALLS_OF_A_TRACE}
    return list(connection.execute(query, values))


@contextmanager
def storing_alone(connection: Connection, project_id: UUID, related: SeenTraces | None) -> Iterator[None]:
    """Store calls within: until the transaction ends no other one stores calls of the same OpenTelemetry traces.

    A few traces are locked one by one, from the beginning. Many are locked at the end, for a moment and with all others of the project: so
    large exports are stored side by side, and no transaction has more locks than PostgreSQL has room for. Raises UnseenCallError, after
    which nothing may be stored.
    """
    has_few_traces = related is not None and _are_few(related.trace_ids)
    if related is not None and has_few_traces:
        _take(connection, project_id, related)
    yield
    if related is not None and not has_few_traces:
        _take(connection, project_id, related)


def _take(connection: Connection, project_id: UUID, related: SeenTraces) -> None:
    """Lock the traces, and write the answers. Raises UnseenCallError."""
    if related.trace_ids:
        hold(connection, project_id, related.trace_ids)
        _check(connection, project_id, related)
    recent_answers.take(connection, related.answers)


def hold(connection: Connection, project_id: UUID, trace_ids: Collection[str]) -> None:
    """Lock these OpenTelemetry traces until the transaction ends; where there are many, lock all traces of the project."""
    if _are_few(trace_ids):
        pairs = locks_in_order((project_id, trace_id) for trace_id in trace_ids)
        connection.execute(_HOLD_FEW, {"projects": [pair[0] for pair in pairs], "traces": [pair[1] for pair in pairs]})
    else:
        connection.execute(_HOLD_PROJECT, {"project": _lock_of(project_id)})


def _are_few(trace_ids: Collection[str]) -> bool:
    return len(trace_ids) <= MOST_TRACES_HELD


def _check(connection: Connection, project_id: UUID, related: SeenTraces) -> None:
    if not related.external_ids.issuperset(
        row.external_id for row in _locked_rows(connection, project_id, related.trace_ids, _FIND_OF_OTHERS)
    ):
        raise UnseenCallError


def locks_in_order(keys: Iterator[tuple[UUID, str]]) -> list[tuple[int, int]]:
    """The locks of OpenTelemetry traces of projects, in the order of all transactions, against deadlocks."""
    return sorted({(_lock_of(project_id), _lock_of(project_id, trace_id)) for project_id, trace_id in keys})


def _lock_of(project_id: UUID, trace_id: str = "") -> int:
    """A number of 64 bits, the same in every process."""
    digest = blake2b(f"{project_id}:{trace_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def also_of(metadata: Mapping[str, Any] | None) -> frozenset[str]:
    """Ids of the spans that brought the answer of a call after it was stored, from its metadata."""
    also = (metadata or {}).get(ALSO)
    return frozenset(map(str, also)) if isinstance(also, list) else frozenset()


def complete(
    connection: Connection, project_id: UUID, call_id: UUID, values: Mapping[str, Any], also: frozenset[str] | None
) -> None:
    """Add an answer to a stored call: some of `output`, `usage`, `completed_at`, `error` and `metadata`.

    also: the spans whose answer the caller has seen in it; None where any will do.
    Raises UnseenCallError where the call has another answer by now, or was deleted.
    """
    own_row = (trace.c.id == call_id, trace.c.project_id == project_id)
    if also is not None:
        row = connection.execute(select(trace.c.metadata).where(*own_row).with_for_update()).one_or_none()
        if row is None or also_of(row.metadata) != also:
            raise UnseenCallError
    update = trace.update().where(*own_row)
    connection.execute(update.values({name: values[name] for name in _FIELDS_SENT_LATER if name in values}))
