"""GET of tasks and their implementations."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from app.api import by_id
from app.api.shapes import ImplementationDetail, MergedTask, Page, SimilarTask, TaskDetail
from app.api.usage_shapes import ListedTask, usage_shape
from app.checks import Problem
from app.http.answer import json_answer
from app.http.paging import MAX_LIMIT, PageQuery, Whole, page_of
from app.http.problem import ProblemError
from app.http.ranges import RangeQuery
from app.http.routes import Routes
from app.http.services import services
from app.reading import declared_calls, similar, spending, tasks, worklist
from app.reading.declared import DeclaredCalls, agreement
from app.reading.similar import Similar
from app.reading.spending import Spending
from app.reading.usage import Label, UsageScope
from app.reading.worklist import Listed, Sort, TaskFilter, UnknownCursorError
from app.store.engine import transaction
from app.store.keys import KeyHolder
from app.store.templates import from_parts, to_texts

routes = Routes("tasks")


def _is_label(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not (name and equals):
        raise PydanticCustomError("label", "Must be NAME=VALUE, an entry of the metadata of calls.")
    return text


class TaskQuery(RangeQuery, PageQuery):
    """The selection of a list of tasks, and its order."""

    path: str | None = Field(None, description="Tasks of this path.")
    q: str = Field("", description="Words, in any order, of names, paths, templates, models and values.")
    model: str | None = Field(None, description="Tasks with a version of this model; what they used is of that model.")
    user_id: str | None = Field(None, description="Tasks that this user called; what they used is of those calls.")
    conversation_id: str | None = Field(None, description="Tasks called in this conversation; the same.")
    label: Annotated[str, AfterValidator(_is_label)] | None = Field(
        None,
        description="NAME=VALUE: tasks with calls that have it in their metadata, of the newest 20,000 of the range.",
    )
    sort: Sort | None = Field(None, description="Left out: the newest task first.")
    order: Literal["asc", "desc"] | None = Field(None, description="desc, unless sort is name.")


@routes.route("GET", "/api/v1/tasks", scope="read", query=TaskQuery, answers={200: Page[ListedTask]})
def list_tasks(holder: KeyHolder, query: TaskQuery) -> Response:
    """Tasks with what they used in a range (24 hours unless told), newest first or sorted."""
    with services().reader.reading() as connection:
        if query.sort is None and not _is_narrowed(query):
            return json_answer(page_of(_newest(connection, holder, query), query.limit, _listed, _id_of))
        matching = worklist.list_tasks(connection, _task_filter(holder, query))
        try:
            ids = matching.after(query.cursor)[: query.limit + 1]
        except UnknownCursorError:
            raise ProblemError(422, "A parameter of the query string is wrong.", [_GONE]) from None
        listed = matching.in_full(connection, ids)
    return json_answer(page_of(listed, query.limit, _listed, _id_of))


def _is_narrowed(query: TaskQuery) -> bool:
    return any((query.q.strip(), query.model, query.user_id, query.conversation_id, query.label))


_GONE = Problem(
    ("query", "cursor"), "The task at this cursor is no longer in the list; send the request without a cursor."
)


def _newest(connection: Connection, holder: KeyHolder, query: TaskQuery) -> list[Listed]:
    """Tasks by id: a new one never shifts the later pages."""
    rows = tasks.page(connection, holder.project_id, path=query.path, limit=query.limit + 1, before=query.cursor)
    scope = UsageScope(holder.project_id, query.range(), task_ids=[row.id for row in rows])
    spending_by_task = spending.by_task(spending.of_versions(connection, scope))
    return [Listed(row, spending_by_task.get(row.id, Spending())) for row in rows]


def _task_filter(holder: KeyHolder, query: TaskQuery) -> TaskFilter:
    sort = query.sort or "last_seen"
    return TaskFilter(
        holder.project_id,
        query.range(),
        path=query.path,
        text=query.q,
        model=query.model,
        user_id=query.user_id,
        conversation_id=query.conversation_id,
        label=Label(*query.label.split("=", 1)) if query.label else None,
        sort=sort,
        descending=query.order == "desc" if query.order else sort != "name",
        whenever=query.stated is None,
    )


def _listed(listed: Listed) -> dict[str, Any]:
    spending = usage_shape(listed.spending)
    names = ("cost", "cost_estimated", "tokens", "errors", "latency")
    return _task(listed.row) | {"calls_in_range": spending["calls"]} | {name: spending[name] for name in names}


def _id_of(listed: Listed) -> UUID:
    return listed.row.id


@routes.route("GET", "/api/v1/tasks/<uuid:task_id>", scope="read", answers={200: TaskDetail, 308: MergedTask})
def get_task(holder: KeyHolder, task_id: UUID) -> Response:
    """A task; one that was merged into another leads there."""
    with transaction(services().engine) as connection:
        if into := _merged_into(connection, holder, task_id):
            return _led_to(f"/api/v1/tasks/{into}", into)
        return json_answer(task_detail(connection, holder.project_id, task_id))


@routes.route(
    "GET",
    "/api/v1/tasks/<uuid:task_id>/implementations",
    scope="read",
    query=PageQuery,
    answers={200: Page[ImplementationDetail], 308: MergedTask},
)
def list_implementations(holder: KeyHolder, task_id: UUID, query: PageQuery) -> Response:
    """The versions of a task by their numbers; one that was merged into another leads there."""
    with transaction(services().engine) as connection:
        if into := _merged_into(connection, holder, task_id):
            return _led_to(f"/api/v1/tasks/{into}/implementations", into)
        after = 0 if query.cursor is None else query.cursor.int
        rows = tasks.implementations(connection, holder.project_id, task_id, limit=query.limit + 1, after=after)
    return json_answer(page_of(rows, query.limit, _implementation, lambda row: UUID(int=row.version)))


@routes.route(
    "GET", "/api/v1/implementations/<uuid:implementation_id>", scope="read", answers={200: ImplementationDetail}
)
def get_implementation(holder: KeyHolder, implementation_id: UUID) -> Response:
    """One version of a task: its template, model and settings."""
    with transaction(services().engine) as connection:
        return json_answer(implementation_detail(connection, holder.project_id, implementation_id))


class SimilarQuery(BaseModel):
    """The number of tasks in the answer."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), Whole] = 20


@routes.route(
    "GET",
    "/api/v1/tasks/<uuid:task_id>/similar",
    scope="read",
    query=SimilarQuery,
    answers={200: Page[SimilarTask], 308: MergedTask},
)
def list_similar(holder: KeyHolder, task_id: UUID, query: SimilarQuery) -> Response:
    """Tasks with the same prompt or one that is much like it, on any path, the closest first; one page."""
    with transaction(services().engine) as connection:
        if into := _merged_into(connection, holder, task_id):
            return _led_to(f"/api/v1/tasks/{into}/similar", into)
        similar_tasks = similar.similar(connection, holder.project_id, task_id, query.limit)
    return json_answer(page_of(similar_tasks, query.limit, _similar))


def _similar(similar_task: Similar) -> dict[str, Any]:
    return _task(similar_task.row) | {
        "similarity": round(similar_task.similarity, 4),
        "same_prompt": similar_task.same_prompt,
    }


def _merged_into(connection: Connection, holder: KeyHolder, task_id: UUID) -> UUID | None:
    """The task that took this one over, if one did. Raises NotFoundError where the project has neither."""
    return by_id.task(connection, holder.project_id, task_id).merged_into


def _led_to(address: str, into: UUID) -> Response:
    answer = json_answer({"merged_into": into}, 308)
    answer.headers["Location"] = address
    return answer


_TASK = ("id", "name", "path", "description", "versions", "version", "calls", "first_seen", "last_seen")
_DECIDED = ("response_schema", "production_implementation_id", "created_at")
_IMPLEMENTATION = (
    "id",
    "task_id",
    "version",
    "model",
    "settings",
    "tools",
    "calls",
    "first_seen",
    "last_seen",
    "production",
    "made_by",
    "created_at",
)


def _task(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _TASK} | {"template": template_texts(row.parts, row.slots)}


def task_detail(connection: Connection, project_id: UUID, task_id: UUID) -> dict[str, Any]:
    """One task with everything about it. Raises NotFoundError."""
    row = by_id.task(connection, project_id, task_id)
    declared = agreement(DeclaredCalls(*counts) for counts in declared_calls.counted(connection, task_id))
    decided = {name: getattr(row, name) for name in _DECIDED}
    return _task(row) | decided | {"declared": None if declared is None else asdict(declared)}


def implementation_detail(connection: Connection, project_id: UUID, implementation_id: UUID) -> dict[str, Any]:
    """One implementation. Raises NotFoundError."""
    return _implementation(by_id.implementation(connection, project_id, implementation_id))


def _implementation(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _IMPLEMENTATION} | {
        "template": template_texts(row.parts, row.slots),
        "slots": list(dict.fromkeys(row.slots)),
        "slot_kinds": dict(zip(row.slots, row.slot_kinds, strict=False)),
    }


def template_texts(parts: Any, slots: Sequence[str] | None) -> list[dict[str, str]]:
    """The parts of a template in text form; empty ones are left out, as they are in a prompt."""
    if parts is None or slots is None:
        return []
    return [part for part in to_texts(from_parts(parts, slots)) if part["text"]]
