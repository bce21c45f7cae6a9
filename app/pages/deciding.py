"""The forms of a task's page: what a key with the scope `admin` may decide over the API, its holder may decide here."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import abort, flash, g, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.api.decisions import UNCHANGED, TaskChanges
from app.checks import Problem
from app.deciding import decisions
from app.deciding.holding import ConflictError, DecisionError
from app.errors import NotFoundError
from app.http.problem import ProblemError
from app.http.routes import validated
from app.pages import access
from app.pages.views import id_or_404, pages
from app.reading import tasks
from app.store import audit
from app.store.audit import Detail

PLAIN = {"decision", "undo_first", "expected"}
"""Places of problems that no field of a form has: their sentences say all."""

__all__ = ["pages"]  # the blueprint, with the routes of this module too


@pages.post("/tasks/<task_id>")
def change_task(task_id: str) -> Response:
    asked = id_or_404(task_id)
    if changed := _changed():
        with _deciding("change_task", asked, {"fields": sorted(changed)}) as connection:
            changes = validated(TaskChanges, changed, UNCHANGED).model_dump(exclude_unset=True)
            decisions.change_task(connection, g.visitor.project.id, asked, changes, by=g.visitor.decides)
        flash(f"Saved: {', '.join(sorted(changed))}.")
    return redirect(url_for("pages.task", task_id=asked), HTTPStatus.SEE_OTHER)


@pages.post("/implementations/<implementation_id>/slots")
def name_slots(implementation_id: str) -> Response:
    asked, project_id = id_or_404(implementation_id), g.visitor.project.id
    pairs = zip(request.form.getlist("slot"), request.form.getlist("name"), strict=False)
    names = {slot: name.strip() for slot, name in pairs if name.strip() != slot}
    if names:
        with _deciding("change_implementation", asked, {"slots": len(names)}) as connection:
            decisions.rename_slots(connection, project_id, asked, names, by=g.visitor.decides)
        flash("Saved: the names of the slots.")
    with access.reading() as connection:
        version = tasks.implementation_by_id(connection, project_id, asked) or abort(HTTPStatus.NOT_FOUND)
    address = url_for("pages.task", task_id=version.task_id, version=version.version, _anchor="slots")
    return redirect(address, HTTPStatus.SEE_OTHER)


@pages.post("/tasks/<task_id>/merge")
def merge_task(task_id: str) -> Response:
    asked, into = id_or_404(task_id), id_or_404(request.form.get("into", ""))
    with _deciding("merge_task", asked, {"into": into}) as connection:
        decisions.merge(connection, g.visitor.project.id, asked, into, by=g.visitor.decides)
    flash("Merged: the versions of the other task go on here.")
    return redirect(url_for("pages.task", task_id=into), HTTPStatus.SEE_OTHER)


@pages.post("/implementations/<implementation_id>/split")
def split_implementation(implementation_id: str) -> Response:
    details: dict[str, Detail] = {}
    asked = id_or_404(implementation_id)
    with _deciding("split_implementation", asked, details) as connection:
        details["task"] = begun = decisions.split(connection, g.visitor.project.id, asked, by=g.visitor.decides)
    flash("Split: this is a task of its own now.")
    return redirect(url_for("pages.task", task_id=begun), HTTPStatus.SEE_OTHER)


def _changed() -> dict[str, Any]:
    """The fields that are not what they were when the form was drawn: a name that a run has changed since is no decision."""
    fields = ("name", "description", "production")
    given = {
        field: _field(field) for field in fields if field in request.form and _field(field) != _field(f"was_{field}")
    }
    return {field: value if field != "production" else value or None for field, value in given.items()}


def _field(name: str) -> str:
    """A text of the form; browsers send every line end as CR LF."""
    return request.form.get(name, "").replace("\r\n", "\n")


@contextmanager
def _deciding(action: str, subject: UUID, details: dict[str, Detail]) -> Iterator[Connection]:
    """One transaction with its entry in the audit log, for a visitor who may decide; what cannot be is a page that says why.

    details: of the entry, which is written at the end of the block.
    """
    if g.visitor.decides is None:
        abort(HTTPStatus.FORBIDDEN, "Your key may look but not decide: that needs one with the scope “admin”.")
    try:
        with access.writing() as connection:
            yield connection
            project_id = g.visitor.project.id
            audit.record(connection, g.visitor.decides, action, project_id=project_id, subject=subject, details=details)
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
    """The field, where the problem is one of a field of the form."""
    return f"{problem.loc[-1]}: " if problem.loc and problem.loc[0] not in PLAIN else ""
