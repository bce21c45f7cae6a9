"""Calls as a table: JSON lines, CSV, Parquet."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import CallerError

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of cells that a spreadsheet would compute (OWASP, "CSV Injection")."""

Row = Mapping[str, Any]


class NoParquetError(CallerError):
    """This server was installed without Parquet: pip install 'promptlode[parquet]'. JSON lines and CSV need nothing."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


def guarded(value: Any) -> Any:
    """The value; a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def as_json_lines(rows: Sequence[Row]) -> bytes:
    """One object a line; exact."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows: Sequence[Row]) -> bytes:
    """A header and a line a call; cells are guarded against formulas."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def as_parquet(rows: Sequence[Row]) -> bytes:
    """A column a field; exact. Raises NoParquetError where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise NoParquetError from None
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), sink)
    return sink.getvalue()
