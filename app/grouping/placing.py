"""The templates of a group while a run saves: which task each new one belongs to, under which names.  The caller holds the group."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection

from app.grouping import task_names
from app.grouping.findings import Finding, Findings, Window
from app.grouping.lineage import Life, Relative, SeenCalls, alive_together, line_of
from app.grouping.slot_names import Named, keeping_names
from app.intake.privacy import Policy
from app.store import templates, versions
from app.store.calls import StoredLife
from templating import Template

FIRST_REVIEW = 4
"""A template is reviewed first when its calls are so many times those that it was found in: what three calls have in
common may be a day's date, or the scraps that two prompts share."""


SURE = 20
"""Calls of each, from which versions in use side by side are parted: a task is not to change for a handful."""


class Family:
    """The templates of a group, while new ones find their place among them."""

    def __init__(self, connection: Connection, window: Window, found: Findings, policy: Policy) -> None:
        self._connection = connection
        self._policy = policy
        self._window = window
        staying = _staying(window, found)
        family = templates.load_family(connection, window.state.id)
        self._relatives = {
            stored.id: Relative(
                stored.line_id, stored.template, staying.get(stored.id) or StoredLife(connection, stored.id)
            )
            for stored in family
        }
        self._task_of = {stored.line_id: stored.task_id for stored in family}
        self._apart = versions.apart(connection, window.state.id)
        self._named = {stored.id: Named(stored.template, stored.named_places) for stored in family}

    def tasks(self) -> dict[UUID, UUID]:
        """The task of every template."""
        return {template_id: self._task_of[relative.line_id] for template_id, relative in self._relatives.items()}

    def add(self, finding: Finding, review_after: int) -> UUID:
        """Store a finding in the task that it belongs to; its id."""
        template_id = self._again(finding) or self._new(finding, review_after)
        life = SeenCalls(call.moment for call in finding.calls)
        self._relatives[template_id] = replace(self._relatives[template_id], template=finding.template, life=life)
        return template_id

    def _again(self, finding: Finding) -> UUID | None:
        """The id of the same template from earlier times, which matches again from now on."""
        found = (known for known, relative in self._relatives.items() if relative.template == finding.template)
        template_id = next(found, None)
        if template_id is not None and versions.revive(self._connection, template_id):
            own = self._named[template_id].template
            named = self._keeping_names(own, self._relatives[template_id].line_id, {template_id})
            versions.name_slots(self._connection, template_id, named.template.slots, named.places)
        return template_id

    def _new(self, finding: Finding, review_after: int) -> UUID:
        line_id = self._line(finding)
        named = self._keeping_names(finding.template, line_id, finding.supersedes | finding.taken_from)
        template_id = versions.add_template(
            self._connection,
            self._window.state.id,
            self._task_of[line_id],
            line_id,
            named.template,
            named_places=named.places,
            kinds=self._policy.shown(finding.kinds),
            evidence=dict(finding.evidence),
            review_at_calls=min(review_after, FIRST_REVIEW * len(finding.calls)),
            run_id=self._window.run_id,
        )
        self._relatives[template_id] = Relative(line_id, finding.template, SeenCalls(()))
        self._named[template_id] = named
        return template_id

    def _keeping_names(self, template: Template, line_id: UUID, sources: Collection[UUID]) -> Named:
        """The template with the names that people gave in those that it comes from, else in the newest of its line."""
        named = (each for each in self._named if self._named[each].places)
        older = [each for each in named if each in sources or self._relatives[each].line_id == line_id]
        older.sort(key=lambda each: (each in sources, each), reverse=True)
        return keeping_names(template, [self._named[each] for each in older])

    def _line(self, finding: Finding) -> UUID:
        life = SeenCalls(call.moment for call in finding.calls)
        if finding.supersedes:
            return self._successor(finding, life)
        relatives = [
            replace(relative, swallowed=template_id in finding.taken_from)
            for template_id, relative in self._relatives.items()
        ]
        return line_of(finding.template, life, relatives) or self._begin(finding.template)

    def _successor(self, finding: Finding, life: Life) -> UUID:
        """The line of a template that takes the place of others: that of the oldest of them.

        The better text may show a kinship that the worse one hid: then their task, when it is theirs alone, is one
        with the relative's.
        """
        oldest = self._relatives[min(finding.supersedes)].line_id
        task_ids = {self._task_of[self._relatives[old].line_id] for old in finding.supersedes}
        inside = [each for each in self._relatives if self._task_of[self._relatives[each].line_id] in task_ids]
        if all(each in finding.supersedes or self._relatives[each].life.total() == 0 for each in inside):
            kin = line_of(finding.template, life, self._outside(task_ids))
            task_ids |= set() if kin is None else {self._task_of[kin]}
        survivor = self._renamed(self._merged(task_ids), finding.template)
        return survivor if oldest in task_ids else oldest

    def _outside(self, task_ids: Collection[UUID]) -> list[Relative]:
        """The templates of tasks that these may be brought together with."""
        others = set(self._task_of.values()).difference(task_ids)
        willing = {other for other in others if not any(self._apart.keeps(other, each) for each in task_ids)}
        return [relative for relative in self._relatives.values() if self._task_of[relative.line_id] in willing]

    def part(self) -> None:
        """Versions of a line that turn out to be in use side by side are two call sites: the newer one leaves.

        When it came, a few calls could not tell it from an edit that was being rolled out.
        """
        for template_id in sorted(self._window.reviewing):
            relative = self._relatives[template_id]
            older = (
                other
                for other_id, other in self._relatives.items()
                if other_id < template_id and other.line_id == relative.line_id
            )
            if any(_surely_together(relative.life, other.life) for other in older):
                self._leave(template_id, relative)

    def _leave(self, template_id: UUID, relative: Relative) -> None:
        outside = self._outside({self._task_of[relative.line_id]})
        line_id = line_of(relative.template, relative.life, outside) or self._begin(relative.template)
        versions.move_templates(self._connection, [template_id], self._task_of[line_id], line_id)
        self._relatives[template_id] = replace(relative, line_id=line_id)

    def _begin(self, template: Template) -> UUID:
        """A task of one line, which has its id."""
        state = self._window.state
        name = self._name(template, versions.names_in(self._connection, state.id))
        task_id = versions.create_task(self._connection, state.project_id, state.id, name)
        self._task_of[task_id] = task_id
        return task_id

    def _renamed(self, task_id: UUID, template: Template) -> UUID:
        """A name that was made from the words of a worse template follows the better one; a person's stays."""
        taken = versions.names_in(self._connection, self._window.state.id)
        given = versions.given_name(self._connection, task_id)
        if given is not None:
            versions.rename_task(self._connection, task_id, self._name(template, taken - {given}))
        return task_id

    def _name(self, template: Template, taken: set[str]) -> str:
        return task_names.task_name(template, taken, self._window.state.path)

    def _merged(self, task_ids: set[UUID]) -> UUID:
        """One task of several whose templates turn out to be one."""
        survivor = versions.survivor_of(self._connection, task_ids)
        for task_id in task_ids - {survivor}:
            versions.merge_task(self._connection, task_id, survivor)
        self._apart = versions.apart(self._connection, self._window.state.id)
        self._task_of = {line: survivor if of in task_ids else of for line, of in self._task_of.items()}
        self._task_of[survivor] = survivor
        self._relatives = {
            template_id: replace(relative, line_id=survivor) if relative.line_id in task_ids else relative
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
