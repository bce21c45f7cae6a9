"""The tasks and templates of a group as a run changes them: in the database, or only in memory for a rehearsal.

A run and its rehearsal place findings by the same code (`app.grouping.placing`); only the book that they write to differs.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.grouping.lineage import CallTimes, SeenCallTimes
from app.store import calls, review_times, tasks, template_changes, templates, versions
from app.store.calls import StoredCallTimes
from app.store.ids import new_id
from app.store.marks import marks_of
from app.store.runs import GroupState
from app.store.tasks import KeptApart
from app.store.templates import StoredTemplate, VersionKey
from templating import Template


class Book:
    """Reads and writes the database. The caller holds the group."""

    def __init__(self, connection: Connection, state: GroupState) -> None:
        self._connection = connection
        self._state = state

    def templates(self) -> list[StoredTemplate]:
        """Every template that the group ever had, oldest first."""
        return templates.load_all(self._connection, self._state.id)

    def is_young(self) -> bool:
        """Whether the group has so few calls that all its templates are looked at together."""
        return review_times.is_young(self._connection, self._state.id)

    def call_times(self, template_ids: Sequence[UUID], *, at_once: bool) -> dict[UUID, CallTimes]:
        """The times of the calls of stored templates: read at once, or when they are asked for."""
        if not at_once:
            return {template_id: StoredCallTimes(self._connection, template_id) for template_id in template_ids}
        moments = calls.moments(self._connection, template_ids)
        return {template_id: SeenCallTimes(moments[template_id]) for template_id in template_ids}

    def tasks_kept_apart(self) -> KeptApart:
        """Tasks that no run brings together."""
        return tasks.tasks_kept_apart(self._connection, self._state.id)

    def names(self) -> set[str]:
        """The names that tasks have."""
        return tasks.names_in(self._connection, self._state.id)

    def given_name(self, task_id: UUID) -> str | None:
        """The name that we gave a task; None when a person did."""
        return tasks.given_name(self._connection, task_id)

    def survivor_of(self, task_ids: Collection[UUID]) -> UUID:
        """The task that remains of several that are one."""
        return tasks.survivor_of(self._connection, task_ids)

    def create_task(self, name: str) -> UUID:
        return tasks.create_task(self._connection, self._state.project_id, self._state.id, name)

    def rename_task(self, task_id: UUID, name: str) -> None:
        tasks.rename_task(self._connection, task_id, name)

    def merge_task(self, source: UUID, into: UUID) -> None:
        """All versions of a task become the next ones of another."""
        tasks.merge_task(self._connection, source, into)

    def add_template(self, task_id: UUID, line_id: UUID, template_found: Template, **columns: Any) -> UUID:
        """Add a template; columns: as for `template_changes.add_template`."""
        marks = marks_of(self._state.project_id, template_found)
        return template_changes.add_template(
            self._connection, self._state.id, task_id, line_id, template_found, marks=marks, **columns
        )

    def revive(self, template_id: UUID) -> bool:
        """Put a replaced template back into use; False for one in use."""
        return template_changes.revive(self._connection, template_id)

    def name_slots(self, template_id: UUID, slots: Sequence[str], named_places: Iterable[int]) -> None:
        template_changes.name_slots(self._connection, template_id, slots, named_places)

    def move_templates(self, template_ids: Sequence[UUID], into: UUID, line_id: UUID) -> None:
        """Move templates and their versions to a line of another task."""
        versions.move_templates(self._connection, template_ids, into, line_id)

    def hand_on(self, version: VersionKey, template_id: UUID) -> None:
        """Move a version to another template."""
        versions.hand_on(self._connection, version, template_id)

    def retire(self, template_id: UUID, replaced_by: UUID) -> None:
        """Replace a template by another one."""
        template_changes.retire(self._connection, template_id, replaced_by)


@dataclass
class Notes:
    """The changes of a rehearsal, by ids; new tasks and templates have ids that exist nowhere else."""

    began: dict[UUID, str] = field(default_factory=dict)
    renamed: dict[UUID, str] = field(default_factory=dict)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    revived: set[UUID] = field(default_factory=set)
    parted: set[UUID] = field(default_factory=set)
    replaced: dict[UUID, UUID] = field(default_factory=dict)


class RehearsalBook(Book):
    """Reads the database, and writes in memory."""

    def __init__(self, connection: Connection, state: GroupState) -> None:
        super().__init__(connection, state)
        self.notes = Notes()

    def names(self) -> set[str]:
        return super().names() | set(self.notes.began.values()) | set(self.notes.renamed.values())

    def given_name(self, task_id: UUID) -> str | None:
        return self.notes.renamed.get(task_id) or self.notes.began.get(task_id) or super().given_name(task_id)

    def survivor_of(self, task_ids: Collection[UUID]) -> UUID:
        """The task that remains; a new task is younger than every stored one."""
        stored = [task_id for task_id in task_ids if task_id not in self.notes.began]
        return super().survivor_of(stored) if stored else min(task_ids)

    def create_task(self, name: str) -> UUID:
        task_id = new_id()
        self.notes.began[task_id] = name
        return task_id

    def rename_task(self, task_id: UUID, name: str) -> None:
        self.notes.renamed[task_id] = name

    def merge_task(self, source: UUID, into: UUID) -> None:
        self.notes.merged[source] = into

    def add_template(self, task_id: UUID, line_id: UUID, template_found: Template, **columns: Any) -> UUID:
        return new_id()

    def revive(self, template_id: UUID) -> bool:
        is_retired = template_changes.is_retired(self._connection, template_id)
        if is_retired:
            self.notes.revived.add(template_id)
        return is_retired

    def name_slots(self, template_id: UUID, slots: Sequence[str], named_places: Iterable[int]) -> None:
        """Names of slots are left out: a rehearsal does not show them."""

    def move_templates(self, template_ids: Sequence[UUID], into: UUID, line_id: UUID) -> None:
        self.notes.parted.update(template_ids)

    def hand_on(self, version: VersionKey, template_id: UUID) -> None:
        """Nothing to do: the calls decide which version goes where."""

    def retire(self, template_id: UUID, replaced_by: UUID) -> None:
        self.notes.replaced[template_id] = replaced_by
