"""Write what a run has found: tasks, templates, versions, and the values of calls.  The caller holds the group."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from app.grouping.findings import Findings, Placement, Window
from app.grouping.placing import Family
from app.intake.privacy import Policy, policy_of
from app.store import calls, templates, versions
from app.store.calls import Assignment, Call
from app.store.templates import Version


@dataclass(frozen=True)
class Chosen:
    """A call and the stored template that it goes to."""

    call: Call
    task_id: UUID
    template_id: UUID
    variables: tuple[str, ...]


def record(connection: Connection, window: Window, found: Findings, *, review_after: int) -> tuple[int, int]:
    """Write the findings of a window; how many calls were grouped, and to how many tasks."""
    policy = policy_of(connection, window.state.project_id)
    family = Family(connection, window, found, policy)
    saved = [family.add(finding, review_after) for finding in found.new]
    for finding, template_id in zip(found.new, saved, strict=True):
        for old in sorted(finding.supersedes - {template_id}):  # the oldest first: its versions stay
            _hand_on(connection, found, saved, old)
            versions.retire(connection, old, template_id)
    family.part()
    tasks = family.tasks()
    chosen = [_chosen(placement, saved, tasks) for placement in found.placements]
    grouped = assign(connection, chosen, {}, policy)
    versions.match_again(connection, _to_match_again(window, found))
    return grouped, len({one.task_id for one in chosen})


def _hand_on(connection: Connection, found: Findings, saved: Sequence[UUID], old: UUID) -> None:
    """Versions of a template that was a mixture go where most of their calls go."""
    heirs: dict[tuple[str, str], Counter[UUID]] = defaultdict(Counter)
    for placement in found.placements:
        if placement.call.template_id == old:
            heirs[placement.call.model, placement.call.settings_digest][_stored(placement, saved)] += 1
    for (model, digest), counts in heirs.items():
        versions.hand_on(connection, (old, model, digest), counts.most_common(1)[0][0])


def _stored(placement: Placement, saved: Sequence[UUID]) -> UUID:
    return saved[placement.template] if isinstance(placement.template, int) else placement.template


def _chosen(placement: Placement, saved: Sequence[UUID], tasks: dict[UUID, UUID]) -> Chosen:
    template_id = _stored(placement, saved)
    return Chosen(placement.call, tasks[template_id], template_id, placement.variables)


def _to_match_again(window: Window, found: Findings) -> frozenset[UUID]:
    """Templates of which only a sample was read, but some calls go elsewhere."""
    everything = window.reviewing if window.state.wanted == "all" else frozenset()
    return everything.union(*(finding.taken_from for finding in found.new))


def assign(connection: Connection, chosen: Iterable[Chosen], made: dict[Version, UUID], policy: Policy) -> int:
    """Give calls their template, version and values; how many were written.

    New versions are numbered in the order of their first calls. Tasks come in the order of their ids, as everyone who
    makes versions of several takes them. made: versions that the caller has met already; grows.
    """
    ordered = sorted(chosen, key=lambda one: (one.task_id, one.call.moment))
    return calls.assign(
        connection,
        [
            Assignment(one.call.id, one.template_id, _version(connection, one, made), _kept(one, policy))
            for one in ordered
        ],
        keep_texts=policy.keeps_values,
    )


def _kept(one: Chosen, policy: Policy) -> tuple[str, ...]:
    """What is stored of the values; those of a call that had a template are what was stored of them before."""
    return policy.kept(one.variables) if one.call.template_id is None else one.variables


def _version(connection: Connection, one: Chosen, made: dict[Version, UUID]) -> UUID:
    key = (one.template_id, one.call.model, one.call.settings_digest)
    if key not in made:
        settings, tools = calls.settings_of(connection, one.call.id)
        made[key] = templates.implementation_for(
            connection,
            one.template_id,
            model=one.call.model,
            settings=settings,
            tools=tools,
            settings_digest=one.call.settings_digest,
        )
    return made[key]
