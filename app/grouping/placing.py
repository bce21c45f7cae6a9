"""Gives each new template its task, its line (`app.grouping.lines`) and its names, while a run saves. The caller holds the group."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from app.grouping import task_names
from app.grouping.books import Book
from app.grouping.findings import Finding, Findings, Window
from app.grouping.lineage import ROLL_OUT_SHARE, CallTimes, Relative, SeenCallTimes, alive_together, line_of
from app.grouping.lines import Lines
from app.grouping.slot_names import NamedTemplate, keeping_names
from app.intake.privacy import Policy
from app.store.tasks import JoinedTasks
from templating import Template

FIRST_REVIEW_GROWTH = 2
"""Growth of a template's calls until its first review: the fixed text of three calls may include a day's date, or fragments that two
prompts share. Of 60 short prompts that arrive in batches, 54 have a template of their own with 2, 41 to 45 with 4, for a third more runs.
"""

PARTING_CALLS = 8
"""Least calls of each of two versions before versions in use side by side become two tasks. Of 60 short prompts, mixed in time, 8 calls instead
of 20 put 8 more in a task of their own (36 to 44).
"""

PARTING_CHANCE = 1.3
"""Calls, of the template with fewer calls, by which more than the share of a roll-out must be together: chance puts one or two there."""


class Placing:
    """Places new templates among those of the group: task, line and names."""

    def __init__(self, book: Book, window: Window, findings: Findings, policy: Policy) -> None:
        self._book = book
        self._policy = policy
        self._window = window
        self._is_young = book.is_young()
        stored_templates = book.templates()
        call_times = book.call_times([stored.id for stored in stored_templates], at_once=self._is_young)
        self._lines = Lines(stored_templates, call_times | _staying(window, findings))
        self._joined = self._joined_by(findings)
        self._named = {stored.id: NamedTemplate(stored.template, stored.named_places) for stored in stored_templates}

    def _joined_by(self, findings: Findings) -> JoinedTasks:
        """The tasks that the findings bring together: a merge for another reason leaves them room."""
        joined = JoinedTasks(self._book.tasks_kept_apart())
        for finding in findings.new:
            joined.join(map(self._lines.task_of, finding.supersedes))
        return joined

    def tasks(self) -> dict[UUID, UUID]:
        """The task of every template."""
        return self._lines.tasks()

    def add(self, finding: Finding, review_after: int) -> UUID:
        """Store a finding in the task that it belongs to; the id of its template."""
        template_id = self._known_id(finding)
        if template_id is None:
            template_id = self._add_template(finding, review_after)
        elif finding.supersedes:
            self._gathering_line(finding, {template_id})
        call_times = SeenCallTimes(call.moment for call in finding.calls)
        self._lines.note_replaced(finding.supersedes)
        self._lines.put(
            template_id, replace(self._lines[template_id], template=finding.template, call_times=call_times)
        )
        if finding.supersedes:
            self._name_again(self._lines.task_of(template_id), successor=template_id)
        return template_id

    def _known_id(self, finding: Finding) -> UUID | None:
        """The id of the same template, if it is known; it is put back into use."""
        template_id = self._lines.known_id(finding.template)
        if template_id is not None and self._book.revive(template_id):
            old_template = self._named[template_id].template
            renamed = self._keeping_names(old_template, self._lines[template_id].line_id, {template_id})
            self._book.name_slots(template_id, renamed.template.slots, renamed.places)
        return template_id

    def _add_template(self, finding: Finding, review_after: int) -> UUID:
        line_id = self._line(finding)
        renamed = self._keeping_names(finding.template, line_id, finding.supersedes | finding.taken_from)
        template_id = self._book.add_template(
            self._lines.task_of_line(line_id),
            line_id,
            renamed.template,
            named_places=renamed.places,
            kinds=self._policy.visible_kinds(finding.kinds),
            evidence=dict(finding.evidence),
            review_at_calls=min(review_after, FIRST_REVIEW_GROWTH * len(finding.calls)),
            run_id=self._window.run_id,
        )
        self._lines.put(template_id, Relative(line_id, finding.template, SeenCallTimes(())))
        self._named[template_id] = renamed
        return template_id

    def _keeping_names(self, template: Template, line_id: UUID, sources: Collection[UUID]) -> NamedTemplate:
        """The template with the slot names that people gave in `sources`, else in the newest template of its line."""
        named_templates = (template_id for template_id in self._named if self._named[template_id].places)
        older = [
            template_id
            for template_id in named_templates
            if template_id in sources or self._lines[template_id].line_id == line_id
        ]
        older.sort(key=lambda template_id: (template_id in sources, template_id), reverse=True)
        return keeping_names(template, [self._named[template_id] for template_id in older])

    def _line(self, finding: Finding) -> UUID:
        call_times = SeenCallTimes(call.moment for call in finding.calls)
        if finding.supersedes:
            return self._successor(finding, call_times)
        relatives = [
            replace(relative, swallowed=template_id in finding.taken_from)
            for template_id, relative in self._lines.in_use().items()
        ]
        return line_of(finding.template, call_times, relatives) or self._begin(finding.template)

    def _successor(self, finding: Finding, call_times: CallTimes) -> UUID:
        """The line of a new template that supersedes others.

        The new text may be related to a task that the old text was not related to. Then the two tasks become one, if the old task has
        no other templates in use.
        """
        line_id = self._gathering_line(finding, frozenset())
        task_id = self._lines.task_of_line(line_id)
        if self._lines.with_calls(task_id, leaving=finding.supersedes):
            return line_id
        related_line = line_of(finding.template, call_times, self._outside(task_id))
        survivor = task_id if related_line is None else self._merged({task_id, self._lines.task_of_line(related_line)})
        return survivor if line_id == task_id else line_id

    def _gathering_line(self, finding: Finding, known_ids: Collection[UUID]) -> UUID:
        """The line of that template, superseded or known before, from which most calls of a finding come: the others are brought there.

        Of the other tasks, one that has more templates goes on with these. One that has none becomes one with the task of the line, and so does
        one that a person merged, which no run may split.
        """
        sources = sorted(finding.supersedes.union(known_ids))
        calls_moved = Counter(call.template_id for call in finding.calls)
        calls_of = {source: calls_moved[source] + self._lines[source].call_times.total() for source in sources}
        main_source = max(sources, key=lambda source: calls_of[source])
        joining = {
            task_id
            for task_id in map(self._lines.task_of, sources)
            if self._lines.has_several(task_id) or not self._lines.with_calls(task_id, leaving=sources)
        }
        task_id = self._merged({self._lines.task_of(main_source)} | joining)
        line_id = self._lines[main_source].line_id
        for source in sources:
            left_task = self._lines.task_of(source)
            if left_task != task_id:
                self._book.move_templates([source], task_id, line_id)
                self._lines.move(source, line_id)
                self._name_again(left_task)
        return line_id

    def _outside(self, task_id: UUID) -> list[Relative]:
        """The templates in use of other tasks that may be one with this task."""
        return self._lines.of_tasks(
            {other_id for other_id in self._lines.other_tasks({task_id}) if self._joined.may_be_one(other_id, task_id)}
        )

    def part(self) -> None:
        """Make two versions of a line that are in use side by side two call sites: the newer version leaves the line.

        When the newer version was found, its few calls looked like an edit being rolled out. Looked at are the templates under review, and all
        templates of a young group.
        """
        in_use = sorted(self._lines.in_use())
        looked_at = set(in_use) if self._is_young else self._window.reviewing.intersection(in_use)
        lines = {self._lines[template_id].line_id for template_id in looked_at}
        for number, template_id in enumerate(in_use):
            if self._lines[template_id].line_id in lines:
                older = in_use[:number] if template_id in looked_at else looked_at.intersection(in_use[:number])
                if self._is_beside(template_id, older):
                    self._leave(template_id)

    def _is_beside(self, template_id: UUID, older_ids: Collection[UUID]) -> bool:
        """Whether one of the older templates is of the same line, and in use side by side with this one."""
        line_id, call_times = self._lines[template_id].line_id, self._lines[template_id].call_times
        candidates = (self._lines[older_id] for older_id in older_ids)
        return any(
            candidate.line_id == line_id and _surely_together(call_times, candidate.call_times)
            for candidate in candidates
        )

    def _leave(self, template_id: UUID) -> None:
        """Put a template into another task, or into a new one."""
        relative, old_task_id = self._lines[template_id], self._lines.task_of(template_id)
        outside = self._outside(old_task_id)
        self._name_again(old_task_id, leaving=template_id)
        line_id = line_of(relative.template, relative.call_times, outside) or self._begin(relative.template)
        self._book.move_templates([template_id], self._lines.task_of_line(line_id), line_id)
        self._lines.move(template_id, line_id)

    def _name_again(self, task_id: UUID, leaving: UUID | None = None, successor: UUID | None = None) -> None:
        """Rename a task if no template of it that has calls says the name any more, or not the most used one, which has just replaced another.

        leaving: a template that is about to leave the task. A name that a person gave stays.
        """
        given_name = self._book.given_name(task_id)
        remaining = self._lines.with_calls(task_id, leaving=[leaving] if leaving else [])
        if given_name is None or not remaining:
            return
        most_used = max(remaining, key=lambda template_id: (remaining[template_id].call_times.total(), template_id))
        namer = successor if successor == most_used else None
        names_taken = self._book.names() - {given_name}
        namers = [remaining[template_id].template for template_id in ([namer] if namer else remaining)]
        path = self._window.state.path
        if (name := task_names.name_after_a_change(given_name, namers, names_taken, path)) != given_name:
            self._book.rename_task(task_id, name)

    def _begin(self, template: Template) -> UUID:
        """Begin a task; answers the id of its line."""
        name = task_names.task_name(template, self._book.names(), self._window.state.path)
        return self._lines.begin(self._book.create_task(name))

    def _merged(self, task_ids: set[UUID]) -> UUID:
        """Merge the tasks; answers the id of the one that remains."""
        survivor = self._book.survivor_of(task_ids)
        for task_id in task_ids - {survivor}:
            self._book.merge_task(task_id, survivor)
        self._joined.join(task_ids)
        self._lines.merge(task_ids, survivor)
        return survivor


def _surely_together(first: CallTimes, second: CallTimes) -> bool:
    fewest = min(first.total(), second.total())
    return fewest >= PARTING_CALLS and alive_together(first, second, ROLL_OUT_SHARE + PARTING_CHANCE / fewest)


def _staying(window: Window, findings: Findings) -> dict[UUID, CallTimes]:
    """The call times of templates under review, from the sampled calls that no finding takes away.

    The stored call times of such a template also have the calls of edits that it swallowed.
    """
    leaving = {placement.call.id for placement in findings.placements}
    return {
        template_id: SeenCallTimes(
            call.moment for call in window.reviewed if call.template_id == template_id and call.id not in leaving
        )
        for template_id in window.reviewing
    }
