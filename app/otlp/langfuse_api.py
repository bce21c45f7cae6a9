"""Further requests of Langfuse's SDKs: batches of events, a health check, and a check of the keys.

An app sends here with three settings: LANGFUSE_HOST, any public key, and an API key as the secret key.
"""

from typing import Any

from flask import Response, current_app
from pydantic import BaseModel, ConfigDict

from app.checks import Problem
from app.http.answer import json_answer
from app.http.body import read_json
from app.http.problem import ProblemError
from app.http.routes import Routes
from app.http.services import services
from app.http.shapes import Shape
from app.otlp.counting import counts
from app.otlp.ingestion import NO_PROMPT, EventOutcomes, PartialGenerations, read_events
from app.store import traces
from app.store.engine import transaction
from app.store.keys import KeyHolder
from app.store.projects import Project
from tasks.accept import Accepted, accept

routes = Routes("langfuse")

_PIECES = "promptlode.langfuse"
_ADDED = ("output", "usage", "completed_at", "error")


class Batch(BaseModel):
    """Events of a Langfuse SDK of its second version or before."""

    model_config = ConfigDict(extra="allow")

    batch: list[dict[str, Any]]


class EventKept(Shape):
    """An event that was taken."""

    id: str
    status: int


class EventRefused(Shape):
    """An event that was not, and why."""

    id: str
    status: int
    message: str
    error: str


class BatchTaken(Shape):
    """One entry for each event."""

    successes: list[EventKept]
    errors: list[EventRefused]


class ServerState(Shape):
    """The server answers."""

    status: str
    version: str


class OwnProjects(BaseModel):
    """The project of the key."""

    data: list[dict[str, Any]]


@routes.route("POST", "/api/public/ingestion", scope="ingest", body=Batch, answers={207: BatchTaken})
def ingest_events(holder: KeyHolder) -> Response:
    """Store the generations among the events of an older Langfuse SDK."""
    body = read_json(services().settings).value
    events = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise ProblemError(
            422,
            "Nothing was stored: batch must be a list of events.",
            [Problem(("batch",), "Must be a list of events.")],
        )
    pieces: PartialGenerations = current_app.extensions.setdefault(_PIECES, PartialGenerations())
    outcomes = read_events(events, holder.project_id, pieces, services().limits)
    _store(holder, outcomes)
    _complete_stored(holder, outcomes)
    _count(outcomes)
    return json_answer(
        {
            "successes": [_accepted(accepted_id) for accepted_id in outcomes.accepted],
            "errors": list(map(_refused, outcomes.refused.items())),
        },
        207,
    )


@routes.route("GET", "/api/public/health", scope="ingest", answers={200: ServerState})
def langfuse_health(holder: KeyHolder) -> Response:
    """Whether there is a server, as Langfuse's SDKs ask."""
    return json_answer({"status": "OK", "version": "3"})


@routes.route("GET", "/api/public/projects", scope="ingest", answers={200: OwnProjects})
def langfuse_projects(holder: KeyHolder) -> Response:
    """The project of the key, as Langfuse's SDKs ask to check their keys."""
    project = {"id": str(holder.project_id), "name": holder.project_name}
    return json_answer({"data": [{**project, "organization": project, "metadata": {}, "retentionDays": None}]})


def _store(holder: KeyHolder, outcomes: EventOutcomes) -> None:
    """Store the calls; to a stored call, add the answer that it lacks."""
    if not outcomes.calls:
        return
    incoming = list(outcomes.calls.values())
    services().limiter.take_traces(holder, len(incoming))
    size = services().settings.max_batch
    project = Project(holder.project_id, holder.project_name)
    for start in range(0, len(incoming), size):
        part = incoming[start : start + size]
        stored = accept(services().ingest, services().settings, project, part)
        additions = [
            (recorded.recorded.id, _news(item.columns))
            for recorded, item in zip(stored, part, strict=True)
            if _is_known(recorded)
        ]
        services().ingest.complete(holder.project_id, [(row, news, None) for row, news in additions if news])


def _complete_stored(holder: KeyHolder, outcomes: EventOutcomes) -> None:
    """Add answers to calls that this or another process has stored; refuse those of unknown calls."""
    if not outcomes.late:
        return
    with transaction(services().engine) as connection:
        rows = traces.by_external_id(connection, holder.project_id, outcomes.late)
    additions = []
    for name, (event_id, incoming) in outcomes.late.items():
        if name in rows:
            additions.append((rows[name].id, _news(incoming.columns)))
        else:
            outcomes.refuse(event_id, NO_PROMPT)
    services().ingest.complete(holder.project_id, [(row, news, None) for row, news in additions if news])


def _is_known(accepted: Accepted) -> bool:
    return not accepted.recorded.created


def _news(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: columns[name] for name in _ADDED if columns[name] is not None}


def _count(outcomes: EventOutcomes) -> None:
    counters = counts()
    counters.outcomes.labels("stored").inc(len(outcomes.calls))
    counters.outcomes.labels("rejected").inc(len(outcomes.refused))
    counters.outcomes.labels("ignored").inc(outcomes.ignored)
    for reason in outcomes.refused.values():
        counters.reason("rejected", reason.partition(":")[0], 1)
    for name in outcomes.unreadable_fields:
        counters.unreadable_fields.labels(name).inc()


def _accepted(event_id: str) -> dict[str, Any]:
    return {"id": event_id, "status": 201}


def _refused(refused: tuple[str, str]) -> dict[str, Any]:
    event_id, reason = refused
    return {"id": event_id, "status": 400, "message": reason, "error": "Invalid request data"}
