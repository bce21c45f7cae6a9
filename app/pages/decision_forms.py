"""The forms of a task's page and the history: the decisions that a key with the scope `admin` may take over the API."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import abort, flash, g, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.api.decisions import UNCHANGED, TaskChanges
from app.checks import Problem
from app.deciding import decisions, previewing, telling, undoing
from app.deciding.holding import ConflictError, DecisionError
from app.errors import NotFoundError
from app.http.problem import ProblemError
from app.http.routes import validated
from app.pages import access
from app.pages.arguments import argument, id_or_404
from app.pages.blueprint import pages
from app.reading import changes, tasks
from app.reading.pieces import Part, one_line, template_parts
from app.store import audit, history
from app.store.audit import Detail

DECISIONS_SHOWN = 50
"""Decisions on a page of the history."""


@pages.post("/tasks/<task_id>")
def change_task(task_id: str) -> Response:
    task_uuid = id_or_404(task_id)
    if changed := _changed_fields():
        with decision_transaction("change_task", task_uuid, {"fields": sorted(changed)}) as connection:
            changes = validated(TaskChanges, changed | {"expected": _expected(changed)}, UNCHANGED)
            keys = (g.visitor.project.id, task_uuid, changes.changes)
            decisions.change_task(connection, *keys, actor=g.visitor.decides, expected=changes.expected_values)
        flash(f"Saved: {', '.join(sorted(changed))}.")
    return redirect(url_for("pages.task", task_id=task_uuid), HTTPStatus.SEE_OTHER)


@pages.post("/implementations/<implementation_id>/slots")
def name_slots(implementation_id: str) -> Response:
    version_id, project_id = id_or_404(implementation_id), g.visitor.project.id
    pairs = zip(request.form.getlist("slot"), request.form.getlist("name"), strict=False)
    names = {slot: name.strip() for slot, name in pairs if name.strip() != slot}
    if names:
        with decision_transaction("change_implementation", version_id, {"slots": len(names)}) as connection:
            decisions.rename_slots(connection, project_id, version_id, names, actor=g.visitor.decides)
        flash("Saved: the names of the slots.")
    with access.reading() as connection:
        version = tasks.implementation_by_id(connection, project_id, version_id) or abort(HTTPStatus.NOT_FOUND)
    address = url_for("pages.task", task_id=version.task_id, version=version.version, _anchor="slots")
    return redirect(address, HTTPStatus.SEE_OTHER)


@pages.get("/tasks/<task_id>/merge")
def preview_merge(task_id: str) -> str:
    """The preview of a merge, with the form that merges."""
    source, into = id_or_404(task_id), id_or_404(argument("into"))
    with preview_transaction() as connection:
        preview = previewing.of_merge(connection, g.visitor.project.id, source, into, g.visitor.decides)
        names = names_of(connection, [source, into])
    return render_template(
        "pages/preview.html",
        preview=preview,
        compared=_compared,
        title="Merge",
        sentence=f"The versions of “{names[source]}” go on as the next ones of “{names[into]}”, and links to it lead there. No run parts them again.",
        action=url_for("pages.merge_task", task_id=source),
        fields={"into": into, "expected": preview.state},
        back=url_for("pages.task", task_id=source),
    )


@pages.post("/tasks/<task_id>/merge")
def merge_task(task_id: str) -> Response:
    source, into = id_or_404(task_id), id_or_404(request.form.get("into", ""))
    with decision_transaction("merge_task", source, {"into": into}) as connection:
        keys = (g.visitor.project.id, source, into)
        decisions.merge(connection, *keys, actor=g.visitor.decides, expected=request.form.get("expected"))
    flash("Merged: the versions of the other task go on here.")
    return redirect(url_for("pages.task", task_id=into), HTTPStatus.SEE_OTHER)


@pages.get("/implementations/<implementation_id>/split")
def preview_split(implementation_id: str) -> str:
    """The preview of a split, with the form that splits."""
    version_id = id_or_404(implementation_id)
    with preview_transaction() as connection:
        preview = previewing.of_split(connection, g.visitor.project.id, version_id, g.visitor.decides)
        version = tasks.implementation_by_id(connection, g.visitor.project.id, version_id) or abort(
            HTTPStatus.NOT_FOUND
        )
    return render_template(
        "pages/preview.html",
        preview=preview,
        compared=_compared,
        title="Split",
        sentence="All versions of this template become a task of their own, with their calls. No run brings the two tasks together again.",
        action=url_for("pages.split_implementation", implementation_id=version_id),
        fields={"expected": preview.state},
        back=url_for("pages.task", task_id=version.task_id, version=version.version),
    )


@pages.post("/implementations/<implementation_id>/split")
def split_implementation(implementation_id: str) -> Response:
    details: dict[str, Detail] = {}
    version_id = id_or_404(implementation_id)
    with decision_transaction("split_implementation", version_id, details) as connection:
        keys, expected = (g.visitor.project.id, version_id), request.form.get("expected")
        details["task"] = new_task_id = decisions.split(connection, *keys, actor=g.visitor.decides, expected=expected)
    flash("Split: this is a task of its own now.")
    return redirect(url_for("pages.task", task_id=new_task_id), HTTPStatus.SEE_OTHER)


# --- the history


@pages.get("/decisions")
def decision_list() -> str:
    """The decisions of the project or of a task."""
    of_task, last = (id_or_404(argument(name)) if argument(name) else None for name in ("task", "after"))
    with access.reading() as connection:
        keys = (connection, g.visitor.project.id)
        page = history.page(*keys, limit=DECISIONS_SHOWN + 1, before=last, task_id=of_task)  # the newest first
        task = tasks.get(*keys, of_task) or abort(HTTPStatus.NOT_FOUND) if of_task else None
    return render_template(
        "pages/decisions.html",
        decisions=page[:DECISIONS_SHOWN],
        next_page=page[DECISIONS_SHOWN - 1].id if len(page) > DECISIONS_SHOWN else "",
        after=last,
        task=task,
        structural=history.STRUCTURAL,
        telling=telling,
    )


@pages.get("/decisions/<decision_id>/undo")
def preview_undo(decision_id: str) -> str:
    """The preview of an undo, with the form that undoes."""
    decision_uuid = id_or_404(decision_id)
    with preview_transaction() as connection:
        preview = previewing.of_undo(connection, g.visitor.project.id, decision_uuid, g.visitor.decides)
        decided = history.get(connection, g.visitor.project.id, decision_uuid) or abort(HTTPStatus.NOT_FOUND)
    return render_template(
        "pages/preview.html",
        preview=preview,
        compared=_compared,
        title="Undo",
        sentence=f"{telling.summary(decided)} Everything is as if that had not been decided, but for what came since.",
        action=url_for("pages.undo_decision", decision_id=decision_uuid),
        fields={},
        back=url_for("pages.decision_list"),
    )


@pages.post("/decisions/<decision_id>/undo")
def undo_decision(decision_id: str) -> Response:
    decision_uuid = id_or_404(decision_id)
    with decision_transaction("undo_decision", decision_uuid, {}) as connection:
        undone = undoing.undo(connection, g.visitor.project.id, decision_uuid, actor=g.visitor.decides)
    flash(f"Undone: {telling.summary(undone)}")
    return redirect(url_for("pages.decision_list"), HTTPStatus.SEE_OTHER)


def _compared(task: previewing.ChangedTask) -> list[Part]:
    """The texts in use of a task before and after a decision, word by word."""
    before, after = (
        template_parts(version.parts, version.slots) for version in (task.in_use_before, task.in_use_after) if version
    )
    return changes.compare(before, after)


def names_of(connection: Connection, task_ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = {row.id: row for row in tasks.by_ids(connection, g.visitor.project.id, task_ids)}
    return {task_id: telling.shortened(one_line(rows[task_id].name)) for task_id in task_ids}


def _changed_fields() -> dict[str, Any]:
    """The fields that the visitor changed: a name that a run has changed since the form was drawn is no decision."""
    fields = ("name", "description", "production")
    return {
        field: _value(field, _field(field))
        for field in fields
        if field in request.form and _field(field) != _field(f"was_{field}")
    }


def _expected(changed: Mapping[str, Any]) -> dict[str, Any]:
    """The values of these fields when the form was drawn, by which a later decision is noticed."""
    return {field: _value(field, _field(f"was_{field}")) for field in changed if f"was_{field}" in request.form}


def _value(field: str, text: str) -> str | None:
    """A text of the form as the API takes it: no version in production is null, and not an empty text."""
    return text or None if field == "production" else text


def _field(name: str) -> str:
    """A text of the form; browsers send every line end as CR LF."""
    return request.form.get(name, "").replace("\r\n", "\n")


@contextmanager
def decision_transaction(action: str, subject: UUID | None, details: dict[str, Detail]) -> Iterator[Connection]:
    """One transaction with its audit entry, for a visitor who may decide; an error becomes a page with the reason.

    details: of the entry, which is written at the end of the block.
    """
    with preview_transaction() as connection:
        yield connection
        project_id = g.visitor.project.id
        audit.record(connection, g.visitor.decides, action, project_id=project_id, subject=subject, details=details)


@contextmanager
def preview_transaction() -> Iterator[Connection]:
    """One transaction for a preview, for a visitor who may decide; an error becomes a page with the reason."""
    if g.visitor.decides is None:
        abort(HTTPStatus.FORBIDDEN, "Your key may look but not decide: that needs one with the scope “admin”.")
    try:
        with access.writing() as connection:
            yield connection
    except NotFoundError:
        abort(HTTPStatus.NOT_FOUND)
    except ProblemError as error:
        _refuse(error.errors)
    except ConflictError as error:
        _refuse(error.problems, HTTPStatus.CONFLICT)
    except DecisionError as error:
        _refuse(error.problems)


def _refuse(problems: Any, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
    sentences = " ".join(f"{_where(problem)}{problem.message}" for problem in problems)
    abort(status, f"Nothing was changed. {sentences}")


def _where(problem: Problem) -> str:
    """The field of the form to which the problem belongs, if any."""
    is_about_page = not problem.loc or problem.loc[-1] in {"decision", "expected"} or problem.loc[0] == "undo_first"
    return "" if is_about_page else f"{problem.loc[-1]}: "
