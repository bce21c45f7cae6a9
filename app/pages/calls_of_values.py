"""The page of the calls of a task with given values."""

from collections.abc import Iterable
from http import HTTPStatus
from uuid import UUID

from flask import abort, render_template, request
from sqlalchemy import Connection

from app.http.paging import MAX_LIMIT
from app.pages import access
from app.pages.arguments import LONGEST_TOLD, PAGE_SIZE, argument, id_or_404, note, project, whole_argument
from app.pages.blueprint import pages
from app.pages.versions import colours_of, versions_of
from app.reading import slot_names, tasks
from app.reading.pieces import one_line
from app.store import traces
from app.store.traces import TraceFilter
from templating import meant_name

SLOT = "slot."
"""Beginning of the parameters that name a slot."""

MOST_SLOTS_NAMED = 5
"""Names of slots that a task does not have, which a sentence names."""


@pages.get("/tasks/<task_id>/calls")
def task_calls(task_id: str) -> str:
    """The calls of a task with given values: `?slot.plan=free`."""
    slots, after = _values_in_address(), argument("after")
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


def _values_in_address() -> dict[str, str]:
    """By slot: the value that the address asks for, without NUL, which no value has."""
    return {
        name.removeprefix(SLOT): whole_argument(name).replace("\x00", "")
        for name in request.args
        if name.startswith(SLOT)
    }


def _note_unknown(connection: Connection, task_id: UUID, names: Iterable[str]) -> None:
    """Have the page say which of the names are of no slot, where the API refuses them."""
    chosen = (connection, project(), task_id, None)
    known_names = slot_names.of_group(*chosen)
    unknown = [one_line(name)[:LONGEST_TOLD] for name in names if meant_name(name, known_names) is None]
    if unknown:
        names_of_task = ", ".join(slot_names.of_versions(*chosen)) or "none"
        note(f"The task has no slot {', '.join(unknown[:MOST_SLOTS_NAMED])}. Its slots: {names_of_task}.")
