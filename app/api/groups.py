"""POST of a request, by a person, that a group be mined again, or of a look at what that would change; GET of how far it is."""

from dataclasses import asdict
from datetime import datetime
from threading import Lock
from typing import Any, Self
from uuid import UUID

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError
from werkzeug.exceptions import TooManyRequests

from app.api.regroup_shapes import ProgressShape, RegroupAnswer, RehearsalShape
from app.checks import Name, Problem
from app.errors import NotFoundError
from app.grouping import rehearsing
from app.grouping.rehearsing import FoundTemplate, Rehearsal
from app.http.answer import json_answer
from app.http.problem import ProblemError
from app.http.ranges import Bound
from app.http.routes import Routes, read_body
from app.http.services import services
from app.reading import progress
from app.store import groups
from app.store.engine import transaction
from app.store.groups import Group
from app.store.keys import KeyHolder
from app.store.templates import to_texts
from tasks.regroup import regroup as ask

routes = Routes("groups")


REHEARSAL_SECONDS = 10.0
"""Seconds of one mining in a dry run, which mines twice at most: a proxy in front waits for half a minute or longer."""

_rehearsing = Lock()
"""One dry run at a time in a process: it takes a processor from other requests."""


class RegroupIn(BaseModel):
    """The path to regroup; `all` also re-mines grouped traces, else only ungrouped ones."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "if": {"properties": {"since": {"type": "string"}}, "required": ["since"]},
            "then": {"properties": {"dry_run": {"const": True}}, "required": ["dry_run"]},
        },
    )

    path: Name
    all: StrictBool = False
    dry_run: StrictBool = Field(False, description="Say what a run would change, and write nothing.")
    since: Bound | None = Field(None, description="Of a dry run: only calls made at this moment or later are read.")

    @model_validator(mode="after")
    def _since_goes_with_a_dry_run(self) -> Self:
        if self.since is not None and not self.dry_run:
            raise PydanticCustomError("since", "since goes with dry_run: a run itself reads calls of all times.")
        return self


@routes.route(
    "POST",
    "/api/v1/groups/regroup",
    scope="ingest",
    body=RegroupIn,
    answers={202: RegroupAnswer, 200: RehearsalShape},
    problems={409: "The path is quarantined."},
)
def regroup(holder: KeyHolder) -> Response:
    """Ask that a path be mined again, at once; with dry_run only say what that would change."""
    body = read_body(RegroupIn, "Nothing was asked for: see errors.")
    services().limiter.take_regroup(holder)
    with transaction(services().engine) as connection:
        group = groups.find(connection, holder.project_id, body.path)
    if group is None:
        raise NotFoundError("This project has no trace of that path.")
    if body.dry_run:
        if not holder.may("read"):
            raise ProblemError(403, "A dry run shows templates: that needs a key with the scope read.")
        return _rehearsed(group, body)
    if group.quarantined_at is not None:
        detail = "The path is quarantined: its runs failed. Clear it: celery -A tasks quarantine clear."
        raise ProblemError(409, detail, [Problem(("path",), detail)])
    answer = ask(services().engine, services().settings, group.id, regroup_all=body.all)
    return json_answer({"path": group.path, "all": body.all, "grouping": answer}, 202)


def _rehearsed(group: Group, body: RegroupIn) -> Response:
    outcome = rehearsal_of(group.id, regroup_all=body.all, since=body.since)
    request = {"dry_run": True, "path": group.path, "all": body.all, "since": body.since}
    merged = {str(source): into for source, into in outcome.merged.items()}
    return json_answer(
        request
        | asdict(outcome)
        | {"merged": merged, "found": [_template_found(template) for template in outcome.found]}
    )


def rehearsal_of(group_id: UUID, *, regroup_all: bool, since: datetime | None = None) -> Rehearsal:
    """The changes that a run of the group would make now. Raises NotFoundError, TooManyRequests."""
    if not _rehearsing.acquire(blocking=False):
        raise TooManyRequests("Another dry run is under way here. Send it again after 10 s.", retry_after=10)
    try:
        rehearsal = rehearsing.rehearse(
            services().engine,
            group_id,
            regroup_all=regroup_all,
            since=since,
            settings=services().settings,
            seconds=REHEARSAL_SECONDS,
        )
    finally:
        _rehearsing.release()
    if rehearsal is None:
        raise NotFoundError("This project has no trace of that path.")
    return rehearsal


def _template_found(template: FoundTemplate) -> dict[str, Any]:
    texts = [part for part in to_texts(template.template) if part["text"]]
    return {
        "becomes": template.becomes,
        "task_id": template.task_id,
        "task_name": template.task_name,
        "template": texts,
        "calls": template.calls,
        "replaces": template.replaces,
        "leaves": template.leaves,
    }


class ProgressQuery(BaseModel):
    """The path of the group."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    path: Name


@routes.route(
    "GET",
    "/api/v1/groups/regroup",
    scope="read",
    query=ProgressQuery,
    answers={200: ProgressShape},
    problems={404: "This project has no call of that path."},
)
def regroup_progress(holder: KeyHolder, query: ProgressQuery) -> Response:
    """The progress of grouping a path: it waits, runs, matches older calls or is done."""
    with transaction(services().engine) as connection:
        state = progress.of_path(connection, holder.project_id, query.path)
    if state is None:
        raise NotFoundError("This project has no trace of that path.")
    return json_answer(asdict(state))
