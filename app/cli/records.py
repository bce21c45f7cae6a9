"""The records of a file: one JSON object a line, or the items of one JSON list, in any layout of lines.

The file is read in pieces, so it may be larger than memory; a record that is too long is skipped without being held.
"""

import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from app.cli.formats.base import Record
from app.cli.tables import (
    PARQUET,
    JsonLines,
    Rows,
    UnreadableFileError,
    delimiter_of,
    names_of_csv,
    rows_of_csv,
    rows_of_parquet,
)

DAMAGED = (zlib.error, EOFError)
"""Errors of a damaged or truncated .gz."""

Layout = Literal["lines", "list", "objects"]
"""One object a line; one list of objects; objects over several lines, one after the other."""

_PEEK = 64 * 1024
"""Bytes of a file's beginning by which its kind is detected, and of a read."""

_AT_ONCE = 4 * 1024
"""Compressed bytes read at once: of a piece with damage nothing is read."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"

_FOREIGN = {
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; inflate it first: zstd -d",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"\xfd7zXZ": "is compressed with xz; inflate it first: xz -d",
    b"BZh": "is compressed with bzip2; inflate it first: bzip2 -d",
}
"""Frequent wrong files by their first bytes, with the remedy."""


@dataclass
class LogSource:
    """An opened file and its beginning; `position` of `total` bytes are read, for a file on disk."""

    stream: io.BufferedReader
    total: int | None
    position: Callable[[], int]
    head: bytes = field(repr=False)
    is_table: bool = False
    columns: tuple[str, ...] = ()
    """The names of the columns of a table of text; none where they are not known before its rows."""

    @property
    def is_file(self) -> bool:
        return self.total is not None


@contextmanager
def open_source(file: Path) -> Iterator[LogSource]:
    """The file, decompressed if needed. Raises UnreadableFileError for a file without text."""
    with _raw(file) as raw:
        on_disk: io.BufferedReader = io.BufferedReader(raw, _PEEK)
        head = on_disk.peek(_PEEK)[:_PEEK]
        stream = on_disk
        if file.suffix == ".gz" or head.startswith(_GZIP):
            stream = io.BufferedReader(_Inflated(on_disk), _PEEK)
        columns = _columns(file, _first_bytes(stream))
        rows = _rows(file, stream)
        if rows is None:
            _refuse_foreign(file.name, _first_bytes(stream))
        else:
            stream = io.BufferedReader(JsonLines(rows), _PEEK)
        is_on_disk = str(file) != "-" and file.is_file()
        total, position = (file.stat().st_size, raw.tell) if is_on_disk else (None, _no_position)
        try:
            yield LogSource(stream, total, position, head, rows is not None, columns)
        finally:
            if rows is not None:
                rows.close()  # while the file is open


def _no_position() -> int:
    return 0


def _rows(file: Path, stream: io.BufferedReader) -> Rows | None:
    """The rows of a table; None for a file that is no table."""
    head = _first_bytes(stream)
    if head.startswith(PARQUET):
        return rows_of_parquet(stream if stream.seekable() else io.BytesIO(stream.read()), file.name)
    delimiter = delimiter_of(file.name, head)
    return None if delimiter is None or b"\x00" in head else rows_of_csv(stream, delimiter)


def _columns(file: Path, head: bytes) -> tuple[str, ...]:
    delimiter = delimiter_of(file.name, head)
    return () if delimiter is None else names_of_csv(head, delimiter)


def _raw(file: Path) -> Any:
    """The file without a buffer: data of a pipe are read as they come."""
    return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer) if str(file) == "-" else file.open("rb", buffering=0)


class _Inflated(io.RawIOBase):
    """The decompressed data of a gzip file. Unlike gzip.GzipFile it returns all data before a damaged place."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._member = zlib.decompressobj(wbits=31)
        self._inflated = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._inflated:
            if not (data := self._next_compressed()):
                return 0
            self._inflated = self._member.decompress(data)  # at most a thousand times as much
        size = min(len(buffer), len(self._inflated))
        buffer[:size], self._inflated = self._inflated[:size], self._inflated[size:]
        return size

    def _next_compressed(self) -> bytes:
        """Compressed bytes, empty at the end; a file may have several members, and zeros after the last."""
        data = self._member.unused_data or self._stream.read1(_AT_ONCE)
        if self._member.eof:
            data = data.lstrip(b"\x00") or self._stream.read1(_AT_ONCE).lstrip(b"\x00")
            if data:
                self._member = zlib.decompressobj(wbits=31)
        elif not data:
            raise EOFError
        return data


def skip(stream: io.BufferedReader, size: int) -> None:
    """Skip bytes; decompressed data have to be read for that."""
    if stream.seekable():
        stream.seek(size)
        return
    while size > 0 and (data := stream.read1(min(size, _PEEK))):
        size -= len(data)


def _first_bytes(stream: io.BufferedReader) -> bytes:
    try:
        return stream.peek(_PEEK)
    except DAMAGED:
        return b""  # the reader of the records reports it, with the number of the first lost record


def _refuse_foreign(name: str, head: bytes) -> None:
    foreign = next((remedy for start, remedy in _FOREIGN.items() if head.startswith(start)), None)
    if foreign is None and b"\x00" in head:  # no JSON contains NUL in any encoding but UTF-16
        foreign = "is not text in UTF-8; a log has one JSON object on each line"
    if foreign is not None:
        raise UnreadableFileError(f"{name} {foreign}.")


def layout_of(stream: io.BufferedReader) -> Layout:
    """The layout: a list of objects, or objects over several lines, are read by their brackets; other files line by line."""
    start = _first_bytes(stream).removeprefix(_BOM).lstrip()
    first, _, further_lines = start.partition(b"\n")
    if first.strip() == b"{" or _holds_several(first):
        return "objects"
    is_list = first.startswith(b"[") and start[1:].lstrip()[:1] in (b"{", b"")
    return "list" if is_list and not (further_lines.strip() and _is_json(first)) else "lines"


def _holds_several(line: bytes) -> bool:
    """Whether a further object follows the first one in the line, as in Firehose's files, which have no line ends, and in those with CR alone."""
    if not _NEXT_OBJECT.search(line) or _is_json(line):
        return False
    first = _objects_in(line, len(line))[0]
    return _is_json(first.data) and line[first.end :].lstrip()[:1] == b"{"


def _is_json(data: bytes) -> bool:
    """Whether the bytes are complete JSON: in a file of lines, a first line that is a list is bad, and the others are good."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def records(stream: io.BufferedReader, layout: Layout, longest: int, number: int = 0, end: int = 0) -> Iterator[Record]:
    """Every record after this one, by default from the first."""
    if layout == "lines":
        return lines(stream, longest, number, end)
    return items(stream, longest, number, end, depth=int(layout == "list" and number > 0))


def lines(stream: io.BufferedReader, longest: int, number: int = 0, end: int = 0) -> Iterator[Record]:
    """Every line that is not blank, from here on; of a line with several objects each of them, counted like a line."""
    while data := stream.readline(longest + 2):
        if len(data) < longest + 2 and _holds_several(data):
            *before, last = _objects_in(data, longest, number, end)
            number, end = last.number, end + len(data)
            yield from (*before, replace(last, end=end))
            continue
        number += 1
        end += len(data)
        unread = data
        while not unread.endswith(b"\n") and (unread := stream.readline(longest + 2)):
            end += len(unread)
        stripped = (data.removeprefix(_BOM) if number == 1 else data).strip()
        if stripped:
            yield Record(number, stripped, end, closed=(unread or data).endswith(b"\n"))


_NEXT_OBJECT = re.compile(rb"}\s*{")
"""In whole JSON inside of strings only: a comma stands between the objects of a list."""

_OUTSIDE = re.compile(rb'["{}\[\],]')
_INSIDE = re.compile(rb'["\\]')


def items(stream: io.BufferedReader, longest: int, number: int = 0, end: int = 0, depth: int = 0) -> Iterator[Record]:
    """Every item of the list, or every object without a list, from here on."""
    scanner = _Scanner(longest, number, end, depth)
    while chunk := stream.read1(_PEEK):
        yield from scanner.feed(chunk)
    yield from scanner.close()


def _objects_in(line: bytes, longest: int, number: int = 0, end: int = 0) -> list[Record]:
    """The objects of a line that has several."""
    scanner = _Scanner(longest, number, end, depth=0)
    return [*scanner.feed(line), *scanner.close()]


class _Scanner:
    """Follows brackets and strings, and cuts at the end of an item."""

    def __init__(self, longest: int, number: int, end: int, depth: int) -> None:
        self._longest, self._number, self._end = longest, number, end
        self._list = depth  # 1 inside the list of the items
        self._depth = depth
        self._in_string = self._escaped = False
        self._item = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Record]:
        end_of_value = kept_bytes = 0
        while end_of_value < len(chunk):
            if self._escaped:
                self._escaped = False
                end_of_value += 1
                continue
            mark = (_INSIDE if self._in_string else _OUTSIDE).search(chunk, end_of_value)
            if mark is None:
                break
            end_of_value = mark.end()
            if self._cuts(chunk[end_of_value - 1 : end_of_value]):
                self._keep(chunk[kept_bytes:end_of_value])
                kept_bytes = end_of_value
                yield from self._read_item(self._end + end_of_value, is_closed=True)
        self._keep(chunk[kept_bytes:])
        self._end += len(chunk)

    def close(self) -> Iterator[Record]:
        return self._read_item(self._end, is_closed=False)

    def _cuts(self, mark: bytes) -> bool:
        """Whether an item is complete at this character."""
        if self._in_string:
            self._escaped = mark == b"\\"
            self._in_string = mark != b'"'
            return False
        if mark == b'"':
            self._in_string = True
        elif mark == b"[" and self._depth == 0:
            self._depth = self._list = 1
            return True
        elif mark in b"{[":
            self._depth += 1
        elif mark in b"}]":
            self._depth = max(self._depth - 1, 0)
            return self._depth <= self._list
        return mark == b"," and self._depth == self._list

    def _keep(self, data: bytes) -> None:
        """Keep the beginning of an item, enough to show that it is too long."""
        room = self._longest + 1 - len(self._item)
        self._item += data[: max(room, 0)]

    def _read_item(self, end: int, *, is_closed: bool) -> Iterator[Record]:
        """The item, without the brackets and commas of the list."""
        data = bytes(self._item).removeprefix(_BOM).strip()
        self._item.clear()
        if data.endswith((b",", b"[")) or (data.endswith(b"]") and self._depth < self._list):
            data = data[:-1].rstrip()
        if self._depth < self._list:
            self._list = 0
        if data:
            self._number += 1
            yield Record(self._number, data, end, is_closed)
