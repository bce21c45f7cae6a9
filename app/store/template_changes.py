"""Templates as a run changes them. The caller holds the row of the group."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    exists,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.store.ids import new_id
from app.store.runs import FIRST_ID
from app.store.tables import implementation, task, template
from app.store.templates import digest_of, to_parts
from app.store.versions import stored_line, twin_of
from templating import Template


def add_template(
    connection: Connection,
    group_id: UUID,
    task_id: UUID,
    line_id: UUID,
    template_found: Template,
    *,
    named_places: Iterable[int],
    kinds: Sequence[Any],
    evidence: dict[str, Any],
    review_at_calls: int,
    run_id: UUID,
    marks: Sequence[int] | None = None,
) -> UUID:
    """marks: of `app.store.marks`; None leaves them to the reconciler."""
    template_id = new_id()
    connection.execute(
        insert(template).values(
            id=template_id,
            group_id=group_id,
            task_id=task_id,
            line_id=stored_line(line_id, task_id),
            digest=digest_of(template_found),
            parts=to_parts(template_found),
            slots=list(template_found.slots),
            named_places=sorted(named_places),
            slot_kinds=list(kinds),
            evidence=evidence,
            review_at_calls=review_at_calls,
            created_run_id=run_id,
            marks=marks,
        )
    )
    return template_id


def revive(connection: Connection, template_id: UUID) -> bool:
    """Put a replaced template that was mined again back into use. False for a template in use."""
    replaced = (template.c.id == template_id) & template.c.retired_at.is_not(None)
    return (
        connection.execute(update(template).where(replaced).values(retired_at=null(), replaced_by=null())).rowcount > 0
    )


def is_retired(connection: Connection, template_id: UUID) -> bool:
    """Whether another template took the place of this one."""
    return connection.execute(
        select(template.c.retired_at.is_not(None)).where(template.c.id == template_id)
    ).scalar_one()


def name_slots(connection: Connection, template_id: UUID, slots: Sequence[str], named_places: Iterable[int]) -> None:
    """The names of a template's slots by place, and the places whose names a person gave."""
    values = {"slots": list(slots), "named_places": sorted(named_places)}
    connection.execute(update(template).where(template.c.id == template_id).values(values))


def retire(connection: Connection, template_id: UUID, replaced_by: UUID) -> None:
    """Replace a template by another one: its implementations go along, its calls are matched again later.

    An implementation stays behind when the new template has one with the same model and settings: that one takes over its calls and its
    place in production.
    """
    connection.execute(
        update(template)
        .where(template.c.id == template_id)
        .values(retired_at=func.clock_timestamp(), replaced_by=replaced_by, rematch_after=FIRST_ID)
    )
    own_versions = implementation.c.template_id == template_id
    twin = twin_of(replaced_by)
    connection.execute(
        update(task)
        .where(task.c.production_implementation_id == implementation.c.id, own_versions, exists(twin))
        .values(production_implementation_id=twin.scalar_subquery())
    )
    connection.execute(update(implementation).where(own_versions, ~exists(twin)).values(template_id=replaced_by))
