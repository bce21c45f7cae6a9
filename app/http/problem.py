"""Errors as `application/problem+json` (RFC 9457), for every answer of 400 and above.

`errors` names each wrong item and field, and the remedy. No answer shows a value from the request, nor internals of the server.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, request
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from app.checks import Problem
from app.errors import CallerError, ConfigurationError, DatabaseDownError, DependencyError, NotFoundError
from app.http.answer import json_answer
from app.http.hints import where_to, which_id
from app.logs import describe, logger
from app.store.sqlstates import is_busy, state_of

RETRY_AFTER = 2
"""Seconds after which a client may retry when a dependency is down."""

_log = logger(__name__)


class ProblemError(Exception):
    """The request is answered with this problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


def problem_body(status: int, detail: str, errors: Iterable[Problem] = ()) -> dict[str, Any]:
    """The members of a problem; also used inside the answer to a batch.

    `errors` always has an entry; an error of the request as a whole has an empty `loc`.
    """
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [
            {"loc": list(problem.loc), "message": problem.message} for problem in list(errors) or [Problem((), detail)]
        ],
    }


def problem_answer(
    status: int, detail: str, errors: Iterable[Problem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as a response."""
    response = json_answer(problem_body(status, detail, errors), status)
    response.mimetype = "application/problem+json"
    response.headers.update(headers or {})
    return response


def install(app: Flask) -> None:
    """Answer every error of the app with a problem."""
    app.register_error_handler(ProblemError, _of_problem)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(NotFoundError, lambda error: problem_answer(404, str(error)))
    app.register_error_handler(ConfigurationError, _of_bug)
    app.register_error_handler(CallerError, lambda error: problem_answer(422, str(error)))
    app.register_error_handler(DependencyError, of_outage)
    app.register_error_handler(exc.DBAPIError, _of_database)
    app.register_error_handler(Exception, _of_bug)


def _of_problem(error: ProblemError) -> Response:
    return problem_answer(error.status, error.detail, error.errors, error.headers)


def of_http(error: HTTPException) -> Response:
    """Flask's own errors (404, 405, 413, 415 ...), with the headers that belong to them (Allow, Retry-After)."""
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return problem_answer(error.code or 500, _detail_of(error), headers=headers)


def _detail_of(error: HTTPException) -> str:
    if error.code == HTTPStatus.NOT_FOUND:
        hint = where_to(request.path) or which_id(current_app.url_map, request.path)
        return hint or _own_words(error) or "There is no such route; GET /openapi.json lists all routes."
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"This route does not take {request.method}; the header Allow has the methods that it takes."
    return error.description or ""


def _own_words(error: HTTPException) -> str | None:
    """The description that our code gave the error, not Flask's."""
    return error.description if error.description != type(error).description else None


def of_outage(error: DependencyError) -> Response:
    """The answer while a dependency does not work; its reason is logged."""
    _log.warning("dependency_down", error=type(error).__name__, why=getattr(error, "why", str(error)))
    # No promise that nothing was stored: a connection may die while the server answers a COMMIT.
    detail = f"{error} Send the request again; a trace with an external_id is never stored twice."
    return problem_answer(503, detail, headers={"Retry-After": str(RETRY_AFTER)})


def _of_database(error: exc.DBAPIError) -> Response:
    if is_busy(error):
        return of_outage(DependencyError("PostgreSQL is busy."))
    if state := state_of(error):
        return of_outage(DatabaseDownError("PostgreSQL cannot do this now.", state))
    return _of_bug(error)


def _of_bug(error: Exception) -> Response:
    _log.error("request_failed", **describe(error))
    return problem_answer(500, "Something went wrong on our side; the log of the web process says what.")
