"""People's decisions about tasks: PATCH of tasks and implementations, POST of merges, splits and undoing, GET of the history."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Self
from uuid import UUID

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from app.api.decision_shapes import DecisionShape, PreviewShape
from app.api.shapes import ImplementationDetail, Page, TaskDetail
from app.api.tasks import implementation_detail, task_detail, template_texts
from app.checks import NOT_IN_A_NAME, ONE_LINE, Text, is_blank, is_one_line
from app.deciding import decisions, previewing, telling, undoing
from app.deciding.holding import ConflictError, DecisionError
from app.deciding.previewing import InUse, Preview
from app.http.answer import json_answer
from app.http.auditing import note
from app.http.paging import PageQuery, page_of
from app.http.problem import ProblemError
from app.http.ranges import RangeQuery
from app.http.routes import Routes, read_body
from app.http.services import services
from app.store import history
from app.store.audit import Actor, Detail
from app.store.engine import transaction
from app.store.history import DecisionKind
from app.store.keys import KeyHolder

routes = Routes("decisions")

UNCHANGED = "Nothing was changed: see errors."
MAX_NAME = 200
"""Characters of a task's name, which lists show in a line or two."""

MAX_DESCRIPTION = 10_000
"""Characters of a description of a task: some pages."""


def _check_name(name: str) -> str:
    if is_blank(name):
        raise PydanticCustomError("blank", "Must not be blank: a page could not show it.")
    if not is_one_line(name):
        raise PydanticCustomError("lines", f"Must be {ONE_LINE}.")
    return name


TaskName = Annotated[
    str,
    Field(
        strict=True,
        max_length=MAX_NAME,
        json_schema_extra={"pattern": f"^[^{NOT_IN_A_NAME}]*[^{NOT_IN_A_NAME}\\s][^{NOT_IN_A_NAME}]*$"},
    ),
    AfterValidator(_check_name),
]


def _described(schema: dict[str, Any]) -> None:
    """Require a field beside `expected`; absent fields stay unchanged, so none has a default."""
    schema["minProperties"] = 1
    if "expected" in schema["properties"]:
        schema["dependentSchemas"] = {"expected": {"minProperties": 2}}
    for field in schema["properties"].values():
        field.pop("default", None)


class ExpectedFields(BaseModel):
    """The values that the caller has seen in fields of a task."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Text | None = None
    description: Text | None = None
    response_schema: dict[str, Any] | None = None
    production: UUID | None = None


class TaskChanges(BaseModel):
    """The changes to a task."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra=_described)

    name: TaskName = ""
    description: Text = Field("", max_length=MAX_DESCRIPTION)
    response_schema: dict[str, Any] | None = Field(None, description="A JSON Schema of what the model answers.")
    production: UUID | None = Field(None, description="The id of the implementation that is in production.")
    expected: ExpectedFields = Field(
        default_factory=ExpectedFields,
        description="What you believe some of these to be: 409 where somebody changed one meanwhile.",
    )

    @property
    def changes(self) -> dict[str, Any]:
        """The fields to change."""
        return self.model_dump(exclude_unset=True, exclude={"expected"})

    @property
    def expected_values(self) -> dict[str, Any]:
        """The values that the caller has seen, in the form of `decisions.facts_of`."""
        return self.expected.model_dump(mode="json", exclude_unset=True)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"expected"}:
            raise PydanticCustomError("empty", "Say what is to change: name, description, response_schema, production.")
        return self


CHANGED_MEANWHILE = {409: "Somebody decided otherwise meanwhile; errors says what."}


@routes.route(
    "PATCH",
    "/api/v1/tasks/<uuid:task_id>",
    scope="admin",
    body=TaskChanges,
    answers={200: TaskDetail},
    problems=CHANGED_MEANWHILE,
)
def change_task(holder: KeyHolder, task_id: UUID) -> Response:
    """Name a task, describe it, say what its answers look like and which version is in production."""
    changes = read_body(TaskChanges, UNCHANGED)
    note(fields=sorted(changes.changes))
    with _deciding() as connection:
        decisions.change_task(
            connection,
            holder.project_id,
            task_id,
            changes.changes,
            actor=Actor.of(holder),
            expected=changes.expected_values,
        )
        return json_answer(task_detail(connection, holder.project_id, task_id))


class VersionChanges(BaseModel):
    """The changes to an implementation."""

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
        decisions.rename_slots(connection, holder.project_id, implementation_id, names, actor=Actor.of(holder))
        return json_answer(implementation_detail(connection, holder.project_id, implementation_id))


class PreviewQuery(BaseModel):
    """Whether the decision is only previewed."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    preview: bool = Field(False, description="Say what would become of which versions and calls, and write nothing.")

    @property
    def noted(self) -> dict[str, Detail]:
        """Details for the audit log: a preview is no decision."""
        return {"preview": True} if self.preview else {}


PreviewState = Annotated[
    str | None, Field(max_length=64, description="The `state` of a preview: 409 where it is not so any more.")
]


class Merge(BaseModel):
    """The task into which another one is merged."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    into: UUID = Field(description="The id of a task of the same path.")
    expected: PreviewState = None


@routes.route(
    "POST",
    "/api/v1/tasks/<uuid:task_id>/merge",
    scope="admin",
    query=PreviewQuery,
    body=Merge,
    answers={200: TaskDetail | PreviewShape},
    problems=CHANGED_MEANWHILE,
)
def merge_task(holder: KeyHolder, task_id: UUID, query: PreviewQuery) -> Response:
    """Make two tasks of a path one: the versions of this one go on as the next ones of the other."""
    body = read_body(Merge, UNCHANGED)
    note(into=body.into, **query.noted)
    keys = (holder.project_id, task_id, body.into)
    with _deciding() as connection:
        if query.preview:
            return _previewed(previewing.of_merge(connection, *keys, Actor.of(holder)))
        decisions.merge(connection, *keys, actor=Actor.of(holder), expected=body.expected)
        return json_answer(task_detail(connection, holder.project_id, body.into))


class SplitQuery(PreviewQuery):
    """Whether the split is only previewed, and the state that the caller has seen."""

    expected: PreviewState = None


@routes.route(
    "POST",
    "/api/v1/implementations/<uuid:implementation_id>/split",
    scope="admin",
    query=SplitQuery,
    answers={201: TaskDetail, 200: PreviewShape},
    problems={
        409: "Its task has no other template, another one took the place of its own, or somebody decided otherwise meanwhile."
    },
)
def split_implementation(holder: KeyHolder, implementation_id: UUID, query: SplitQuery) -> Response:
    """Make a task of its own of the template of a version."""
    note(**query.noted)
    keys = (holder.project_id, implementation_id)
    with _deciding(409) as connection:
        if query.preview:
            return _previewed(previewing.of_split(connection, *keys, Actor.of(holder)))
        task_id = decisions.split(connection, *keys, actor=Actor.of(holder), expected=query.expected)
        note(task=task_id)
        return json_answer(task_detail(connection, holder.project_id, task_id), 201)


class DecisionQuery(RangeQuery, PageQuery):
    """The selection of a list of decisions; since and until are bounds of their times."""

    task_id: UUID | None = Field(None, description="Decisions about this task.")
    kind: DecisionKind | None = Field(None, description="Decisions of this kind.")


@routes.route("GET", "/api/v1/decisions", scope="read", query=DecisionQuery, answers={200: Page[DecisionShape]})
def list_decisions(holder: KeyHolder, query: DecisionQuery) -> Response:
    """People's decisions about tasks, newest first, with the state before each and whether it was undone."""
    with transaction(services().engine) as connection:
        rows = history.page(
            connection,
            holder.project_id,
            limit=query.limit + 1,
            before=query.cursor,
            task_id=query.task_id,
            kind=query.kind,
            since=query.since,
            until=query.until,
        )
    return json_answer(page_of(rows, query.limit, _decision))


@routes.route(
    "POST",
    "/api/v1/decisions/<uuid:decision_id>/undo",
    scope="admin",
    query=PreviewQuery,
    answers={200: DecisionShape | PreviewShape},
    problems={409: "It was undone already, or something else stands in the way; errors says what to undo first."},
)
def undo_decision(holder: KeyHolder, decision_id: UUID, query: PreviewQuery) -> Response:
    """Take a decision back: everything is as if it had not been taken, but for what came since."""
    note(**query.noted)
    keys = (holder.project_id, decision_id)
    with _deciding(409) as connection:
        if query.preview:
            return _previewed(previewing.of_undo(connection, *keys, Actor.of(holder)))
        return json_answer(_decision(undoing.undo(connection, *keys, actor=Actor.of(holder))))


_DECISION = (
    "id",
    "kind",
    "actor",
    "key_id",
    "path",
    "task_id",
    "task_name",
    "other_task_id",
    "other_task_name",
    "template_id",
    "before",
    "after",
    "created_at",
    "undone_at",
)


def _decision(row: Any) -> dict[str, Any]:
    undone = row.undone_at and telling.who(row.undone_actor, row.undone_key_name, row.undone_key_last4)
    return {name: getattr(row, name) for name in _DECISION} | {
        "summary": telling.summary(row),
        "who": telling.who(row.actor, row.key_name, row.key_last4),
        "undone_by": undone or None,
    }


def _previewed(preview: Preview) -> Response:
    tasks = [
        asdict(task) | {"in_use_before": _in_use(task.in_use_before), "in_use_after": _in_use(task.in_use_after)}
        for task in preview.tasks
    ]
    return json_answer({"preview": True, "calls": preview.calls, **asdict(preview), "tasks": tasks})


def _in_use(version: InUse | None) -> dict[str, Any] | None:
    if version is None:
        return None
    names = {"implementation_id": version.implementation_id, "version": version.version}
    return names | {"template": template_texts(version.parts, version.slots)}


@contextmanager
def _deciding(status: int = 422) -> Iterator[Connection]:
    """One transaction; an invalid decision becomes a problem of its field with this status, a conflict one with 409."""
    try:
        with transaction(services().engine) as connection:
            yield connection
    except ConflictError as error:
        raise ProblemError(409, UNCHANGED, error.problems) from None
    except DecisionError as error:
        raise ProblemError(status, UNCHANGED, error.problems) from None
