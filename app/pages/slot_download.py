"""Downloads of the values of a slot."""

import csv
import io
from collections.abc import Sequence
from http import HTTPStatus

import orjson
from flask import Response, abort

from app.pages import access
from app.pages.arguments import range_in_address, refuse_what_is_ignored
from app.pages.blueprint import pages
from app.pages.slot_page import shown_slot
from app.reading import slot_values
from app.reading.slot_values import MOST_CALLS_COUNTED, Value


@pages.get("/tasks/<task_id>/slots/<name>/values.<kind>")
def slot_download(task_id: str, name: str, kind: str) -> Response:
    """All counted values of a slot in a range, as JSON lines or CSV."""
    range_shown = range_in_address()
    if kind not in {"jsonl", "csv"}:
        abort(HTTPStatus.NOT_FOUND)
    with access.reading() as connection:
        slot_shown = shown_slot(connection, task_id, name)
        refuse_what_is_ignored()
        values = slot_values.values(connection, slot_shown.place, range_shown.range, limit=MOST_CALLS_COUNTED)
    body, media_type = (_lines(values), "application/jsonl") if kind == "jsonl" else (_table(values), "text/csv")
    response = Response(body, mimetype=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="values.{kind}"'
    return response


def _lines(values: Sequence[Value]) -> bytes:
    rows = (
        {"value": value.text, "calls": value.calls, "first_seen": value.first_seen, "last_seen": value.last_seen}
        for value in values
    )
    return b"".join(orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE) for row in rows)


def _table(values: Sequence[Value]) -> str:
    """Values as CSV; one that a spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV Injection")."""
    buffer = io.StringIO()
    rows = csv.writer(buffer)
    rows.writerow(["value", "calls", "first_seen", "last_seen"])
    for value in values:
        text = f"'{value.text}" if value.text.startswith(("=", "+", "-", "@", "\t", "\r")) else value.text
        rows.writerow([text, value.calls, value.first_seen.isoformat(), value.last_seen.isoformat()])
    return buffer.getvalue()
