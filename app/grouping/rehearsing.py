"""A run that writes nothing: it reads a window, mines it, places the findings, and reports the changes.

Its steps are those of a run (`app.grouping.run`), in read-only transactions; it holds nothing and counts no attempt.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine

import templating
from app.config import Settings
from app.grouping import mining, windows
from app.grouping.books import Notes, RehearsalBook
from app.grouping.findings import Finding, Findings, Window
from app.grouping.saving import StoredFindings, place
from app.intake.privacy import policy_of
from app.store import calls, runs
from app.store.engine import transaction
from templating import Template

Becomes = Literal["new task", "new version", "again"]


@dataclass(frozen=True)
class FoundTemplate:
    """A template that a run would save.

    becomes: the first version of a new task, the next version of a task, or a template that is used again. task_id: None for a new task.
    calls: the calls of the window that it would get. replaces: templates in use that it would replace; leaves: templates from which it
    would take calls.
    """

    template: Template
    becomes: Becomes
    task_id: UUID | None
    task_name: str | None
    calls: int
    replaces: Sequence[UUID]
    leaves: Sequence[UUID]


@dataclass(frozen=True)
class Rehearsal:
    """The changes that a run would make.

    owed, residue, reviewed: numbers of calls that it read. grouped: ungrouped calls that would get a template; moved: calls that would get
    another one; left: calls that would stay ungrouped. unread: calls were left out, since a window or the time was full. merged: tasks that
    would be merged (task -> the one that remains). parted: templates that would begin a task of their own.
    """

    owed: int
    residue: int
    reviewed: int
    grouped: int
    moved: int
    left: int
    unread: bool
    found: Sequence[FoundTemplate]
    merged: Mapping[UUID, UUID]
    parted: Sequence[UUID]


def rehearse(
    engine: Engine,
    group_id: UUID,
    *,
    regroup_all: bool,
    since: datetime | None,
    settings: Settings,
    seconds: float,
) -> Rehearsal | None:
    """The changes that a run of the group would make now; None when the group was deleted.

    regroup_all: review the templates in use too. since: read only calls made at this moment or later. seconds: time limit of one mining;
    there are two at most.
    """
    reader = engine.execution_options(postgresql_readonly=True)
    with transaction(reader) as connection:
        window = _window(connection, group_id, regroup_all, since, settings)
    if window is None:
        return None
    project_id = window.state.project_id

    read_sample = windows.sampler(reader, project_id, settings.grouping_window_residue, since)
    window, findings = mining.find(window, templating.Options(max_seconds=seconds), read_sample)
    with transaction(reader) as connection:
        book = RehearsalBook(connection, window.state)
        policy = policy_of(connection, project_id)
        placed = place(book, window, findings, policy, settings.grouping_review_after)
    return _rehearsal(window, findings, placed, book.notes)


def _window(
    connection: Connection, group_id: UUID, regroup_all: bool, since: datetime | None, settings: Settings
) -> Window | None:
    state = runs.read_without_lock(connection, group_id)
    if state is None:
        return None
    owed, is_cut = calls.owed_calls(connection, group_id, settings.grouping_window_owed, since)
    wished_state = replace(state, wanted="all" if regroup_all else "residue")
    return windows.read_window(connection, wished_state, owed, is_cut, settings, since=since)


def _rehearsal(window: Window, findings: Findings, placed: StoredFindings, notes: Notes) -> Rehearsal:
    grouped = {placement.call.id for placement in findings.placements if placement.call.template_id is None}
    ungrouped = len(window.owed) + len(window.residue)
    return Rehearsal(
        owed=len(window.owed),
        residue=len(window.residue),
        reviewed=len(window.reviewed),
        grouped=len(grouped),
        moved=len(findings.placements) - len(grouped),
        left=ungrouped - len(grouped),
        unread=window.is_truncated or bool(findings.unseen),
        found=list(_templates_found(window, findings, placed, notes)),
        merged=notes.merged,
        parted=sorted(notes.parted.difference(notes.replaced)),
    )


def _templates_found(
    window: Window, findings: Findings, placed: StoredFindings, notes: Notes
) -> Iterator[FoundTemplate]:
    calls_by_template = Counter(placed.template_of(placement) for placement in findings.placements)
    new_tasks: set[UUID] = set()
    for finding, template_id in zip(findings.new, placed.template_ids, strict=True):
        if not _is_known(window, finding):
            task_id = placed.tasks[template_id]
            yield FoundTemplate(
                template=finding.template,
                becomes=_becomes(template_id, task_id, notes, new_tasks),
                task_id=None if task_id in notes.began else task_id,
                task_name=notes.renamed.get(task_id) or notes.began.get(task_id),
                calls=calls_by_template[template_id],
                replaces=sorted(finding.supersedes - {template_id}),
                leaves=sorted(finding.taken_from),
            )
            new_tasks.add(task_id)


def _becomes(template_id: UUID, task_id: UUID, notes: Notes, new_tasks: set[UUID]) -> Becomes:
    if template_id in notes.revived:
        return "again"
    return "new task" if task_id in notes.began and task_id not in new_tasks else "new version"


def _is_known(window: Window, finding: Finding) -> bool:
    """Whether the finding is a template under review that was found again, so nothing changes."""
    return any(stored.template == finding.template for stored in window.known_templates)
