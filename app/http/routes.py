"""Routes that declare their scope, their input and their answers.

One declaration serves the router, the key check, the check of the query string and `openapi.json`, so these cannot differ.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.checks import Problem, problems_of, unstorable
from app.http.admission import admitted
from app.http.auditing import audited
from app.http.body import read_json
from app.http.problem import ProblemError
from app.http.services import services

View = TypeVar("View", bound=Callable[..., Response])
BodyModel = TypeVar("BodyModel", bound=BaseModel)


class NoQuery(BaseModel):
    """The query string of GET operations without parameters."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


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
    owned: Callable[..., Any] | None = None

    @property
    def is_tagged(self) -> bool:
        """Whether answers have an ETag: only GET operations of the API, which programs often repeat."""
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
        owned: Callable[..., Any] | None = None,
    ) -> Callable[[View], View]:
        """Register a view. It is called with the parts of the rule, `holder` if it has a scope, `query` if it has one.

        Its docstring's first line is its summary. `answers` maps a status to the model of its body; `problems` maps a status to its
        meaning, for statuses that no other route answers. `media_types` are further types that the body may have beside JSON.
        `owned` is for a query string with required parameters: called with the holder and the ids of the rule, it raises NotFoundError for
        an id of another project, which is the answer then, not the missing parameter.
        """

        def register(view: View) -> View:
            summary = (view.__doc__ or "").strip().partition("\n")[0]
            operation = Operation(
                method, rule, view.__name__, summary, scope, answers, query, body, problems or {}, media_types, owned
            )
            self.operations.append(operation)
            self.blueprint.add_url_rule(rule, view.__name__, _checked(view, operation), methods=[method])
            return view

        return register


def _checked(view: Callable[..., Response], operation: Operation) -> Callable[..., Response]:
    """The view behind the checks of its declaration."""

    @functools.wraps(view)
    def checked(**arguments: Any) -> Response:
        if operation.scope == "admin" and operation.method != "GET":
            return audited(asking, operation.name, admitted(operation.scope), arguments)
        if operation.scope is not None:
            arguments["holder"] = admitted(operation.scope)
        return asking(**arguments)

    def asking(**arguments: Any) -> Response:
        if operation.query is not None:
            arguments["query"] = _query_of(operation, operation.query, arguments)
        elif operation.is_tagged:
            read_query(NoQuery)
        return tagged(view(**arguments)) if operation.is_tagged else view(**arguments)

    return checked


def _query_of(operation: Operation, model: type[BaseModel], arguments: Mapping[str, Any]) -> Any:
    try:
        return read_query(model)
    except ProblemError:
        if operation.owned is not None:
            operation.owned(**arguments)
        raise


def tagged(response: Response) -> Response:
    """The answer with an ETag of its body, or 304 without a body where the caller's copy has the same ETag."""
    if response.status_code != 200 or response.is_streamed:
        return response
    response.add_etag()
    response.make_conditional(request)
    return response


def read_query(model: type[BaseModel]) -> Any:
    """The query string as this model; an empty value counts as absent, except for a slot's value. Raises ProblemError 422."""
    values = {name: value for name, value in request.args.items() if value != "" or name.startswith("slot.")}
    problems = [*not_utf8(), *_repeated(), *unstorable(values, services().limits)]
    try:
        query = model.model_validate(values)
    except ValidationError as error:
        problems += problems_of(error)
    if problems:
        query_problems = [Problem(("query", *problem.loc), problem.message) for problem in problems]
        raise ProblemError(422, "A parameter of the query string is wrong.", query_problems)
    return query


def _repeated() -> Iterator[Problem]:
    """Parameters with two values, of which one would be dropped."""
    for name, values in request.args.lists():
        if len(set(values)) > 1:
            yield Problem((name,), "Is given with several values; give one.")


def not_utf8() -> Iterator[Problem]:
    """Parameters with bytes that are not UTF-8, in whose place `request.args` has a replacement character."""
    for pair in request.query_string.split(b"&"):
        name, _, value = (unquote_to_bytes(part.replace(b"+", b" ")) for part in pair.partition(b"="))
        try:
            value.decode()
        except UnicodeDecodeError:
            yield Problem((name.decode(errors="replace"),), "Is not UTF-8; percent-encode the bytes of UTF-8.")


def read_body(model: type[BodyModel], refusal: str) -> BodyModel:
    """The body as this model. Raises ProblemError 422 with the sentence `refusal`, and the errors of `read_json`."""
    return validated(model, read_json(services().settings).value, refusal)


def validated(model: type[BodyModel], body: Any, refusal: str) -> BodyModel:
    """Plain values as this model. Raises ProblemError 422 with the sentence `refusal`."""
    problems = list(unstorable(body, services().limits))
    try:
        validated_body = model.model_validate(body)
    except ValidationError as error:
        problems += problems_of(error)
    if problems:
        raise ProblemError(422, refusal, problems)
    return validated_body
