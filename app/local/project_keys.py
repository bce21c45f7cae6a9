"""The key of a project on this machine: kept in the data folder, and made where none is kept that still has all scopes."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import Connection

from app.private_files import write_private
from app.store import audit, keys
from app.store.audit import COMMAND
from app.store.projects import Project

SCOPES = ("ingest", "read", "admin")
"""What the key may do: the person who runs an instance may decide on its open pages, too."""

_LONGEST_FILE_NAME = 251
"""Bytes: a file system takes 255, and `write_private` adds four."""


def key_of(connection: Connection, data_folder: Path, project: Project, *, cell: str) -> str:
    """The key that is kept for a project, if it still has all scopes, else a new one, which is kept. cell: as of `keys.create`."""
    file = key_file(data_folder, project.name)
    for kept_file in (file, *_files_of_older_versions(data_folder, project.name)):
        key = kept_file.read_text().partition("\n")[0].strip() if kept_file.is_file() else ""
        holder = keys.holder(connection, keys.hash_of(key))
        if holder is not None and holder.project_id == project.id and all(map(holder.may, SCOPES)):
            if kept_file != file:
                _keep(file, key, project.name)
                kept_file.unlink(missing_ok=True)
            return key
    created = keys.create(connection, project.id, "local", SCOPES, cell=cell)
    details = {"scopes": sorted(SCOPES)}
    audit.record(connection, COMMAND, "create_key", project_id=project.id, subject=created.id, details=details)
    _keep(file, created.key, project.name)
    return created.key


def _keep(file: Path, key: str, project_name: str) -> None:
    """Write the key of a project, and its name where the file's name does not say it."""
    write_private(file, key if unquote(file.name) == project_name else f"{key}\n{quote(project_name)}")


def key_file(data_folder: Path, project_name: str) -> Path:
    """The file of the key of a project; a name that is too long for a file is cut, and has a digest of all of it."""
    name = quote(project_name, safe=" ")
    if name in {".", ".."}:
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST_FILE_NAME:
        name = f"{name[:100]}+{sha256(name.encode()).hexdigest()}"
    return data_folder / "keys" / name


def _files_of_older_versions(data_folder: Path, project_name: str) -> list[Path]:
    """The file of a key under the project's name as it is, as the first versions kept it; names with a slash and long names had none."""
    is_possible = "/" not in project_name and len(project_name.encode()) <= _LONGEST_FILE_NAME
    return [data_folder / "keys" / project_name] if is_possible else []


def projects_with_key(data_folder: Path) -> list[str]:
    """The names of the projects of which a key is kept."""
    files = filter(Path.is_file, (data_folder / "keys").glob("*"))
    return sorted(unquote(file.read_text().partition("\n")[2].strip() or file.name) for file in files)
