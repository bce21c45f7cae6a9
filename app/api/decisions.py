"""What people decide about tasks: PATCH of tasks and implementations, POST of merges and splits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self
from uuid import UUID

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from app.api.shapes import ImplementationDetail, TaskDetail
from app.api.tasks import implementation_detail, task_detail
from app.checks import Text
from app.grouping import decisions
from app.grouping.decisions import DecisionError
from app.http.answer import json_answer
from app.http.auditing import note
from app.http.problem import ProblemError
from app.http.routes import Routes, read_body
from app.http.services import services
from app.store.engine import transaction
from app.store.keys import KeyHolder

routes = Routes("decisions")

UNCHANGED = "Nothing was changed: see errors."
MAX_NAME = 200
MAX_DESCRIPTION = 10_000


def _check_name(name: str) -> str:
    if not name.strip():
        raise PydanticCustomError("blank", "Must not be blank: a page could not show it.")
    return name


TaskName = Annotated[
    str,
    Field(strict=True, max_length=MAX_NAME, json_schema_extra={"pattern": r"^[^\u0000]*[^\u0000\s][^\u0000]*$"}),
    AfterValidator(_check_name),
]


def _described(schema: dict[str, Any]) -> None:
    """Something must be given; what is left out stays as it is, so nothing has a default."""
    schema["minProperties"] = 1
    for field in schema["properties"].values():
        del field["default"]


class TaskChanges(BaseModel):
    """What is to change of a task."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra=_described)

    name: TaskName = ""
    description: Text = Field("", max_length=MAX_DESCRIPTION)
    response_schema: dict[str, Any] | None = Field(None, description="A JSON Schema of what the model answers.")
    production: UUID | None = Field(None, description="The id of the implementation that is in production.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "Say what is to change: name, description, response_schema, production.")
        return self


@routes.route("PATCH", "/api/v1/tasks/<uuid:task_id>", scope="admin", body=TaskChanges, answers={200: TaskDetail})
def change_task(holder: KeyHolder, task_id: UUID) -> Response:
    """Name a task, describe it, say what its answers look like and which version is in production."""
    changes = read_body(TaskChanges, UNCHANGED).model_dump(exclude_unset=True)
    note(fields=sorted(changes))
    with _deciding() as connection:
        decisions.change_task(connection, holder.project_id, task_id, changes)
        return json_answer(task_detail(connection, holder.project_id, task_id))


class VersionChanges(BaseModel):
    """What is to change of an implementation."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    slots: Annotated[dict[str, Text], Field(min_length=1)] = Field(
        description="New names by the old ones. The slots of a template are those of all its implementations."
    )


@routes.route(
    "PATCH",
    "/api/v1/implementations/<uuid:implementation_id>",
    scope="admin",
    body=VersionChanges,
    answers={200: ImplementationDetail},
)
def change_implementation(holder: KeyHolder, implementation_id: UUID) -> Response:
    """Give slots of a version's template other names."""
    names = read_body(VersionChanges, UNCHANGED).slots
    note(slots=len(names))
    with _deciding() as connection:
        decisions.rename_slots(connection, holder.project_id, implementation_id, names)
        return json_answer(implementation_detail(connection, holder.project_id, implementation_id))


class Merge(BaseModel):
    """Which task another one goes on in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    into: UUID = Field(description="The id of a task of the same path.")


@routes.route("POST", "/api/v1/tasks/<uuid:task_id>/merge", scope="admin", body=Merge, answers={200: TaskDetail})
def merge_task(holder: KeyHolder, task_id: UUID) -> Response:
    """Make two tasks of a path one: the versions of this one go on as the next ones of the other."""
    into = read_body(Merge, UNCHANGED).into
    note(into=into)
    with _deciding() as connection:
        decisions.merge(connection, holder.project_id, task_id, into)
        return json_answer(task_detail(connection, holder.project_id, into))


@routes.route(
    "POST",
    "/api/v1/implementations/<uuid:implementation_id>/split",
    scope="admin",
    answers={201: TaskDetail},
    problems={409: "Its task has no other template, or another one took the place of its own."},
)
def split_implementation(holder: KeyHolder, implementation_id: UUID) -> Response:
    """Make a task of its own of the template of a version."""
    with _deciding(409) as connection:
        task_id = decisions.split(connection, holder.project_id, implementation_id)
        note(task=task_id)
        return json_answer(task_detail(connection, holder.project_id, task_id), 201)


@contextmanager
def _deciding(status: int = 422) -> Iterator[Connection]:
    """One transaction; a decision that cannot be taken is a problem of its field, of this status."""
    try:
        with transaction(services().engine) as connection:
            yield connection
    except DecisionError as error:
        raise ProblemError(status, UNCHANGED, error.problems) from None
