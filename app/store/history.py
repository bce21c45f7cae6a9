"""The history of people's decisions: actor, time, the state before and after, and the data for undoing.

A merge moves no text: undoing works with ids. Names, descriptions and names of slots are stored here as in tasks and templates, so an
entry is deleted with its task or template, and our own names are removed from it when text of the task is deleted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, Uuid, bindparam, exists, func, or_, select, update

from app.store.audit import Actor
from app.store.ids import new_id
from app.store.tables import api_key, decision, grouping_key, task

DecisionKind = Literal["rename", "describe", "schema", "production", "slots", "merge", "split"]
STRUCTURAL: tuple[DecisionKind, ...] = ("merge", "split")
"""Decisions that change which templates form a task."""


@dataclass(frozen=True)
class Entry:
    """A decision as it is made. other_task_id, template_id, moved: as the columns of the table."""

    kind: DecisionKind
    task_id: UUID
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    other_task_id: UUID | None = None
    template_id: UUID | None = None
    moved: Mapping[str, Any] = field(default_factory=dict)


def record(connection: Connection, project_id: UUID, entry: Entry, actor: Actor) -> UUID:
    """Write a decision, in the transaction that carries it out; its id."""
    decision_id = new_id()
    values = {
        "id": decision_id,
        "project_id": project_id,
        "kind": entry.kind,
        "task_id": entry.task_id,
        "other_task_id": entry.other_task_id,
        "template_id": entry.template_id,
        "before": _plain(entry.before),
        "after": _plain(entry.after),
        "moved": _plain(entry.moved),
        "actor": actor.kind,
        "key_id": actor.key_id,
        "key_last4": actor.last4,
    }
    connection.execute(decision.insert().values(values))
    return decision_id


def _plain(value: Any) -> Any:
    """The value as JSON: ids as texts."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, UUID) else value


def mark_undone(connection: Connection, decision_id: UUID, actor: Actor) -> None:
    values = {
        "undone_at": func.clock_timestamp(),
        "undone_actor": actor.kind,
        "undone_key_id": actor.key_id,
        "undone_key_last4": actor.last4,
    }
    connection.execute(update(decision).where(decision.c.id == decision_id).values(values))


def is_any_about(connection: Connection, task_id: UUID) -> bool:
    """Whether there is a decision about the task."""
    return bool(connection.execute(_is_any_about(), {"task": task_id}).scalar())


@cache
def _is_any_about() -> Select[Any]:
    of_task = bindparam("task", type_=Uuid)
    return select(exists().where(or_(decision.c.task_id == of_task, decision.c.other_task_id == of_task)))


def page(
    connection: Connection,
    project_id: UUID,
    *,
    limit: int,
    before: UUID | None = None,
    task_id: UUID | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Row[Any]]:
    """Decisions of a project, or about one of its tasks, newest first, below the id `before`."""
    query = _decisions().order_by(decision.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(decision.c.id < before)
    if task_id is not None:
        query = query.where(or_(decision.c.task_id == task_id, decision.c.other_task_id == task_id))
    if kind is not None:
        query = query.where(decision.c.kind == kind)
    if since is not None:
        query = query.where(decision.c.created_at >= since)
    if until is not None:
        query = query.where(decision.c.created_at < until)
    return connection.execute(query, {"project": project_id}).all()


def get(connection: Connection, project_id: UUID, decision_id: UUID) -> Row[Any] | None:
    """One decision of the project."""
    query = _decisions().where(decision.c.id == decision_id)
    return connection.execute(query, {"project": project_id}).one_or_none()


@cache
def _decisions() -> Select[Any]:
    """Decisions with their path, the names that their tasks have now, and the names of keys."""
    other_task, undoer = task.alias("other"), api_key.alias("undoer")
    return (
        select(
            decision,
            task.c.name.label("task_name"),
            task.c.group_id,
            other_task.c.name.label("other_task_name"),
            grouping_key.c.path,
            api_key.c.name.label("key_name"),
            undoer.c.name.label("undone_key_name"),
        )
        .select_from(
            decision.join(task, task.c.id == decision.c.task_id)
            .join(grouping_key, grouping_key.c.id == task.c.group_id)
            .outerjoin(other_task, other_task.c.id == decision.c.other_task_id)
            .outerjoin(api_key, api_key.c.id == decision.c.key_id)
            .outerjoin(undoer, undoer.c.id == decision.c.undone_key_id)
        )
        .where(decision.c.project_id == bindparam("project"))
    )


def later_standing(connection: Connection, than: UUID, *conditions: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Decisions after this one that are not undone and for which the conditions hold, the newest first."""
    query: Select[Any] = select(decision).where(decision.c.id > than, decision.c.undone_at.is_(None), *conditions)
    return connection.execute(query.order_by(decision.c.id.desc())).all()


def forget_our_names(connection: Connection, task_ids: Collection[UUID]) -> None:
    """Take names that we made of a prompt's text out of decisions about these tasks, whose text was deleted."""
    about = or_(decision.c.task_id.in_(task_ids), decision.c.other_task_id.in_(task_ids))
    rows = connection.execute(select(decision.c.id, decision.c.before, decision.c.after).where(about)).all()
    for row in rows:
        values = {"before": _without_our_names(row.before), "after": _without_our_names(row.after)}
        connection.execute(update(decision).where(decision.c.id == row.id).values(values))


def _without_our_names(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    cleaned = {name: _without_our_names(inner) for name, inner in value.items()}
    return cleaned | {"name": None} if cleaned.get("name_by_person") is False else cleaned
