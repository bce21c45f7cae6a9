"""Routes that say who may call them, what they take and what they answer.

One declaration serves the router, the key check, the check of the query string and `openapi.json`, so they cannot differ.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError

from app.checks import Problem, problems_of, unstorable
from app.http.admission import admitted
from app.http.auditing import audited
from app.http.body import read_json
from app.http.problem import ProblemError
from app.http.services import services

View = TypeVar("View", bound=Callable[..., Response])
Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class Operation:
    """One method of one route, as openapi.json describes it."""

    method: str
    rule: str
    name: str
    summary: str
    scope: str | None
    answers: Mapping[int, Any]
    query: type[BaseModel] | None
    body: Any
    problems: Mapping[int, str]
    media_types: Sequence[str] = ()

    @property
    def is_tagged(self) -> bool:
        """Whether answers have an ETag: what is read of the API, often by programs that ask again."""
        return self.method == "GET" and self.rule.startswith("/api/v1/")


class Routes:
    """The routes of one blueprint."""

    def __init__(self, name: str) -> None:
        self.blueprint = Blueprint(name, __name__)
        self.operations: list[Operation] = []

    def route(
        self,
        method: str,
        rule: str,
        *,
        answers: Mapping[int, Any],
        scope: str | None,
        query: type[BaseModel] | None = None,
        body: Any = None,
        problems: Mapping[int, str] | None = None,
        media_types: Sequence[str] = (),
    ) -> Callable[[View], View]:
        """Register a view.  It is called with the parts of the rule, `holder` if it has a scope, `query` if it has one.

        Its docstring's first line is its summary.  `answers` maps a status to the model of its body, `problems` those
        that no other route answers to what they mean.  `media_types` are those that the body may have besides JSON.
        """

        def register(view: View) -> View:
            summary = (view.__doc__ or "").strip().partition("\n")[0]
            operation = Operation(
                method, rule, view.__name__, summary, scope, answers, query, body, problems or {}, media_types
            )
            self.operations.append(operation)
            self.blueprint.add_url_rule(rule, view.__name__, _checked(view, operation), methods=[method])
            return view

        return register


def _checked(view: Callable[..., Response], operation: Operation) -> Callable[..., Response]:
    """The view behind the checks that its declaration promises."""

    @functools.wraps(view)
    def checked(**arguments: Any) -> Response:
        if operation.scope == "admin" and operation.method != "GET":
            return audited(asking, operation.name, admitted(operation.scope), arguments)
        if operation.scope is not None:
            arguments["holder"] = admitted(operation.scope)
        return asking(**arguments)

    def asking(**arguments: Any) -> Response:
        if operation.query is not None:
            arguments["query"] = read_query(operation.query)
        return tagged(view(**arguments)) if operation.is_tagged else view(**arguments)

    return checked


def tagged(response: Response) -> Response:
    """The answer with an ETag of its body, or 304 without a body where the caller has this one."""
    if response.status_code != 200 or response.is_streamed:
        return response
    response.add_etag()
    response.make_conditional(request)
    return response


def read_query(model: type[BaseModel]) -> Any:
    """The query string as this model; an empty value counts as absent, but that of a slot.  Raises ProblemError 422."""
    values = {name: value for name, value in request.args.items() if value != "" or name.startswith("slot.")}
    problems = list(unstorable(values, services().limits))
    try:
        query = model.model_validate(values)
    except ValidationError as error:
        problems += problems_of(error)
    if problems:
        named = [Problem(("query", *problem.loc), problem.message) for problem in problems]
        raise ProblemError(422, "A parameter of the query string is wrong.", named)
    return query


def read_body(model: type[Body], refusal: str) -> Body:
    """The body as this model.  Raises ProblemError 422 with this sentence, and what `read_json` raises."""
    return validated(model, read_json(services().settings).value, refusal)


def validated(model: type[Body], body: Any, refusal: str) -> Body:
    """Plain values as this model.  Raises ProblemError 422 with this sentence."""
    problems = list(unstorable(body, services().limits))
    try:
        wanted = model.model_validate(body)
    except ValidationError as error:
        problems += problems_of(error)
    if problems:
        raise ProblemError(422, refusal, problems)
    return wanted
