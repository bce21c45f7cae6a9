"""Rows of CSV and Parquet files as JSON lines, so that all later steps read one kind of file.

A cell stays a text: a format with JSON in cells parses it. Empty cells of CSV count as absent. Parquet needs pyarrow, from the extra
`parquet`.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from app.errors import CallerError

PARQUET = b"PAR1"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}

LONGEST_CELL = 64 * 1024 * 1024
"""Bytes of a cell; Python's own limit of 128 KB is shorter than many prompts."""

WITHOUT_PYARROW = "is Parquet, which needs pyarrow: pip install 'promptlode[parquet]', or export the log as JSON lines."


Rows = Generator[dict[str, Any], None, None]
"""The rows of a table; to be closed before its file."""


class UnreadableFileError(CallerError):
    """The file as a whole cannot be imported."""


class JsonLines(io.RawIOBase):
    """Rows as JSON lines, made as they are read."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._rows = iter(rows)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            row = next(self._rows, None)
            self._left = (
                b""
                if row is None
                else json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n"
            )
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def delimiter_of(name: str, head: bytes) -> str | None:
    """The delimiter of a table of text; None for a file that is none.

    It is found by the file's name, or without one (standard input) by a first line that is a list of names.
    """
    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() != ".gz"]
    if suffixes and suffixes[-1] in _DELIMITERS:
        return _DELIMITERS[suffixes[-1]]
    first = head.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").strip()
    if suffixes or not first or first[:1] in (b"{", b"["):
        return None
    return next((mark for mark in (",", "\t") if first.count(mark.encode()) >= 2 and b" " not in first), None)


def names_of_csv(head: bytes, delimiter: str) -> tuple[str, ...]:
    """The names of the columns, of a table that begins with these bytes; none where its first line is longer."""
    text = io.StringIO(head.decode("utf-8-sig", "replace"), newline="")
    try:
        return tuple(next(csv.reader(text, delimiter=delimiter, strict=True), ())) if b"\n" in head else ()
    except csv.Error:
        return ()


def rows_of_csv(stream: BinaryIO, delimiter: str) -> Rows:
    """The rows of a CSV file. Raises UnreadableFileError."""
    csv.field_size_limit(LONGEST_CELL)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        reader = csv.DictReader(text, delimiter=delimiter, strict=True)
        _refuse_doubled(reader.fieldnames or [])
        for row in reader:
            further = {"further cells": cells} if (cells := row.pop(None, None)) else {}
            yield {name: cell for name, cell in row.items() if cell not in (None, "")} | further
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableFileError(
            f"The table cannot be read further: {error}. Save the table as CSV in UTF-8."
        ) from None
    finally:
        text.detach()  # the caller closes the stream


def _refuse_doubled(names: Sequence[str]) -> None:
    """Of two columns with one name the second one alone would be read."""
    doubled = [repr(name) for name, count in Counter(names).items() if count > 1 and name]
    if doubled:
        raise UnreadableFileError(f"Several columns have the name {', '.join(doubled)}. Give each column its own name.")


def rows_of_parquet(stream: BinaryIO, name: str) -> Rows:
    """The rows of a Parquet file, whose end is read at once. Raises UnreadableFileError."""
    parquet = _pyarrow(name)
    try:
        return _batches(parquet.ParquetFile(stream))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(
            f"{name} is not a whole Parquet file ({type(error).__name__}). Copy the file again."
        ) from None


def _batches(file: Any) -> Rows:
    for batch in file.iter_batches(batch_size=500):
        for row in batch.to_pylist():
            yield {column: value for column, value in row.items() if value is not None}


def _pyarrow(name: str) -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise UnreadableFileError(f"{name} {WITHOUT_PYARROW}") from None
    return parquet
