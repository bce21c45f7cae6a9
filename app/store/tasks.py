"""Tasks as runs and people change them. The caller holds the row of the group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    Connection,
    any_,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.store.ids import new_id
from app.store.tables import implementation, task, template
from app.store.versions import move_versions


@dataclass(frozen=True)
class KeptApart:
    """Tasks that no run merges: pairs that a person has split, and any two that a person named."""

    split: frozenset[frozenset[UUID]] = frozenset()
    named: frozenset[UUID] = frozenset()

    def __bool__(self) -> bool:
        """Whether any two tasks stay apart."""
        return bool(self.split) or len(self.named) > 1

    def keeps_apart(self, first: UUID, other_id: UUID) -> bool:
        """Whether these two stay apart."""
        pair = frozenset((first, other_id))
        return len(pair) == 2 and (pair in self.split or pair <= self.named)


class JoinedTasks:
    """The tasks that a run makes one, step by step: two may be one unless tasks that went into either are kept apart."""

    def __init__(self, apart: KeptApart) -> None:
        self._apart = apart
        self._members: dict[UUID, frozenset[UUID]] = {}

    def may_be_one(self, first: UUID, other_id: UUID) -> bool:
        """Whether no decision of a person keeps these two apart, or tasks that are one with them."""
        return not any(
            self._apart.keeps_apart(member, other_member)
            for member in self._one_with(first)
            for other_member in self._one_with(other_id)
        )

    def join(self, task_ids: Iterable[UUID]) -> None:
        """Make the tasks one."""
        members = frozenset[UUID]().union(*map(self._one_with, task_ids))
        self._members |= dict.fromkeys(members, members)

    def _one_with(self, task_id: UUID) -> frozenset[UUID]:
        return self._members.get(task_id, frozenset((task_id,)))


def create_task(
    connection: Connection, project_id: UUID, group_id: UUID, name: str, apart_from: Sequence[UUID] = ()
) -> UUID:
    task_id = new_id()
    values = {"id": task_id, "project_id": project_id, "group_id": group_id, "name": name}
    connection.execute(insert(task).values(values | {"apart_from": list(apart_from)}))
    return task_id


def tasks_kept_apart(connection: Connection, group_id: UUID) -> KeptApart:
    """People's decisions about the tasks of a group that no run may merge."""
    query = select(task.c.id, task.c.apart_from, task.c.name_by_person).where(task.c.group_id == group_id)
    rows = connection.execute(query).all()
    return KeptApart(
        split=frozenset(frozenset((row.id, other_id)) for row in rows for other_id in row.apart_from),
        named=frozenset(row.id for row in rows if row.name_by_person),
    )


def names_in(connection: Connection, group_id: UUID) -> set[str]:
    """The names that tasks of a group have. The run that asks holds the group's fence, so nobody adds one meanwhile."""
    of_group = (task.c.group_id == group_id) & task.c.merged_into.is_(None)
    return set(connection.execute(select(task.c.name).where(of_group)).scalars())


def given_name(connection: Connection, task_id: UUID) -> str | None:
    """The name that we gave a task; None when a person did."""
    query = select(task.c.name).where(task.c.id == task_id, ~task.c.name_by_person)
    return connection.execute(query).scalar_one_or_none()


def rename_task(connection: Connection, task_id: UUID, name: str) -> None:
    connection.execute(update(task).where(task.c.id == task_id).values(name=name))


def survivor_of(connection: Connection, task_ids: Iterable[UUID]) -> UUID:
    """The task that remains of several that are one: a task that a person named, else the oldest."""
    query = select(task.c.id).where(task.c.id.in_(list(task_ids))).order_by(task.c.name_by_person.desc(), task.c.id)
    return connection.execute(query.limit(1)).scalar_one()


def merge_task(connection: Connection, source: UUID, into: UUID, *, lines_stay: bool = False) -> None:
    """Make all versions of a task the next ones of another. The emptied task stays, so that links to it lead on.

    lines_stay: its templates stay in lines of their own, as call sites that only a person considers one.
    """
    move_versions(connection, source, into, implementation.c.task_id == source)
    line = func.coalesce(template.c.line_id, template.c.task_id) if lines_stay else template.c.line_id
    connection.execute(update(template).where(template.c.task_id == source).values(task_id=into, line_id=line))
    _hand_on_decisions(connection, source, into)
    emptied = or_(task.c.id == source, task.c.merged_into == source)
    connection.execute(update(task).where(emptied).values(merged_into=into))


def _hand_on_decisions(connection: Connection, source: UUID, into: UUID) -> None:
    """Apply people's decisions about a task to the one that takes it over, where that has none of its own."""
    rows = connection.execute(select(task).where(task.c.id.in_([source, into])))
    old, new = sorted(rows, key=lambda row: row.id == into)
    source_of_name = old if old.name_by_person and not new.name_by_person else new
    values = {
        "name": source_of_name.name,
        "name_by_person": source_of_name.name_by_person,
        "description": new.description or old.description,
        "response_schema": old.response_schema if new.response_schema is None else new.response_schema,
        "apart_from": sorted({*old.apart_from, *new.apart_from} - {source, into}),
    }
    connection.execute(update(task).where(task.c.id == into).values(values))
    others_apart = (task.c.group_id == new.group_id) & (task.c.id != into) & (any_(task.c.apart_from) == source)
    connection.execute(
        update(task).where(others_apart).values(apart_from=func.array_replace(task.c.apart_from, source, into))
    )
