"""Explains why a call has its template or none, from the database: its template, or the nearest one of its path."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select, union_all

from app.reading import why
from app.reading.why import Departure
from app.store.owed import IS_OWED, IS_RESIDUE
from app.store.shown import is_shown
from app.store.tables import implementation, task, template, trace
from app.store.templates import ROLES
from app.words import plural

MOST_TEMPLATES = 500
"""Newest templates of a path that are compared with a text: some 0.1 s at 5 kB each."""

MOST_UNGROUPED_COUNTED = 1000
"""Calls without a template of a path that are counted for a sentence."""

CallState = Literal["matched", "owed", "considered", "no prompt"]


@dataclass(frozen=True)
class Nearest:
    """A template, its newest version, and how far the call follows it."""

    task_id: UUID
    name: str
    implementation_id: UUID | None
    version: int | None
    share: float
    leaves: Departure | None


@dataclass(frozen=True)
class CallPlacement:
    """The place of a call in a sentence; nearest is None where no template is near, or the call has no text."""

    state: CallState
    summary: str
    nearest: Nearest | None


def role_of(part: int) -> str:
    """The name of a part of a prompt."""
    return ROLES[part]


def placed(connection: Connection, call: Any) -> CallPlacement:
    """The place of a call, a row of `app.store.traces.get`."""
    if call.prompt_parts is None:
        return CallPlacement(
            "no prompt", "The call has no text prompt, so there is nothing to find a template in.", None
        )
    if call.implementation_id is not None:
        own_version = Nearest(
            call.task_id, _name(connection, call.task_id), call.implementation_id, call.version, 1.0, None
        )
        return CallPlacement(
            "matched", f"Every fixed text of version {call.version} stands in the call, in order.", own_version
        )
    state: CallState = "owed" if call.considered_run_id is None else "considered"
    near = _nearest(connection, call)
    sentence = _sentence_of_none(ungrouped_of_group(connection, call.group_id)) if near is None else _sentence(near)
    return CallPlacement(state, f"{_WAITS[state]} {sentence}", near)


_WAITS = {
    "owed": "The call waits for a run to read it.",
    "considered": "A run has read the call and found no template for it; it is read again with the next calls of its path.",
}


def _sentence_of_none(ungrouped: int) -> str:
    """What a call lacks to which no template is near, on a path with so many calls without a template."""
    number = (
        f"{MOST_UNGROUPED_COUNTED} or more calls" if ungrouped >= MOST_UNGROUPED_COUNTED else plural(ungrouped, "call")
    )
    return (
        f"No template of its path is near to it. {number} of the path {'has' if ungrouped == 1 else 'have'} no template: "
        "three calls of one prompt, whose values differ, make one."
    )


def ungrouped_of_group(connection: Connection, group_id: UUID) -> int:
    """The calls of a path without a template, MOST_UNGROUPED_COUNTED at most: by two partial indexes, however many calls have one."""
    of_group = select(trace.c.id).where(trace.c.group_id == group_id).order_by(trace.c.id).limit(MOST_UNGROUPED_COUNTED)
    counted = union_all(of_group.where(IS_OWED), of_group.where(IS_RESIDUE)).subquery()
    number = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    return min(number, MOST_UNGROUPED_COUNTED)


def _sentence(near: Nearest) -> str:
    if near.leaves is None:
        return "It follows a template of its path to the end, so a run will match it."
    return f"It follows {near.share:.0%} of the nearest template of its path, and leaves it in the {role_of(near.leaves.part)} part."


def _name(connection: Connection, task_id: UUID) -> str:
    return connection.execute(select(task.c.name).where(task.c.id == task_id)).scalar_one()


def _nearest(connection: Connection, call: Any) -> Nearest | None:
    rows = _templates(connection, call.group_id)
    literals = [(number, [part["literals"] for part in row.parts]) for number, row in enumerate(rows)]
    nearest = why.nearest(literals, call.prompt_parts)
    if nearest is None:
        return None
    row, followed = rows[nearest[0]], nearest[1]
    newest = (
        select(implementation.c.id, implementation.c.version)
        .where(implementation.c.template_id == row.id, is_shown())
        .order_by(implementation.c.version.desc())
    )
    version = connection.execute(newest.limit(1)).one_or_none()
    id_, number = (None, None) if version is None else (version.id, version.version)
    return Nearest(row.task_id, row.name, id_, number, followed.share, followed.leaves)


def _templates(connection: Connection, group_id: UUID) -> Sequence[Row[Any]]:
    """The templates in use of a path, the newest first."""
    query: Select[Any] = (
        select(template.c.id, template.c.parts, template.c.task_id, task.c.name)
        .join_from(template, task, task.c.id == template.c.task_id)
        .where(template.c.group_id == group_id, template.c.retired_at.is_(None))
    )
    return connection.execute(query.order_by(template.c.id.desc()).limit(MOST_TEMPLATES)).all()
