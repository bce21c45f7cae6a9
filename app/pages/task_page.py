"""The page of a task: its versions, and one of them with its usage, template, bill and calls."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import abort, g, redirect, render_template, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response as AnyResponse

from app.checks import is_whole
from app.pages import access, ranging
from app.pages.addresses import query, to_task
from app.pages.arguments import (
    argument,
    arguments,
    choice,
    cursor,
    id_or_404,
    next_cursor,
    note_ignored,
    project,
    range_in_address,
)
from app.pages.blueprint import pages
from app.pages.counted import Counted, counted
from app.pages.drawing import MOST_SLOTS, MOST_SLOTS_DRAWN
from app.pages.history import METRICS, History, history
from app.pages.scoreboard import FEW_CALLS, Scoreboard, scoreboard
from app.pages.versions import colours_of, listed, numbered, versions_of
from app.reading import browse, changes, declared_calls, insights, neighbours, outside, prices, replaced, similar, tasks
from app.reading.bill import LEAST_CACHED, prefix_end, varying
from app.reading.browse import CallCursor
from app.reading.changes import BegunVersion
from app.reading.costing import Costing, of_template
from app.reading.declared import DeclaredCalls, agreement
from app.reading.pieces import Part, template_parts, with_plain_rest
from app.reading.spending import Spending
from app.reading.usage import UsageScope
from app.store import history as decided_history
from app.words import sum_texts

CALLS_SHOWN = 25
"""Calls on the page of a version."""

VALUES_SHOWN = 1_000
"""Values of these calls: a template of over 40 slots has fewer calls on a page, whose values would be half a megabyte."""

FEWEST_CALLS_SHOWN = 5
"""Calls on the page of a version, however many slots it has."""

MOST_TASKS_OFFERED = 500
"""Tasks of a path that a merge may be chosen from."""

SIMILAR_SHOWN = 10
"""Similar tasks on the page of a task."""


@pages.get("/tasks/<task_id>")
def task(task_id: str) -> str | AnyResponse:
    range_shown = range_in_address()
    with access.reading() as connection:
        task = tasks.get(connection, project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
        versions = versions_of(connection, task)
        if address := _address_now(connection, task, versions):
            return redirect(address)
        version = _version_to_show(task, versions)
        selection = counted(version, versions) if version else None
        values = (
            {"task": task, "versions": versions, "chosen": version, "counted": selection, "range_shown": range_shown}
            | {"days": range_shown.days_since(task.first_seen)}
            | {"became": version and replaced.became(connection, version.template_id, version.slots)}
            | _usage(connection, task.id, versions, selection, range_shown)
            | _calls(connection, selection, version)
            | _relatives(connection, task)
        )
    values |= _texts(versions, version, values["costing"], values["past"].spending_by_version)
    return render_template("pages/task.html", **values)


def _address_now(connection: Connection, task: Row[Any], versions: Sequence[Row[Any]]) -> str | None:
    """The address that took the place of the one in the link: of a version that replaced this one, or of a task that this was merged into."""
    return _address_of_replacement(connection, task.id, versions) or (
        url_for("pages.task", task_id=task.merged_into) if task.merged_into else None
    )


def _address_of_replacement(connection: Connection, task_id: UUID, versions: Sequence[Row[Any]]) -> str | None:
    """The address of the version that replaced the one in the link, which has no calls any more."""
    number = argument("version")
    if not is_whole(number) or int(number) > tasks.LAST_VERSION or numbered(versions, number) is not None:
        return None
    instead = replaced.in_place_of(connection, task_id, int(number))
    if instead is None:
        return None
    further = {name: value for name, value in arguments().items() if name not in {"version", "against", "was"}}
    return to_task(instead.task_id) + query({"version": instead.number, "was": int(number)} | further)


def _version_to_show(task: Row[Any], versions: Sequence[Row[Any]]) -> Row[Any] | None:
    """The version in the link, else the one in use; None in a task without versions."""
    number = argument("version")
    if number:
        return numbered(versions, number) or abort(HTTPStatus.NOT_FOUND)
    return numbered(versions, str(task.version)) or next(iter(versions), None)


def _usage(
    connection: Connection,
    task_id: UUID,
    versions: Sequence[Row[Any]],
    selection: Counted | None,
    range_shown: ranging.ShownRange,
) -> dict[str, Any]:
    """The cost of the task's calls of the range by version, and the bill of the chosen template."""
    metric = choice("metric", METRICS, "calls")
    priced = prices.of_project(connection, project())
    scope = UsageScope(project(), range_shown.range, task_ids=[task_id])
    past = history(connection, scope, versions, priced, range_shown=range_shown, metric=metric)
    costing = _costing(connection, selection, past, priced)
    return {
        "metric": metric,
        "metrics": METRICS,
        "past": past,
        "costing": costing,
        "costs": costing.costs if costing else None,
    }


def _costing(connection: Connection, selection: Counted | None, past: History, priced: prices.Prices) -> Costing | None:
    if selection is None or not selection.versions:
        return None
    spending_of_models = [
        (version.model, past.spending_by_version.get(version.id, Spending())) for version in selection.versions
    ]
    return of_template(connection, selection.calls, selection.versions[0], spending_of_models, priced)


def _calls(connection: Connection, selection: Counted | None, version: Row[Any] | None) -> dict[str, Any]:
    """The newest calls of the chosen template, or those after the cursor in the link, and their messages beside the prompt."""
    after = cursor("after")
    page_size = _calls_shown(len(version.slots) if version else 0)
    rows = browse.calls_page(connection, selection.calls, after=after, limit=page_size + 1) if selection else []
    next_page = next_cursor(rows, page_size, lambda call: CallCursor(call.seen_at, call.id))
    ids = [call.id for call in rows[:page_size]]
    beside = outside.of_calls(connection, project(), ids, parts=len(version.parts)) if version else None
    return {"calls": rows[:page_size], "next_page": next_page, "after": after, "outside": beside}


def _calls_shown(slots: int) -> int:
    return max(FEWEST_CALLS_SHOWN, min(CALLS_SHOWN, VALUES_SHOWN // max(slots, 1)))


def _relatives(connection: Connection, task: Row[Any]) -> dict[str, Any]:
    """The surroundings of the task: newer calls, tasks like it, tasks to merge it into, decisions about it."""
    declared = agreement(DeclaredCalls(*row) for row in declared_calls.counted(connection, task.id))
    return {
        "newest": neighbours.newest(connection, project()),
        "declared": declared,
        "other_tasks": tasks.others_of_path(connection, task.id, MOST_TASKS_OFFERED) if g.visitor.decides else [],
        "alike": similar.similar(connection, project(), task.id, SIMILAR_SHOWN),
        "sites": similar.call_sites(connection, project(), [task.id]).get(task.id, []),
        "decided": decided_history.is_any_about(connection, task.id),
    }


def _texts(
    versions: Sequence[Row[Any]],
    version: Row[Any] | None,
    costing: Costing | None,
    spending_by_version: Mapping[UUID, Spending],
) -> dict[str, Any]:
    """The text of the chosen version, and its comparison with another; without queries."""
    parts, before = _template(version), _compared_to(versions, version)
    compared = changes.compare(_template(before), parts) if before else []
    reordered = (costing.bill.cache.reordered if costing else None) or []
    return {
        "parts": with_plain_rest(parts, MOST_SLOTS_DRAWN, filled=False),
        "reordered": with_plain_rest(reordered, MOST_SLOTS_DRAWN, filled=False),
        "listed": listed(versions, version, in_full=choice("settings", ("all",), "") == "all"),
        "colours": colours_of(versions),
        "bill_texts": sum_texts(costing.spending.cost.dollars, costing.output_dollars) if costing else None,
        "prefix_end": prefix_end(parts, varying(costing.costs)) if costing else None,
        "before": before,
        "compared": with_plain_rest(compared, MOST_SLOTS_DRAWN, filled=False),
        "is_changed": changes.is_changed(compared),
        "board": _board(spending_by_version, before, version),
        "may_split": _may_split(versions, version),
        "was": _number_before(),
        "sample": insights.sample_of(len(version.slots) if version else 0),
        "least_cached": LEAST_CACHED,
        "few_calls": FEW_CALLS,
        "most_slots": MOST_SLOTS,
        "most_slots_drawn": MOST_SLOTS_DRAWN,
    }


def _number_before() -> int | None:
    """The version in the link that led here, whose place the shown one took."""
    was = argument("was")
    if was and not is_whole(was):
        note_ignored("was", was, "was is the number of a version")
    return int(was) if is_whole(was) else None


def _template(version: Row[Any] | None) -> list[Part]:
    return template_parts(version.parts, version.slots) if version else []


def _compared_to(versions: Sequence[Row[Any]], version: Row[Any] | None) -> Row[Any] | None:
    """The version in the link, else the version that the chosen one replaced."""
    if version is None:
        return None
    begun = [BegunVersion(row.version, row.first_seen, (row.model, row.settings_digest)) for row in versions]
    number = changes.replaced_by(version.version, begun)
    against = argument("against")
    version_named = numbered(versions, against)
    if against and version_named is None:
        note_ignored("against", against, "the task has no such version")
    return version_named or numbered(versions, str(number))


def _board(
    spending_by_version: Mapping[UUID, Spending], before: Row[Any] | None, version: Row[Any] | None
) -> Scoreboard | None:
    if before is None or version is None:
        return None
    return scoreboard(spending_by_version.get(before.id, Spending()), spending_by_version.get(version.id, Spending()))


def _may_split(versions: Sequence[Row[Any]], version_chosen: Row[Any] | None) -> bool:
    """Whether the template of the chosen version could become a task of its own: it is in use, and others remain."""
    if version_chosen is None or version_chosen.retired_at is not None:
        return False
    return any(version.template_id != version_chosen.template_id for version in versions)
