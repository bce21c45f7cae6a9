"""When the calls of a template are mined again: to find an edit that a slot has taken in, and what too few calls have hidden."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    select,
    true,
    update,
)
from sqlalchemy.sql.selectable import LateralFromClause

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
    counted, in_use = _counted_calls(), _in_use() & (template.c.group_id == group_id)
    has_grown = connection.execute(select(_has_grown(counted)).join_from(template, counted, true()).where(in_use))
    query = select(template.c.id).where(in_use)
    if not has_grown.scalar_one():
        query = query.join_from(template, counted, true()).where(_is_due(counted))
    return list(connection.execute(query.order_by(template.c.id)).scalars())


def groups_to_review(connection: Connection) -> list[UUID]:
    """Groups with a template that is due, and young groups that have grown."""
    counted = _counted_calls()
    by_group = select(template.c.group_id).join_from(template, counted, true()).where(_in_use())
    due = by_group.group_by(template.c.group_id).having(func.bool_or(_is_due(counted)) | _has_grown(counted))
    return groups_that_may_run(connection, grouping_key.c.id.in_(due))


def is_young(connection: Connection, group_id: UUID) -> bool:
    """Whether a group has few calls in its templates in use."""
    counted = _counted_calls()
    query = select(_is_young(counted)).join_from(template, counted, true())
    return connection.execute(query.where(_in_use(), template.c.group_id == group_id)).scalar_one()


def _in_use() -> ColumnElement[bool]:
    return template.c.retired_at.is_(None)


def _is_due(counted: LateralFromClause) -> ColumnElement[bool]:
    """Whether a template has twice the calls of its last review, or half a day's new ones."""
    is_later = counted.c.last_seen >= template.c.reviewed_until + REVIEWED_AGAIN
    has_new_calls = counted.c.calls >= template.c.review_at_calls / 2 + REVIEWED_AGAIN_CALLS
    return (counted.c.calls >= template.c.review_at_calls) | (is_later & has_new_calls)


def _has_grown(counted: LateralFromClause) -> ColumnElement[bool]:
    """Of a query about the templates of a group: whether it is young, with a quarter more calls than in their last reviews.

    A template that was never reviewed had no calls then. A single template has none to be told from.
    """
    calls, calls_seen = func.sum(counted.c.calls), func.sum(template.c.review_at_calls) / 2
    calls_reviewed = func.sum(case((template.c.reviewed_until.is_(None), 0), else_=template.c.review_at_calls / 2))
    return and_(
        func.count() > 1,
        _is_young(counted),
        calls >= GROUP_GROWTH * calls_reviewed,
        calls >= calls_seen + GROUP_GROWTH_CALLS,
    )


def _is_young(counted: LateralFromClause) -> ColumnElement[bool]:
    return func.coalesce(func.sum(counted.c.calls), 0) <= YOUNG_GROUP_CALLS


def _counted_calls() -> LateralFromClause:
    """The calls of a template, including calls still to be matched again, and the newest one, beside it: `calls`, `last_seen`; one row."""
    return (
        select(
            func.coalesce(func.sum(call_count.c.calls), 0).label("calls"),
            func.max(call_count.c.last_seen).label("last_seen"),
        )
        .join_from(implementation, call_count, call_count.c.implementation_id == implementation.c.id)
        .where(implementation.c.template_id == template.c.id)
        .correlate(template)
        .lateral("counted")
    )


def note_reviews(connection: Connection, template_ids: Iterable[UUID]) -> None:
    """Note a review: the next one is due at twice the present number of calls, or after half a day with new ones.

    A template that replaced a reviewed one has the calls of that one, though it was found in a sample of them.
    """
    reviewed_ids = list(template_ids)
    old = template.alias()
    heirs = select(old.c.replaced_by).where(old.c.id.in_(reviewed_ids), old.c.replaced_by.is_not(None))
    counted = _counted_calls()
    calls_now = select(template.c.id, counted).join_from(template, counted, true()).subquery("calls_now")
    connection.execute(
        update(template)
        .where(template.c.id.in_(reviewed_ids) | template.c.id.in_(heirs), calls_now.c.id == template.c.id)
        .values(
            review_at_calls=func.greatest(template.c.review_at_calls, 2 * calls_now.c.calls),
            reviewed_until=calls_now.c.last_seen,
        )
    )
