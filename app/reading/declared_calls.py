"""The templates that calls declare, beside their mined templates. `app.reading.declared` compares the two."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, bindparam, func, or_, select

from app.reading.insights import SAMPLE
from app.store.tables import task, template, trace

_DECLARED_TEXT = "llm.prompt_template.template"
"""Attribute with the text of a template (OpenInference)."""

_DECLARED_NAMES = ("gen_ai.prompt.name", "langfuse.prompt_name")
"""Attributes with the name of a template, the first one of a call counts (OpenTelemetry, Langfuse)."""

_DECLARED_VERSIONS = ("gen_ai.prompt.version", "llm.prompt_template.version", "langfuse.prompt_version")
"""Attributes with the version of a template, in the same way."""


def counted(connection: Connection, task_id: UUID) -> Sequence[Any]:
    """The declared templates of the newest `SAMPLE` calls of a task's path, each with its mined template and the number of calls: rows as
    `DeclaredCalls`.
    """
    return connection.execute(_counted(), {"task": task_id}).all()


@cache
def _counted() -> Select[Any]:
    group_id = select(task.c.group_id).where(task.c.id == bindparam("task")).scalar_subquery()
    newest = (
        select(trace.c.template_id, trace.c.metadata)
        .where(trace.c.group_id == group_id)
        .order_by(trace.c.id.desc())
        .limit(SAMPLE)
        .subquery()
    )
    metadata = newest.c.metadata
    declared = (
        select(
            newest.c.template_id,
            metadata.op("->>")(_DECLARED_TEXT).label("text"),
            func.coalesce(*(metadata.op("->>")(name) for name in _DECLARED_NAMES)).label("name"),
            func.coalesce(*(metadata.op("->>")(name) for name in _DECLARED_VERSIONS)).label("version"),
        )
        .where(metadata.is_not(None))
        .subquery()
    )
    columns = (declared.c.text, declared.c.name, declared.c.version)
    return (
        select(template.c.id.label("template_id"), template.c.parts, *columns, func.count().label("calls"))
        .outerjoin_from(declared, template, template.c.id == declared.c.template_id)
        .where(or_(declared.c.text.is_not(None), declared.c.name.is_not(None)))
        .group_by(template.c.id, *columns)
    )
