"""JSON answers: orjson, UTF-8, times in UTC with Z."""

from typing import Any

import orjson
from flask import Response

JSON = "application/json"

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


def json_answer(body: Any, status: int = 200) -> Response:
    """A response with this body; UUIDs and datetimes are allowed."""
    return Response(json_bytes(body), status, mimetype=JSON)


def json_bytes(body: Any) -> bytes:
    """The body of `json_answer` as bytes."""
    return orjson.dumps(body, option=_OPTIONS)


def line_by_line_answer(body: dict[str, Any], status: int = 200) -> Response:
    """JSON with one member a line, for people who read it with curl and shells that read it with grep."""
    members = (
        orjson.dumps(name) + b": " + orjson.dumps(value, option=orjson.OPT_UTC_Z) for name, value in body.items()
    )
    return Response(b"{\n" + b",\n".join(members) + b"\n}\n", status, mimetype=JSON)
