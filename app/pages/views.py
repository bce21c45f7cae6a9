"""The routes of the pages: read, shape, render."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response as AnyResponse

from app.errors import DatabaseDownError
from app.http.services import services
from app.logs import describe
from app.pages import access, wording
from app.reading import browse, changes, insights, tasks
from app.reading.browse import CallRow, Cursor, State
from app.reading.declared import DeclaredCalls, agreement
from app.reading.insights import PlaceStatistics
from app.reading.pieces import Part, colours, marks, one_line, plain_parts, prompt_parts, start_of, template_parts
from app.reading.shares import costs
from app.store import traces
from tasks import monitor

PAGE_SIZE = 50
CALLS_SHOWN = 25
MOST_VERSIONS = 500
MOST_OTHERS = 500
LONGEST_QUERY = 512
"""The longest path that a trace may have, and so the longest text worth looking for."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

STATES: Mapping[str, tuple[State, ...]] = {
    "": ("owed", "considered"),
    "owed": ("owed",),
    "considered": ("considered",),
    "none": ("no prompt",),
}

_log = structlog.get_logger(__name__)

WITHOUT_LOGIN = frozenset({"pages.login", "pages.do_login", "pages.static"})

pages = Blueprint("pages", __name__, template_folder="templates", static_folder="assets", static_url_path="/assets")
for _name, _filter in (wording.FILTERS | {"marks": marks, "one_line": one_line}).items():
    pages.add_app_template_filter(_filter, _name)


# --- around every page


@pages.before_request
def _not_too_often() -> None:
    if request.endpoint != "pages.static":
        services().limiter.take_page()


@pages.before_request
def _only_for_visitors() -> AnyResponse | str | None:
    """Everything but the login page needs a visitor; who is none is sent there and comes back after."""
    if request.endpoint in WITHOUT_LOGIN:
        return None
    with access.reading() as connection:
        g.visitor = access.visitor(connection)
    if g.visitor is not None:
        return None
    if access.is_open():
        return render_template("pages/no_project.html")
    asked = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("pages.login", next=asked if asked != "/" else None))


@pages.before_request
def _only_own_forms() -> None:
    if request.method == "POST" and not access.is_own_form():
        abort(
            HTTPStatus.BAD_REQUEST, "This form is too old, or your browser keeps no cookies for this site. Try again."
        )


@pages.after_request
def _protect(response: Response) -> Response:
    """Prompts are shown to who asked for them: nothing is stored on the way, framed, or loaded from elsewhere."""
    response.headers.update(HEADERS)
    is_marked_asset = request.endpoint == "pages.static" and request.args.get("v") == _ASSET_MARK
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if is_marked_asset else "private, no-store"
    )
    return response


@pages.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> tuple[str, int, dict[str, str]]:
    headers = {name: value for name, value in error.get_headers() if name == "Retry-After"}
    return render_template("pages/error.html", error=error), error.code or 500, headers


@pages.errorhandler(DatabaseDownError)
def _database_down(_: DatabaseDownError) -> tuple[str, int, dict[str, str]]:
    return render_template("pages/down.html"), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"}


@pages.errorhandler(OperationalError)
def _database_busy(error: OperationalError) -> tuple[str, int, dict[str, str]]:
    """A statement that took too long, or a lock that did: PostgreSQL is up but has no time for this page."""
    _log.warning("page_timed_out", **describe(error))
    return render_template("pages/busy.html"), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"}


@pages.errorhandler(Exception)
def _bug(error: Exception) -> tuple[str, int, dict[str, str]]:
    _log.error("page_failed", **describe(error))
    return _http_error(InternalServerError("Something went wrong on our side; the log of the web process says what."))


@pages.context_processor
def _common() -> dict[str, Any]:
    return {"visitor": g.get("visitor"), "form_token": access.form_token, "asset": _asset, "is_open": access.is_open}


def _asset(name: str) -> str:
    """The address of an asset with a mark of its content, so that browsers may keep it until it changes."""
    return url_for("pages.static", filename=name, v=_ASSET_MARK)


_ASSET_MARK = sha256(
    b"".join(file.read_bytes() for file in sorted((Path(__file__).parent / "assets").iterdir()))
).hexdigest()[:8]


# --- the pages


@pages.get("/")
def task_list() -> str:
    path, text, after = _argument("path"), _argument("q"), _cursor("after")
    with access.reading() as connection:
        found = browse.tasks_page(connection, _project(), path=path, text=text, after=after, limit=PAGE_SIZE + 1)
        totals = insights.totals(connection, _project())
        shares = insights.token_shares(connection, _project())
        paths = browse.paths(connection, _project())
    shown = found[:PAGE_SIZE]
    return render_template(
        "pages/tasks.html",
        rows=[(task, start_of(template_parts(task.parts, task.slots)), colours([task.slots])) for task in shown],
        more=_next(found, PAGE_SIZE, lambda task: Cursor(task.last_seen, task.id)),
        totals=totals,
        most=insights.MOST_COUNTED,
        shares=shares,
        paths=paths,
        path=path,
        text=text,
        after=after,
        curl=_curl(),
    )


@pages.get("/tasks/<task_id>")
def task(task_id: str) -> str | AnyResponse:
    after = _cursor("after")
    with access.reading() as connection:
        found = tasks.get(connection, _project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
        versions = _versions(connection, found.id)
        chosen = _chosen(versions)
        calls = _calls(connection, chosen, after)
        places = _places(connection, chosen)
        declared = agreement(DeclaredCalls(*said) for said in insights.declared_calls(connection, found.id))
        others = tasks.others_of_path(connection, found.id, MOST_OTHERS) if g.visitor.decides else []
    if found.merged_into:
        return redirect(url_for("pages.task", task_id=found.merged_into))
    parts = _template(chosen)
    before = _compared_to(versions, chosen)
    compared = changes.compare(_template(before), parts) if before else []
    return render_template(
        "pages/task.html",
        task=found,
        versions=versions,
        chosen=chosen,
        parts=parts,
        before=before,
        compared=compared,
        is_changed=changes.is_changed(compared),
        costs=costs(parts, chosen.slots, chosen.slot_kinds, places) if chosen else None,
        colours=_colours(versions),
        calls=calls[:CALLS_SHOWN],
        more=_next(calls, CALLS_SHOWN, lambda call: Cursor(call.seen_at, call.id)),
        after=after,
        sample=insights.SAMPLE,
        declared=declared,
        others=others,
        may_split=_may_split(versions, chosen),
    )


@pages.get("/traces/<trace_id>")
def trace(trace_id: str) -> str:
    with access.reading() as connection:
        call = traces.get(connection, _project(), id_or_404(trace_id)) or abort(HTTPStatus.NOT_FOUND)
        of_task = tasks.get(connection, _project(), call.task_id) if call.task_id else None
        versions = _versions(connection, call.task_id) if call.task_id else []
    return render_template(
        "pages/trace.html",
        call=call,
        task=of_task,
        parts=_prompt(call),
        values=traces.variables_of(call.slots, call.variables),
        colours=_colours(versions),
    )


@pages.get("/ungrouped")
def ungrouped() -> str:
    path, state, after = _argument("path"), _argument("state"), _argument("after")
    states = STATES.get(state) or abort(HTTPStatus.NOT_FOUND)
    before = id_or_404(after) if after else None
    with access.reading() as connection:
        if state == "none":
            calls = browse.without_prompt(connection, _project(), limit=PAGE_SIZE)
        else:
            calls = browse.ungrouped_page(
                connection, _project(), path=path, states=states, after=before, limit=PAGE_SIZE + 1
            )
        paths = browse.ungrouped_paths(connection, _project())
    return render_template(
        "pages/ungrouped.html",
        calls=[(call, start_of(plain_parts(call.prompt))) for call in calls[:PAGE_SIZE]],
        more=calls[PAGE_SIZE - 1].id if len(calls) > PAGE_SIZE else "",
        paths=paths,
        path=path,
        state=state,
        after=after,
        searched=browse.WITHOUT_PROMPT_SEARCHED,
        curl=_curl(),
    )


@pages.get("/pipeline")
def pipeline() -> str:
    services = access.services()
    return render_template(
        "pages/pipeline.html",
        now=monitor.pipeline(services.engine, _project(), services.settings),
        grouping_enabled=services.settings.task_grouping_enabled,
    )


# --- who is asking


@pages.get("/login")
def login() -> str | tuple[str, int]:
    if not access.can_log_in():
        return render_template("pages/login.html", problem="no secret key"), HTTPStatus.SERVICE_UNAVAILABLE
    return render_template("pages/login.html", target=access.own_page(request.args.get("next")))


@pages.post("/login")
def do_login() -> AnyResponse | tuple[str, int]:
    target = access.own_page(request.form.get("next"))
    services().limiter.check_failures()
    with access.reading() as connection:
        problem = access.log_in(connection, request.form.get("key", ""))
    if problem:
        services().limiter.failed()
        return render_template("pages/login.html", target=target, problem=problem), HTTPStatus.FORBIDDEN
    return redirect(f"{request.script_root}{target}", HTTPStatus.SEE_OTHER)


@pages.post("/logout")
def logout() -> AnyResponse:
    access.log_out()
    return redirect(url_for("pages.login"), HTTPStatus.SEE_OTHER)


@pages.post("/project")
def choose_project() -> AnyResponse:
    """Local mode: show another project."""
    chosen = id_or_404(request.form.get("project", ""))
    if chosen not in {project.id for project in g.visitor.choices}:
        abort(HTTPStatus.NOT_FOUND)
    access.choose_project(chosen)
    return redirect(url_for("pages.task_list"), HTTPStatus.SEE_OTHER)


# --- what the routes share


def _project() -> UUID:
    return cast(UUID, g.visitor.project.id)


def _argument(name: str) -> str:
    """A text of the query; PostgreSQL takes no NUL."""
    return request.args.get(name, "").replace("\x00", "")[:LONGEST_QUERY]


def id_or_404(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        abort(HTTPStatus.NOT_FOUND)


def _cursor(name: str) -> Cursor | None:
    """The cursor of a link of ours, `<time>_<id>`."""
    text = _argument(name)
    if not text:
        return None
    time, _, last = text.rpartition("_")
    try:
        return Cursor(datetime.fromisoformat(time).astimezone(UTC), UUID(last))
    except (ValueError, OverflowError):  # the latter: no year of the calendar in UTC
        abort(HTTPStatus.NOT_FOUND)


def _next(rows: Sequence[Any], size: int, cursor_of: Any) -> str:
    """The cursor of the next page, "" at the end; one row more than is shown was read to know."""
    if len(rows) <= size:
        return ""
    last: Cursor = cursor_of(rows[size - 1])
    return f"{last.seen.isoformat()}_{last.id}"


def _versions(connection: Connection, task_id: UUID) -> Sequence[Row[Any]]:
    """The versions of a task, newest first."""
    found = tasks.implementations(connection, _project(), task_id, limit=MOST_VERSIONS)
    return sorted(found, key=lambda version: version.version, reverse=True)


def _calls(connection: Connection, version: Row[Any] | None, after: Cursor | None) -> list[CallRow]:
    if version is None:
        return []
    ids = (version.id, version.template_id)
    return browse.calls_page(connection, _project(), *ids, after=after, limit=CALLS_SHOWN + 1)


def _places(connection: Connection, version: Row[Any] | None) -> dict[int, PlaceStatistics]:
    if version is None:
        return {}
    return insights.place_statistics(connection, _project(), version.id, version.template_id)


def _template(version: Row[Any] | None) -> list[Part]:
    return template_parts(version.parts, version.slots) if version else []


def _prompt(call: Row[Any]) -> list[Part]:
    """The prompt of a call, with its values marked where it has a template."""
    prompt = call.prompt_parts or []
    return prompt_parts(call.parts, call.slots, call.variables, prompt) if call.parts else plain_parts(prompt)


def _colours(versions: Sequence[Row[Any]]) -> dict[str, int]:
    return colours(version.slots for version in reversed(versions))


def _chosen(versions: Sequence[Row[Any]]) -> Row[Any] | None:
    """The version that the link names, else the newest in use; None in a task that has none yet."""
    asked = _argument("version")
    if asked:
        return _numbered(versions, asked) or abort(HTTPStatus.NOT_FOUND)
    in_use = [version for version in versions if version.retired_at is None]
    return next(iter(in_use or versions), None)


def _may_split(versions: Sequence[Row[Any]], chosen: Row[Any] | None) -> bool:
    """Whether the template of the chosen version could be a task of its own: it is in use, and others are left."""
    if chosen is None or chosen.retired_at is not None:
        return False
    return any(version.template_id != chosen.template_id for version in versions)


def _compared_to(versions: Sequence[Row[Any]], chosen: Row[Any] | None) -> Row[Any] | None:
    """The version that the link names, else the one before."""
    if chosen is None:
        return None
    older = [version for version in versions if version.version < chosen.version]
    return _numbered(versions, _argument("against")) or next(iter(older), None)


def _numbered(versions: Sequence[Row[Any]], number: str) -> Row[Any] | None:
    return next((version for version in versions if str(version.version) == number), None)


def _curl() -> str:
    """A first call, ready to paste; in local mode it reads the key where it is kept, so no page shows one."""
    settings = access.services().settings
    key_file = settings.promptlode_data_dir / "api_key"
    key = f"$(cat {shlex.quote(str(key_file))})" if access.is_open() else "$PROMPTLODE_API_KEY"
    return (
        f"curl {shlex.quote(request.host_url + 'api/v1/traces')} \\\n"
        f'  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\\n'
        """  -d '{"path": "/support/triage", "model": "gpt-4.1-mini", "input": "Sort this ticket: my tent leaks"}'"""
    )
