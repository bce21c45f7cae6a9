"""DELETE of one trace, and POST of a deletion of many."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response
from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from app.api.answer import json_answer
from app.api.auditing import note
from app.api.body import read_json
from app.api.problem import ProblemError
from app.api.routes import Routes
from app.api.services import services
from app.api.shapes import DeletionAnswer
from app.errors import NotFoundError
from app.incoming import Moment, Name, Text, problems_of, unstorable
from app.store.deletion import Selector
from app.store.keys import KeyHolder
from tasks.forget import delete

routes = Routes("deletions")


class DeletionIn(BaseModel):
    """Which calls are to be deleted: those that everything given here holds for; or `everything` of the project."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    trace_id: UUID | None = None
    external_id: Name | None = None
    path: Name | None = None
    user_id: Text | None = None
    conversation_id: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    everything: StrictBool = False

    @model_validator(mode="after")
    def _says_which(self) -> "DeletionIn":
        if self.everything == (self.selector != Selector()):
            message = "Name what is to be deleted, or everything alone: true."
            raise PydanticCustomError("selector", message)
        return self

    @property
    def selector(self) -> Selector:
        return Selector(**self.model_dump(exclude={"everything"}))


@routes.route("DELETE", "/api/v1/traces/<uuid:trace_id>", scope="admin", answers={200: DeletionAnswer})
def delete_trace(holder: KeyHolder, trace_id: UUID) -> Response:
    """Delete a trace, and what was made of it alone."""
    answer = _delete(holder, Selector(trace_id=trace_id))
    if not answer["traces"]:
        raise NotFoundError("This project has no such trace.")
    return json_answer(answer)


@routes.route("POST", "/api/v1/deletions", scope="admin", body=DeletionIn, answers={200: DeletionAnswer})
def delete_traces(holder: KeyHolder) -> Response:
    """Delete traces by user, conversation, path, time or all of the project, and what was made of them alone."""
    wanted = _read()
    return json_answer(_delete(holder, wanted.selector, everything=wanted.everything))


def _delete(holder: KeyHolder, selector: Selector, *, everything: bool = False) -> dict[str, Any]:
    note(**selector.described())
    done = delete(services().engine, services().settings, holder.project_id, selector, everything=everything)
    answer = asdict(done.removed) | {"complete": done.complete}
    note(**answer)
    return answer


def _read() -> DeletionIn:
    body = read_json(services().settings)
    problems = list(unstorable(body, services().limits))
    try:
        wanted = DeletionIn.model_validate(body)
    except ValidationError as error:
        problems += problems_of(error)
    if problems:
        raise ProblemError(422, "Nothing was deleted: see errors.", problems)
    return wanted
