"""POST and GET of traces."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from app.api import by_id
from app.api.shapes import BatchAnswer, ListedTrace, Page, TraceDetail, TraceRow
from app.checks import Problem
from app.http.answer import json_answer
from app.http.body import read_json
from app.http.paging import PageQuery, page_of
from app.http.problem import ProblemError, problem_body
from app.http.ranges import RangeQuery
from app.http.routes import Routes
from app.http.services import services
from app.intake.bodies.values import Body
from app.intake.posted import read_posted, shared_fields
from app.intake.prompts import INPUT_FIELDS
from app.intake.trace import Incoming, InvalidTraceError
from app.intake.trace_fields import TraceIn
from app.reading import slot_names
from app.store import traces
from app.store.engine import transaction
from app.store.keys import KeyHolder
from app.store.projects import Project
from app.store.templates import ROLES
from app.store.traces import TraceFilter, variables_of
from tasks.accept import Accepted, accept
from templating import meant_name

routes = Routes("traces")

Read = Callable[[Any], Incoming]
"""`read_posted`, for one body of JSON."""


class TraceBatch(BaseModel):
    """Several traces in one request, 1 to 1,000. A field of a trace beside `traces` counts for each trace that lacks it, except external_id."""

    traces: list[TraceIn]


SLOT = "slot."


def _described(schema: dict[str, Any]) -> None:
    """A parameter for each slot: `slot.plan=free`."""
    properties = schema["properties"]
    properties.pop("slots")
    properties[SLOT + "NAME"] = {
        "type": "string",
        "description": "Calls that hold this value in the slot NAME; slot.plan=free for the slot plan. Several: all of them.",
    }


class TraceQuery(RangeQuery, PageQuery):
    """The selection of a list of traces: all conditions hold for each."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra=_described)

    path: str | None = Field(None, description="The caller's name of the call site.")
    task_id: UUID | None = Field(None, description="Calls of this task.")
    implementation_id: UUID | None = Field(None, description="Calls of this version.")
    ungrouped: bool = Field(False, description="Calls that are in no task.")
    model: str | None = Field(None, description="Calls of this model.")
    user_id: str | None = Field(None, description="Calls of this user.")
    conversation_id: str | None = Field(None, description="Calls of this conversation.")
    slots: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _with_slots(cls, values: dict[str, str]) -> dict[str, Any]:
        """Parameters that begin with `slot.` together."""
        slots = {name.removeprefix(SLOT): value for name, value in values.items() if name.startswith(SLOT)}
        if "" in slots:
            raise PydanticCustomError("slot", "slot.NAME=VALUE must have the name of a slot.")
        filters = {name: value for name, value in values.items() if not name.startswith(SLOT)}
        return filters | ({"slots": slots} if slots else {})


PATH = "/api/v1/traces"


@routes.route(
    "POST",
    PATH,
    scope="ingest",
    body=TraceIn | TraceBatch,
    answers={201: TraceRow, 200: TraceRow, 207: BatchAnswer},
)
def create_traces(holder: KeyHolder) -> Response:
    """Store one trace or a batch of them, match them, and ask for what is new to be grouped."""
    body, strictly = read_json(services().settings)
    reader = partial(read_posted, limits=services().limits, is_json=strictly)
    if isinstance(body, dict) and "traces" in body:
        return _create_batch(holder, body["traces"], shared_fields(body), reader)
    return _create_one(holder, body, reader)


@routes.route("GET", PATH, scope="read", query=TraceQuery, answers={200: Page[ListedTrace]})
def list_traces(holder: KeyHolder, query: TraceQuery) -> Response:
    """Traces, the last one stored first; of a path, a task or an implementation, or those in no group."""
    trace_filter = TraceFilter(
        path=query.path,
        task_id=query.task_id,
        implementation_id=query.implementation_id,
        ungrouped=query.ungrouped,
        model=query.model,
        user_id=query.user_id,
        conversation_id=query.conversation_id,
        since=query.since,
        until=query.until,
        slots=query.slots,
    )
    with services().reader.reading() as connection:
        _check_slots(connection, holder.project_id, query)
        rows = traces.page(connection, holder.project_id, trace_filter, limit=query.limit + 1, before=query.cursor)
    return json_answer(page_of(rows, query.limit, _listed))


def _check_slots(connection: Connection, project_id: UUID, query: TraceQuery) -> None:
    """Raises ProblemError 422 for a slot that no template of the named task or version has; another project's has none to name."""
    chosen = (query.task_id, query.implementation_id)
    if not query.slots or chosen == (None, None):
        return
    known_names = slot_names.of_group(connection, project_id, *chosen)
    unknown = [name for name in query.slots if known_names and meant_name(name, known_names) is None]
    if unknown:
        names = ", ".join(slot_names.of_versions(connection, project_id, *chosen)) or "none"
        kind = "task" if query.implementation_id is None else "version"
        problems = [
            Problem(("query", SLOT + name), f"The {kind} has no slot {name}. Its slots: {names}.") for name in unknown
        ]
        raise ProblemError(422, "A parameter of the query string is wrong.", problems)


@routes.route("GET", "/api/v1/traces/<uuid:trace_id>", scope="read", answers={200: TraceDetail})
def get_trace(holder: KeyHolder, trace_id: UUID) -> Response:
    """A trace with everything that was sent, its prompt text byte for byte."""
    with transaction(services().engine) as connection:
        row = by_id.call(connection, holder.project_id, trace_id)
    return json_answer(_detail(row))


def _create_one(holder: KeyHolder, body: Any, reader: Read) -> Response:
    try:
        incoming = reader(body)
    except InvalidTraceError as error:
        raise ProblemError(422, "The trace was not stored: see errors.", error.problems) from None
    services().limiter.take_traces(holder, 1)
    (accepted,) = _accept(holder, [incoming])
    return json_answer(row_of(accepted), _status(accepted))


def _create_batch(holder: KeyHolder, bodies: Any, shared: Body, reader: Callable[..., Incoming]) -> Response:
    _check_batch(bodies, services().settings.max_batch)
    _check_shared(shared, len(bodies), services().settings.max_body_bytes)
    services().limiter.take_traces(holder, len(bodies))
    read_item = partial(reader, shared=shared)
    items = [_read_or_refuse(index, body, read_item) for index, body in enumerate(bodies)]
    accepted = iter(_accept(holder, [item for item in items if isinstance(item, Incoming)]))
    results = [
        _accepted_item(index, next(accepted)) if isinstance(item, Incoming) else {"index": index} | item
        for index, item in enumerate(items)
    ]
    return json_answer({"results": results}, 207)


def _check_batch(bodies: Any, limit: int) -> None:
    if not isinstance(bodies, list):
        problem = Problem(("traces",), "Must be a list of traces.")
        raise ProblemError(422, "Nothing was stored: traces is no list.", [problem])
    if not bodies:
        problem = Problem(("traces",), f"Must hold 1 to {limit} traces.")
        raise ProblemError(422, "Nothing was stored: the batch is empty.", [problem])
    if len(bodies) > limit:
        problem = Problem(("traces",), f"Holds {len(bodies)} traces; send at most {limit} in one request.")
        raise ProblemError(413, "Nothing was stored: the batch is too large.", [problem])


def _check_shared(shared: Body, traces: int, most_bytes: int) -> None:
    """Refuse a small body that would be stored as a large one: each trace may take the fields beside `traces`. Raises ProblemError."""
    try:
        size = len(json.dumps(shared, ensure_ascii=False)) * traces if shared else 0
    except RecursionError:
        return  # nested deeper than a trace may be: each trace that would take the field is refused
    if size > most_bytes:
        raise ProblemError(
            413,
            f"Nothing was stored: the fields beside traces count for each of {traces} traces, which makes over {most_bytes} bytes; send fewer traces in one request.",
        )


def _read_or_refuse(index: int, body: Any, reader: Read) -> Incoming | dict[str, Any]:
    try:
        return reader(body)
    except InvalidTraceError as error:
        problems = [Problem(("traces", index, *problem.loc), problem.message) for problem in error.problems]
        detail = f"Trace {index} was not stored: see errors."
        return {"status": 422, "error": problem_body(422, detail, problems)}


def _accept(holder: KeyHolder, incoming: Sequence[Incoming]) -> list[Accepted]:
    if not incoming:
        return []
    return accept(services().ingest, services().settings, Project(holder.project_id, holder.project_name), incoming)


def _status(accepted: Accepted) -> int:
    return 201 if accepted.recorded.created else 200


def _accepted_item(index: int, accepted: Accepted) -> dict[str, Any]:
    return {"index": index, "status": _status(accepted), **row_of(accepted)}


def row_of(accepted: Accepted) -> dict[str, Any]:
    """The answer for one trace, as `TraceRow` has it."""
    stored = accepted.recorded
    return {
        "id": stored.id,
        "external_id": stored.external_id,
        "task_id": stored.task_id,
        "implementation_id": stored.implementation_id,
        "variables": stored.variables,
        "grouping": accepted.grouping,
    }


_SUMMARY = (
    "id",
    "external_id",
    "path",
    "model",
    "task_id",
    "implementation_id",
    "version",
    "usage",
    "error",
    "conversation_id",
    "user_id",
    "started_at",
    "completed_at",
    "created_at",
)
_SETTINGS = ("tool_choice", "temperature", "max_output_tokens", "reasoning", "response_format")


def _summary(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _SUMMARY}
    return values | {"variables": variables_of(row.slots, row.variables)}


def _listed(row: Any) -> dict[str, Any]:
    return _summary(row) | {"prompt_start": None if row.prompt_start is None else list(_prompt(row.prompt_start))}


def _detail(row: Any) -> dict[str, Any]:
    return (
        _summary(row)
        | _members(row.input, INPUT_FIELDS)
        | _members(row.settings, _SETTINGS)
        | {
            "output": row.output,
            "tools": row.tools,
            "metadata": row.metadata,
            "prompt": None if row.prompt_parts is None else list(_prompt(row.prompt_parts)),
            "prompt_source": row.prompt_source,
        }
    )


def _members(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


def _prompt(parts: Sequence[str]) -> Iterator[dict[str, str]]:
    for role, text in zip(ROLES, parts, strict=False):
        if text:
            yield {"role": role, "text": text}
