"""The input and the output of mining: a window of calls, new templates, and the template of each call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import templating
from app.store.calls import Call
from app.store.runs import GroupState
from app.store.tasks import KeptApart
from app.store.templates import StoredTemplate
from templating import Template

if TYPE_CHECKING:
    from templating import MiningResult


@dataclass(frozen=True)
class Window:
    """The calls and templates that a run has read. `state`: the group with the fence of this run.

    is_truncated: owed calls were left out. residue_read: the residue is in the window, though it may have been empty. known_templates: the templates that
    match calls of the group now; reviewing: those of them that are under review, with `reviewed`, a sample of their calls. min_distinct:
    users or conversations in which a template must occur. apart: tasks that no run merges; replaced_templates: those whose place others took, read
    only where tasks are kept apart.
    """

    state: GroupState
    run_id: UUID
    owed: Sequence[Call]
    is_truncated: bool
    residue: Sequence[Call]
    residue_read: bool
    reviewed: Sequence[Call]
    reviewing: frozenset[UUID]
    known_templates: Sequence[StoredTemplate]
    min_distinct: int = 0
    apart: KeptApart = field(default_factory=KeptApart)
    replaced_templates: Sequence[StoredTemplate] = ()

    @property
    def calls(self) -> list[Call]:
        return [*self.owed, *self.residue, *self.reviewed]


@dataclass(frozen=True)
class Finding:
    """A new template and the calls in which it was found, oldest first.

    supersedes: stored templates that it replaces. taken_from: stored templates that stay, and that matched some of the calls until now.
    kinds: the kind of each slot, from its values.
    """

    template: Template
    calls: Sequence[Call]
    supersedes: frozenset[UUID] = frozenset()
    taken_from: frozenset[UUID] = frozenset()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    kinds: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Placement:
    """The template of a call: a stored template by id, a new template by its index among the findings."""

    call: Call
    template: UUID | int
    variables: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """new: in the order of their first calls. placements: calls whose template changes.

    unseen: calls that the miner did not read before its time was up.
    """

    new: Sequence[Finding]
    placements: Sequence[Placement]
    unseen: frozenset[UUID]


def as_findings(
    mined: "MiningResult", proofs: Sequence[Call], stored_templates: Sequence[StoredTemplate]
) -> list[Finding]:
    """The result of the miner for the prompts of `proofs`, given the known templates `stored_templates`."""
    prompts = [call.prompt for call in proofs]
    return [
        Finding(
            template=templating.name_slots(group, prompts),
            calls=[proofs[member] for member in group.members],
            supersedes=frozenset(stored_templates[index].id for index in group.supersedes),
            evidence={"calls": len(group.members), "fixed_share": group.fixed_share, "bits_saved": group.bits_saved},
            kinds=[_kind(slot) for slot in zip(*group.values, strict=True)],
        )
        for group in mined
    ]


def _kind(values: Sequence[str]) -> dict[str, Any]:
    kind = templating.slot_kind(values)
    return {"kind": kind.kind.value, "values": list(kind.values), "optional": kind.optional}
