"""A call as it is stored: the answer to its sender, and its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.intake.privacy import Policy
from app.intake.trace import Incoming
from app.store import inputs
from app.store.groups import Group
from app.store.traces import variables_of

MatchState = Literal["matched", "owed", "held", "off"]
"""matched: by a known template. owed: to be requested. held: owed, but its group is quarantined, so it is not requested. off: no text
prompt, or grouping is disabled.
"""


@dataclass(slots=True)
class Recorded:
    """One trace after the COMMIT; the stored trace where its external id was known."""

    id: UUID
    external_id: str | None
    created: bool
    group: Group
    state: MatchState
    task_id: UUID | None = None
    implementation_id: UUID | None = None
    template_id: UUID | None = None
    slots: Sequence[str] | None = None
    values: Sequence[str] | None = None

    @property
    def variables(self) -> dict[str, str] | None:
        """Values by the name of their slot; None when unmatched."""
        return variables_of(self.slots, self.values)


class StoredForm(NamedTuple):
    """A call as it will be stored, its row, and the `templates_version` that its group must still have then."""

    recorded: Recorded
    row: dict[str, Any]
    templates_version: int


def row_of(project_id: UUID, item: Incoming, recorded: Recorded, policy: Policy, now: datetime) -> dict[str, Any]:
    """The row of a call. A matched call stores its template and values instead of its texts.

    now: its time if its caller gave none.
    """
    parts = item.columns["prompt_parts"]
    packed = inputs.packed(item.columns["input"], item.prompt.source, parts)
    if recorded.values is not None and not policy.keeps_values:
        packed = inputs.without_texts(packed)
    return item.columns | {
        "input": packed,
        "prompt_parts": parts if recorded.values is None else None,
        "id": recorded.id,
        "project_id": project_id,
        "group_id": recorded.group.id,
        "seen_at": item.columns["started_at"] or now,
        "implementation_id": recorded.implementation_id,
        "template_id": recorded.template_id,
        "variables": None if recorded.values is None else list(recorded.values),
    }
