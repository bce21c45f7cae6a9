"""The versions of calls that match a template: from memory, read, or made."""

from collections.abc import Mapping
from operator import itemgetter
from uuid import UUID

from sqlalchemy import Connection

from app.intake.known import KnownGroup, TemplateMatch
from app.intake.trace import Incoming
from app.store.templates import VersionKey, VersionSettings, implementations_for


def version_of(item: Incoming, match: TemplateMatch) -> VersionKey:
    return match.template.id, item.model, item.settings_digest


def implementations(
    connection: Connection,
    by_path: Mapping[str, KnownGroup],
    by_version: Mapping[VersionKey, tuple[Incoming, TemplateMatch]],
) -> dict[VersionKey, UUID]:
    """The implementation of every version: from memory, read, or made. New versions of a task are numbered in the order of their keys."""
    ids_remembered = {version: by_path[item.path].implementation(version) for version, (item, _) in by_version.items()}
    id_by_version = {version: known_id for version, known_id in ids_remembered.items() if known_id is not None}
    settings_by_version = {
        version: VersionSettings(item.columns["settings"], item.columns["tools"])
        for version, (item, _) in sorted(by_version.items(), key=itemgetter(0))
        if version not in id_by_version
    }
    return id_by_version | implementations_for(connection, settings_by_version)
