"""The page of each error."""

from http import HTTPStatus

from flask import make_response, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.wrappers import Response as AnyResponse

from app.errors import DatabaseDownError
from app.http.problem import of_http
from app.logs import describe, logger
from app.pages.blueprint import pages
from app.pages.protection import protected
from app.pages.rendering import common_values

_log = logger(__name__)

ADDRESSES_OF_PROGRAMS = ("/api/", "/v1/")


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
    return protected(
        make_response(render_template("pages/error.html", error=error, **common_values()), HTTPStatus.NOT_FOUND)
    )


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
