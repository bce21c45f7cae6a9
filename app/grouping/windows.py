"""The calls that a run reads: owed calls, ungrouped calls considered before, and a sample of the calls of templates under review."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine

from app.config import Settings
from app.grouping import reviews
from app.grouping.findings import Window
from app.intake.privacy import Policy, policy_of
from app.store import calls, review_times, tasks, templates
from app.store.calls import Call
from app.store.engine import transaction
from app.store.ids import new_id
from app.store.runs import GroupState
from app.store.templates import StoredTemplate

SMALL_RESIDUE_CALLS = 200
"""Up to so many calls every run mines the residue: mining takes milliseconds, and calls that come one by one become a template
with the third."""

NEW_RESIDUE_SHARE = 0.05
"""Part of a larger residue that must be new before it is mined again: noise costs at most 20 times its size."""

REVIEW_SAMPLE_CALLS = 300
"""Calls of a template that a review mines anew: an edit in 5 % of the calls is among them 15 times, one of yesterday oftener."""


def read_window(
    connection: Connection,
    state: GroupState,
    owed: list[Call],
    is_cut: bool,
    settings: Settings,
    *,
    since: datetime | None = None,
) -> Window:
    """The window of a run that has read these owed calls.

    state: `wanted` says what else is read. is_cut: owed calls were left out. since: calls made earlier are left out too.
    """
    stored_templates = templates.load_templates(connection, state.id)
    reviewing = _under_review(connection, state, stored_templates)
    policy = policy_of(connection, state.project_id)
    apart = tasks.tasks_kept_apart(connection, state.id)
    residue, residue_read = _residue(connection, state, len(owed), settings.grouping_window_residue, since)
    return Window(
        state=state,
        run_id=new_id(),
        owed=owed,
        is_truncated=is_cut,
        residue=residue,
        residue_read=residue_read,
        reviewed=sample(connection, policy, reviewing, settings.grouping_window_residue, since),
        reviewing=reviewing,
        known_templates=stored_templates,
        min_distinct=policy.wishes.min_distinct,
        apart=apart,
        replaced_templates=templates.load_replaced(connection, state.id) if apart else (),
    )


def _residue(
    connection: Connection, state: GroupState, owed: int, limit: int, since: datetime | None
) -> tuple[list[Call], bool]:
    """Ungrouped calls considered before, when mining them again can find something new; and whether they were read."""
    size = calls.residue_size(connection, state.id, limit)
    enough = max(3, NEW_RESIDUE_SHARE * size)
    if state.wanted or (owed and (size <= SMALL_RESIDUE_CALLS or state.residue_run_owed + owed >= enough)):
        return calls.residue(connection, state.id, limit, since), True
    return [], size == 0


def _under_review(
    connection: Connection, state: GroupState, stored_templates: Sequence[StoredTemplate]
) -> frozenset[UUID]:
    """Templates to look at anew: the due ones with those related to them, which they may have to be merged with."""
    if state.wanted == "all":
        return frozenset(stored.id for stored in stored_templates)
    due_ids = set(review_times.due_for_review(connection, state.id) if state.wanted == "review" else ())
    other_templates = [stored for stored in stored_templates if stored.id not in due_ids]
    to = [stored.template for stored in stored_templates if stored.id in due_ids]
    relatives = reviews.related(to, other_templates, reviews.REVIEWED_TEMPLATES - len(due_ids))
    return frozenset(due_ids).union(stored.id for stored in relatives)


def sample(
    connection: Connection, policy: Policy, reviewing: Collection[UUID], limit: int, since: datetime | None = None
) -> list[Call]:
    """Calls of the templates under review, a fair part of the limit for each; none where their values are not kept."""
    if not policy.keeps_values:
        return []
    size = max(1, min(REVIEW_SAMPLE_CALLS, limit // max(1, len(reviewing))))
    return [call for template_id in sorted(reviewing) for call in calls.sample(connection, template_id, size, since)]


def sampler(
    engine: Engine, project_id: UUID, limit: int, since: datetime | None = None
) -> Callable[[Collection[UUID]], list[Call]]:
    """A function that reads a sample of the calls of some templates, in a transaction of its own."""

    def read_sample(template_ids: Collection[UUID]) -> list[Call]:
        with transaction(engine) as connection:
            return sample(connection, policy_of(connection, project_id), template_ids, limit, since)

    return read_sample
