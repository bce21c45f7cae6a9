"""DELETE of one trace, and POST of a deletion of many."""

from dataclasses import asdict
from typing import Annotated, Any, Self
from uuid import UUID

from flask import Response
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.api.shapes import DeletionAnswer
from app.checks import Moment, Name, Problem, Text
from app.errors import NotFoundError
from app.http.answer import json_answer
from app.http.auditing import note
from app.http.body import read_json
from app.http.problem import ProblemError
from app.http.ranges import check_order
from app.http.routes import BodyModel, Routes, validated
from app.http.services import services
from app.store.deletion import Selector
from app.store.keys import KeyHolder
from tasks.forget import delete

routes = Routes("deletions")


def _no_null(value: Any) -> Any:
    """Refuse null: a mistake of the caller must not widen the deletion."""
    if value is None:
        raise PydanticCustomError("null", "Must not be null; leave it out.")
    return value


def _described(schema: dict[str, Any]) -> None:
    """Require at least one field, and no null."""
    schema["minProperties"] = 1
    for field in schema["properties"].values():
        del field["default"]
        field.update(field.pop("anyOf")[0])


_GIVEN = BeforeValidator(_no_null)


class Selected(BaseModel):
    """The calls that match every field given here."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra=_described)

    trace_id: Annotated[UUID | None, _GIVEN] = None
    external_id: Annotated[Name | None, _GIVEN] = None
    path: Annotated[Name | None, _GIVEN] = None
    user_id: Annotated[Text | None, _GIVEN] = None
    conversation_id: Annotated[Text | None, _GIVEN] = None
    since: Annotated[Moment | None, _GIVEN] = Field(None, description="When the call was made, this moment included.")
    until: Annotated[Moment | None, _GIVEN] = Field(None, description="When it was made, this moment not included.")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        check_order(self.since, self.until)
        return self


def _is_true(value: bool) -> bool:
    if not value:
        raise PydanticCustomError("true", "Must be true, or left out.")
    return value


class Everything(BaseModel):
    """Everything of the project but its keys."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    everything: Annotated[StrictBool, AfterValidator(_is_true), WithJsonSchema({"const": True})]


@routes.route("DELETE", "/api/v1/traces/<uuid:trace_id>", scope="admin", answers={200: DeletionAnswer})
def delete_trace(holder: KeyHolder, trace_id: UUID) -> Response:
    """Delete a trace, and what was made of it alone."""
    answer = _delete(holder, Selector(trace_id=trace_id))
    if not answer["traces"]:
        raise NotFoundError("This project has no such trace.")
    return json_answer(answer)


@routes.route("POST", "/api/v1/deletions", scope="admin", body=Selected | Everything, answers={200: DeletionAnswer})
def delete_traces(holder: KeyHolder) -> Response:
    """Delete traces by user, conversation, path, time or all of the project, and what was made of them alone."""
    body = read_json(services().settings).value
    if isinstance(body, dict) and "everything" in body:
        _checked(Everything, body)
        return json_answer(_delete(holder, Selector(), delete_all=True))
    selected = _checked(Selected, body)
    return json_answer(_delete(holder, Selector(**selected.model_dump(exclude_unset=True))))


def _delete(holder: KeyHolder, selector: Selector, *, delete_all: bool = False) -> dict[str, Any]:
    note(**selector.described())
    deleted = delete(services().engine, services().settings, holder.project_id, selector, delete_all=delete_all)
    answer = asdict(deleted.removed) | {"complete": deleted.complete}
    note(**answer)
    return answer


def _checked(model: type[BodyModel], body: Any) -> BodyModel:
    refusal = "Nothing was deleted: see errors."
    if body == {}:
        raise ProblemError(
            422,
            refusal,
            [Problem((), "Must name the calls to delete by at least one field, or hold everything: true alone.")],
        )
    return validated(model, body, refusal)
