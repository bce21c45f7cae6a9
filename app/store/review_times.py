"""When the calls of a template are mined again: to find an edit that a slot has taken in, and what too few calls have hidden."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
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

GROUP_GROWTH = 1.25
"""Growth of a young group's calls until all its templates are reviewed together, as if none were known: what hides in one template shows
beside the calls of another. Of 36 to 40 versions in 1,500 calls that come in batches, 30 to 38 are found exactly, without such reviews 23 to 36.
"""

GROUP_GROWTH_CALLS = 8
"""Calls since the templates were found or reviewed that such a review needs: a quarter of the first few calls is one call."""

YOUNG_GROUP_CALLS = 2000
"""Calls of a young group, at most. All reviews until then mine at most five times as many: 1.25 / (1.25 - 1). Later, templates are settled."""


def due_for_review(connection: Connection, group_id: UUID) -> list[UUID]:
    """Templates of a group to be reviewed: all when the group has grown, else those with enough calls since their last review."""
    in_use = template.c.retired_at.is_(None) & (template.c.group_id == group_id)
    has_grown = connection.execute(select(_has_grown()).where(in_use)).scalar_one()
    query = select(template.c.id).where(in_use, *([] if has_grown else [is_due()]))
    return list(connection.execute(query.order_by(template.c.id)).scalars())


def is_due() -> ColumnElement[bool]:
    """Whether a template has twice the calls of its last review, or half a day's new ones."""
    calls = _calls_of_template()
    is_later = _newest_call() >= template.c.reviewed_until + REVIEWED_AGAIN
    has_new_calls = calls >= template.c.review_at_calls / 2 + REVIEWED_AGAIN_CALLS
    return template.c.retired_at.is_(None) & ((calls >= template.c.review_at_calls) | (is_later & has_new_calls))


def _has_grown() -> ColumnElement[bool]:
    """Of a query about the templates of a group: whether it is young, with a quarter more calls than in their last reviews.

    A template that was never reviewed had no calls then. A single template has none to be told from.
    """
    calls, calls_seen = func.sum(_calls_of_template()), func.sum(template.c.review_at_calls) / 2
    calls_reviewed = func.sum(case((template.c.reviewed_until.is_(None), 0), else_=template.c.review_at_calls / 2))
    return and_(
        func.count() > 1,
        calls <= YOUNG_GROUP_CALLS,
        calls >= GROUP_GROWTH * calls_reviewed,
        calls >= calls_seen + GROUP_GROWTH_CALLS,
    )


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
    """Note a review: the next one is due at twice the present number of calls, or after half a day with new ones.

    A template that replaced a reviewed one has the calls of that one, though it was found in a sample of them.
    """
    reviewed_ids = list(template_ids)
    old = template.alias()
    heirs = select(old.c.replaced_by).where(old.c.id.in_(reviewed_ids), old.c.replaced_by.is_not(None))
    connection.execute(
        update(template)
        .where(template.c.id.in_(reviewed_ids) | template.c.id.in_(heirs))
        .values(
            review_at_calls=func.greatest(template.c.review_at_calls, 2 * _calls_of_template()),
            reviewed_until=_newest_call(),
        )
    )


def groups_to_review(connection: Connection) -> list[UUID]:
    """Groups with a template that is due, and young groups that have grown."""
    in_use = select(template.c.group_id).where(template.c.retired_at.is_(None)).group_by(template.c.group_id)
    due = in_use.having(func.bool_or(is_due()) | _has_grown())
    return groups_that_may_run(connection, grouping_key.c.id.in_(due))
