"""What a look finds, before it is known whether it was told already."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.store.changes import Change

AGAIN = timedelta(days=7)
"""What jumped or turned is told again after so long: what stays is the rule by then."""


MOST_AT_ONCE = 3
"""Findings of a kind in one look. More have one cause (a provider that is down, traffic that ceased) and are one piece of news."""


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
        since, own = self.begun or now - AGAIN, _subject(self)
        return any(
            row.at > since and own in {_subject(row), *row.details.get("others", ())}
            for row in told
            if row.kind == self.kind
        )


def _subject(implementation: Any) -> str:
    """What a change of its kind is about."""
    return f"{implementation.task_id or implementation.group_id}:{implementation.details.get('place', '')}"


def bundled(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same; of a kind that has more than three the first stands for all, and names the others."""
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        by_kind[each.kind].append(each)
    for first, *others in by_kind.values():
        if len(others) < MOST_AT_ONCE:
            yield from (first, *others)
        else:
            yield replace(first, details={**first.details, "others": list(map(_subject, others))})
