"""What the quick ways are asked, and an answer as granian takes it: status, headers, body."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from app.store.keys import KeyHolder

Answer = tuple[int, list[tuple[str, str]], bytes]

UNCHANGED = ("", "identity")
"""How a body is encoded that is as it is."""


@dataclass(frozen=True)
class Asked:
    """A POST that may be answered without Flask.  media_type: of its body, without parameters."""

    holder: KeyHolder
    address: str
    path: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class NotQuick:
    """Flask is to answer; is_counted: its part of the rates is taken."""

    is_counted: bool = False


def answer_of(response: Response) -> Answer:
    """A response of Flask's as an answer."""
    return response.status_code, list(response.headers.items()), response.get_data()


def answer_with(status: int, media_type: str, body: bytes) -> Answer:
    """An answer with a body of this type."""
    return status, [("content-type", media_type), ("content-length", str(len(body)))], body


def media_type_of(headers: Mapping[str, str]) -> str:
    """The media type of a body, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
