"""Tasks whose prompts are similar to those of a task, on any path.

Marks (`app.store.marks`) lead to candidates through an index; their similarity is then lineage's `kinship` of two templates, so that
"similar" and "the next version of" have one measure. On one path less is enough: a person may merge tasks there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Connection, Row, Select, Uuid, any_, bindparam, cast, func, select, text

from app.grouping.lineage import RELATED_SHARE, kinship
from app.reading import tasks
from app.store.tables import task, template
from app.store.templates import from_parts

MOST_TEMPLATES_OF_THE_TASK = 5
"""Templates in use of the task that are compared, the newest: more belong to lines that a person merged."""

SHARE_ON_ONE_PATH = 0.4
"""Least similarity of tasks of one path: of two short prompts in one frame (labels, slots) whose instruction was written anew, 0.53 is common."""

MOST_CANDIDATES = 100
"""Candidates with the most common marks; each is read as a whole."""

MOST_PAIRS_COMPARED = 100
"""Pairs of templates compared word by word: some 2 ms each, 0.1 s where both are very long."""


@dataclass(frozen=True)
class Similar:
    """A task, a row of `tasks.by_ids`. similarity: shared fixed text, up to 1. same_prompt: the templates are equal except for slot names."""

    row: Row[Any]
    similarity: float
    same_prompt: bool


def similar(connection: Connection, project_id: UUID, task_id: UUID, limit: int) -> list[Similar]:
    """The tasks most similar to this one, on all paths of the project, the most similar first."""
    own_templates = _templates_of(connection, task_id)
    closest: dict[UUID, tuple[float, bool]] = {}
    for own_template, candidate in _pairs(own_templates, _candidates(connection, project_id, task_id, own_templates)):
        closeness = _closeness(own_template, candidate)
        closest[candidate.task_id] = max(closeness, closest.get(candidate.task_id, (0.0, False)))
    ranked = sorted((closeness, candidate_id) for candidate_id, closeness in closest.items() if closeness[0] > 0)[::-1][
        :limit
    ]
    rows = (
        {row.id: row for row in tasks.by_ids(connection, project_id, [candidate_id for _, candidate_id in ranked])}
        if ranked
        else {}
    )
    return [Similar(rows[candidate_id], *closeness) for closeness, candidate_id in ranked if candidate_id in rows]


def _closeness(own_template: Row[Any], candidate: Row[Any]) -> tuple[float, bool]:
    is_same_text = own_template.digest == candidate.digest
    if is_same_text:
        return 1.0, True
    least_share = SHARE_ON_ONE_PATH if own_template.group_id == candidate.group_id else RELATED_SHARE
    return kinship(_template(own_template), _template(candidate), least_share), False


def _template(row: Row[Any]) -> Any:
    return from_parts(row.parts, row.slots)


def _templates() -> Select[Any]:
    columns = (
        template.c.id,
        template.c.task_id,
        template.c.group_id,
        template.c.digest,
        template.c.parts,
        template.c.slots,
        template.c.marks,
    )
    return select(*columns).where(template.c.retired_at.is_(None))


def _templates_of(connection: Connection, task_id: UUID) -> Sequence[Row[Any]]:
    return connection.execute(_own_templates(), {"task": task_id}).all()


@cache
def _own_templates() -> Select[Any]:
    query = _templates().where(template.c.task_id == bindparam("task"), func.cardinality(template.c.marks) > 0)
    return query.order_by(template.c.id.desc()).limit(MOST_TEMPLATES_OF_THE_TASK)


def _candidates(
    connection: Connection, project_id: UUID, task_id: UUID, own_templates: Sequence[Row[Any]]
) -> Sequence[Row[Any]]:
    """Templates that share marks with some of `own_templates`, those with the most first."""
    marks = sorted({mark for row in own_templates for mark in row.marks})
    if not marks:
        return []
    return connection.execute(_with_shared_marks(), {"project": project_id, "task": task_id, "marks": marks}).all()


@cache
def _with_shared_marks() -> Select[Any]:
    marks = cast(bindparam("marks"), ARRAY(BigInteger))
    mark = func.unnest(template.c.marks).table_valued("mark").render_derived()
    shared = select(func.count()).select_from(mark).where(mark.c.mark == any_(marks))
    query = (
        _templates()
        .join(task, task.c.id == template.c.task_id)
        .where(template.c.marks.bool_op("&&")(marks))
        .where(task.c.project_id == bindparam("project"), task.c.id != bindparam("task"))
        .where(task.c.merged_into.is_(None))
        .order_by(shared.correlate(template).scalar_subquery().desc(), template.c.id.desc())
    )
    return query.limit(MOST_CANDIDATES)


def _pairs(own_templates: Sequence[Row[Any]], candidates: Sequence[Row[Any]]) -> list[tuple[Row[Any], Row[Any]]]:
    """The pairs that share the most marks."""
    pairs = [
        (len(set(own_template.marks).intersection(candidate.marks)), own_template, candidate)
        for own_template in own_templates
        for candidate in candidates
    ]
    pairs.sort(key=lambda pair: pair[0], reverse=True)
    return [(own_template, candidate) for shared, own_template, candidate in pairs[:MOST_PAIRS_COMPARED] if shared]


@dataclass(frozen=True)
class CallSite:
    """A task with the same prompt as another task."""

    task_id: UUID
    path: str


_SAME = text(
    """
    SELECT mine.task_id AS of_task, other.task_id, grouping_key.path
      FROM template AS mine
      JOIN template AS other ON other.marks @> mine.marks AND other.digest = mine.digest AND other.task_id <> mine.task_id
      JOIN task ON task.id = other.task_id AND task.project_id = :project AND task.merged_into IS NULL
      JOIN grouping_key ON grouping_key.id = task.group_id
     WHERE mine.task_id = ANY(:task_ids) AND cardinality(mine.marks) > 0
       AND mine.retired_at IS NULL AND other.retired_at IS NULL
     ORDER BY grouping_key.path, other.task_id
     LIMIT :most
    """
).bindparams(bindparam("task_ids", type_=ARRAY(Uuid)), bindparam("project", type_=Uuid))

MOST_CALL_SITES = 500
"""Call sites of all tasks of a page together."""


def call_sites(connection: Connection, project_id: UUID, task_ids: Sequence[UUID]) -> dict[UUID, list[CallSite]]:
    """Other tasks that use the prompts of these tasks: they have the same template."""
    if not task_ids:
        return {}
    values = {"project": project_id, "task_ids": list(task_ids), "most": MOST_CALL_SITES}
    sites_of_tasks: dict[UUID, list[CallSite]] = {}
    for row in connection.execute(_SAME, values):
        site = CallSite(row.task_id, row.path)
        sites = sites_of_tasks.setdefault(row.of_task, [])
        if site not in sites:
            sites.append(site)
    return sites_of_tasks
