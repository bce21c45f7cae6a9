"""Versions whose template was replaced by another one: which one, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text


class Replaced(NamedTuple):
    """A version whose calls now belong to a wider template."""

    number: int
    slots: Sequence[str]


@dataclass(frozen=True)
class Became:
    """Versions that became one template. slots: slots that its template has in addition."""

    numbers: Sequence[int]
    slots: Sequence[str]


_REPLACED = text(
    """
    SELECT implementation.version, min(template.slots) FROM template JOIN implementation ON implementation.template_id = template.id
     WHERE template.replaced_by = :template AND template.retired_at IS NOT NULL
     GROUP BY implementation.version ORDER BY implementation.version
    """
)


def became(connection: Connection, template_id: UUID, slots: Sequence[str]) -> Became | None:
    """The versions that a template replaced, with the slots that it has in addition; None where it replaced none."""
    replaced = [Replaced(*row) for row in connection.execute(_REPLACED, {"template": template_id})]
    if not replaced:
        return None
    before = {name for version in replaced for name in version.slots}
    return Became(
        [version.number for version in replaced], [name for name in dict.fromkeys(slots) if name not in before]
    )


_IN_PLACE = text(
    """
    WITH RECURSIVE line AS (
           SELECT template.id, template.replaced_by, implementation.model, 0 AS step
             FROM implementation JOIN template ON template.id = implementation.template_id
            WHERE implementation.task_id = :task AND implementation.version = :number
           UNION ALL
           SELECT template.id, template.replaced_by, line.model, step + 1
             FROM line JOIN template ON template.id = line.replaced_by WHERE step < 50)
    SELECT implementation.task_id, implementation.version FROM line JOIN implementation ON implementation.template_id = line.id
     WHERE step > 0
     ORDER BY step DESC, implementation.model = line.model DESC, implementation.version DESC LIMIT 1
    """
)
"""At most 50 steps: templates replace each other once in a run, and a circle would have no end."""


class InPlace(NamedTuple):
    """The version that has the calls of another one now."""

    task_id: UUID
    number: int


def in_place_of(connection: Connection, task_id: UUID, number: int) -> InPlace | None:
    """The version that replaced one, with the same model where there is one; None for a version that was not replaced."""
    row = connection.execute(_IN_PLACE, {"task": task_id, "number": number}).one_or_none()
    return None if row is None else InPlace(*row)
