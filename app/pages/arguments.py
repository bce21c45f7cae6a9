"""The parameters of a page: texts, choices, ids and cursors. An id or cursor that cannot be is 404, another choice is ignored, and told."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from flask import abort, g, request

from app.reading.browse import CallCursor
from app.reading.pieces import one_line

PAGE_SIZE = 50
"""Rows of a page of a list."""

LONGEST_QUERY = 512
"""The longest path of a trace, and so the longest text that a search accepts."""


def project() -> UUID:
    return cast(UUID, g.visitor.project.id)


def argument(name: str) -> str:
    """A text of the query as `plain_text`; empty where the query has none of the name."""
    return plain_text(request.args.get(name, ""))


def choice(name: str, choices: Collection[str], default: str) -> str:
    """One of the choices by the query; the default for another value, of which the page tells (`g.ignored`)."""
    text = argument(name)
    if text and text not in choices:
        note_ignored(name, text, choices)
    return text if text in choices else default


def note_ignored(name: str, text: str, choices: Iterable[str]) -> None:
    """Have the page say that a value of its address is ignored, and which values there are."""
    sentence = f"{name}={one_line(text)} is ignored: {name} is one of {', '.join(filter(None, choices))}."
    g.ignored = [*g.get("ignored", []), sentence]


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
