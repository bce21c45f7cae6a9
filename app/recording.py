"""Write what a run has found: tasks, templates, versions, and the values of calls.  The caller holds the group."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection

from app import naming
from app.findings import Finding, Findings, Placement, Window
from app.lineage import Life, Relative, SeenCalls, alive_together, task_of
from app.privacy import Policy, policy_of
from app.store import calls, templates, versions
from app.store.calls import Assignment, Call, StoredLife
from app.store.templates import Version
from templating import Template

FIRST_REVIEW = 4
"""A template is reviewed first when its calls are so many times those that it was found in: what three calls have in
common may be a day's date, or the scraps that two prompts share."""


SURE = 20
"""Calls of each, from which versions in use side by side are parted: a task is not to change for a handful."""


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
    line = _Line(connection, window, found, policy)
    saved = [line.add(finding, review_after) for finding in found.new]
    for finding, template_id in zip(found.new, saved, strict=True):
        for old in sorted(finding.supersedes - {template_id}):  # the oldest first: its versions stay
            _hand_on(connection, found, saved, old)
            versions.retire(connection, old, template_id)
    line.part()
    tasks = line.tasks()
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


class _Line:
    """The templates of a group, while new ones find their place among them."""

    def __init__(self, connection: Connection, window: Window, found: Findings, policy: Policy) -> None:
        self._connection = connection
        self._policy = policy
        self._window = window
        staying = _staying(window, found)
        self._relatives = {
            stored.id: Relative(
                stored.task_id, stored.template, staying.get(stored.id) or StoredLife(connection, stored.id)
            )
            for stored in templates.load_family(connection, window.state.id)
        }

    def tasks(self) -> dict[UUID, UUID]:
        """The task of every template."""
        return {template_id: relative.task_id for template_id, relative in self._relatives.items()}

    def add(self, finding: Finding, review_after: int) -> UUID:
        """Store a finding in the task that it belongs to; its id."""
        template_id = self._again(finding) or self._new(finding, review_after)
        task_id = self._relatives[template_id].task_id
        life = SeenCalls(call.moment for call in finding.calls)
        self._relatives[template_id] = Relative(task_id, finding.template, life)
        return template_id

    def _again(self, finding: Finding) -> UUID | None:
        """The id of the same template from earlier times, which matches again from now on."""
        found = (known for known, relative in self._relatives.items() if relative.template == finding.template)
        template_id = next(found, None)
        if template_id is not None:
            versions.revive(self._connection, template_id)
        return template_id

    def _new(self, finding: Finding, review_after: int) -> UUID:
        task_id = self._task(finding)
        template_id = versions.add_template(
            self._connection,
            self._window.state.id,
            task_id,
            finding.template,
            kinds=self._policy.shown(finding.kinds),
            evidence=dict(finding.evidence),
            review_at_calls=min(review_after, FIRST_REVIEW * len(finding.calls)),
            run_id=self._window.run_id,
        )
        self._relatives[template_id] = Relative(task_id, finding.template, SeenCalls(()))
        return template_id

    def _task(self, finding: Finding) -> UUID:
        life = SeenCalls(call.moment for call in finding.calls)
        if finding.supersedes:
            return self._successor(finding, life)
        relatives = [
            replace(relative, swallowed=template_id in finding.taken_from)
            for template_id, relative in self._relatives.items()
        ]
        return task_of(finding.template, life, relatives) or self._begin(finding.template)

    def _successor(self, finding: Finding, life: Life) -> UUID:
        """The task of a template that takes the place of others.

        The better text may show a kinship that the worse one hid: then their task, when it is theirs alone, is one
        with the relative's.
        """
        task_ids = {self._relatives[old].task_id for old in finding.supersedes}
        inside = [each for each in self._relatives if self._relatives[each].task_id in task_ids]
        if all(each in finding.supersedes or self._relatives[each].life.total() == 0 for each in inside):
            outside = [relative for relative in self._relatives.values() if relative.task_id not in task_ids]
            task_ids |= {task_of(finding.template, life, outside)} - {None}  # type: ignore[arg-type]
        return self._renamed(self._merged(task_ids), finding.template)

    def part(self) -> None:
        """Versions that turn out to be in use side by side are two call sites: the newer one leaves the task.

        When it came, a few calls could not tell it from an edit that was being rolled out.
        """
        for template_id in sorted(self._window.reviewing):
            relative = self._relatives[template_id]
            older = (
                other
                for other_id, other in self._relatives.items()
                if other_id < template_id and other.task_id == relative.task_id
            )
            if any(_surely_together(relative.life, other.life) for other in older):
                self._leave(template_id, relative)

    def _leave(self, template_id: UUID, relative: Relative) -> None:
        outside = [other for other in self._relatives.values() if other.task_id != relative.task_id]
        task_id = task_of(relative.template, relative.life, outside) or self._begin(relative.template)
        versions.move_template(self._connection, template_id, task_id)
        self._relatives[template_id] = replace(relative, task_id=task_id)

    def _begin(self, template: Template) -> UUID:
        state = self._window.state
        name = self._name(template, versions.names_in(self._connection, state.id))
        return versions.create_task(self._connection, state.project_id, state.id, name)

    def _renamed(self, task_id: UUID, template: Template) -> UUID:
        """A name that was made from the words of a worse template follows the better one; a person's stays."""
        taken = versions.names_in(self._connection, self._window.state.id)
        given = versions.given_name(self._connection, task_id)
        if given is not None:
            versions.rename_task(self._connection, task_id, self._name(template, taken - {given}))
        return task_id

    def _name(self, template: Template, taken: set[str]) -> str:
        return naming.task_name(template, taken, self._window.state.path)

    def _merged(self, task_ids: set[UUID]) -> UUID:
        """One task of several whose templates turn out to be one."""
        survivor = versions.survivor_of(self._connection, task_ids)
        for task_id in task_ids - {survivor}:
            versions.merge_task(self._connection, task_id, survivor)
        self._relatives = {
            template_id: replace(relative, task_id=survivor) if relative.task_id in task_ids else relative
            for template_id, relative in self._relatives.items()
        }
        return survivor


def _surely_together(one: Life, other: Life) -> bool:
    return min(one.total(), other.total()) >= SURE and alive_together(one, other)


def _staying(window: Window, found: Findings) -> dict[UUID, Life]:
    """Lives of the templates under review: of their sampled calls, those that no finding takes away.

    Their stored lives hold the calls of every edit that they have swallowed.
    """
    leaving = {placement.call.id for placement in found.placements}
    return {
        template_id: SeenCalls(
            call.moment for call in window.reviewed if call.template_id == template_id and call.id not in leaving
        )
        for template_id in window.reviewing
    }
