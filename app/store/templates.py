"""Templates and implementations: how they are stored, and the versions of a task.

A template is mined from whole prompts, whose parts (system, user, further input) are joined by the barrier. PostgreSQL
cannot hold that character, so a template is kept as parts: `[{"role", "literals": [...]}]`, with the names of all its
slots beside it, in order.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.errors import TemplateGoneError
from app.store.ids import new_id
from app.store.tables import implementation, task, template
from templating import BARRIER, Template

ROLES = ("system", "user", "input")

IDENTITY_SETTINGS = ("temperature", "tool_choice", "reasoning", "response_format")
"""What makes a call another implementation. max_tokens, seed, user and the like do not change what a prompt is for."""

VersionKey = tuple[UUID, str, str]
"""What an implementation is found by: template, model, digest of settings and tools."""


@dataclass(frozen=True)
class StoredTemplate:
    """A template as ingest and runs need it; `slots` are its names by place, `named_places` those that a person named.

    line_id: which templates it descends from; a task has several lines once a person has merged others into it. is_retired: another
    template took its place.
    """

    id: UUID
    task_id: UUID
    line_id: UUID
    template: Template
    named_places: frozenset[int]
    is_retired: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        return self.template.slots


def load_templates(connection: Connection, group_id: UUID) -> list[StoredTemplate]:
    """The templates that calls of a group are matched against, oldest first (a matcher prefers the newer of equals)."""
    return _load(connection, template.c.group_id == group_id, template.c.retired_at.is_(None))


def load_all(connection: Connection, group_id: UUID) -> list[StoredTemplate]:
    """Every template that a group ever had, oldest first, retired ones too."""
    return _load(connection, template.c.group_id == group_id)


def parts_of(connection: Connection, template_id: UUID) -> list[dict[str, Any]] | None:
    """The text of one template, in use or retired."""
    return connection.execute(select(template.c.parts).where(template.c.id == template_id)).scalar_one_or_none()


def _load(connection: Connection, *conditions: ColumnElement[bool]) -> list[StoredTemplate]:
    rows = connection.execute(
        select(
            template.c.id,
            template.c.task_id,
            func.coalesce(template.c.line_id, template.c.task_id).label("line_id"),
            template.c.parts,
            template.c.slots,
            template.c.named_places,
            template.c.retired_at.is_not(None).label("is_retired"),
        )
        .where(*conditions)
        .order_by(template.c.id)
    )
    return [
        StoredTemplate(
            row.id,
            row.task_id,
            row.line_id,
            from_parts(row.parts, row.slots),
            frozenset(row.named_places),
            row.is_retired,
        )
        for row in rows
    ]


def implementation_for(
    connection: Connection,
    template_id: UUID,
    *,
    model: str,
    settings: Mapping[str, Any],
    tools: Any,
    settings_digest: str,
) -> UUID:
    """The implementation of a template, a model and settings with tools; made as the next version when it is new.

    Web processes and runs make versions at the same time: each holds the row of the task, and then looks again for the version. A caller
    that makes several versions in one transaction goes in the order of `task_id`, against deadlocks.
    """
    implementation_id = _find_implementation(connection, template_id, model, settings_digest)
    if implementation_id is not None:
        return implementation_id
    task_id, template_id = _lock_versions(connection, template_id)
    made_meanwhile = _find_implementation(connection, template_id, model, settings_digest)
    if made_meanwhile is not None:
        return made_meanwhile
    values = {
        "id": new_id(),
        "task_id": task_id,
        "template_id": template_id,
        "version": next_version(connection, task_id),
        "model": model,
        "settings": {name: settings[name] for name in IDENTITY_SETTINGS if settings.get(name) is not None},
        "tools": tools,
        "settings_digest": settings_digest,
    }
    connection.execute(insert(implementation).values(values))
    return values["id"]


def implementations_of(connection: Connection, versions: Collection[VersionKey]) -> dict[VersionKey, UUID]:
    """The implementations of versions, for those that exist."""
    if not versions:
        return {}
    key = (implementation.c.template_id, implementation.c.model, implementation.c.settings_digest)
    rows = connection.execute(select(*key, implementation.c.id).where(tuple_(*key).in_(versions)))
    return {(row.template_id, row.model, row.settings_digest): row.id for row in rows}


def next_version(connection: Connection, task_id: UUID) -> int:
    """The number after the highest of a task. The caller holds the row of the task."""
    highest = select(func.coalesce(func.max(implementation.c.version), 0)).where(implementation.c.task_id == task_id)
    return connection.execute(highest).scalar_one() + 1


def _find_implementation(connection: Connection, template_id: UUID, model: str, settings_digest: str) -> UUID | None:
    return connection.execute(
        select(implementation.c.id).where(
            implementation.c.template_id == template_id,
            implementation.c.model == model,
            implementation.c.settings_digest == settings_digest,
        )
    ).scalar_one_or_none()


def _lock_versions(connection: Connection, template_id: UUID) -> tuple[UUID, UUID]:
    """Hold the task of a template; answers the task and the template that its implementations are under now.

    While we waited for the row, a run may have replaced the template by a wider one, with its implementations, or moved the template to
    another task. NO KEY: rows that point to the task may be written meanwhile.
    """
    task_id = connection.execute(
        select(task.c.id)
        .join(template, template.c.task_id == task.c.id)
        .where(template.c.id == template_id)
        .with_for_update(key_share=True, of=task)
    ).scalar_one_or_none()
    if task_id is None:
        raise TemplateGoneError("A template was deleted while a call of it was stored.")
    query = select(template.c.task_id, template.c.replaced_by).where(template.c.id == template_id)
    now = connection.execute(query).one()
    if now.replaced_by is None and now.task_id == task_id:
        return task_id, template_id
    return _lock_versions(connection, now.replaced_by or template_id)


def to_parts(mined: Template) -> list[dict[str, Any]]:
    """The parts of a template: a barrier is always in a literal, so each part is literals with whole slots between."""
    parts: list[list[str]] = [[]]
    for literal in mined.literals:
        first, *further = literal.split(BARRIER)
        parts[-1].append(first)
        parts.extend([piece] for piece in further)
    return [{"role": role, "literals": part} for role, part in zip(ROLES, parts, strict=False)]


def from_parts(parts: Iterable[Mapping[str, Any]], slots: Sequence[str]) -> Template:
    """The inverse of `to_parts`."""
    literals: list[str] = []
    for part in parts:
        first, *further = part["literals"]
        if literals:
            literals[-1] += BARRIER + first
        else:
            literals.append(first)
        literals.extend(further)
    return Template(tuple(literals), tuple(slots))


def prompt_of(parts: Iterable[Mapping[str, Any]], values: Sequence[str]) -> list[str]:
    """The parts of the prompt that these values make. Needs no names of slots, so that no name can cost a text."""
    remaining = iter(values)
    return [_filled(part["literals"], remaining) for part in parts]


def _filled(literals: Sequence[str], values: Iterator[str]) -> str:
    first, *further = literals
    return first + "".join([next(values) + literal for literal in further])


def to_texts(template_found: Template) -> list[dict[str, str]]:
    """The parts in text form, as the API shows them: `[{"role": "system", "text": "Answer in {{language}}."}]`."""
    texts = template_found.to_text().split(BARRIER)
    return [{"role": role, "text": text} for role, text in zip(ROLES, texts, strict=False)]


def digest_of(template_found: Template) -> str:
    """Equal for equal templates: of the literals and of which places share a name, not of the names."""
    content = json.dumps([template_found.literals, [template_found.slots.index(name) for name in template_found.slots]])
    return hashlib.sha256(content.encode()).hexdigest()
