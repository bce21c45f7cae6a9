"""The audit log: actor, action and time of every action that needs an admin or the operator, of deletions and exports.

It holds ids, counts, times and names of fields, never a text or a value of a call: a deleted text must not survive here.
An entry outlives its key and its project.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row, select, update

from app.store.ids import new_id
from app.store.keys import KeyHolder
from app.store.tables import audit_entry

Detail = int | bool | UUID | datetime | Sequence[str]
"""A value in an entry; a sequence holds names of fields."""


ActorKind = Literal["key", "page", "command"]


@dataclass(frozen=True)
class Actor:
    """The actor: a key, over the API or on the pages, or a person with access to the server's commands."""

    kind: ActorKind
    key_id: UUID | None = None
    last4: str = ""

    @classmethod
    def of(cls, holder: KeyHolder) -> "Actor":
        return cls("key", holder.key_id, holder.last4)


COMMAND = Actor("command")


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    project_id: UUID | None,
    subject: UUID | None = None,
    outcome: str = "done",
    details: Mapping[str, Detail] = {},
) -> UUID:
    """Write an entry, in the transaction of the action if the action has one."""
    entry_id = new_id()
    connection.execute(
        audit_entry.insert().values(
            id=entry_id,
            project_id=project_id,
            actor=actor.kind,
            key_id=actor.key_id,
            key_last4=actor.last4,
            action=action,
            subject=subject,
            outcome=outcome,
            details=_plain(details),
        )
    )
    return entry_id


def finish(connection: Connection, entry_id: UUID, outcome: str, details: Mapping[str, Detail]) -> None:
    """Write the outcome of an action, whose beginning `record` wrote."""
    connection.execute(
        update(audit_entry).where(audit_entry.c.id == entry_id).values(outcome=outcome, details=_plain(details))
    )


def page(connection: Connection, project_id: UUID | None, *, limit: int, before: UUID | None) -> Sequence[Row[Any]]:
    """Entries of a project, or of all, newest first, below the id `before`."""
    query = select(audit_entry).order_by(audit_entry.c.id.desc()).limit(limit)
    if project_id is not None:
        query = query.where(audit_entry.c.project_id == project_id)
    if before is not None:
        query = query.where(audit_entry.c.id < before)
    return connection.execute(query).all()


def _plain(details: Mapping[str, Detail]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else _json(value) for name, value in details.items()}


def _json(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
