"""The list of tasks, the list of ungrouped calls, and how many calls have come since a page was loaded."""

import math
import shlex
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.http.answer import json_answer
from app.pages import access
from app.pages.addresses import query
from app.pages.arguments import (
    PAGE_SIZE,
    argument,
    arguments,
    choice,
    id_or_404,
    project,
    range_in_address,
    refuse_what_is_ignored,
)
from app.pages.blueprint import pages
from app.pages.overview import overview
from app.reading import neighbours, project_figures, ungrouped_calls
from app.reading.pieces import plain_parts, start_of
from app.reading.ungrouped_calls import UngroupedState
from app.reading.usage import Label
from app.reading.worklist import SortOfPage, TaskFilter, UnknownCursorError

STATES: Mapping[str, tuple[UngroupedState, ...]] = {
    "": ("owed", "considered"),
    "owed": ("owed",),
    "considered": ("considered",),
    "none": ("no prompt",),
}

SORTS: Mapping[str, SortOfPage] = {
    "last": "last_seen",
    "calls": "used",
    "cost": "cost",
    "errors": "errors",
    "p95": "p95",
    "name": "name",
}


@pages.get("/tasks")
def tasks_by_their_word() -> AnyResponse:
    """Lead to the list from the address that is left when the id is cut from the address of a task."""
    return redirect(url_for("pages.task_list") + query(arguments()))


@pages.get("/")
def task_list() -> str:
    range_shown, filters = range_in_address(), _filters()
    sort, descending = _sort()
    task_filter = TaskFilter(
        project(),
        range_shown.range,
        path=filters["path"] or None,
        text=filters["q"],
        model=filters["model"] or None,
        user_id=filters["user"] or None,
        conversation_id=filters["conversation"] or None,
        label=_label(filters["label"]),
        sort=SORTS[sort],
        descending=descending,
    )
    after = argument("after")
    with access.reading() as connection:
        try:
            page = overview(
                connection, task_filter, range_shown, after=id_or_404(after) if after else None, limit=PAGE_SIZE
            )
            newest = neighbours.newest(connection, project())
        except UnknownCursorError:
            abort(HTTPStatus.NOT_FOUND, "The task behind which this page begins is in the list no more.")
    return render_template(
        "pages/tasks.html",
        page=page,
        range_shown=range_shown,
        sort=sort,
        descending=descending,
        most=project_figures.MOST_PROJECT_CALLS_COUNTED,
        most_ungrouped=project_figures.MOST_UNGROUPED_CALLS_READ,
        grouping_within=_grouping_within(),
        filters=filters,
        newest=newest,
        after=after,
        curl=_curl(),
    )


def _grouping_within() -> int:
    """Seconds within which a new call is usually grouped: the longest wait for a run, and a second for the run; 0 where nothing is mined."""
    settings = access.services().settings
    return math.ceil(settings.grouping_max_wait) + 1 if settings.task_grouping_enabled else 0


def _filters() -> dict[str, str]:
    return {name: argument(name).strip() for name in ("q", "path", "model", "user", "conversation", "label")}


def _label(text: str) -> Label | None:
    """The label NAME=VALUE; a name alone has an empty value, which no call has."""
    name, _, value = text.partition("=")
    return Label(name.strip(), value.strip()) if text else None


def _sort() -> tuple[str, bool]:
    """The column, and whether the largest comes first: a column of names begins with A, one of numbers with the largest."""
    sort = choice("sort", SORTS, "last")
    return sort, choice("order", ("asc", "desc"), "asc" if sort == "name" else "desc") == "desc"


@pages.get("/ungrouped")
def ungrouped() -> str:
    path, state, after = argument("path"), choice("state", STATES, ""), argument("after")
    before = id_or_404(after) if after else None
    with access.reading() as connection:
        if state == "none":
            calls = ungrouped_calls.without_prompt(connection, project(), path=path, limit=PAGE_SIZE)
        else:
            calls = ungrouped_calls.page(
                connection, project(), path=path, states=STATES[state], after=before, limit=PAGE_SIZE + 1
            )
        paths = ungrouped_calls.paths(connection, project())
        totals = project_figures.totals(connection, project())
    return render_template(
        "pages/ungrouped.html",
        calls=[(call, start_of(plain_parts(call.prompt))) for call in calls[:PAGE_SIZE]],
        next_page=calls[PAGE_SIZE - 1].id if len(calls) > PAGE_SIZE else "",
        paths=paths,
        path=path,
        state=state,
        after=after,
        searched=ungrouped_calls.WITHOUT_PROMPT_SEARCHED,
        totals=totals,
        most=project_figures.MOST_PROJECT_CALLS_COUNTED,
        curl=_curl(),
    )


@pages.get("/news")
def news() -> Response:
    """The number of calls of the project, or of a task, stored after a call, for a page that stays open."""
    after, of_task = id_or_404(argument("after")), argument("task")
    refuse_what_is_ignored()
    with access.reading() as connection:
        calls = neighbours.later(connection, project(), after, id_or_404(of_task) if of_task else None)
    plus = "+" if calls >= neighbours.MOST_NEWS else ""
    return json_answer({"calls": calls, "words": f"{calls}{plus} new call{'s' if calls != 1 else ''}"})


def _curl() -> str:
    """A first call to paste; in local mode it reads the key from its file, so no page shows a key."""
    settings = access.services().settings
    key_file = settings.promptlode_data_dir / "api_key"
    key = f"$(cat {shlex.quote(str(key_file))})" if access.is_open() else "$PROMPTLODE_API_KEY"
    return (
        f"curl {shlex.quote(request.host_url + 'api/v1/traces')} \\\n"
        f'  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\\n'
        """  -d '{"path": "/support/triage", "model": "gpt-4.1-mini", "input": "Sort this ticket: my tent leaks"}'"""
    )
