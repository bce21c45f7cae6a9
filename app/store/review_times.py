"""When the calls of a template are mined again, to find an edit that a slot has taken in."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    func,
    select,
    update,
)

from app.store.counting import calls_of_version
from app.store.owed import groups_that_may_run
from app.store.tables import call_count, grouping_key, implementation, template

REVIEWED_AGAIN = timedelta(hours=12)
"""Between the newest calls of two reviews, at most, while there are new ones: an edit that a slot takes in is told within a day,
however many calls there were before it; 60 edited ones are enough (`benchmarks.changes`)."""

REVIEWED_AGAIN_CALLS = 20
"""New calls that such a review needs; fewer do not show an edit."""


def due_for_review(connection: Connection, group_id: UUID) -> list[UUID]:
    """Templates of a group with enough calls since their last review."""
    query = select(template.c.id).where(template.c.group_id == group_id, is_due())
    return list(connection.execute(query.order_by(template.c.id)).scalars())


def is_due() -> ColumnElement[bool]:
    """Whether a template has twice the calls of its last review, or half a day's new ones."""
    calls = _calls_of_template()
    is_later = _newest_call() >= template.c.reviewed_until + REVIEWED_AGAIN
    has_new_calls = calls >= template.c.review_at_calls / 2 + REVIEWED_AGAIN_CALLS
    return template.c.retired_at.is_(None) & ((calls >= template.c.review_at_calls) | (is_later & has_new_calls))


def _calls_of_template() -> ColumnElement[int]:
    """The number of calls of its versions, including calls still to be matched again."""
    calls = select(func.sum(calls_of_version())).where(implementation.c.template_id == template.c.id)
    return func.coalesce(calls.correlate(template).scalar_subquery(), 0)


def _newest_call() -> ColumnElement[datetime]:
    newest = (
        select(func.max(call_count.c.last_seen))
        .join(implementation, implementation.c.id == call_count.c.implementation_id)
        .where(implementation.c.template_id == template.c.id)
    )
    return newest.correlate(template).scalar_subquery()


def note_reviews(connection: Connection, template_ids: Iterable[UUID]) -> None:
    """Note a review: the next one is due at twice the present number of calls, or after half a day with new ones."""
    connection.execute(
        update(template)
        .where(template.c.id.in_(list(template_ids)))
        .values(
            review_at_calls=func.greatest(template.c.review_at_calls, 2 * _calls_of_template()),
            reviewed_until=_newest_call(),
        )
    )


def groups_to_review(connection: Connection) -> list[UUID]:
    """Groups with a template that is due."""
    return groups_that_may_run(connection, grouping_key.c.id.in_(select(template.c.group_id).where(is_due())))
