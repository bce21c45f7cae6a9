"""Changes found in the figures, before it is known whether they were noted already."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.store.changes import Change

AGAIN = timedelta(days=7)
"""Time after which a jump or a turn may be noted again; a level that lasts has become normal by then."""


MOST_SINGLE_FINDINGS = 3
"""Findings of a kind noted one by one. More of them have one cause (a provider that is down, traffic that ceased) and become one change."""


@dataclass(frozen=True)
class FeedFinding:
    """begun_at: the moment since which it holds, where that identifies it; otherwise it is noted once in `AGAIN`."""

    kind: str
    group_id: UUID
    task_id: UUID | None = None
    implementation_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    begun_at: datetime | None = None

    def as_of(self, now: datetime) -> Change:
        """The change; two processes that look at the same hour note it once."""
        subject = self.implementation_id or self.task_id or self.group_id
        key = f"{self.kind}:{subject}:{self.details.get('place', '')}:{(self.begun_at or now).isoformat()}"
        return Change(self.kind, key, now, self.group_id, self.task_id, self.implementation_id, self.details)

    def is_among(self, changes: Sequence[Any], now: datetime) -> bool:
        """Whether it was already noted since it began."""
        since, subject = self.begun_at or now - AGAIN, _subject(self)
        return any(
            row.at > since and subject in {_subject(row), *row.details.get("others", ())}
            for row in changes
            if row.kind == self.kind
        )


def _subject(change: Any) -> str:
    """The subject of a change, among changes of its kind."""
    return f"{change.task_id or change.group_id}:{change.details.get('place', '')}"


def bundled(findings: Iterable[FeedFinding]) -> Iterator[FeedFinding]:
    """The findings; of a kind with more than three, the first one represents all and lists the others."""
    by_kind: dict[str, list[FeedFinding]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    for first, *other_findings in by_kind.values():
        if len(other_findings) < MOST_SINGLE_FINDINGS:
            yield from (first, *other_findings)
        else:
            yield replace(first, details={**first.details, "others": list(map(_subject, other_findings))})
