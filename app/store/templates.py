"""Templates and implementations: how they are stored, and the versions of a task.

A template is mined from whole prompts, whose parts (system, user, further input) are joined by the barrier. PostgreSQL
cannot hold that character, so a template is kept as parts: `[{"role", "literals": [...]}]`, with the names of all its
slots beside it, in order.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, Text, Uuid, and_, any_, bindparam, column, func, select
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


class VersionSettings(NamedTuple):
    """Request settings and tools of a call, of which a new implementation is made."""

    settings: Mapping[str, Any]
    tools: Any


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
    return load_templates_of(connection, [group_id])[group_id]


def load_templates_of(connection: Connection, group_ids: Sequence[UUID]) -> dict[UUID, list[StoredTemplate]]:
    """As `load_templates`, of several groups, by group."""
    if not group_ids:
        return {}
    of_groups = template.c.group_id == any_(bindparam("group_ids", list(group_ids), type_=ARRAY(Uuid)))
    return _load(connection, group_ids, of_groups, template.c.retired_at.is_(None))


def load_all(connection: Connection, group_id: UUID) -> list[StoredTemplate]:
    """Every template that a group ever had, oldest first, retired ones too."""
    return _load(connection, [group_id], template.c.group_id == group_id)[group_id]


def load_replaced(connection: Connection, group_id: UUID) -> list[StoredTemplate]:
    """The templates of a group whose place others took, oldest first."""
    is_replaced = template.c.retired_at.is_not(None)
    return _load(connection, [group_id], template.c.group_id == group_id, is_replaced)[group_id]


def parts_of(connection: Connection, template_id: UUID) -> list[dict[str, Any]] | None:
    """The text of one template, in use or retired."""
    return connection.execute(select(template.c.parts).where(template.c.id == template_id)).scalar_one_or_none()


def _load(
    connection: Connection, group_ids: Sequence[UUID], *conditions: ColumnElement[bool]
) -> dict[UUID, list[StoredTemplate]]:
    """The templates of these groups that meet the conditions, by group."""
    rows = connection.execute(
        select(
            template.c.id,
            template.c.group_id,
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
    by_group: dict[UUID, list[StoredTemplate]] = {group_id: [] for group_id in group_ids}
    for row in rows:
        stored = StoredTemplate(
            row.id,
            row.task_id,
            row.line_id,
            from_parts(row.parts, row.slots),
            frozenset(row.named_places),
            row.is_retired,
        )
        by_group[row.group_id].append(stored)
    return by_group


def implementation_for(
    connection: Connection,
    template_id: UUID,
    *,
    model: str,
    settings: Mapping[str, Any],
    tools: Any,
    settings_digest: str,
) -> UUID:
    """As `implementations_for`, of a single version."""
    version = (template_id, model, settings_digest)
    return implementations_for(connection, {version: VersionSettings(settings, tools)})[version]


def implementations_for(
    connection: Connection, settings_by_version: Mapping[VersionKey, VersionSettings]
) -> dict[VersionKey, UUID]:
    """The implementation of every version; new ones are made as the next versions of their tasks, in the given order.

    Other requests that make versions of the same tasks wait until the caller's COMMIT, so any number of versions takes a few statements.
    """
    id_by_version = implementations_of(connection, settings_by_version)
    new = {version: settings_by_version[version] for version in settings_by_version if version not in id_by_version}
    return id_by_version | _make_implementations(connection, new) if new else id_by_version


def _make_implementations(
    connection: Connection, settings_by_version: Mapping[VersionKey, VersionSettings]
) -> dict[VersionKey, UUID]:
    """Make versions that did not exist.

    Web processes and runs make versions at the same time: each holds the rows of the tasks, and then looks again for the versions. A caller
    that calls this several times in one transaction goes in the order of `task_id`, against deadlocks.
    """
    place_by_template = _hold_places(connection, {template_id for template_id, _, _ in settings_by_version})
    placed = {version: (place_by_template[version[0]].template_id, *version[1:]) for version in settings_by_version}
    id_by_version = implementations_of(connection, set(placed.values()))
    numbers = next_versions(connection, {place.task_id for place in place_by_template.values()})
    rows = []
    for version, version_settings in settings_by_version.items():
        if placed[version] not in id_by_version:
            id_by_version[placed[version]] = id_ = new_id()
            rows.append(_new_row(id_, version, place_by_template[version[0]], version_settings, numbers))
    if rows:
        connection.execute(insert(implementation), rows)
    return {version: id_by_version[key] for version, key in placed.items()}


def _new_row(
    id_: UUID, version: VersionKey, place: "Place", version_settings: VersionSettings, numbers: dict[UUID, int]
) -> dict[str, Any]:
    """The row of a new version; takes the next number of its task from `numbers`."""
    _, model, settings_digest = version
    number = numbers[place.task_id]
    numbers[place.task_id] += 1
    settings, tools = version_settings
    return {
        "id": id_,
        "task_id": place.task_id,
        "template_id": place.template_id,
        "version": number,
        "model": model,
        "settings": {name: settings[name] for name in IDENTITY_SETTINGS if settings.get(name) is not None},
        "tools": tools,
        "settings_digest": settings_digest,
    }


def implementations_of(connection: Connection, versions: Collection[VersionKey]) -> dict[VersionKey, UUID]:
    """The implementations of versions, for those that exist."""
    if not versions:
        return {}
    template_ids, models, digests = map(list, zip(*versions, strict=True))
    rows = connection.execute(_IDS_OF_VERSIONS, {"template_ids": template_ids, "models": models, "digests": digests})
    return {(row.template_id, row.model, row.settings_digest): row.id for row in rows}


_WANTED = (
    func.unnest(
        bindparam("template_ids", type_=ARRAY(Uuid)).cast(ARRAY(Uuid)),
        bindparam("models", type_=ARRAY(Text)).cast(ARRAY(Text)),
        bindparam("digests", type_=ARRAY(Text)).cast(ARRAY(Text)),
    )
    .table_valued(column("template_id", Uuid), column("model", Text), column("settings_digest", Text))
    .render_derived("wanted")
)
"""Three parameters for any number of versions."""

_IDS_OF_VERSIONS = select(_WANTED.c.template_id, _WANTED.c.model, _WANTED.c.settings_digest, implementation.c.id).join(
    implementation,
    and_(
        implementation.c.template_id == _WANTED.c.template_id,
        implementation.c.model == _WANTED.c.model,
        implementation.c.settings_digest == _WANTED.c.settings_digest,
    ),
)


def next_version(connection: Connection, task_id: UUID) -> int:
    """The number after the highest of a task. The caller holds the row of the task."""
    return next_versions(connection, {task_id})[task_id]


def next_versions(connection: Connection, task_ids: Collection[UUID]) -> dict[UUID, int]:
    """The numbers after the highest of tasks, by task. The caller holds the rows of the tasks."""
    rows = connection.execute(_NEXT_VERSIONS, {"task_ids": list(task_ids)})
    return {row.id: row.number for row in rows}


_HIGHEST = select(func.max(implementation.c.version)).where(implementation.c.task_id == task.c.id).scalar_subquery()
"""A subquery for each task reads one entry of the index; GROUP BY would read all versions."""

_NEXT_VERSIONS = select(task.c.id, (func.coalesce(_HIGHEST, 0) + 1).label("number")).where(
    task.c.id == any_(bindparam("task_ids", type_=ARRAY(Uuid)))
)


class Place(NamedTuple):
    """The task and the template that the implementations of a template are under."""

    task_id: UUID
    template_id: UUID


def _hold_places(connection: Connection, template_ids: Collection[UUID]) -> dict[UUID, Place]:
    """Hold the tasks of templates, in the order of their ids; answers where the implementations of each template are now.

    While we waited for the rows, a run may have replaced a template by a wider one, with its implementations, or moved a template to
    another task. NO KEY: rows that point to the tasks may be written meanwhile.
    """
    ids = {"template_ids": list(template_ids)}
    task_ids_held = set(connection.execute(_HOLD_TASKS, ids).scalars())
    rows = {row.id: row for row in connection.execute(_PLACES, ids)}
    if len(rows) < len(template_ids):
        raise TemplateGoneError("A template was deleted while a call of it was stored.")
    moved = {row.id for row in rows.values() if row.replaced_by is not None or row.task_id not in task_ids_held}
    places = {id_: Place(row.task_id, id_) for id_, row in rows.items() if id_ not in moved}
    if moved:
        next_by_template = {id_: rows[id_].replaced_by or id_ for id_ in moved}
        further = _hold_places(connection, set(next_by_template.values()))
        places |= {id_: further[next_id] for id_, next_id in next_by_template.items()}
    return places


_OF_TEMPLATES = template.c.id == any_(bindparam("template_ids", type_=ARRAY(Uuid)))

_HOLD_TASKS = (
    select(task.c.id)
    .where(task.c.id.in_(select(template.c.task_id).where(_OF_TEMPLATES)))
    .order_by(task.c.id)
    .with_for_update(key_share=True, of=task)
)

_PLACES = select(template.c.id, template.c.task_id, template.c.replaced_by).where(_OF_TEMPLATES)


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
    content = json.dumps([template_found.literals, template_found.sharing])
    return hashlib.sha256(content.encode()).hexdigest()
