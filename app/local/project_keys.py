"""The key of a project on this machine: kept in the data folder, and made where none is kept that still has all scopes."""

from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import Connection

from app.private_files import write_private
from app.store import audit, keys
from app.store.audit import COMMAND
from app.store.projects import Project

SCOPES = ("ingest", "read", "admin")
"""What the key may do: the person who runs an instance may decide on its open pages, too."""


def key_of(connection: Connection, data_folder: Path, project: Project, *, cell: str) -> str:
    """The key that is kept for a project, if it still has all scopes, else a new one, which is kept. cell: as of `keys.create`."""
    file = key_file(data_folder, project.name)
    for kept_file in (file, _file_of_older_version(data_folder, project.name)):
        key = kept_file.read_text().strip() if kept_file.is_file() else ""
        holder = keys.holder(connection, keys.hash_of(key))
        if holder is not None and holder.project_id == project.id and all(map(holder.may, SCOPES)):
            kept_file.replace(file)
            return key
    created = keys.create(connection, project.id, "local", SCOPES, cell=cell)
    details = {"scopes": sorted(SCOPES)}
    audit.record(connection, COMMAND, "create_key", project_id=project.id, subject=created.id, details=details)
    write_private(file, created.key)
    return created.key


def key_file(data_folder: Path, project_name: str) -> Path:
    return data_folder / "keys" / quote(project_name, safe=" ")


def _file_of_older_version(data_folder: Path, project_name: str) -> Path:
    """The file of a key under the project's name as it is, as the first versions kept it; names with a slash had none."""
    return data_folder / "keys" / project_name.replace("/", "")


def projects_with_key(data_folder: Path) -> list[str]:
    """The names of the projects of which a key is kept."""
    return sorted(unquote(file.name) for file in (data_folder / "keys").glob("*"))
