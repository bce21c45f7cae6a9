"""Writes the findings of a run: tasks, templates, versions, and the values of calls. The caller holds the group."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from app.grouping.books import Book
from app.grouping.findings import Findings, Placement, Window
from app.grouping.placing import Placing
from app.intake.privacy import Policy, policy_of
from app.store import calls, templates, unfinished
from app.store.calls import Assignment, Call
from app.store.templates import VersionKey

VERSIONS_AT_A_TIME = 20
"""Versions that a run makes with the same statements: the tools of one call may have 32 MB."""


@dataclass(frozen=True)
class TemplateChoice:
    """A call and the stored template that it gets."""

    call: Call
    task_id: UUID
    template_id: UUID
    variables: tuple[str, ...]


@dataclass(frozen=True)
class StoredFindings:
    """The places of stored findings. template_ids: the id of the template of each finding, in their order. tasks: the task of every template."""

    template_ids: Sequence[UUID]
    tasks: Mapping[UUID, UUID]

    def template_of(self, placement: Placement) -> UUID:
        """The id of the template that a call gets."""
        return self.template_ids[placement.template] if isinstance(placement.template, int) else placement.template


def place(book: Book, window: Window, findings: Findings, policy: Policy, review_after: int) -> StoredFindings:
    """Give new templates their tasks, and replace the templates that they supersede."""
    placing = Placing(book, window, findings, policy)
    saved = [placing.add(finding, review_after) for finding in findings.new]
    for finding, template_id in zip(findings.new, saved, strict=True):
        for old in sorted(finding.supersedes - {template_id}):  # the oldest first: its versions keep their numbers
            _hand_on(book, findings, StoredFindings(saved, {}), old)
            book.retire(old, template_id)
    placing.part()
    return StoredFindings(saved, placing.tasks())


def record(connection: Connection, window: Window, findings: Findings, *, review_after: int) -> tuple[int, int]:
    """Write the findings of a window; answers how many calls were grouped, and the number of their tasks."""
    policy = policy_of(connection, window.state.project_id)
    placed = place(Book(connection, window.state), window, findings, policy, review_after)
    choices = [_choice(placement, placed) for placement in findings.placements]
    grouped = assign(connection, choices, {}, policy)
    unfinished.match_again(connection, _to_match_again(window, findings))
    return grouped, len({call.task_id for call in choices})


def _hand_on(book: Book, findings: Findings, placed: StoredFindings, old: UUID) -> None:
    """Give the versions of a template that was a mixture to the templates that get most of their calls."""
    heirs: dict[tuple[str, str], Counter[UUID]] = defaultdict(Counter)
    for placement in findings.placements:
        if placement.call.template_id == old:
            heirs[placement.call.model, placement.call.settings_digest][placed.template_of(placement)] += 1
    for (model, digest), counts in heirs.items():
        book.hand_on((old, model, digest), counts.most_common(1)[0][0])


def _choice(placement: Placement, placed: StoredFindings) -> TemplateChoice:
    template_id = placed.template_of(placement)
    return TemplateChoice(placement.call, placed.tasks[template_id], template_id, placement.variables)


def _to_match_again(window: Window, findings: Findings) -> frozenset[UUID]:
    """Templates of which the run read a sample, and which lose calls to other templates."""
    reviewed = window.reviewing if window.state.wanted == "all" else frozenset()
    return reviewed.union(*(finding.taken_from for finding in findings.new))


def assign(
    connection: Connection, choices: Iterable[TemplateChoice], id_by_version: dict[VersionKey, UUID], policy: Policy
) -> int:
    """Give calls their template, version and values; answers how many were written.

    New versions are numbered in the order of their first calls. Tasks are taken in the order of their ids, as in every transaction that
    makes versions of several tasks. id_by_version: the ids of versions known to the caller; new ones are added.
    """
    ordered = sorted(choices, key=lambda choice: (choice.task_id, choice.call.moment))
    _make_versions(connection, ordered, id_by_version)
    return calls.assign(
        connection,
        [
            Assignment(
                choice.call.id, choice.template_id, id_by_version[_version_of(choice)], _values_to_store(choice, policy)
            )
            for choice in ordered
        ],
        keep_texts=policy.keeps_values,
    )


def _values_to_store(choice: TemplateChoice, policy: Policy) -> tuple[str, ...]:
    """The values as they are stored. A call that had a template already has stored values, which stay as they are."""
    return policy.stored_values(choice.variables) if choice.call.template_id is None else choice.variables


def _make_versions(
    connection: Connection, ordered: Iterable[TemplateChoice], id_by_version: dict[VersionKey, UUID]
) -> None:
    """Add the ids of the versions that the caller does not know, in the order of their first calls."""
    first_calls: dict[VersionKey, UUID] = {}
    for choice in ordered:
        if (version := _version_of(choice)) not in id_by_version:
            first_calls.setdefault(version, choice.call.id)
    new = list(first_calls)
    for start in range(0, len(new), VERSIONS_AT_A_TIME):
        versions = new[start : start + VERSIONS_AT_A_TIME]
        settings_by_call = calls.settings_of(connection, [first_calls[version] for version in versions])
        settings_by_version = {version: settings_by_call[first_calls[version]] for version in versions}
        id_by_version |= templates.implementations_for(connection, settings_by_version)


def _version_of(choice: TemplateChoice) -> VersionKey:
    return choice.template_id, choice.call.model, choice.call.settings_digest
