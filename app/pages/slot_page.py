"""Pages about a slot, and about the calls with a value."""

import csv
import io
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from flask import Response, abort, render_template, request
from sqlalchemy import Connection

from app.http.paging import MAX_LIMIT
from app.pages import access, ranging
from app.pages.arguments import (
    LONGEST_TOLD,
    PAGE_SIZE,
    argument,
    id_or_404,
    note,
    project,
    range_in_address,
    refuse_what_is_ignored,
    whole_argument,
)
from app.pages.blueprint import pages
from app.pages.charts import Stack, bars, stack
from app.pages.counted import counted
from app.pages.versions import colours_of, numbered, versions_of
from app.reading import slot_names, slot_values, tasks
from app.reading.languages import language_of
from app.reading.pieces import one_line
from app.reading.slot_values import SlotPlace, Summary
from app.reading.usage import DAY, Range
from app.store import traces
from app.store.traces import TraceFilter
from templating import meant_name

SLOT = "slot."
MOST_EXPORTED = slot_values.MOST_CALLS_COUNTED
"""Values of a download: all that are counted."""

LANGUAGE_READ = 1_000
"""Characters of each value from which the language is detected."""

TOP = 5
"""Values drawn separately in a chart."""


@pages.get("/tasks/<task_id>/slots/<name>")
def slot(task_id: str, name: str) -> str:
    """A slot of a version: its values, their frequency, length and age."""
    range_shown = range_in_address()
    text = argument("q")
    with access.reading() as connection:
        task = tasks.get(connection, project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
        versions = versions_of(connection, task)
        version = _version_of(task, versions, name)
        selection = counted(version, versions)
        place = SlotPlace(selection.calls, version.slots.index(name))
        summary = slot_values.summary(connection, place, range_shown.range)
        fresh = slot_values.fresh(connection, place)
        values = slot_values.values(connection, place, range_shown.range, holding=text, limit=PAGE_SIZE + 1)
        days = slot_values.by_day(connection, place, range_shown.range, TOP)
        before = (
            slot_values.summary(connection, place, Range(None, range_shown.begin)) if range_shown.range.since else None
        )
    kind = version.slot_kinds[place.number] if place.number < len(version.slot_kinds) else {}
    return render_template(
        "pages/slot.html",
        task=task,
        version=version,
        counted=selection,
        other_texts=_of_other_texts(version, [version for version in versions if name in version.slots]),
        name=name,
        kind=kind,
        language=language_of(value.text[:LANGUAGE_READ] for value in values),
        range_shown=range_shown,
        summary=summary,
        fresh=fresh,
        values=values[:PAGE_SIZE],
        has_more=len(values) > PAGE_SIZE,
        lengths=bars([(_up_to(length), calls) for length, calls in summary.lengths]),
        over_time=_over_time(days, range_shown),
        turned=_turned(before, summary),
        text=text,
        most=slot_values.MOST_CALLS_COUNTED,
        colours=colours_of(versions),
    )


def _up_to(length: int) -> str:
    return "empty" if length == 0 else f"up to {length:,} characters"


def _of_other_texts(version_shown: Any, versions: Any) -> list[Any]:
    """The newest version of each template but the shown one, newest first."""
    of_template: dict[Any, Any] = {}
    for version in versions:
        if version.template_id != version_shown.template_id:
            of_template.setdefault(version.template_id, version)
    return list(of_template.values())


def _version_of(task: Any, versions: Any, name: str) -> Any:
    """The version in the link, else the one in use or the newest one with this slot."""
    having = [version for version in versions if name in version.slots]
    number = argument("version")
    candidates = [version for version in having if not number or str(version.version) == number]
    if not candidates:
        abort(HTTPStatus.NOT_FOUND)
    return numbered(candidates, str(task.version)) or candidates[0]


def _over_time(days: Any, range_shown: ranging.ShownRange) -> Stack | None:
    """The most frequent values and all others, by day."""
    width = max(range_shown.width, DAY)
    count = max(1, -(-(range_shown.end - range_shown.begin) // width))
    layers: dict[str, list[float]] = {}
    for value, day, calls in days:
        number = (day - range_shown.begin) // width
        words = "all others" if value is None else (value[:60].strip() or "empty")
        if -1 <= number < count:
            layers.setdefault(words, [0.0] * count)[max(number, 0)] += calls
    return stack(layers)


def _turned(before: Summary | None, now: Summary) -> str:
    """A sentence where a slot that varied became constant in this range, or the other way round."""
    if before is None or min(before.calls, now.calls) < slot_values.ENOUGH_CALLS:
        return ""
    if before.distinct > 1 and now.distinct == 1:
        return "constant"
    return "varies" if before.distinct == 1 and now.distinct > 1 else ""


@pages.get("/tasks/<task_id>/slots/<name>/values.<kind>")
def slot_download(task_id: str, name: str, kind: str) -> Response:
    """All values of a slot in a range, as JSON lines or CSV."""
    range_shown = range_in_address()
    if kind not in {"jsonl", "csv"}:
        abort(HTTPStatus.NOT_FOUND)
    with access.reading() as connection:
        task = tasks.get(connection, project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
        versions = versions_of(connection, task)
        version = _version_of(task, versions, name)
        place = SlotPlace(counted(version, versions).calls, version.slots.index(name))
        refuse_what_is_ignored()
        values = slot_values.values(connection, place, range_shown.range, limit=MOST_EXPORTED)
    body, media_type = (_lines(values), "application/jsonl") if kind == "jsonl" else (_table(values), "text/csv")
    response = Response(body, mimetype=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="values.{kind}"'
    return response


def _lines(values: list[slot_values.Value]) -> bytes:
    rows = (
        {"value": value.text, "calls": value.calls, "first_seen": value.first_seen, "last_seen": value.last_seen}
        for value in values
    )
    return b"".join(orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE) for row in rows)


def _table(values: list[slot_values.Value]) -> str:
    """Values as CSV; one that a spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV Injection")."""
    buffer = io.StringIO()
    rows = csv.writer(buffer)
    rows.writerow(["value", "calls", "first_seen", "last_seen"])
    for value in values:
        text = f"'{value.text}" if value.text.startswith(("=", "+", "-", "@", "\t", "\r")) else value.text
        rows.writerow([text, value.calls, value.first_seen.isoformat(), value.last_seen.isoformat()])
    return buffer.getvalue()


@pages.get("/tasks/<task_id>/calls")
def task_calls(task_id: str) -> str:
    """The calls of a task with given values: `?slot.plan=free`."""
    slots = {
        name.removeprefix(SLOT): whole_argument(name).replace("\x00", "")
        for name in request.args
        if name.startswith(SLOT)
    }
    after = argument("after")
    with access.reading() as connection:
        task = tasks.get(connection, project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
        versions = versions_of(connection, task)
        _note_unknown(connection, task.id, slots)
        trace_filter = TraceFilter(task_id=task.id, slots=slots)
        before = id_or_404(after) if after else None
        rows = traces.page(connection, project(), trace_filter, limit=min(PAGE_SIZE, MAX_LIMIT) + 1, before=before)
    return render_template(
        "pages/calls.html",
        task=task,
        slots=slots,
        rows=[(row, traces.variables_of(row.slots, row.variables)) for row in rows[:PAGE_SIZE]],
        next_page=rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None,
        after=after,
        colours=colours_of(versions),
    )


def _note_unknown(connection: Connection, task_id: UUID, names: Iterable[str]) -> None:
    """Have the page say which of the names are of no slot, where the API refuses them."""
    chosen = (connection, project(), task_id, None)
    known_names = slot_names.of_group(*chosen)
    unknown = [one_line(name)[:LONGEST_TOLD] for name in names if meant_name(name, known_names) is None]
    if unknown:
        names_of_task = ", ".join(slot_names.of_versions(*chosen)) or "none"
        note(f"The task has no slot {', '.join(unknown[:TOP])}. Its slots: {names_of_task}.")
