"""Remembers the progress of an import, so that the same command continues after Ctrl-C.

There is one small file for each import, in the data folder. It holds nothing of the imported data, and its name is a digest: no text of a
command line or a file becomes part of a path. Losing it costs only time, since nothing is stored twice.
"""

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from app.cli.records import Layout


@dataclass
class ImportProgress:
    """Everything up to `end` is done; `head` is the beginning of the file."""

    number: int
    end: int
    layout: Layout
    format: str
    head_bytes: int
    head: str
    report: dict[str, Any] = field(default_factory=dict)


class Checkpoint:
    """The note of one import: of this file, into this project, with these options."""

    def __init__(self, folder: Path, *identity: str | None) -> None:
        name = hashlib.sha256(orjson.dumps(identity)).hexdigest()[:32]
        self._file = folder / "imports" / f"{name}.json"

    def read(self, head: bytes) -> ImportProgress | None:
        """The progress of the import; None when it never began, or when the file is another one by now."""
        try:
            progress = ImportProgress(**orjson.loads(self._file.read_bytes()))
            is_same_file = progress.head == digest(head[: progress.head_bytes]) and len(head) >= progress.head_bytes
        except (OSError, ValueError, TypeError):
            return None
        return progress if is_same_file else None

    def write(self, progress: ImportProgress) -> None:
        """Write the note, whole or not at all. An unwritable folder costs the continuation, not the import."""
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_bytes(orjson.dumps(asdict(progress)))
            fresh.replace(self._file)

    def exists(self) -> bool:
        return self._file.exists()

    def forget(self) -> None:
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
