"""The files with the keys of projects in the data folder: a file for each project, which only its owner reads.

Commands with a key read these files too, so this module needs neither the database nor its libraries.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

from app.private_files import write_private

_FOLDER = "keys"

_LONGEST_FILE_NAME = 251
"""Bytes: a file system takes 255, and `write_private` adds four."""


@dataclass(frozen=True)
class KeptKey:
    """A key and the name of its project."""

    project: str
    key: str = field(repr=False)


def kept_keys(data_folder: Path) -> list[KeptKey]:
    """All kept keys, by the names of their projects."""
    files = filter(Path.is_file, (data_folder / _FOLDER).glob("*"))
    return sorted(map(read_key, files), key=lambda kept_key: kept_key.project)


def read_key(file: Path) -> KeptKey:
    """The key in a file; a second line has the project's name where the file's name does not say it."""
    key, _, name = file.read_text().partition("\n")
    return KeptKey(unquote(name.strip() or file.name), key.strip())


def keep_key(file: Path, key: str, project_name: str) -> None:
    """Write the key of a project, and its name where the file's name does not say it."""
    write_private(file, key if unquote(file.name) == project_name else f"{key}\n{quote(project_name)}")


def key_file(data_folder: Path, project_name: str) -> Path:
    """The file of the key of a project; a name that is too long for a file is cut, and has a digest of all of it."""
    name = quote(project_name, safe=" ")
    if name in {".", ".."}:
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST_FILE_NAME:
        name = f"{name[:100]}+{sha256(name.encode()).hexdigest()}"
    return data_folder / _FOLDER / name


def files_of_older_versions(data_folder: Path, project_name: str) -> list[Path]:
    """The file of a key under the project's name as it is, as the first versions kept it; names with a slash and long names had none."""
    is_possible = "/" not in project_name and len(project_name.encode()) <= _LONGEST_FILE_NAME
    return [data_folder / _FOLDER / project_name] if is_possible else []
