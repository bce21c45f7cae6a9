"""GET of what changed."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Response
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.api.shapes import Page
from app.http.answer import json_answer
from app.http.paging import MAX_LIMIT, Cursor, Whole, page_of
from app.http.ranges import RangeQuery
from app.http.routes import Routes
from app.http.services import services
from app.http.shapes import Shape
from app.reading import feed
from app.reading.feed import KINDS, ChangeFilter, ChangeKind, FeedEntry
from app.reading.ranges import Range
from app.reading.summaries import summary
from app.store.keys import KeyHolder

routes = Routes("changes")


def _known_kinds(kinds: str) -> str:
    for kind in kinds.split(","):
        if kind.strip() not in KINDS:
            raise PydanticCustomError(
                "kind", "Must be some of {kinds}, with commas between.", {"kinds": ", ".join(KINDS)}
            )
    return kinds


class ChangesQuery(RangeQuery):
    """The selection of changes, by kind, task and time."""

    kind: Annotated[str, AfterValidator(_known_kinds)] | None = Field(
        None,
        description="Kinds with commas between, for example version.new,version.back.",
        json_schema_extra={"pattern": rf"^({'|'.join(KINDS)})(,({'|'.join(KINDS)}))*$".replace(".", r"\.")},
    )
    task_id: UUID | None = Field(None, description="Of this task.")
    path: str | None = Field(None, description="Of this path.")
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), Whole] = 50
    cursor: Cursor | None = None


class ChangeShape(Shape):
    """Something that changed. `at` is when, by the times of the calls; `details` depend on the kind: docs/changes.md has them."""

    id: UUID = Field(examples=["0196a5be-0f2e-7a44-8a17-5a5d60f3c9b1"])
    kind: ChangeKind = Field(examples=["version.new"])
    at: datetime = Field(examples=["2026-03-02T14:02:11Z"])
    task_id: UUID | None = Field(examples=["0196a5bd-7c11-7bd0-9e0e-1f6f0a3b7d55"])
    version: int | None = Field(examples=[2])
    path: str | None = Field(examples=["/support/triage"])
    summary: str = Field(examples=["Version 2 of “Classify the support ticket” on /support/triage: the text changed."])
    details: dict[str, Any] = Field(
        examples=[
            {
                "from": 1,
                "changed": ["template"],
                "model": "gpt-5",
                "diff": [
                    {
                        "role": "user",
                        "pieces": [
                            {"change": "same", "text": "Sort the mail", "slot": None, "characters": 13},
                            {"change": "added", "text": " below", "slot": None, "characters": 6},
                        ],
                    }
                ],
            }
        ]
    )


@routes.route("GET", "/api/v1/changes", scope="read", query=ChangesQuery, answers={200: Page[ChangeShape]})
def list_changes(holder: KeyHolder, query: ChangesQuery) -> Response:
    """Changes, newest first: tasks and versions that began, edits taken back, jumps of rates and costs."""
    kinds = None if query.kind is None else [kind.strip() for kind in query.kind.split(",")]
    change_filter = ChangeFilter(
        [holder.project_id], query.stated or Range(), kinds, task_id=query.task_id, path=query.path, before=query.cursor
    )
    with services().reader.reading() as connection:
        rows = feed.page(connection, change_filter, query.limit + 1)
    return json_answer(page_of(rows, query.limit, change_item))


def change_item(change: FeedEntry) -> dict[str, Any]:
    """A change as the API has it, with the texts of its prompts."""
    return {
        "id": change.id,
        "kind": change.kind,
        "at": change.at,
        "task_id": change.task_id,
        "version": change.version,
        "path": change.path,
        "summary": summary(change),
        "details": {**change.details, **change.texts},
    }
