"""Lists in pages: `{"items": [...], "next_cursor": str | null}`.

A cursor is the id of the last item (ids are time-ordered; of a version of a task it is its number), so a page costs the same at any
depth and new items never shift it. It is opaque to callers: base64 of the 16 bytes.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.checks import is_whole

MAX_LIMIT = 200
"""Items of one page, so that an answer stays small."""


def encode(last: UUID) -> str:
    """The cursor after an item."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def decode(cursor: Any) -> UUID:
    """The id within a cursor."""
    try:
        return UUID(bytes=base64.b64decode(str(cursor) + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise PydanticCustomError("cursor", "Must be the next_cursor of the page before, unchanged.") from None


Cursor = Annotated[
    UUID, PlainValidator(decode), WithJsonSchema({"type": "string", "pattern": "^([A-Za-z0-9_-]{22})?$"})
]


def _is_of_digits(value: Any) -> Any:
    """Refuse what pydantic would take for a number too: signs, blanks, underscores, `5.0`."""
    if isinstance(value, str) and not is_whole(value):
        raise PydanticCustomError("int", "Must be a whole number, written in digits.")
    return value


Whole = BeforeValidator(_is_of_digits)


class PageQuery(BaseModel):
    """The query parameters of every list."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), Whole] = 50
    cursor: Cursor | None = None


def id_of(row: Any) -> UUID:
    """The cursor of most lists: the id of the row."""
    return row.id


def page_of(
    rows: Sequence[Any], limit: int, item: Callable[[Any], dict[str, Any]], place: Callable[[Any], UUID] = id_of
) -> dict[str, Any]:
    """The answer to a list from up to limit + 1 rows; the additional row says that there is a next page."""
    page = rows[:limit]
    has_more = len(rows) > limit
    return {"items": [item(row) for row in page], "next_cursor": encode(place(page[-1])) if has_more else None}
