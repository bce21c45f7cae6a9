"""The versions of calls that match a template: from memory, read, or made."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection

from app.intake.known import KnownGroup, TemplateMatch
from app.intake.trace import Incoming
from app.store.templates import VersionKey, implementation_for, implementations_of


def version_of(item: Incoming, match: TemplateMatch) -> VersionKey:
    return match.template.id, item.model, item.settings_digest


def implementations(
    connection: Connection,
    by_path: Mapping[str, KnownGroup],
    by_version: Mapping[VersionKey, tuple[Incoming, TemplateMatch]],
) -> dict[VersionKey, UUID]:
    """The implementation of every version: from memory, read, or made."""
    ids_remembered = {version: by_path[item.path].implementation(version) for version, (item, _) in by_version.items()}
    id_by_version = {version: known_id for version, known_id in ids_remembered.items() if known_id is not None}
    id_by_version |= implementations_of(connection, by_version.keys() - id_by_version.keys())
    return id_by_version | _make(
        connection, {version: by_version[version] for version in by_version.keys() - id_by_version.keys()}
    )


def _make(
    connection: Connection, by_version: Mapping[VersionKey, tuple[Incoming, TemplateMatch]]
) -> dict[VersionKey, UUID]:
    """Make implementations in the order of task ids, which `implementation_for` requires."""
    ordered = sorted(by_version.items(), key=lambda entry: (entry[1][1].template.task_id, entry[0]))
    return {
        version: implementation_for(
            connection,
            version[0],
            model=item.model,
            settings=item.columns["settings"],
            tools=item.columns["tools"],
            settings_digest=item.settings_digest,
        )
        for version, (item, _) in ordered
    }
