"""The file of a project: lines of JSON, each before the rows that it describes, compressed with zstd.

    {"format": "promptlode project", "version": 1, "id": ..., "schema": ..., "project": {"id", "name"}, "keys": false}
    {"table": "task", "columns": [...], "closing": false, "rows": 2, "bytes": 310, "sha256": ...}
    two lines as PostgreSQL's COPY writes them, 310 bytes
    ...
    {"end": {"task": {"rows": 2, "digest": ...}, ...}}

A file without its last line was cut off. "closing": sections that arrive in one transaction at the end. A later format raises `version`; a
table or column unknown to the reader is an error, one missing in the file gets its default.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson
import zstandard

from app.errors import CallerError
from app.store.project_tables import TablePage, TableSum

FORMAT, VERSION = "promptlode project", 1

_LONGEST_LINE, _LARGEST_PAGE = 1024 * 1024, 2**30
"""Bytes of a line, and of a page: a forged file must not fill the memory."""


class BadFileError(CallerError):
    """The file is no export of a project, or it is damaged."""


@dataclass(frozen=True)
class Section:
    """Rows of one table. number: of the section in its file, from 1."""

    number: int
    table: str
    columns: tuple[str, ...]
    closing: bool
    data: bytes


def damaged(section: Section) -> BadFileError:
    """The error about a section whose rows cannot be read."""
    return BadFileError(f"Section {section.number} ({section.table}) of the file is damaged. Export the project again.")


class ProjectFileWriter:
    """Writes one file from its beginning to its end."""

    def __init__(self, into: IO[bytes], head: Mapping[str, Any]) -> None:
        self._stream = zstandard.ZstdCompressor(level=3).stream_writer(into, closefd=False)
        self._line({"format": FORMAT, "version": VERSION, **head})

    def page(self, table: str, columns: Sequence[str], page: TablePage, *, closing: bool) -> None:
        """One section."""
        self._line(
            {
                "table": table,
                "columns": list(columns),
                "closing": closing,
                "rows": page.rows,
                "bytes": len(page.data),
                "sha256": hashlib.sha256(page.data).hexdigest(),
            }
        )
        self._stream.write(page.data)

    def end(self, totals: Mapping[str, TableSum]) -> None:
        """The last line: a file without it is not whole."""
        self._line({"end": {name: {"rows": total.rows, "digest": total.digest} for name, total in totals.items()}})
        self._stream.close()

    def _line(self, header: Mapping[str, Any]) -> None:
        self._stream.write(orjson.dumps(header) + b"\n")


class ProjectFileReader:
    """Reads one file once. All methods raise BadFileError, with the remedy."""

    def __init__(self, source: IO[bytes]) -> None:
        self._stream = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(source), 256 * 1024)
        self.head = self._line()
        self.totals: dict[str, TableSum] = {}
        if self.head.get("format") != FORMAT:
            raise BadFileError("This is no export of a project: `promptlode projects export` writes one.")
        if self.head.get("version") != VERSION:
            raise BadFileError(
                f"The file has version {self.head.get('version')} of the format, this release reads {VERSION}. Use a newer release."
            )

    def sections(self) -> Iterator[Section]:
        """All sections, each checked against its digest; at the end `totals` has the sums of all of them."""
        number = 0
        while "end" not in (header := self._line()):
            number += 1
            yield self._section(number, header)
        try:
            self.totals = {name: TableSum(total["rows"], total["digest"]) for name, total in header["end"].items()}
        except (AttributeError, KeyError, TypeError) as error:
            raise BadFileError("The last line of the file is damaged. Export the project again.") from error

    def _section(self, number: int, header: Mapping[str, Any]) -> Section:
        try:
            size, table, columns = int(header["bytes"]), str(header["table"]), tuple(map(str, header["columns"]))
            data = self._read_bytes(size) if 0 <= size <= _LARGEST_PAGE else b""
            is_whole = hashlib.sha256(data).hexdigest() == header["sha256"]
        except (KeyError, TypeError, ValueError) as error:
            raise BadFileError(f"Section {number} of the file is damaged. Export the project again.") from error
        if not is_whole:
            raise BadFileError(
                f"Section {number} ({table}) of the file is damaged or cut off. Copy or export it again."
            )
        return Section(number, table, columns, bool(header.get("closing")), data)

    def _line(self) -> dict[str, Any]:
        try:
            line = self._stream.readline(_LONGEST_LINE)
            if not line:
                raise BadFileError("The file is cut off. Copy or export it again; what came before it stays.")
            header = orjson.loads(line)
        except (zstandard.ZstdError, orjson.JSONDecodeError) as error:
            raise BadFileError("The file is no export of a project, or it is damaged.") from error
        if not isinstance(header, dict):
            raise BadFileError("The file is no export of a project, or it is damaged.")
        return header

    def _read_bytes(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except zstandard.ZstdError as error:
            raise BadFileError("The file is damaged. Copy or export it again.") from error
