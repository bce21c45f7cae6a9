"""The page of changes, its feed in Atom, and the log of webhooks."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, abort, g, render_template, request, url_for

from app.http.admission import admitted
from app.http.problem import ProblemError
from app.pages import access
from app.pages.arguments import (
    PAGE_SIZE,
    argument,
    choice,
    id_or_404,
    note_no_choice,
    range_in_address,
    refuse_wrong_values,
)
from app.pages.atom import feed_of
from app.pages.blueprint import pages
from app.reading import browse, feed, tasks
from app.reading.feed import KINDS, ChangeFilter, FeedEntry
from app.reading.pieces import colours
from app.reading.ranges import Range
from app.reading.summaries import summary
from app.store import webhooks
from app.store.keys import KeyHolder

MOST_IN_FEED = 100
"""Changes in the feed: readers ask about every hour, and there are a handful of changes a day."""

LOG_SHOWN = 100
"""Deliveries on the page of webhooks."""


@pages.get("/changes")
def changes() -> str:
    """The changes of the project, or of all that the visitor may see, with the words of each edit."""
    range_shown, kinds, path = range_in_address(), _kinds(), argument("path")
    all_projects = choice("projects", ("all",), "") == "all" and len(g.visitor.choices) > 1
    ids = [project.id for project in g.visitor.choices] if all_projects else [g.visitor.project.id]
    after = argument("after")
    change_filter = ChangeFilter(
        ids, range_shown.range, kinds or None, path=path or None, before=id_or_404(after) if after else None
    )
    with access.reading() as connection:
        changes = feed.page(connection, change_filter, PAGE_SIZE + 1)
        paths = browse.paths(connection, g.visitor.project.id)
        edited_tasks = {change.task_id for change in changes if change.task_id and change.texts.get("diff")}
        colours_by_task = {
            task_id: colours(slots) for task_id, slots in tasks.slots_of_versions(connection, edited_tasks).items()
        }
    return render_template(
        "pages/changes.html",
        range_shown=range_shown,
        entries=[(page, summary(page)) for page in changes[:PAGE_SIZE]],
        next_page=changes[PAGE_SIZE - 1].id if len(changes) > PAGE_SIZE else None,
        colours_by_task=colours_by_task,
        kinds=KINDS,
        chosen=kinds,
        path=path,
        paths=paths,
        everything=all_projects,
        after=after,
    )


def _kinds() -> list[str]:
    kinds = [kind for kind in argument("kind").split(",") if kind]
    for kind in sorted({*kinds} - {*KINDS}):
        note_no_choice("kind", kind, KINDS)
    return [kind for kind in kinds if kind in KINDS]


@pages.get("/changes.atom")
def changes_atom() -> Response:
    """The newest changes as a feed, for a session of the pages, or for a key as feed readers send it."""
    project_id = _project()
    change_filter = ChangeFilter([project_id], Range(), _kinds() or None, path=argument("path") or None)
    refuse_wrong_values()
    with access.reading() as connection:
        newest = feed.page(connection, change_filter, MOST_IN_FEED)
    address = url_for("pages.changes_atom", _external=True)
    return Response(feed_of(newest, project_id, address, _link), mimetype="application/atom+xml")


def _link(change: FeedEntry) -> str:
    if change.task_id is None:
        return url_for("pages.changes", _external=True)
    return url_for("pages.task", task_id=change.task_id, version=change.version, _external=True)


def _project() -> UUID:
    """The project of the feed; 401 with a request for name and password without a key."""
    if not request.headers.get("Authorization"):
        with access.reading() as connection:
            visitor = access.visitor(connection)
        if visitor is not None:
            return visitor.project.id
    return _holder().project_id


def _holder() -> KeyHolder:
    try:
        return admitted("read")
    except ProblemError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            ask = {"WWW-Authenticate": 'Basic realm="Promptlode: the API key is the password"'}
            abort(Response("The API key is the password; the name is anything.\n", 401, ask, mimetype="text/plain"))
        raise


@pages.get("/changes/webhooks")
def webhook_log() -> str:
    """The webhooks, and the outcome of each delivery."""
    if g.visitor.decides is None:
        abort(HTTPStatus.FORBIDDEN, "Webhooks are shown to a key with the scope “admin”.")
    with access.reading() as connection:
        hooks = webhooks.of_project(connection, g.visitor.project.id)
        log = webhooks.deliveries(connection, g.visitor.project.id, None, limit=LOG_SHOWN)
    return render_template("pages/webhooks.html", hooks=hooks, log=_with_urls(hooks, log), most=LOG_SHOWN)


def _with_urls(hooks: Sequence[Any], log: Sequence[Any]) -> list[tuple[Any, str]]:
    urls = {hook.id: hook.url for hook in hooks}
    return [(entry, urls.get(entry.webhook_id, "")) for entry in log]
