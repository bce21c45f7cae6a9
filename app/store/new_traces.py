"""New rows of table trace, with the external ids that they take: inserted, copied, or in one statement."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Connection, Engine, Select, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert

from app.store.bulk import copy_into
from app.store.prepared import Prepared
from app.store.tables import grouping_key, trace, trace_external_id


def insert_new(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Insert rows whose external id is new; answers the ids that are now stored.

    Rows come in the order of their external ids, so two batches never deadlock.
    """
    external_ids = list(_external_ids(rows))
    free = set(connection.execute(_TAKE_EXTERNAL_IDS, external_ids).scalars()) if external_ids else set()
    fresh = [row for row in rows if row["external_id"] is None or row["id"] in free]
    if fresh:
        connection.execute(insert(trace), fresh)
    return {row["id"] for row in fresh}


_TAKE_EXTERNAL_IDS = insert(trace_external_id).on_conflict_do_nothing().returning(trace_external_id.c.trace_id)


def copy_new(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """As `insert_new`, several times faster; raises CopyRefusedError when an external id is known.

    The transaction is then aborted, and the caller inserts the rows in another transaction.
    """
    external_ids: list[dict[str, Any]] = []
    copy_into(connection, trace, _noting(rows, external_ids))
    copy_into(connection, trace_external_id, external_ids)


def _noting(rows: Iterable[Mapping[str, Any]], external_ids: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The same rows; adds their external ids to `external_ids`."""
    for row in rows:
        if row["external_id"] is not None:
            external_ids += _external_ids([row])
        yield row


def _external_ids(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of table trace_external_id for these rows of trace."""
    for row in rows:
        if row["external_id"] is not None:
            yield {"project_id": row["project_id"], "external_id": row["external_id"], "trace_id": row["id"]}


def insert_if_current(engine: Engine, row: Mapping[str, Any], templates_version: int) -> bool:
    """Insert a row if its group still is as the caller has it in memory, in one statement.

    False, and nothing stored, when the group has other templates, is quarantined or deleted, or the external id is known.
    """
    statement = _insert_if_current(has_external_id=row["external_id"] is not None)
    return statement.rows_changed(engine, {**row, "remembered_version": templates_version}) == 1


@cache
def _insert_if_current(*, has_external_id: bool) -> Prepared:
    """has_external_id: the row has an external id, which must be free."""
    names = [column.name for column in trace.c if column.name not in ("created_at", "considered_run_id")]
    values = {name: bindparam(name, type_=trace.c[name].type) for name in names}
    current = (
        grouping_key.c.id == values["group_id"],
        grouping_key.c.templates_version == bindparam("remembered_version"),
        grouping_key.c.quarantined_at.is_(None),
    )
    row = select(*values.values()).where(*current)
    if has_external_id:
        took = _took(select(values["project_id"], values["external_id"], values["id"]).where(*current))
        row = select(*values.values()).where(exists(select(took.c.trace_id)))
    statement = insert(trace).from_select(names, row, include_defaults=False)
    return Prepared("insert_named_if_current" if has_external_id else "insert_if_current", statement)


def _took(row: Select[Any]) -> CTE:
    """The external id of this row, if it was free."""
    names = [column.name for column in trace_external_id.c]
    take = insert(trace_external_id).from_select(names, row, include_defaults=False).on_conflict_do_nothing()
    return take.returning(trace_external_id.c.trace_id).cte("took")
