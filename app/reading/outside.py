"""Messages of calls that stand outside of the prompt, so that no template has them: few-shot examples, later turns, tool results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from app.intake.prompts import Message, messages_outside
from app.store import traces
from app.store.tables import trace

MOST_CALLS_READ = 10
"""Calls whose messages are compared: each is read in full, which may be a megabyte."""

PARTS_WITH_EXAMPLES = 3
"""Parts of a prompt whose few-shot examples are messages."""


@dataclass(frozen=True)
class OutsideMessages:
    """What some calls send beside their prompt. calls: those that were read; least, most: messages of one; call_id: a call to look at."""

    calls: int
    least: int
    most: int
    are_same: bool
    call_id: UUID


def of_call(call: Any) -> list[Message]:
    """The messages of a call, as `traces.get` has it, that are no part of its prompt."""
    return messages_outside({**(call.input or {}), "tools": call.tools, "conversation_id": call.conversation_id})


def of_calls(
    connection: Connection, project_id: UUID, call_ids: Sequence[UUID], *, parts: int
) -> OutsideMessages | None:
    """The messages beside the prompt in the first of these calls that may have some; None where none has. parts: of the prompt."""
    ids = list(call_ids if parts >= PARTS_WITH_EXAMPLES else _follow_ups(connection, project_id, call_ids))
    calls = traces.all_of(connection, project_id, ids[:MOST_CALLS_READ]) if ids else []
    outside = [(call.id, messages) for call in calls if (messages := of_call(call))]
    if not outside:
        return None
    counts = [len(messages) for _, messages in outside]
    are_same = all(messages == outside[0][1] for _, messages in outside)
    return OutsideMessages(len(outside), min(counts), max(counts), are_same, outside[-1][0])


def _follow_ups(connection: Connection, project_id: UUID, call_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Those calls, the newest first, whose input goes on after the prompt."""
    query = select(trace.c.id).where(
        trace.c.project_id == project_id, trace.c.id.in_(list(call_ids)), trace.c.follow_up
    )
    return connection.execute(query.order_by(trace.c.id.desc())).scalars().all()
