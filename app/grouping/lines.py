"""The templates of a group in their lines and tasks, in memory, as a run changes them. Pure.

A line is the templates that descend from each other (`app.grouping.lineage`). It has the id of the task that began it; a task that a person
merged with another one has several lines.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from app.grouping.lineage import CallTimes, Relative
from app.store.templates import StoredTemplate
from templating import Template


class Lines:
    """Every template that a group ever had: by its id the line, the text and the times of its calls; by line the task."""

    def __init__(self, stored_templates: Iterable[StoredTemplate], call_times: Mapping[UUID, CallTimes]) -> None:
        self._relatives: dict[UUID, Relative] = {}
        self._replaced: set[UUID] = set()
        self._task_by_line: dict[UUID, UUID] = {}
        for stored in stored_templates:
            self._relatives[stored.id] = Relative(stored.line_id, stored.template, call_times[stored.id])
            self._task_by_line[stored.line_id] = stored.task_id
            if stored.is_retired:
                self._replaced.add(stored.id)

    def __getitem__(self, template_id: UUID) -> Relative:
        return self._relatives[template_id]

    def task_of_line(self, line_id: UUID) -> UUID:
        return self._task_by_line[line_id]

    def task_of(self, template_id: UUID) -> UUID:
        return self._task_by_line[self._relatives[template_id].line_id]

    def tasks(self) -> dict[UUID, UUID]:
        """The task of every template."""
        return {template_id: self.task_of(template_id) for template_id in self._relatives}

    def known_id(self, template: Template) -> UUID | None:
        """The id of the same template, in use or replaced."""
        return next((id_ for id_, relative in self._relatives.items() if relative.template == template), None)

    def in_use(self) -> dict[UUID, Relative]:
        """The templates that no other one replaced."""
        return {id_: relative for id_, relative in self._relatives.items() if id_ not in self._replaced}

    def with_calls(self, task_id: UUID, leaving: Collection[UUID] = ()) -> dict[UUID, Relative]:
        """The templates of a task that are in use and have calls, without those that leave it, the oldest first."""
        return {
            template_id: relative
            for template_id, relative in sorted(self.in_use().items())
            if template_id not in leaving and self.task_of(template_id) == task_id and relative.call_times.total() > 0
        }

    def of_tasks(self, task_ids: Collection[UUID]) -> list[Relative]:
        """The templates in use of some tasks."""
        return [relative for template_id, relative in self.in_use().items() if self.task_of(template_id) in task_ids]

    def has_several(self, task_id: UUID) -> bool:
        """Whether the task has templates of several lines: a person merged it with another one."""
        lines = {relative.line_id for relative in self._relatives.values()}
        return sum(self._task_by_line[line_id] == task_id for line_id in lines) > 1

    def other_tasks(self, task_ids: Iterable[UUID]) -> set[UUID]:
        return set(self._task_by_line.values()).difference(task_ids)

    def begin(self, task_id: UUID) -> UUID:
        """Begin the first line of a new task; answers the id of the line."""
        self._task_by_line[task_id] = task_id
        return task_id

    def put(self, template_id: UUID, relative: Relative) -> None:
        """Add a template, or put it into another line, with another text or other times of its calls; it is in use."""
        self._relatives[template_id] = relative
        self._replaced.discard(template_id)

    def move(self, template_id: UUID, line_id: UUID) -> None:
        """Put a template into another line, in use or not as before."""
        self._relatives[template_id] = replace(self._relatives[template_id], line_id=line_id)

    def note_replaced(self, template_ids: Iterable[UUID]) -> None:
        self._replaced.update(template_ids)

    def merge(self, task_ids: Collection[UUID], survivor: UUID) -> None:
        """Make the lines of some tasks lines of the one that remains. Lines that have the id of one of the tasks become its first line."""
        self._task_by_line = {
            line_id: survivor if task_id in task_ids else task_id for line_id, task_id in self._task_by_line.items()
        }
        self._task_by_line[survivor] = survivor
        for template_id, relative in self._relatives.items():
            if relative.line_id in task_ids:
                self.move(template_id, survivor)
