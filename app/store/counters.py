"""Counters of grouping requests of each group, which outlive Redis."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from app.store.tables import grouping_counter, grouping_key, refused_message

RefusalReason = Literal["malformed", "unknown"]


@dataclass(frozen=True)
class GroupCounts:
    """The counters of one group as they stand in Redis. `born` changes when Redis lost them and began anew."""

    group_id: UUID
    born: int
    values: Mapping[str, int]


def fold(connection: Connection, counts: Iterable[GroupCounts]) -> None:
    """Add the growth of the counters since they were last folded.

    Counters in Redis only grow and are never reset, and the folded value is in the same row: folding twice, two reconcilers at once, or a
    crash in between count every event exactly once. Deleted groups are left out.
    """
    counts = _existing(connection, counts)
    rows = [
        {"group_id": group.group_id, "name": name, "value": value, "born": group.born, "seen": value}
        for group in counts
        for name, value in sorted(group.values.items())
        if value
    ]
    if rows:
        connection.execute(_add_growth(), rows)


def totals(connection: Connection, project_id: UUID | None) -> dict[str, int]:
    """The counters of a project, or of all, by name."""
    query = select(grouping_counter.c.name, func.sum(grouping_counter.c.value)).group_by(grouping_counter.c.name)
    if project_id is not None:
        query = query.join(grouping_key).where(grouping_key.c.project_id == project_id)
    return {name: int(value) for name, value in connection.execute(query)}


def refuse(connection: Connection, why: RefusalReason) -> None:
    """A message was refused. It names no group that we know, so it is counted apart from all of them."""
    statement = insert(refused_message).values(reason=why, value=1)
    incremented = refused_message.c.value + 1
    connection.execute(statement.on_conflict_do_update(index_elements=["reason"], set_={"value": incremented}))


def refused(connection: Connection) -> dict[str, int]:
    """The number of refused messages, by reason."""
    value_by_reason = {row.reason: row.value for row in connection.execute(select(refused_message))}
    return {reason: value_by_reason.get(reason, 0) for reason in get_args(RefusalReason)}


def _existing(connection: Connection, counts: Iterable[GroupCounts]) -> list[GroupCounts]:
    counts = list(counts)
    ids = [group.group_id for group in counts]
    query = select(grouping_key.c.id).where(grouping_key.c.id.in_(ids))
    # In one order, or two transactions could deadlock.
    locking_query = query.order_by(grouping_key.c.id).with_for_update(key_share=True)
    existing = set(connection.scalars(locking_query)) if ids else set()
    return [group for group in counts if group.group_id in existing]


def _add_growth() -> Insert:
    statement = insert(grouping_counter)
    new, old = statement.excluded, grouping_counter.c
    same_life = old.born == new.born
    return statement.on_conflict_do_update(
        index_elements=["group_id", "name"],
        set_={
            "value": old.value + case((same_life, func.greatest(new.seen - old.seen, 0)), else_=new.seen),
            "seen": case((same_life, func.greatest(new.seen, old.seen)), else_=new.seen),
            "born": new.born,
        },
        where=old.born <= new.born,  # a slow reader, whose counters are older than a flush of Redis, adds nothing
    )
