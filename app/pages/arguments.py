"""The parameters of a page: texts, choices, ids, cursors and the range of time.

One rule: an id, a cursor or the number of the version to show that does not exist is 404. Everything else that has no effect is ignored, and the page says so: a value that is
no choice, the second value of a parameter, the end of a text that is too long, a parameter that the page does not read. An answer that cannot say so (a file, a feed) is 422;
only a feed ignores parameters that it does not read, since feed readers add their own against caches.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from flask import abort, g, request

from app.http.routes import not_utf8
from app.pages import ranging
from app.reading.browse import CallCursor
from app.reading.pieces import one_line

PAGE_SIZE = 50
"""Rows of a page of a list."""

LONGEST_QUERY = 512
"""The longest path of a trace, and so the longest text that a search accepts."""

LONGEST_TOLD = 60
"""Characters of a wrong value or name that a page repeats: enough to recognise it."""

MOST_CHOICES_NAMED = 12
"""Choices that a sentence names: all those of a page, but not every model of a task."""

MOST_NOTES = 5
"""Sentences about an address, which may hold hundreds of parameters."""


def project() -> UUID:
    return cast(UUID, g.visitor.project.id)


def argument(name: str) -> str:
    """A text of the query as `plain_text`; empty where the query has none of the name."""
    text = whole_argument(name)
    plain = plain_text(text)
    if plain != text:
        note(f"{name} is read as its first {LONGEST_QUERY} characters, without NUL.")
    return plain


def whole_argument(name: str) -> str:
    """A text of the query as it is; the page counts as one that reads this parameter."""
    names_read().add(name)
    return request.args.get(name, "")


def names_read() -> set[str]:
    """The parameters that the page has read so far."""
    names: set[str] = g.setdefault("names_read", set())
    return names


def choice(name: str, choices: Collection[str], default: str) -> str:
    """One of the choices by the query; the default for another value, of which the page tells."""
    text = argument(name)
    if text and text not in choices:
        note_no_choice(name, text, choices)
    return text if text in choices else default


def note_no_choice(name: str, text: str, choices: Collection[str]) -> None:
    """Have the page say that a value of its address is ignored, and which values there are."""
    values = list(filter(None, choices))
    if len(values) > MOST_CHOICES_NAMED:
        values[MOST_CHOICES_NAMED:] = ["…"]
    note_ignored(name, text, f"{name} is one of {', '.join(values)}")


def note_ignored(name: str, text: str, reason: str) -> None:
    """Have the page say that a value of its address is ignored, and why."""
    note(f"{name}={one_line(text)[:LONGEST_TOLD]} is ignored: {reason}.")


def note(sentence: str) -> None:
    """Have the page say something about its address, once."""
    _notes()[sentence] = None


def _notes() -> dict[str, None]:
    notes: dict[str, None] = g.setdefault("notes_of_address", {})
    return notes


def notes_of_address() -> list[str]:
    """All that the page says about its address: asked for when the page has read its parameters."""
    sentences = [*_notes(), *_unread(), *_repeated()]
    sentences += [f"{problem.loc[0]} is misread: percent-encode the bytes of UTF-8." for problem in not_utf8()]
    further = len(sentences) - MOST_NOTES
    return [*sentences[:MOST_NOTES], *([f"So are {further} more."] if further > 0 else [])]


def refuse_what_is_ignored() -> None:
    """Answer 422 instead of a file that is not what its address asks for."""
    _refuse(notes_of_address())


def refuse_wrong_values() -> None:
    """As `refuse_what_is_ignored`, for a feed: parameters that it does not read have no effect (`?_=1764500000`)."""
    _refuse([*_notes(), *_repeated()])


def _refuse(sentences: Sequence[str]) -> None:
    if sentences:
        abort(HTTPStatus.UNPROCESSABLE_ENTITY, " ".join(sentences))


def _unread() -> Iterable[str]:
    for name in request.args:
        if name not in names_read() and any(request.args.getlist(name)):
            yield f"{one_line(name)[:LONGEST_TOLD]} is ignored: this page has no such parameter."


def _repeated() -> Iterable[str]:
    for name in request.args:
        if name in names_read() and len(set(request.args.getlist(name))) > 1:
            yield f"{one_line(name)[:LONGEST_TOLD]} has several values: the first one counts, the others are ignored."


def range_in_address() -> ranging.ShownRange:
    """The range of time in the address."""
    range_shown = ranging.range_of({name: argument(name) for name in ranging.PARAMETERS})
    if range_shown.problem:
        note(range_shown.problem)
    return range_shown


def arguments() -> Mapping[str, str]:
    """All parameters of the address, for an address that takes its place."""
    return {name: plain_text(text) for name, text in request.args.items()}


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
