"""The routes of the pages: read, shape, render."""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote_plus, urlencode
from uuid import UUID

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.wrappers import Response as AnyResponse

from app.errors import DatabaseDownError
from app.http.answer import json_answer
from app.http.problem import of_http
from app.http.services import services
from app.logs import describe, logger
from app.pages import access, ranging, wording
from app.pages.drawing import DRAWN
from app.pages.history import History, history
from app.pages.listing import drawn_rows
from app.pages.overview import overview
from app.pages.scoreboard import FEW_CALLS, Scoreboard, scoreboard
from app.reading import browse, changes, insights, neighbours, placing, prices, replaced, similar, tasks
from app.reading.bill import LEAST_CACHED, prefix_end, varying
from app.reading.browse import CallRow, Cursor, State
from app.reading.costing import Costing, of_version
from app.reading.declared import DeclaredCalls, agreement
from app.reading.pieces import Part, colours, marks, one_line, plain_parts, prompt_parts, start_of, template_parts
from app.reading.spending import Spending
from app.reading.usage import Label, UsageScope
from app.reading.worklist import SortOfPage, TaskFilter, UnknownCursorError
from app.store import history as decided_history
from app.store import traces
from tasks import monitor

PAGE_SIZE = 50
"""Rows of a page of a list."""

CALLS_SHOWN = 25
"""Calls on the page of a version."""

MOST_VERSIONS = 500
"""Versions of a task that its page reads."""

MOST_OTHERS = 500
"""Tasks of a path that a merge may be chosen from."""

SIMILAR_SHOWN = 10
"""Similar tasks on the page of a task."""

LONGEST_QUERY = 512
"""The longest path of a trace, and so the longest text that a search accepts."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
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

_log = logger(__name__)

ADDRESSES_OF_PROGRAMS = ("/api/", "/v1/")

WITHOUT_LOGIN = frozenset({"pages.login", "pages.do_login", "pages.static", "pages.changes_atom"})

pages = Blueprint("pages", __name__, template_folder="templates", static_folder="assets", static_url_path="/assets")
for _name, _filter in (wording.FILTERS | {"marks": marks, "one_line": one_line}).items():
    pages.add_app_template_filter(_filter, _name)
for _name, _function in (DRAWN | {"drawn_rows": drawn_rows}).items():
    pages.add_app_template_global(_function, _name)


# --- around every page


@pages.before_request
def _not_too_often() -> None:
    if request.endpoint != "pages.static":
        services().limiter.take_page()


@pages.before_request
def _only_for_visitors() -> AnyResponse | str | None:
    """Redirect requests without a visitor to the login page, which leads back afterwards."""
    if request.endpoint in WITHOUT_LOGIN:
        return None
    with access.reading() as connection:
        g.visitor = access.visitor(connection)
    if g.visitor is not None:
        return None
    if access.is_open():
        return render_template("pages/no_project.html")
    address = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("pages.login", next=address if address != "/" else None))


@pages.before_request
def _only_own_forms() -> None:
    if request.method == "POST" and not access.is_own_form():
        abort(
            HTTPStatus.BAD_REQUEST, "This form is too old, or your browser keeps no cookies for this site. Try again."
        )


@pages.after_request
def _protect(response: Response) -> Response:
    """Keep answers out of shared caches and frames, and let pages load nothing from other hosts."""
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


@pages.app_errorhandler(NotFound)
def _unknown_address(error: NotFound) -> AnyResponse | tuple[str, int, dict[str, str]]:
    """A page for a browser under any address; a problem for a program, and under the addresses of programs."""
    is_browser = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    if request.blueprint == pages.name:
        return _http_error(error)
    if not is_browser or request.path.startswith(ADDRESSES_OF_PROGRAMS):
        return of_http(error)
    return _protect(make_response(render_template("pages/error.html", error=error, **_common()), HTTPStatus.NOT_FOUND))


@pages.errorhandler(DatabaseDownError)
def _database_down(_: DatabaseDownError) -> tuple[str, int, dict[str, str]]:
    return render_template("pages/down.html"), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"}


@pages.errorhandler(OperationalError)
def _database_busy(error: OperationalError) -> tuple[str, int, dict[str, str]]:
    """Answer 503 when a statement or a lock took too long: PostgreSQL is up but too busy for this page."""
    _log.warning("page_timed_out", **describe(error))
    return render_template("pages/busy.html"), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"}


@pages.errorhandler(Exception)
def _bug(error: Exception) -> tuple[str, int, dict[str, str]]:
    _log.error("page_failed", **describe(error))
    return _http_error(InternalServerError("Something went wrong on our side; the log of the web process says what."))


@pages.context_processor
def _common() -> dict[str, Any]:
    return {
        "visitor": g.get("visitor"),
        "form_token": access.form_token,
        "asset": _asset,
        "is_open": access.is_open,
        "here": _address_with,
        "here_with": _here_with,
        "to_task": _to_task,
        "query": _query,
        "short": wording.short,
        "dollars": wording.dollars,
    }


def _address_with(**changes: object) -> str:
    """The address of this page with some parameters changed; None removes one."""
    args = {name: value for name, value in (request.args.to_dict() | changes).items() if value not in {None, ""}}
    if "here" not in g:  # a list needs a hundred addresses, and the router takes longer than all the rest
        g.here = url_for(request.endpoint or "pages.task_list", **(request.view_args or {}))
    return f"{g.here}{_query(args)}"


def _here_with(name: str) -> Callable[[str], str]:
    """The addresses of the first page of this list with any value of one parameter."""
    address = _address_with(**{name: None, "after": None})
    begin = f"{address}{'&' if '?' in address else '?'}{name}="
    return lambda value: begin + quote_plus(value)


def _to_task(task_id: UUID) -> str:
    """The address of a task's page."""
    if "to_task" not in g:
        g.to_task = url_for("pages.task", task_id="-").removesuffix("-")
    return f"{g.to_task}{task_id}"


def _query(args: Mapping[str, Any]) -> str:
    """A query string, with its question mark."""
    return f"?{urlencode(args)}" if args else ""


def _asset(name: str) -> str:
    """The address of an asset with a digest of its content, so that browsers may keep it until it changes."""
    return url_for("pages.static", filename=name, v=_ASSET_MARK)


_ASSET_MARK = sha256(
    b"".join(file.read_bytes() for file in sorted((Path(__file__).parent / "assets").iterdir()))
).hexdigest()[:8]


# --- the pages


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
    return redirect(url_for("pages.task_list"))


@pages.get("/")
def task_list() -> str:
    range_shown, filters = ranging.range_of(_arguments()), _filters()
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
        found=page,
        shown=range_shown,
        sort=sort,
        descending=descending,
        most=insights.MOST_COUNTED,
        most_ungrouped=insights.MOST_UNGROUPED,
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


def _arguments() -> dict[str, str]:
    return {name: argument(name) for name in request.args}


def _filters() -> dict[str, str]:
    return {name: argument(name).strip() for name in ("q", "path", "model", "user", "conversation", "label")}


def _label(text: str) -> Label | None:
    """The label NAME=VALUE; a name alone has an empty value, which no call has."""
    name, _, value = text.partition("=")
    return Label(name.strip(), value.strip()) if text else None


def _sort() -> tuple[str, bool]:
    """The column, and whether the largest comes first: a column of names begins with A, one of numbers with the largest."""
    sort = argument("sort")
    sort = sort if sort in SORTS else "last"
    order = argument("order")
    return sort, order == "desc" if order in {"asc", "desc"} else sort != "name"


@pages.get("/tasks/<task_id>")
def task(task_id: str) -> str | AnyResponse:
    after, range_shown = _cursor("after"), ranging.range_of(_arguments())
    metric = "cost" if argument("metric") == "cost" else "calls"
    with access.reading() as connection:
        task = tasks.get(connection, project(), id_or_404(task_id)) or abort(HTTPStatus.NOT_FOUND)
        versions = versions_of(connection, task.id)
        if led := _led_on(connection, task.id, versions):
            return led
        version_chosen = _version_to_show(versions)
        became = (
            replaced.became(connection, version_chosen.template_id, version_chosen.slots) if version_chosen else None
        )
        calls = _calls(connection, version_chosen, after)
        priced = prices.of_project(connection, project())
        scope = UsageScope(project(), range_shown.range, task_ids=[task.id])
        past = history(connection, scope, versions, priced, range_shown=range_shown, metric=metric)
        costing = _costing(connection, version_chosen, past, priced)
        newest = neighbours.newest(connection, project())
        declared = agreement(DeclaredCalls(*row) for row in insights.declared_calls(connection, task.id))
        other_tasks = tasks.others_of_path(connection, task.id, MOST_OTHERS) if g.visitor.decides else []
        alike = similar.similar(connection, project(), task.id, SIMILAR_SHOWN)
        sites = similar.call_sites(connection, project(), [task.id]).get(task.id, [])
        decided = decided_history.is_any_about(connection, task.id)
    if task.merged_into:
        return redirect(url_for("pages.task", task_id=task.merged_into))
    parts = _template(version_chosen)
    before = _compared_to(versions, version_chosen)
    compared = changes.compare(_template(before), parts) if before else []
    return render_template(
        "pages/task.html",
        task=task,
        versions=versions,
        chosen=version_chosen,
        became=became,
        was=argument("was"),
        parts=parts,
        prefix_end=prefix_end(parts, varying(costing.costs)) if costing else None,
        before=before,
        compared=compared,
        is_changed=changes.is_changed(compared),
        board=_board(past.spent, before, version_chosen),
        costing=costing,
        costs=costing.costs if costing else None,
        least_cached=LEAST_CACHED,
        few_calls=FEW_CALLS,
        shown=range_shown,
        metric=metric,
        past=past,
        newest=newest,
        colours=colours_of(versions),
        calls=calls[:CALLS_SHOWN],
        more=_next_cursor(calls, CALLS_SHOWN, lambda call: Cursor(call.seen_at, call.id)),
        after=after,
        sample=insights.SAMPLE,
        declared=declared,
        others=other_tasks,
        alike=alike,
        sites=sites,
        decided=decided,
        may_split=_may_split(versions, version_chosen),
    )


@pages.get("/traces/<trace_id>")
def trace(trace_id: str) -> str:
    with access.reading() as connection:
        call = traces.get(connection, project(), id_or_404(trace_id)) or abort(HTTPStatus.NOT_FOUND)
        of_task = tasks.get(connection, project(), call.task_id) if call.task_id else None
        versions = versions_of(connection, call.task_id) if call.task_id else []
        placed = placing.placed(connection, call)
        beside = neighbours.of_call(connection, project(), call)
        turns = neighbours.turns(connection, project(), call.conversation_id) if call.conversation_id else []
        priced = prices.of_project(connection, project()).of(call.model)
    return render_template(
        "pages/trace.html",
        call=call,
        task=of_task,
        parts=_prompt(call),
        values=traces.variables_of(call.slots, call.variables),
        places=list(zip(call.slots or [], call.variables or [], strict=False)),
        colours=colours_of(versions),
        placed=placed,
        role_of=placing.role_of,
        beside=beside,
        turns=turns,
        price=priced,
    )


@pages.get("/news")
def news() -> Response:
    """The number of calls of the project, or of a task, stored after a call, for a page that stays open."""
    after, of_task = id_or_404(argument("after")), argument("task")
    with access.reading() as connection:
        calls = neighbours.later(connection, project(), after, id_or_404(of_task) if of_task else None)
    plus = "+" if calls >= neighbours.MOST_NEWS else ""
    return json_answer({"calls": calls, "words": f"{calls}{plus} new call{'s' if calls != 1 else ''}"})


@pages.get("/ungrouped")
def ungrouped() -> str:
    path, state, after = argument("path"), argument("state"), argument("after")
    states = STATES.get(state) or abort(HTTPStatus.NOT_FOUND)
    before = id_or_404(after) if after else None
    with access.reading() as connection:
        if state == "none":
            calls = browse.without_prompt(connection, project(), limit=PAGE_SIZE)
        else:
            calls = browse.ungrouped_page(
                connection, project(), path=path, states=states, after=before, limit=PAGE_SIZE + 1
            )
        paths = browse.ungrouped_paths(connection, project())
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
        now=monitor.pipeline(services.engine, project(), services.settings),
        grouping_enabled=services.settings.task_grouping_enabled,
    )


# --- login


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
    """Show another project, in local mode."""
    project_id = id_or_404(request.form.get("project", ""))
    if project_id not in {project.id for project in g.visitor.choices}:
        abort(HTTPStatus.NOT_FOUND)
    access.choose_project(project_id)
    return redirect(url_for("pages.task_list"), HTTPStatus.SEE_OTHER)


# --- shared by the routes


def project() -> UUID:
    return cast(UUID, g.visitor.project.id)


def argument(name: str) -> str:
    """A text of the query as `plain_text`; empty where the query has none of the name."""
    return plain_text(request.args.get(name, ""))


def plain_text(text: str) -> str:
    """A text of a visitor without NUL, which PostgreSQL refuses, and no longer than LONGEST_QUERY."""
    return text.replace("\x00", "")[:LONGEST_QUERY]


def id_or_404(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        abort(HTTPStatus.NOT_FOUND)


def _cursor(name: str) -> Cursor | None:
    """The cursor in a link of ours, `<time>_<id>`."""
    text = argument(name)
    if not text:
        return None
    time, _, last = text.rpartition("_")
    try:
        return Cursor(datetime.fromisoformat(time).astimezone(UTC), UUID(last))
    except (ValueError, OverflowError):  # OverflowError: no date of the calendar in UTC
        abort(HTTPStatus.NOT_FOUND)


def _next_cursor(rows: Sequence[Any], size: int, cursor_of: Any) -> str:
    """The cursor of the next page, "" on the last one; the query reads one row more than the page shows."""
    if len(rows) <= size:
        return ""
    last: Cursor = cursor_of(rows[size - 1])
    return f"{last.seen.isoformat()}_{last.id}"


def versions_of(connection: Connection, task_id: UUID) -> Sequence[Row[Any]]:
    """The versions of a task, newest first."""
    versions = tasks.implementations(connection, project(), task_id, limit=MOST_VERSIONS)
    return sorted(versions, key=lambda version: version.version, reverse=True)


def _calls(connection: Connection, version: Row[Any] | None, after: Cursor | None) -> list[CallRow]:
    if version is None:
        return []
    ids = (version.id, version.template_id)
    return browse.calls_page(connection, project(), *ids, after=after, limit=CALLS_SHOWN + 1)


def _costing(connection: Connection, version: Row[Any] | None, past: History, priced: prices.Prices) -> Costing | None:
    if version is None:
        return None
    spending = past.spent.get(version.id, Spending())
    return of_version(connection, project(), version, spending, priced.of(version.model))


def _template(version: Row[Any] | None) -> list[Part]:
    return template_parts(version.parts, version.slots) if version else []


def _prompt(call: Row[Any]) -> list[Part]:
    """The prompt of a call, with its values marked where it has a template."""
    prompt = call.prompt_parts or []
    return prompt_parts(call.parts, call.slots, call.variables, prompt) if call.parts else plain_parts(prompt)


def colours_of(versions: Sequence[Row[Any]]) -> dict[str, int]:
    return colours(version.slots for version in reversed(versions))


def _version_to_show(versions: Sequence[Row[Any]]) -> Row[Any] | None:
    """The version in the link, else the newest in use; None in a task without versions."""
    number = argument("version")
    if number:
        return _numbered(versions, number) or abort(HTTPStatus.NOT_FOUND)
    in_use = [version for version in versions if version.retired_at is None]
    return next(iter(in_use or versions), None)


def _led_on(connection: Connection, task_id: UUID, versions: Sequence[Row[Any]]) -> AnyResponse | None:
    """A redirect to the version that replaced the one in the link, which has no calls any more."""
    number = argument("version")
    if not number.isdecimal() or int(number) > tasks.LAST_VERSION or _numbered(versions, number) is not None:
        return None
    instead = replaced.in_place_of(connection, task_id, int(number))
    if instead is None:
        return None
    further = {name: value for name, value in _arguments().items() if name not in {"version", "against", "was"}}
    return redirect(url_for("pages.task", task_id=instead.task_id, version=instead.number, was=int(number), **further))  # type: ignore[arg-type]


def _may_split(versions: Sequence[Row[Any]], version_chosen: Row[Any] | None) -> bool:
    """Whether the template of the chosen version could become a task of its own: it is in use, and others remain."""
    if version_chosen is None or version_chosen.retired_at is not None:
        return False
    return any(version.template_id != version_chosen.template_id for version in versions)


def _compared_to(versions: Sequence[Row[Any]], version: Row[Any] | None) -> Row[Any] | None:
    """The version in the link, else the version that the chosen one replaced."""
    if version is None:
        return None
    setups = {version.version: (version.model, version.settings_digest) for version in versions}
    number = changes.replaced_by(version.version, setups)
    return _numbered(versions, argument("against")) or _numbered(versions, str(number))


def _board(
    spending_by_version: Mapping[UUID, Spending], before: Row[Any] | None, version: Row[Any] | None
) -> Scoreboard | None:
    if before is None or version is None:
        return None
    return scoreboard(spending_by_version.get(before.id, Spending()), spending_by_version.get(version.id, Spending()))


def _numbered(versions: Sequence[Row[Any]], number: str) -> Row[Any] | None:
    return next((version for version in versions if str(version.version) == number), None)


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
