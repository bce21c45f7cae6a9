"""Templates with calls that are to be matched again: some belong to a template that took their place, or to a more specific one."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    exists,
    literal,
    or_,
    select,
    update,
)

from app.store.owed import groups_that_may_run
from app.store.runs import FIRST_ID
from app.store.tables import grouping_key, template, trace


@dataclass(frozen=True)
class UnfinishedTemplate:
    """A template with calls that are still to be matched again: those above `after`."""

    id: UUID
    after: UUID
    retired: bool


def match_again(connection: Connection, template_ids: Iterable[UUID]) -> None:
    """Have all calls of these templates matched again: some belong to a more specific template."""
    connection.execute(update(template).where(template.c.id.in_(list(template_ids))).values(rematch_after=FIRST_ID))


def next_template(connection: Connection, group_id: UUID) -> UnfinishedTemplate | None:
    """The next template of a group that has calls to be matched again."""
    query = (
        select(template.c.id, template.c.rematch_after, template.c.retired_at.is_not(None))
        .where(template.c.group_id == group_id, has_unfinished_calls())
        .order_by(template.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else UnfinishedTemplate(row[0], row[1] or FIRST_ID, row[2])


def has_unfinished_calls() -> ColumnElement[bool]:
    """SQL: whether a killed run left a cursor, or a web process matched a call while its template was being replaced.

    OFFSET 0 keeps PostgreSQL from reading all traces into one hash table instead of one index entry a template.
    """
    calls = select(literal(1)).where(trace.c.template_id == template.c.id).offset(0).correlate(template)
    return or_(template.c.rematch_after.is_not(None), template.c.retired_at.is_not(None) & exists(calls))


def move_cursor(connection: Connection, template_id: UUID, after: UUID | None) -> None:
    """Note that the calls of a template are matched again up to this one; None: all of them."""
    connection.execute(update(template).where(template.c.id == template_id).values(rematch_after=after))


def groups_with_some(connection: Connection) -> list[UUID]:
    """Groups with calls to be matched again: a run is matching them, or was killed while it did."""
    of_templates = select(template.c.group_id).where(has_unfinished_calls())
    return groups_that_may_run(
        connection, or_(grouping_key.c.rematch_after.is_not(None), grouping_key.c.id.in_(of_templates))
    )
