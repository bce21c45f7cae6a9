"""Slots that began or ceased to vary: the values of the last day compared with those of the week before."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from app.telling import rules
from app.telling.finding import FeedFinding

CALLS_OF_PROBE = 30
"""Newest calls before each probed moment. There are seven moments a day apart, and seven within the last day, so that the calls of one
batch, or of one hour, do not represent the week.
"""

MOST_VERSIONS = 500
"""Versions that are probed, those with the newest calls: some 10 ms each."""

_PROBES = text(
    """
    WITH probe AS (
           SELECT number, :now - number * interval '1 day' / 7 AS until, interval '1 day' / 7 AS width FROM generate_series(0, 6) AS number
            UNION ALL
           SELECT 6 + number, :now - number * interval '1 day', interval '1 day' FROM generate_series(1, 7) AS number),
         version AS (
           SELECT implementation.id, implementation.template_id, template.slots, task.id AS task_id, task.group_id
             FROM implementation JOIN task ON task.id = implementation.task_id JOIN template ON template.id = template_id
            WHERE task.project_id = :project_id AND implementation.id = ANY(:versions)
            ORDER BY implementation.id DESC LIMIT :most)
    SELECT version.id, version.task_id, version.group_id, version.slots, probe.number < 7 AS is_now, call.seen_at, call.hashes
      FROM version CROSS JOIN probe
     CROSS JOIN LATERAL (
           SELECT seen_at, ARRAY(SELECT md5(value) FROM unnest(variables) WITH ORDINALITY AS own (value, place) ORDER BY place) AS hashes
             FROM trace WHERE implementation_id = version.id AND template_id = version.template_id AND project_id = :project_id
              AND seen_at < probe.until AND seen_at >= probe.until - probe.width
            ORDER BY seen_at DESC LIMIT :calls) AS call
     ORDER BY version.id, call.seen_at
    """
)
"""Hashes of the values: only they leave the database."""


class Sampled(NamedTuple):
    """Calls of a version, oldest first: hashes of their values by place. slots: names by place."""

    task_id: UUID
    group_id: UUID
    slots: Sequence[str]
    before: list[Sequence[str]]
    now: list[Sequence[str]]


def turned(
    connection: Connection, project_id: UUID, now: datetime, versions: Collection[UUID]
) -> Iterator[FeedFinding]:
    """Slots of these versions that began or ceased to vary within the last day."""
    for version, sampled in _sampled(connection, project_id, now, versions).items():
        for place in [sampled.slots.index(name) for name in dict.fromkeys(sampled.slots)]:
            before, after = (
                [sampled_calls[place] for sampled_calls in calls] for calls in (sampled.before, sampled.now)
            )
            kind = _kind(before, after)
            if kind is not None:
                details = {"place": place, "before": _counts(before), "now": _counts(after)}
                yield FeedFinding(kind, sampled.group_id, sampled.task_id, version, details)


def _kind(before: Sequence[str], now: Sequence[str]) -> str | None:
    if rules.begins_to_vary(before, now):
        return "slot.varies"
    return "slot.constant" if rules.ceases_to_vary(before, now) else None


def _counts(values: Sequence[str]) -> dict[str, int]:
    return {"calls": len(values), "values": len(set(values))}


def _sampled(
    connection: Connection, project_id: UUID, now: datetime, versions: Collection[UUID]
) -> dict[UUID, Sampled]:
    values: dict[str, Any] = {
        "project_id": project_id,
        "now": now,
        "versions": list(versions),
        "most": MOST_VERSIONS,
        "calls": CALLS_OF_PROBE,
    }
    sampled: dict[UUID, Sampled] = {}
    for row in connection.execute(_PROBES, values):
        sample = sampled.setdefault(row.id, Sampled(row.task_id, row.group_id, row.slots, [], []))
        (sample.now if row.is_now else sample.before).append(row.hashes)
    return sampled
