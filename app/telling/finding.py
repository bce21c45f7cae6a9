"""What a look finds, before it is known whether it was told already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.store.changes import Change

AGAIN = timedelta(days=7)
"""What jumped or turned is told again after so long: what stays is the rule by then."""


@dataclass(frozen=True)
class Finding:
    """begun: since when it is so, where that tells it from another one of its kind; else it is told once in `AGAIN`."""

    kind: str
    group_id: UUID
    task_id: UUID | None = None
    implementation_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    begun: datetime | None = None

    def as_of(self, now: datetime) -> Change:
        """The change; two processes that look at the same hour tell it once."""
        subject = self.implementation_id or self.task_id or self.group_id
        key = f"{self.kind}:{subject}:{self.details.get('place', '')}:{(self.begun or now).isoformat()}"
        return Change(self.kind, key, now, self.group_id, self.task_id, self.implementation_id, self.details)

    def is_among(self, told: Sequence[Any], now: datetime) -> bool:
        """Whether it was told since it is so."""
        since = self.begun or now - AGAIN
        return any(row.at > since and _subject(row) == _subject(self) for row in told)


def _subject(one: Any) -> tuple[Any, ...]:
    return one.kind, one.group_id, one.task_id, one.details.get("place")
