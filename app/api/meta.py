"""The description of the service itself: openapi.json."""

import functools
from collections.abc import Sequence
from importlib import metadata

from flask import Response, request

from app.http.answer import json_answer
from app.http.openapi import document
from app.http.routes import Operation, Routes


def describing(described: Sequence[Routes]) -> Routes:
    """The route of openapi.json, which describes these routes and itself."""
    routes = Routes("meta")

    @functools.cache
    def _document() -> dict[str, object]:
        return document(_operations([*described, routes]), version())

    @routes.route("GET", "/openapi.json", scope=None, answers={200: dict[str, object]})
    def openapi() -> Response:
        """This description of the API."""
        return json_answer({**_document(), "servers": [{"url": request.script_root or "/"}]})

    return routes


def _operations(routes: Sequence[Routes]) -> list[Operation]:
    return [operation for room in routes for operation in room.operations]


def version() -> str:
    """The version of the installed package; a checkout that was never installed has none."""
    try:
        return metadata.version("promptlode")
    except metadata.PackageNotFoundError:
        return "0"
