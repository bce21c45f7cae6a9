"""The page that regroups a path: a dry run, the request itself, and its progress."""

from http import HTTPStatus
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api import groups as grouping
from app.errors import NotFoundError
from app.http.services import services
from app.pages import access
from app.pages.arguments import argument, plain_text
from app.pages.blueprint import pages
from app.pages.decision_forms import decision_transaction, preview_transaction
from app.reading import progress
from app.reading.pieces import template_parts
from app.store import groups
from app.store.groups import Group
from app.store.templates import to_parts
from tasks.regroup import regroup as ask


@pages.get("/regroup")
def regrouping() -> str:
    return _page(argument("path"))


@pages.post("/regroup/look")
def rehearse_regroup() -> str:
    """The rehearsal of a run, for which the browser waits."""
    path, regroup_all = plain_text(request.form.get("path", "")), "all" in request.form
    with preview_transaction() as connection:
        group = _group(connection, path)
    try:
        outcome = grouping.rehearsal_of(group.id, regroup_all=regroup_all)
    except NotFoundError:
        abort(HTTPStatus.NOT_FOUND)
    templates_shown = [
        (template, template_parts(to_parts(template.template), template.template.slots)) for template in outcome.found
    ]
    return _page(path, outcome=outcome, templates_shown=templates_shown, regroup_all=regroup_all)


@pages.post("/regroup")
def regroup() -> Response:
    path, regroup_all = plain_text(request.form.get("path", "")), "all" in request.form
    with decision_transaction("regroup", None, {"all": regroup_all}) as connection:
        group = _group(connection, path)
    if group.quarantined_at is not None:
        abort(
            HTTPStatus.CONFLICT, "The path is quarantined: its runs failed. Clear it: celery -A tasks quarantine clear."
        )
    ask(services().engine, services().settings, group.id, regroup_all=regroup_all)
    flash("Asked for: a worker groups this path anew.")
    return redirect(url_for("pages.regrouping", path=path), HTTPStatus.SEE_OTHER)


def _page(path: str, **values: Any) -> str:
    with access.reading() as connection:
        now = progress.of_path(connection, g.visitor.project.id, path) or abort(HTTPStatus.NOT_FOUND)
    return render_template("pages/regroup.html", now=now, **{"outcome": None, "regroup_all": False} | values)


def _group(connection: Any, path: str) -> Group:
    return groups.find(connection, g.visitor.project.id, path) or abort(HTTPStatus.NOT_FOUND)
