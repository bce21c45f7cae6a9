"""POST of a request, by a person, that a group be mined again."""

from flask import Response
from pydantic import BaseModel, ConfigDict, StrictBool

from app.api.shapes import RegroupAnswer
from app.checks import Name, Problem
from app.errors import NotFoundError
from app.http.answer import json_answer
from app.http.problem import ProblemError
from app.http.routes import Routes, read_body
from app.http.services import services
from app.store import groups
from app.store.engine import transaction
from app.store.keys import KeyHolder
from tasks.regroup import regroup as ask

routes = Routes("groups")


class RegroupIn(BaseModel):
    """Which group; `all` also re-mines grouped traces, else what is in no group."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    path: Name
    all: StrictBool = False


@routes.route(
    "POST",
    "/api/v1/groups/regroup",
    scope="ingest",
    body=RegroupIn,
    answers={202: RegroupAnswer},
    problems={409: "The path is quarantined."},
)
def regroup(holder: KeyHolder) -> Response:
    """Ask that a path be mined again, at once."""
    wanted = read_body(RegroupIn, "Nothing was asked for: see errors.")
    services().limiter.take_regroup(holder)
    with transaction(services().engine) as connection:
        group = groups.find(connection, holder.project_id, wanted.path)
    if group is None:
        raise NotFoundError("This project has no trace of that path.")
    if group.quarantined_at is not None:
        detail = "The path is quarantined: its runs failed. Clear it: celery -A tasks quarantine clear."
        raise ProblemError(409, detail, [Problem(("path",), detail)])
    asked = ask(services().engine, services().settings, group.id, everything=wanted.all)
    return json_answer({"path": group.path, "all": wanted.all, "grouping": asked}, 202)
