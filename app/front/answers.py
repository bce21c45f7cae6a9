"""A request of the quick ways, and an answer as granian takes it: status, headers, body."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from app.store.keys import KeyHolder

Answer = tuple[int, list[tuple[str, str]], bytes]

UNCHANGED = ("", "identity")
"""Values of Content-Encoding of a body that is not compressed."""


@dataclass(frozen=True)
class QuickRequest:
    """A POST that may be answered without Flask. media_type: of the body, without parameters."""

    holder: KeyHolder
    address: str
    path: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class NotQuick:
    """Flask must answer this request; is_counted: the request was already counted against the rates."""

    is_counted: bool = False


def answer_of(response: Response) -> Answer:
    """A response of Flask as an answer."""
    return response.status_code, list(response.headers.items()), response.get_data()


def answer_with(status: int, media_type: str, body: bytes) -> Answer:
    """An answer with a body of this type."""
    return status, [("content-type", media_type), ("content-length", str(len(body)))], body


def media_type_of(headers: Mapping[str, str]) -> str:
    """The media type of a body, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
