"""POST, GET and DELETE of webhooks, and the log of what was sent to them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.shapes import Page
from app.checks import Problem, Text
from app.errors import NotFoundError
from app.hooks.addresses import LONGEST_URL, Allowed, NotAllowedError
from app.http.answer import json_answer
from app.http.auditing import note
from app.http.paging import PageQuery, page_of
from app.http.problem import ProblemError
from app.http.routes import Routes, read_body
from app.http.services import services
from app.http.shapes import Shape
from app.reading.feed import KINDS, ChangeKind
from app.store import webhooks
from app.store.engine import transaction
from app.store.keys import KeyHolder

routes = Routes("webhooks")

REFUSED = "No webhook was made: see errors."
_URL = "https://hooks.example.com/promptlode"
WebhookFormat = Literal["json", "slack"]


class WebhookIn(BaseModel):
    """The receiver of changes."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Text = Field(
        max_length=LONGEST_URL,
        description="Its host must be one of the setting WEBHOOK_HOSTS.",
        examples=[_URL],
        json_schema_extra={"pattern": "^https?://[!-~]+$"},
    )
    format: WebhookFormat = Field(
        "json", description="json: our own; slack: a text, as Slack and what is like it take it."
    )
    kinds: Annotated[list[ChangeKind], Field(min_length=1, max_length=len(KINDS))] | None = Field(
        None, description="Kinds of changes that are sent; all if left out.", examples=[["version.new", "error.jump"]]
    )
    include_text: bool = Field(
        False,
        strict=True,
        description="Whether words of prompts are sent: names made of them, slots, what an edit changed.",
    )


class WebhookShape(Shape):
    """A webhook. `waiting` and `given_up` count changes; `failures` attempts that failed in a row."""

    id: UUID
    url: str = Field(examples=[_URL])
    format: WebhookFormat
    kinds: list[ChangeKind] | None
    include_text: bool
    created_at: datetime
    failures: int
    waiting: int
    given_up: int


class NewWebhook(WebhookShape):
    """A webhook with the key of its signatures, which is shown this once."""

    secret: str = Field(examples=["whsec_3q2-7wXQ0b8"])


class DeliveryShape(Shape):
    """A change that was sent, or waits. `status` is that of the last answer, `problem` why the last attempt failed."""

    id: UUID
    change_id: UUID
    kind: ChangeKind
    state: Literal["waiting", "delivered", "given up"]
    attempts: int
    status: int | None = Field(examples=[503])
    problem: str | None = Field(examples=["The host answered 503: no success."])
    attempted_at: datetime | None
    next_at: datetime | None
    created_at: datetime


class WebhookQuery(BaseModel):
    """The id of a webhook."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: UUID


class Removed(Shape):
    """The webhook that was removed."""

    id: UUID


@routes.route("POST", "/api/v1/webhooks", scope="admin", body=WebhookIn, answers={201: NewWebhook})
def create_webhook(holder: KeyHolder) -> Response:
    """Send changes to an address from now on; the answer has the key of the signatures, this once."""
    body = read_body(WebhookIn, REFUSED)
    _check(body.url)
    with transaction(services().engine) as connection:
        if webhooks.count(connection, holder.project_id) >= webhooks.MOST_WEBHOOKS:
            raise _refused(f"A project has at most {webhooks.MOST_WEBHOOKS} webhooks; remove one.", ())
        created = webhooks.create(connection, holder.project_id, **body.model_dump())
    note(webhook=created.id)
    return json_answer(_item(created) | {"secret": created.secret}, 201)


def _check(url: str) -> None:
    try:
        Allowed.of(services().settings).check_url(url)
    except NotAllowedError as error:
        raise _refused(str(error), ("url",)) from None


def _refused(message: str, loc: tuple[str, ...]) -> ProblemError:
    return ProblemError(422, REFUSED, [Problem(loc, message)])


@routes.route("GET", "/api/v1/webhooks", scope="admin", query=PageQuery, answers={200: Page[WebhookShape]})
def list_webhooks(holder: KeyHolder, query: PageQuery) -> Response:
    """The webhooks of the project, newest first; there are twenty at most."""
    with transaction(services().engine) as connection:
        rows = webhooks.of_project(connection, holder.project_id)
    further = [row for row in rows if query.cursor is None or row.id < query.cursor]
    return json_answer(page_of(further[: query.limit + 1], query.limit, _item))


def _item(row: Any) -> dict[str, Any]:
    names = ("id", "url", "format", "kinds", "include_text", "created_at", "failures")
    return {name: getattr(row, name) for name in names} | {
        name: getattr(row, name, 0) for name in ("waiting", "given_up")
    }


@routes.route(
    "DELETE",
    "/api/v1/webhooks",
    scope="admin",
    query=WebhookQuery,
    answers={200: Removed},
    problems={404: "This project has no such webhook."},
)
def delete_webhook_by_query(holder: KeyHolder, query: WebhookQuery) -> Response:
    """Send nothing there any more; its log goes with it."""
    return _remove(holder, query.id)


@routes.route("DELETE", "/api/v1/webhooks/<uuid:webhook_id>", scope="admin", answers={200: Removed})
def delete_webhook(holder: KeyHolder, webhook_id: UUID) -> Response:
    """Send nothing there any more; its log goes with it."""
    return _remove(holder, webhook_id)


def _remove(holder: KeyHolder, webhook_id: UUID) -> Response:
    with transaction(services().engine) as connection:
        if not webhooks.remove(connection, holder.project_id, webhook_id):
            raise NotFoundError("This project has no such webhook.")
    return json_answer({"id": webhook_id})


@routes.route(
    "GET",
    "/api/v1/webhooks/<uuid:webhook_id>/deliveries",
    scope="admin",
    query=PageQuery,
    answers={200: Page[DeliveryShape]},
)
def list_deliveries(holder: KeyHolder, webhook_id: UUID, query: PageQuery) -> Response:
    """Messages to a webhook, newest first: sent, waiting and given up."""
    with transaction(services().engine) as connection:
        if not webhooks.exists(connection, holder.project_id, webhook_id):
            raise NotFoundError("This project has no such webhook.")
        rows = webhooks.deliveries(
            connection, holder.project_id, webhook_id, limit=query.limit + 1, before=query.cursor
        )
    return json_answer(page_of(rows, query.limit, _delivery))


def _delivery(row: Any) -> dict[str, Any]:
    names = ("id", "change_id", "kind", "state", "attempts", "status", "problem", "attempted_at", "created_at")
    waits = row.state == "waiting"
    return {name: getattr(row, name) for name in names} | {"next_at": row.next_at if waits else None}
