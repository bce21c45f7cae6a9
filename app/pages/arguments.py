"""The parameters of a page: texts, ids and cursors; 404 for a value that cannot be."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from flask import abort, g, request

from app.reading.browse import CallCursor

PAGE_SIZE = 50
"""Rows of a page of a list."""

LONGEST_QUERY = 512
"""The longest path of a trace, and so the longest text that a search accepts."""


def project() -> UUID:
    return cast(UUID, g.visitor.project.id)


def argument(name: str) -> str:
    """A text of the query as `plain_text`; empty where the query has none of the name."""
    return plain_text(request.args.get(name, ""))


def arguments() -> dict[str, str]:
    return {name: argument(name) for name in request.args}


def plain_text(text: str) -> str:
    """A text of a visitor without NUL, which PostgreSQL refuses, and no longer than LONGEST_QUERY."""
    return text.replace("\x00", "")[:LONGEST_QUERY]


def id_or_404(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        abort(HTTPStatus.NOT_FOUND)


def cursor(name: str) -> CallCursor | None:
    """The cursor in a link of ours, `<time>_<id>`."""
    text = argument(name)
    if not text:
        return None
    time, _, last = text.rpartition("_")
    try:
        return CallCursor(datetime.fromisoformat(time).astimezone(UTC), UUID(last))
    except (ValueError, OverflowError):  # OverflowError: no date of the calendar in UTC
        abort(HTTPStatus.NOT_FOUND)


def next_cursor(rows: Sequence[Any], size: int, cursor_of: Any) -> str:
    """The cursor of the next page, "" on the last one; the query reads one row more than the page shows."""
    if len(rows) <= size:
        return ""
    last: CallCursor = cursor_of(rows[size - 1])
    return f"{last.seen_at.isoformat()}_{last.id}"
