"""The key of a project on this machine: kept in the data folder, and made where none is kept that still has all scopes."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from app.local.kept_keys import files_of_older_versions, keep_key, kept_keys, key_file, read_key
from app.store import audit, keys
from app.store.audit import COMMAND
from app.store.projects import Project

SCOPES = ("ingest", "read", "admin")
"""What the key may do: the person who runs an instance may decide on its open pages, too."""


def key_of(connection: Connection, data_folder: Path, project: Project, *, cell: str) -> str:
    """The key that is kept for a project, if it still has all scopes, else a new one, which is kept. cell: as of `keys.create`."""
    file = key_file(data_folder, project.name)
    for kept_file, key, holder in _kept_of(connection, data_folder, project):
        if all(map(holder.may, SCOPES)):
            if kept_file != file:
                keep_key(file, key, project.name)
                kept_file.unlink(missing_ok=True)
            return key
    created = keys.create(connection, project.id, "local", SCOPES, cell=cell)
    details = {"scopes": sorted(SCOPES)}
    audit.record(connection, COMMAND, "create_key", project_id=project.id, subject=created.id, details=details)
    keep_key(file, created.key, project.name)
    return created.key


def forget_keys(connection: Connection, data_folder: Path, project: Project) -> None:
    """Remove the kept keys of a project, which goes with its keys."""
    for kept_file, _, _ in _kept_of(connection, data_folder, project):
        kept_file.unlink()


def _kept_of(connection: Connection, data_folder: Path, project: Project) -> Iterator[tuple[Path, str, keys.KeyHolder]]:
    """Kept keys that are of this project, and not of one with its name in another database: file, key and holder."""
    for kept_file in (key_file(data_folder, project.name), *files_of_older_versions(data_folder, project.name)):
        key = read_key(kept_file).key if kept_file.is_file() else ""
        holder = keys.holder(connection, keys.hash_of(key))
        if holder is not None and holder.project_id == project.id:
            yield kept_file, key, holder


def projects_with_key(data_folder: Path) -> list[str]:
    """The names of the projects of which a key is kept."""
    return [kept_key.project for kept_key in kept_keys(data_folder)]
