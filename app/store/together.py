"""Stores calls of the same moment, of any requests, in one statement and one COMMIT.

Each is stored only if its group is as in the memory of its process, as in `app.store.new_traces.insert_if_current`.

The rows are one parameter, a text of JSON: one statement serves any number of them, so PostgreSQL parses and plans it once.
"""

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

from app.store import otel_traces
from app.store.loop_connection import LoopConnection
from app.store.recent_answers import REPLACE_OLD, AnswerNote
from app.store.tables import trace

_AS_TEXT = frozenset({"input"})
"""A column of JSON may hold references into the prompt, which begin with NUL (`app.store.inputs`). json_to_recordset decodes what it reads,
and no text of PostgreSQL holds NUL: so JSON of this column is handed over as a text and read as JSON afterwards.
"""

_MADE_BY_POSTGRES = frozenset({"created_at", "considered_run_id"})

_ANSWERED, _NAMED, _UNNAMED = "store_answered_together", "store_named_together", "store_together"
_HOLD = "hold_otel_traces"

_KIN = """
    SELECT true FROM trace_external_id AS kin WHERE kin.project_id = calls.project_id
     AND kin.external_id BETWEEN calls.alone_in || ':0000000000000000' AND calls.alone_in || ':ffffffffffffffff' LIMIT 1
"""
"""Without a trace of OpenTelemetry the bounds are NULL, and nothing is between them. See `app.store.otel_traces` for what bounds are. A
subquery of one row is looked up in the index for each call; NOT EXISTS might become a join that reads the whole table.
"""


class CurrentRow(NamedTuple):
    """A row of table trace, the version of the group's templates with which it was made, and the key of its request.

    alone_in: the OpenTelemetry trace that must have no stored call yet, since another span of it may describe the same call.
    answer: the note of the call's answer, which must be free; only of a call with an external id.
    """

    row: Mapping[str, Any]
    templates_version: int
    key_id: UUID
    alone_in: str | None = None
    answer: AnswerNote | None = None

    @property
    def otel_trace(self) -> tuple[UUID, str] | None:
        """Project and id of the OpenTelemetry trace that must have no stored call."""
        return None if self.alone_in is None else (self.row["project_id"], self.alone_in)


async def insert_current(connection: LoopConnection, rows: Sequence[CurrentRow]) -> set[str]:
    """Insert the rows whose groups are current and whose external ids are free; answers the ids that are now stored.

    A group with other templates, a quarantined or deleted group, a revoked key, a project that moves, an OpenTelemetry trace with calls, and
    an answer that was told exclude only their own rows. Any other error excludes all. Raises as `LoopConnection.fetch`.

    Rows of one OpenTelemetry trace must be of one request: a statement does not see the rows that it stores.
    """
    statement = b"EXECUTE %b (%b)" % (_name(rows).encode(), _literal(orjson.dumps([_as_json(row) for row in rows])))
    # Both statements are one message and one transaction. The second one sees the calls stored while the first one waited.
    if locks := otel_traces.locks_in_order(row.otel_trace for row in rows if row.otel_trace is not None):
        statement = b"EXECUTE %b (%b, %b); %b" % (_HOLD.encode(), *map(_numbers, zip(*locks, strict=True)), statement)
    rows_stored = await connection.fetch(statement)
    return {id_ for (id_,) in rows_stored}


def _name(rows: Sequence[CurrentRow]) -> str:
    """The statement that does for these rows, and no more."""
    if any(row.answer is not None for row in rows):
        return _ANSWERED
    return _NAMED if any(row.row["external_id"] is not None for row in rows) else _UNNAMED


def _literal(text: bytes) -> bytes:
    """JSON as a constant of SQL, in quotes of its own that do not occur in it (PostgreSQL manual, "Dollar-Quoted String Constants").

    Nothing in it is escaped: to escape 20 KB takes the driver as long as parsing them took us.
    """
    quote = b"$q%b$" % secrets.token_hex(8).encode()
    return quote + text + quote if quote not in text else _literal(text)


def _numbers(values: Sequence[int]) -> bytes:
    """An array of integers as a constant of SQL."""
    return b"'{%b}'" % ",".join(map(str, values)).encode()


@cache
def statements() -> tuple[str, ...]:
    """The PREPARE statements, run once for each session."""
    hold = otel_traces.HOLD_OTEL_TRACES.format("$1", "$2")
    answered = _insert_named(_current(_NOTE), _TELL + _take(_IS_TOLD))
    return (
        f"PREPARE {_UNNAMED} (text) AS {_insert(f'({_current()}) AS current')}",
        f"PREPARE {_NAMED} (text) AS {_insert_named(_current(), _take('true'))}",
        f"PREPARE {_ANSWERED} (text) AS {answered}",
        f"PREPARE {_HOLD} (bigint[], bigint[]) AS {hold}",
    )


def _current(further_columns: str = "") -> str:
    """SQL for the calls whose groups are current."""
    shape = ", ".join(f"{column.name} {_kind_on_the_way(column)}" for column in _columns())
    return f"""
        SELECT calls.* FROM json_to_recordset($1::json)
          AS calls ({shape}, remembered_version bigint, key_id uuid, alone_in text{further_columns})
        JOIN grouping_key ON grouping_key.id = calls.group_id AND grouping_key.quarantined_at IS NULL
         AND grouping_key.templates_version = calls.remembered_version
        JOIN api_key ON api_key.id = calls.key_id AND api_key.revoked_at IS NULL
        WHERE NOT EXISTS (SELECT FROM project_move AS move WHERE move.project_id = calls.project_id AND move.state <> 'arrived')
    """  # noqa: S608  ours


def _insert(calls: str) -> str:
    names = ", ".join(column.name for column in _columns())
    values = ", ".join(_read_back(column) for column in _columns())
    return f"INSERT INTO trace ({names}) SELECT {values} FROM {calls} RETURNING id::text"  # noqa: S608  ours


def _insert_named(current: str, took: str) -> str:
    """SQL that inserts calls whose external ids are free; took: the CTE that takes the ids, and CTEs before it."""
    return f"""
        WITH current AS MATERIALIZED ({current} AND ({_KIN}) IS NULL),
        {took} {_insert("current WHERE external_id IS NULL OR id IN (SELECT trace_id FROM took)")}
    """  # noqa: S608  ours


def _take(condition: str) -> str:
    """SQL of a CTE that takes the external ids, in one order, so that two statements never deadlock."""
    return f"""
        took AS (INSERT INTO trace_external_id (project_id, external_id, trace_id)
          SELECT project_id, external_id, id FROM current
           WHERE external_id IS NOT NULL AND {condition} ORDER BY project_id, external_id COLLATE "C"
          ON CONFLICT DO NOTHING RETURNING trace_id)
    """  # noqa: S608  ours


_NOTE = ", answer bigint, texts bigint, span bigint, scope bigint"
"""A note of `app.store.recent_answers`."""

_TELL = f"""
        told AS (INSERT INTO recent_answer (answer, texts, span, scope)
          SELECT DISTINCT ON (answer, texts) answer, texts, span, scope FROM current WHERE answer IS NOT NULL ORDER BY answer, texts
          {REPLACE_OLD} RETURNING answer, span),
"""  # noqa: S608  ours
"""Of two calls with one answer only one is told; the spans say which, for each call has its own. DO UPDATE refuses a statement that gives one key twice."""

_IS_TOLD = "(answer IS NULL OR (answer, span) IN (SELECT answer, span FROM told))"


def _columns() -> list[Column[Any]]:
    return [column for column in trace.c if column.name not in _MADE_BY_POSTGRES]


def _kind_on_the_way(column: Column[Any]) -> str:
    return "text" if column.name in _AS_TEXT else column.type.compile(postgresql.dialect())


def _read_back(column: Column[Any]) -> str:
    return f"{column.name}::json" if column.name in _AS_TEXT else column.name


def _as_json(row: CurrentRow) -> dict[str, Any]:
    packed = {name: orjson.dumps(row.row[name]).decode() for name in _AS_TEXT}
    return {
        **row.row,
        **packed,
        "remembered_version": row.templates_version,
        "key_id": row.key_id,
        "alone_in": row.alone_in,
        **(row.answer._asdict() if row.answer else {}),
    }
