"""GET of what changed between versions, and of why a call is where it is."""

from typing import Annotated, Any
from uuid import UUID

from flask import Response
from pydantic import ConfigDict, Field
from sqlalchemy import Connection, Row

from app.api import by_id
from app.api.usage_shapes import DiffAnswer, WhyAnswer, usage_shape
from app.errors import NotFoundError
from app.http.answer import json_answer
from app.http.paging import Whole
from app.http.ranges import RangeQuery
from app.http.routes import Routes
from app.http.services import services
from app.reading import changes, placing, spending, tasks
from app.reading.pieces import Part, template_parts
from app.reading.spending import Spending
from app.reading.tasks import LAST_VERSION
from app.reading.usage import UsageScope
from app.store.engine import transaction
from app.store.keys import KeyHolder

routes = Routes("comparing")

Number = Annotated[int, Field(ge=1, le=LAST_VERSION), Whole]


class DiffQuery(RangeQuery):
    """The compared versions, and bounds of their calls' times."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    from_: Number = Field(alias="from", description="The number of the version that is compared.")
    to: Number = Field(description="The number of the version that it is compared with.")


@routes.route(
    "GET",
    "/api/v1/tasks/<uuid:task_id>/diff",
    scope="read",
    query=DiffQuery,
    answers={200: DiffAnswer},
    owned=by_id.own_task,
)
def get_diff(holder: KeyHolder, task_id: UUID, query: DiffQuery) -> Response:
    """The difference between two versions of a task, word by word, and the usage of each (24 hours unless told)."""
    with transaction(services().engine) as connection:
        owner_id = by_id.task_in_force(connection, holder.project_id, task_id)
        old, new = (_version(connection, holder, owner_id, number) for number in (query.from_, query.to))
        scope = UsageScope(holder.project_id, query.range(), task_ids=[owner_id])
        spending_by_version = {
            version.id: spending_of_version
            for version, spending_of_version in spending.of_versions(connection, scope).items()
        }
    template = changes.compare(template_parts(old.parts, old.slots), template_parts(new.parts, new.slots))
    sides = {name: _side(version, spending_by_version) for name, version in (("from", old), ("to", new))}
    return json_answer(
        sides | {"changed": changes.is_changed(template), "template": [_part(part) for part in template]}
    )


def _side(version: Row[Any], spending_by_version: dict[UUID, Spending]) -> dict[str, Any]:
    return {
        "version": version.version,
        "implementation_id": version.id,
        "model": version.model,
        "settings": version.settings,
        "tools": version.tools,
        "usage": usage_shape(spending_by_version.get(version.id, Spending())),
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "role": part.role,
        "pieces": [
            {
                "change": piece.change if piece.change in {"added", "removed"} else "same",
                "text": piece.text,
                "slot": piece.slot,
            }
            for piece in part.pieces
        ],
    }


@routes.route("GET", "/api/v1/traces/<uuid:trace_id>/why", scope="read", answers={200: WhyAnswer})
def get_why(holder: KeyHolder, trace_id: UUID) -> Response:
    """Why a call is where it is: the nearest template of its path, and the very words where the text leaves it."""
    with transaction(services().engine) as connection:
        placing_found = placing.placed(connection, by_id.call(connection, holder.project_id, trace_id))
    return json_answer(
        {"state": placing_found.state, "summary": placing_found.summary, "nearest": _nearest(placing_found.nearest)}
    )


def _nearest(nearest: placing.Nearest | None) -> dict[str, Any] | None:
    if nearest is None:
        return None
    departure = nearest.leaves
    return {
        "task_id": nearest.task_id,
        "implementation_id": nearest.implementation_id,
        "version": nearest.version,
        "name": nearest.name,
        "share": nearest.share,
        "leaves": None
        if departure is None
        else {
            "role": placing.role_of(departure.part),
            "offset": departure.offset,
            "expected": departure.expected,
            "found": departure.found,
        },
    }


def _version(connection: Connection, holder: KeyHolder, task_id: UUID, number: int) -> Row[Any]:
    version = tasks.version_by_number(connection, holder.project_id, task_id, number)
    if version is None:
        raise NotFoundError(f"This task has no version {number}.")
    return version
