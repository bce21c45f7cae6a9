"""After a run: match older calls against the templates of now, in batches that each commit.

Three kinds of calls are matched again: the residue, when there are new templates; calls of a template that lost some in a review; calls of
a replaced template. The cursor is in the database (`rematch_after`): the next run continues where a killed run stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, Engine

from app.grouping.saving import TemplateChoice, assign
from app.intake.privacy import Policy, policy_of
from app.store import calls, runs, shown, templates, unfinished
from app.store.calls import Call
from app.store.engine import transaction
from app.store.runs import GroupState
from app.store.templates import StoredTemplate, VersionKey
from app.store.unfinished import UnfinishedTemplate
from templating import Matcher

REMATCHED_CALLS = 500
"""Calls matched in one transaction: some 50 ms, during which only other runs of the group wait."""


def match_the_rest(engine: Engine, state: GroupState, should_stop: Callable[[], bool]) -> bool:
    """Match every call of a group that waits for it; False when `should_stop` said so before the end.

    Raises FencedError when a newer run has begun, which matches the rest.
    """
    templates_now: _Templates | None = None
    while not should_stop():
        with transaction(engine) as connection:
            now = runs.hold_at(connection, state.id, state.fence)
            template_left = None if now.rematch_after else unfinished.next_template(connection, state.id)
            if now.rematch_after is None and template_left is None:
                return True
            templates_now = templates_now or _Templates.load(connection, state)
            if template_left is not None:
                _of_template(connection, template_left, templates_now)
            elif now.rematch_after is not None:
                _residue(connection, now.id, now.rematch_after, templates_now)
    return False


def _residue(connection: Connection, group_id: UUID, after: UUID, templates: "_Templates") -> None:
    batch, has_more = calls.residue_after(connection, group_id, after, REMATCHED_CALLS)
    assign(connection, templates.choose(batch), templates.version_ids, templates.policy)
    runs.move_cursor(connection, group_id, batch[-1].id if has_more else None)


def _of_template(connection: Connection, template_left: UnfinishedTemplate, templates: "_Templates") -> None:
    """Match the next calls of a template again: those that stay with a template in use are left unchanged; a replaced template keeps none."""
    batch, has_more = calls.of_template_after(connection, template_left.id, template_left.after, REMATCHED_CALLS)
    choices = templates.choose(batch)
    assign(
        connection,
        [choice for choice in choices if choice.template_id != template_left.id],
        templates.version_ids,
        templates.policy,
    )
    matched_ids = {choice.call.id for choice in choices}
    calls.unassign(connection, template_left.id, [call for call in batch if call.id not in matched_ids])
    cursor = batch[-1].id if has_more else None
    unfinished.move_cursor(connection, template_left.id, cursor)
    if cursor is None:
        shown.mark_emptied(connection, template_left.id)


@dataclass(frozen=True)
class _Templates:
    """The templates of a group; only the run with the fence changes them."""

    stored: Sequence[StoredTemplate]
    matcher: Matcher
    policy: Policy
    version_ids: dict[VersionKey, UUID] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: Connection, state: GroupState) -> "_Templates":
        stored = templates.load_templates(connection, state.id)
        return cls(stored, Matcher(template.template for template in stored), policy_of(connection, state.project_id))

    def choose(self, batch: Sequence[Call]) -> list[TemplateChoice]:
        hits = ((call, self.matcher.match(call.prompt)) for call in batch)
        return [
            TemplateChoice(call, self.stored[match.index].task_id, self.stored[match.index].id, match.values)
            for call, match in hits
            if match is not None
        ]
